"""Changes of one operator, number or word of the code that the tests should notice: a seeded sample of mutants.

Cosmic Ray's operators make them, over body, data and learning; annotations of types do not count. All tests are
collected once; a mutant is tried in a fork of that process, which puts the changed function in the place of the sound
one (a change outside of functions is imported anew). It is tried by the tests that run its statement, quick ones first:
those of the test file named after its module, then of the files that import it, the most specific first. A module of
figures runs nothing, so all tests of the files that import it themselves try it. What a test runs and how long it takes
is measured the first time its file is needed; slow tests try nothing. A failing test kills a mutant, and so does a
search without an end. Survivors are told with their place and change.
Needs Cosmic Ray and Coverage.py: pip install 'blaze2cap[mutation,coverage,test]'.
"""

import ast
import gc
import importlib.util
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from import_graph import PACKAGE, SRC, closure, imports, modules

from soak import ROOT
from soak.outcome import Outcome, command, say

PACKAGES = ("body", "data", "learning")
PROMISED_SHARE = 0.85
# Of processor time: what a test may take to be of use, and all that is measured of a file.
_SLOW_TEST_S, _SLOW_FILE_S = 2.0, 10.0
# Test files that run the statement, and those that are measured in search of them.
_MOST_TEST_FILES, _MOST_SEARCHED = 4, 10
_OPTIONS = ["-qq", "-s", "-m", "not slow", "-p", "no:cacheprovider"]
# Others take decorators away, or catch what nothing raises.
_OPERATORS = ("ReplaceBinaryOperator", "ReplaceUnaryOperator", "ReplaceComparisonOperator", "NumberReplacer",
              "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot",
              "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop")  # fmt: skip


class Mutant(NamedTuple):
    """The n-th place of a module at which an operator changes it, and the line."""

    path: Path
    operator: str
    occurrence: int
    line: int


class Place(NamedTuple):
    """The innermost statement around a line, and the outermost function: None where that is not one by its name."""

    first: int
    last: int
    function: str | None


class Known(NamedTuple):
    """What a test that passes costs, setup included, and the lines that it runs of each file."""

    seconds: float
    lines: dict[str, list[int]]


