"""Changes of one operator, number or word of the code that the tests should notice: a seeded sample of mutants.

Cosmic Ray's operators make them, over body, data and learning; annotations of types do not count. A mutant is tried by
the two test files that import its module and tell most of it, the one named after it first, in a fork of this process,
which has the heavy libraries loaded. A failing test kills it, and so does a search without an end. Files that fail or
take too long on the code as it is try nothing. Survivors are told with their place and change.
Needs Cosmic Ray: pip install 'blaze2cap[mutation]'.
"""

import ast
import importlib.util
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from import_graph import PACKAGE, SRC, imports, modules

from soak import ROOT
from soak.outcome import Outcome, command, say

PACKAGES = ("body", "data", "learning")
PROMISED_SHARE = 0.85
_MOST_TEST_FILES, _PATIENCE_S = 2, 120
# The others take decorators away, or catch what nothing raises.
_OPERATORS = ("ReplaceBinaryOperator", "ReplaceUnaryOperator", "ReplaceComparisonOperator", "NumberReplacer",
              "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot",
              "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop")  # fmt: skip


class Mutant(NamedTuple):
    """The n-th place of a module at which an operator changes it, and the line."""

    path: Path
    operator: str
    occurrence: int
    line: int


def run(seed: int, seconds: float) -> Outcome:
    """Try mutants in a random order until the time is up; fewer killed than promised is a failure."""
    if importlib.util.find_spec("cosmic_ray") is None:
        return Outcome(failures=["Cosmic Ray is not installed: pip install 'blaze2cap[mutation]'"])
    import numpy  # noqa: F401
    import pandera.pandas  # noqa: F401
    import pytest  # noqa: F401
    import scipy.spatial.transform  # noqa: F401
    import torch

    torch.set_num_threads(1)
    everything = [mutant for path in modules() if _package(path) in PACKAGES for mutant in _mutants(path)]
    random.Random(seed).shuffle(everything)
    ends, killed, survivors = time.monotonic() + seconds, 0, []
    tests: dict[Path, list[Path]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "src")
        shutil.copytree(SRC, source, ignore=shutil.ignore_patterns("__pycache__"))
        for mutant in everything:
            if time.monotonic() > ends:
                break
            where, change = _change(mutant)
            if mutant.path not in tests:
                chosen = _tests(mutant.path)
                tests[mutant.path] = [] if _fails(source, chosen, _PATIENCE_S // 2) else chosen
            dead = bool(tests[mutant.path]) and _is_killed(mutant, source, tests[mutant.path])
            killed += dead
            if not dead:
                survivors.append(
                    f"{where}: {change}" + ("" if tests[mutant.path] else " (no fast test imports the module)")
                )
            say(f"{'killed' if dead else 'SURVIVED'} {where} {mutant.operator}: {change}")
    tried = killed + len(survivors)
    for survivor in survivors:
        say(f"survived: {survivor}")
    short = tried and killed < PROMISED_SHARE * tried
    failures = [f"seed {seed}: {killed} of {tried} mutants killed; survivors: {'; '.join(survivors)}"] if short else []
    return Outcome({"mutants": tried, "killed": killed}, {}, failures)


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def _mutants(path: Path) -> Iterator[Mutant]:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    tree, annotations = get_ast(path.read_text()), list(_annotations(path))
    for name in sorted(operator_names()):
        if name.split("/")[-1].split("_")[0] not in _OPERATORS:
            continue
        operator = get_operator(name)()
        places = [place for node in ast_nodes(tree) for place in operator.mutation_positions(node)]
        for occurrence, (first, last) in enumerate(places):
            if not any(start <= first and last <= end for start, end in annotations):
                yield Mutant(path, name, occurrence, first[0])


def _annotations(path: Path) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where types are told, which nothing runs outside of the tests' checker."""
    for node in ast.walk(ast.parse(path.read_text())):
        told: list[Any] = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for hint in told:
            if isinstance(hint, ast.expr):
                yield (hint.lineno, hint.col_offset), (hint.end_lineno or 0, hint.end_col_offset or 0)


def _mutated(mutant: Mutant) -> str:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    return str(mutate_code(mutant.path.read_text(), get_operator(mutant.operator)(), mutant.occurrence))


def _change(mutant: Mutant) -> tuple[str, str]:
    """Place of a mutant, and the line before and after."""
    pairs = zip(mutant.path.read_text().splitlines(), _mutated(mutant).splitlines(), strict=False)
    number, (old, new) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    return f"{mutant.path.relative_to(PACKAGE)}:{number}", f"{old.strip()} -> {new.strip()}"


def _tests(path: Path) -> list[Path]:
    """Test files that import a module themselves: the one of its name first, then those that import the least."""
    found = [(test, imports(test)) for test in (ROOT / "tests").glob("test_*.py")]
    using = [(path.stem not in test.stem, len(used), test) for test, used in found if path in used]
    return [test for *_, test in sorted(using)[:_MOST_TEST_FILES]]


def _is_killed(mutant: Mutant, source: Path, tests: list[Path]) -> bool:
    target = source / mutant.path.relative_to(SRC)
    target.write_text(_mutated(mutant))
    try:
        return _fails(source, tests, _PATIENCE_S)
    finally:
        shutil.copyfile(mutant.path, target)


def _fails(source: Path, tests: list[Path], patience_s: int) -> bool:
    """Whether a test fails on this copy of the source, or all of them take more than so much time of a core."""
    child = os.fork()
    if child == 0:
        _try(source, tests, patience_s)
    return os.waitpid(child, 0)[1] != 0


def _try(source: Path, tests: list[Path], patience_s: int) -> None:
    """In the fork: run the tests, and end with their exit code."""
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (patience_s, patience_s))
    signal.alarm(10 * patience_s)  # what waits for ever takes no time of a core
    sys.path.insert(0, str(source))
    sys.dont_write_bytecode = True
    os.environ["PYTHONPATH"] = str(source)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    os.chdir(ROOT)
    options = ["-q", "-x", "-m", "not slow", "-p", "no:cacheprovider"]
    try:
        code = int(pytest.main([*options, *map(str, tests)]))
    except BaseException:
        code = 1
    os._exit(code)


if __name__ == "__main__":
    command(run)