def run(seed: int, seconds: float) -> Outcome:
    """Try mutants in a random order until the time is up; fewer killed than promised is a failure."""
    for tool in ("cosmic_ray", "coverage"):
        if importlib.util.find_spec(tool) is None:
            return Outcome(failures=[f"{tool} is not installed: pip install 'blaze2cap[mutation,coverage,test]'"])
    import pytest
    from hypothesis import HealthCheck, Phase, settings

    # A smaller example of a failure is of no use here, and one kept from a mutant harms the next run.
    fixed = settings(database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    settings.register_profile("mutants", fixed, phases=(Phase.explicit, Phase.generate))
    settings.load_profile("mutants")
    everything = [mutant for path in modules() if _package(path) in PACKAGES for mutant in _mutants(path)]
    random.Random(seed).shuffle(everything)
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(everything, time.monotonic() + seconds, Path(scratch))
        pytest.main([*_OPTIONS, "--basetemp", f"{scratch}/tests", str(ROOT / "tests")], plugins=[trial])
    for survivor in trial.survivors:
        say(f"survived: {survivor}")
    tried = trial.killed + len(trial.survivors)
    told = f"seed {seed}: {trial.killed} of {tried} mutants killed; survivors: {'; '.join(trial.survivors)}"
    short = trial.killed < PROMISED_SHARE * tried
    return Outcome({"mutants": tried, "killed": trial.killed}, {}, [told] if short else [])


class Trial:
    """A plugin of pytest: in place of running the tests that were collected, tries mutants by them."""

    def __init__(self, mutants: list[Mutant], ends: float, scratch: Path) -> None:
        self.mutants, self.ends, self.scratch = mutants, ends, scratch
        self.killed, self.survivors = 0, list[str]()
        self.known: dict[Path, dict[str, Known]] = {}

    def pytest_runtestloop(self, session: Any) -> bool:
        """Takes the place of pytest's own loop."""
        items: dict[Path, dict[str, Any]] = {}
        for item in session.items:
            items.setdefault(item.path, {})[item.nodeid] = item
        for mutant in self.mutants:
            if time.monotonic() > self.ends:
                break
            where, change = _change(mutant)
            test, tried = self._killer(mutant, items)
            self.killed += test is not None
            if test is None:
                self.survivors.append(f"{where}: {change}" + ("" if tried else " (no quick test runs it)"))
            say(f"{'killed' if test else 'SURVIVED'} {where} {mutant.operator}: {change} [{test or f'{tried} tests'}]")
        return True

    def _killer(self, mutant: Mutant, items: dict[Path, dict[str, Any]]) -> tuple[str | None, int]:
        """The test file that notices a mutant, and how many tests were tried."""
        place = _place(mutant)
        test, tried = self._killer_at(place, mutant, items)
        # No test is seen to run what only an import calls.
        return (test, tried) if tried else self._killer_at(place._replace(function=None), mutant, items)

    def _killer_at(self, place: Place, mutant: Mutant, items: dict[Path, dict[str, Any]]) -> tuple[str | None, int]:
        tried, files = 0, 0
        for path in _test_files(mutant.path, list(items))[:_MOST_SEARCHED]:
            if path not in self.known:
                self.known[path] = self._measured(items[path])
            known = self.known[path]
            chosen = [test for test in known if _runs(known[test], mutant.path, place)]
            if not chosen and place.function is None and mutant.path in imports(path):
                chosen = list(known)
            chosen.sort(key=lambda test: known[test].seconds)
            if not chosen:
                continue
            tried, files = tried + len(chosen), files + 1
            tests = [items[path][test] for test in chosen]
            patience = 5 + 3 * sum(test.seconds for test in known.values())
            if _fork(lambda tests=tests: self._try(mutant, place, tests), patience):
                return path.name, tried
            if files == _MOST_TEST_FILES:
                break
        return None, tried

    def _measured(self, items: dict[str, Any]) -> dict[str, Known]:
        """What the tests of a file run, from a fork, as far as time goes."""
        told = self.scratch / "known.json"
        told.write_text("{}")
        _fork(lambda: _measure(list(items.values()), told), 10 * _SLOW_FILE_S)
        return {test: Known(*row) for test, row in json.loads(told.read_text()).items()}

    def _try(self, mutant: Mutant, place: Place, tests: list[Any]) -> bool:
        """In the fork: whether one of the tests fails on the mutant."""
        if place.function and _replaced(mutant, place.function):
            return any(_fails(test, after) for test, after in zip(tests, [*tests[1:], None], strict=True))
        import pytest

        source = Path(tempfile.mkdtemp(dir=self.scratch))
        shutil.copytree(SRC, source, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
        (source / mutant.path.relative_to(SRC)).write_text(_mutated(mutant))
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        sys.dont_write_bytecode = True
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith((str(SRC), str(ROOT / "tests"))):
                del sys.modules[name]
        # The checker of shapes knows classes by name: of what is imported a second time, it refuses the sound, too.
        sys.meta_path[:] = [finder for finder in sys.meta_path if "jaxtyping" not in type(finder).__module__]
        unchecked = ("-o", "addopts=--strict-markers")
        options = [*_OPTIONS, *unchecked, "-x", "--basetemp", f"{self.scratch}/tests", str(tests[0].path)]
        failed = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
        return pytest.main(options, plugins=[Only({test.nodeid for test in tests})]) in failed


class Only:
    """A plugin of pytest: of the tests that were collected, these."""

    def __init__(self, tests: set[str]) -> None:
        self.tests = tests

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leaves the others out."""
        items[:] = [item for item in items if item.nodeid in self.tests]


def _fork(work: Callable[[], bool], patience_s: float) -> bool:
    """What comes of it in a fork: also true where that ends by itself or not within so much processor time."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (int(patience_s) + 1,) * 2)
        signal.alarm(10 * int(patience_s))  # what waits for ever takes no processor time
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        code = 1
        with suppress(BaseException):
            code = int(work())
        os._exit(code)
    code = os.waitpid(child, 0)[1]
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return code != 0


def _fails(test: Any, after: Any) -> bool:
    test.config.hook.pytest_runtest_protocol(item=test, nextitem=after)
    return bool(test.session.testsfailed)


def _measure(items: list[Any], told: Path) -> bool:
    """In the fork: run tests and write down of each that passes what it runs; a slow one is cut off."""
    from coverage import Coverage

    def cut_off(*_: object) -> None:
        raise TimeoutError

    for alarm in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(alarm, cut_off)
    coverage = Coverage(data_file=None, include=[f"{PACKAGE}/*"], branch=False, config_file=False)
    seconds, began = {}, time.process_time()
    coverage.start()
    for item, after in zip(items, [*items[1:], None], strict=True):
        coverage.switch_context(item.nodeid)
        failed, start = item.session.testsfailed, time.process_time()
        signal.setitimer(signal.ITIMER_PROF, _SLOW_TEST_S)
        signal.setitimer(signal.ITIMER_REAL, 10 * _SLOW_TEST_S)
        with suppress(TimeoutError):
            _fails(item, after)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if item.session.testsfailed == failed:
            seconds[item.nodeid] = time.process_time() - start
        if time.process_time() - began > _SLOW_FILE_S:
            break
    coverage.stop()
    data, lines = coverage.get_data(), dict[str, dict[str, list[int]]]()
    for file in data.measured_files():
        for line, tests in data.contexts_by_lineno(file).items():
            for test in tests:
                lines.setdefault(test, {}).setdefault(file, []).append(line)
    told.write_text(json.dumps({test: (cost, lines.get(test, {})) for test, cost in seconds.items()}))
    return False


def _runs(known: Known, path: Path, place: Place) -> bool:
    """Whether a test runs a statement, or, where that is run by an import only, anything of its module."""
    lines = known.lines.get(str(path), [])
    return any(place.first <= line <= place.last for line in lines) if place.function else bool(lines)


def _place(mutant: Mutant) -> Place:
    def inside(node: ast.AST, place: Place, names: tuple[str, ...], nested: bool) -> Place:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ExceptHandler | ast.match_case):
                place = inside(child, place, names, nested)
            if not isinstance(child, ast.stmt) or not child.lineno <= mutant.line <= (child.end_lineno or 0):
                continue
            body: list[ast.stmt] = getattr(child, "body", [])
            in_body = bool(body) and mutant.line >= body[0].lineno
            last = body[0].lineno - 1 if body and not in_body else child.end_lineno or 0
            is_function, is_class = isinstance(child, ast.FunctionDef), isinstance(child, ast.ClassDef)
            named = (*names, child.name) if isinstance(child, ast.FunctionDef | ast.ClassDef) else names
            function = ".".join(named) if is_function and in_body and not nested else place.function
            found = Place(child.lineno, last, function)
            return inside(child, found, named if is_class else names, nested or is_function)
        return place

    return inside(ast.parse(mutant.path.read_text()), Place(1, sys.maxsize, None), (), False)


def _replaced(mutant: Mutant, name: str) -> bool:
    """Put the mutant's code into the function of this name, wherever it is known; not where two have the name."""

    def codes(code: CodeType) -> Iterator[CodeType]:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield inner
                yield from codes(inner)

    new = [code for code in codes(compile(_mutated(mutant), mutant.path, "exec")) if code.co_qualname == name]
    old = [
        function
        for function in gc.get_objects()
        if type(function) is FunctionType
        and function.__code__.co_filename == str(mutant.path)
        and function.__code__.co_qualname == name
    ]
    if len(new) != 1 or not old or any(function.__code__.co_freevars != new[0].co_freevars for function in old):
        return False
    for function in old:
        function.__code__ = new[0]
    return True


def _package(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def _mutants(path: Path) -> Iterator[Mutant]:
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    nodes, annotations = list(ast_nodes(get_ast(path.read_text()))), list(_annotations(path))
    for name in sorted(operator_names()):
        if name.split("/")[-1].split("_")[0] not in _OPERATORS:
            continue
        operator = get_operator(name)()
        places = [place for node in nodes for place in operator.mutation_positions(node)]
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


def _test_files(path: Path, tests: list[Path]) -> list[Path]:
    """Test files that can run a module: the one of its name, those that import it themselves, then by way of others."""
    using = [(path.stem not in test.stem, path not in imports(test), len(imports(test)), test) for test in tests]
    return [test for *_, test in sorted(using) if path in closure(test)]


if __name__ == "__main__":
    command(run)
