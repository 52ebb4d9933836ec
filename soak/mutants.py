"""Changes of one operator, number or word of the code that the tests should notice: a seeded sample of mutants.

Cosmic Ray's operators make them, over body, data and learning; annotations of types do not count. All tests are
collected once; a mutant is tried in a fork of that process, which forgets what functions have cached and puts the
changed function in the place of the sound one. It is tried by the tests that run its statement, themselves or in a
fixture, quick ones first: those of the test file named after its module, then of the files that import it, the most
specific first, until the time for one mutant is up. Where already the import of a test file runs the statement, the
file is imported anew, and a change outside of functions has the package imported anew: the tests that fail then without
a change try nothing. A module of figures runs nothing, so all tests of the files that import it try it. What a test
runs and how long it takes is measured the first time its file is needed; slow tests try nothing. A failing test kills a
mutant, and so does a search without an end. Survivors are told with their place and change.
Needs Cosmic Ray and Coverage.py: pip install 'blaze2cap[mutation,coverage,test]'.
"""

import ast
import gc
import importlib
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
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import pytest
from import_graph import PACKAGE, SRC, imported_names, imports, modules

from soak import ROOT
from soak.outcome import Outcome, command, say

PACKAGES = ("body", "data", "learning")
PROMISED_SHARE = 0.85
# Of processor time: what a test may take to be of use, fixtures included, all that is measured of a file, and the time
# for one mutant that is not noticed.
_SLOW_TEST_S, _SLOW_FILE_S, _MOST_TRIED_S = 6.0, 30.0, 20.0
# Where lines are counted as those of tests, by name: the import of a test file, and the start of a fixture's name.
_IMPORT, _FIXTURE = "", "fixture "
_IGNORED = shutil.ignore_patterns("__pycache__")
_OPTIONS = ["-qq", "-s", "-m", "not slow", "-p", "no:cacheprovider", "--hypothesis-profile", "mutants"]
# The exit code of a fork in which not a mutant but the harness has failed, and how much is told of why.
_BROKEN, _TOLD_BYTES = 97, 300
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
    """What a test that passes costs, setup included, and the lines that it and its fixtures run of each file."""

    seconds: float
    lines: dict[str, list[int]]


class Swap(NamedTuple):
    """The code that a mutant's function has, and the live functions that should have it."""

    code: CodeType
    functions: list[FunctionType]


def run(seed: int, seconds: float) -> Outcome:
    """Try mutants in a random order until the time is up; fewer killed than promised is a failure."""
    for tool in ("cosmic_ray", "coverage"):
        if importlib.util.find_spec(tool) is None:
            return Outcome(failures=[f"{tool} is not installed: pip install 'blaze2cap[mutation,coverage,test]'"])
    from hypothesis import HealthCheck, Phase, settings

    # A smaller example of a failure is of no use here, and one kept from a mutant harms the next run.
    fixed = settings(database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    settings.register_profile("mutants", fixed, phases=(Phase.explicit, Phase.generate))
    everything = [mutant for path in modules() if _package(path) in PACKAGES for mutant in _mutants(path)]
    random.Random(seed).shuffle(everything)
    with tempfile.TemporaryDirectory() as scratch:
        trial = Trial(everything, time.monotonic() + seconds, Path(scratch))
        pytest.main([*_OPTIONS, "--basetemp", f"{scratch}/tests", str(ROOT / "tests")], plugins=[trial])
    for survivor in trial.survivors:
        say(f"survived: {survivor}")
    tried = trial.killed + len(trial.survivors)
    failures = []
    if trial.killed < PROMISED_SHARE * tried:
        told = f"{trial.killed} of {tried} mutants killed; survivors: {'; '.join(trial.survivors)}"
        failures.append(f"seed {seed}: {told}")
    if trial.broken:
        failures.append(f"seed {seed}: {len(trial.broken)} mutants could not be tried, the first {trial.broken[0]}")
    return Outcome({"mutants": tried, "killed": trial.killed}, {}, failures)


class Trial:
    """A plugin of pytest: in place of running the tests that were collected, tries mutants by them."""

    def __init__(self, mutants: list[Mutant], ends: float, scratch: Path) -> None:
        self.mutants, self.ends, self.scratch = mutants, ends, scratch
        self.killed, self.survivors, self.broken = 0, list[str](), list[str]()
        self.known: dict[Path, dict[str, Known]] = {}
        self.sound: dict[tuple[Path, bool], set[str]] = {}

    def pytest_runtestloop(self, session: Any) -> bool:
        """Takes the place of pytest's own loop."""
        items: dict[Path, dict[str, Any]] = {}
        for item in session.items:
            items.setdefault(item.path, {})[item.nodeid] = item
        for mutant in self.mutants:
            if time.monotonic() > self.ends:
                break
            where, change = _change(mutant)
            try:
                test, tried = self._killer(mutant, items)
            except BrokenError as broken:
                self.broken.append(f"{where}: {broken}")
                say(f"NOT TRIED {self.broken[-1]}")
                continue
            self.killed += test is not None
            if test is None:
                self.survivors.append(f"{where}: {change}" + ("" if tried else " (no quick test runs it)"))
            say(f"{'killed' if test else 'SURVIVED'} {where} {mutant.operator}: {change} [{test or f'{tried} tests'}]")
        return True

    def _killer(self, mutant: Mutant, items: dict[Path, dict[str, Any]]) -> tuple[str | None, int]:
        """The test file that notices a mutant, and how many tests were tried."""
        place = _place(mutant)
        swap = place.function and _swap(mutant, place.function)
        test, tried = self._killer_at(place, swap or None, mutant, items)
        # No test is seen to run what only an import of the package calls.
        return (test, tried) if tried else self._killer_at(place._replace(function=None), None, mutant, items)

    def _killer_at(
        self, place: Place, swap: Swap | None, mutant: Mutant, items: dict[Path, dict[str, Any]]
    ) -> tuple[str | None, int]:
        tried, spent = 0, 0.0
        for path in _test_files(mutant.path, list(items)):
            known = self._known(path, items[path])
            imported = known[_IMPORT]
            anew = swap is None or _runs(imported, mutant.path, place)
            tests = [test for test in known if test != _IMPORT]
            chosen = [test for test in tests if _runs(known[test], mutant.path, place)]
            # What an import makes, or a table holds, any test may look at.
            if _runs(imported, mutant.path, place) if place.function else not chosen:
                chosen = tests
            if anew and chosen:
                chosen = [test for test in chosen if test in self._sound(path, items[path], package=swap is None)]
            chosen.sort(key=lambda test: known[test].seconds)
            if not chosen:
                continue
            tried += len(chosen)
            of_file = [items[path][test] for test in chosen]
            if _fork(
                lambda of_file=of_file, anew=anew: _try(mutant, swap, of_file, anew, self.scratch), _patience(known)
            ):
                return path.name, tried
            spent += sum(known[test].seconds for test in chosen) + anew * imported.seconds
            if spent > _MOST_TRIED_S:
                break
        return None, tried

    def _known(self, path: Path, items: dict[str, Any]) -> dict[str, Known]:
        """What the import and the tests of a file run, from a fork, as far as time goes."""
        if path not in self.known:
            told = self.scratch / "known.json"
            told.write_text("{}")
            _fork(lambda: _measure(list(items.values()), told), 10 * _SLOW_FILE_S)
            measured = {test: Known(*row) for test, row in json.loads(told.read_text()).items()}
            self.known[path] = {_IMPORT: Known(0, {})} | measured
            seconds = sum(test.seconds for test in measured.values())
            say(f"{path.name}: {len(self.known[path]) - 1} of {len(items)} tests are quick, {seconds:.1f} s")
        return self.known[path]

    def _sound(self, path: Path, items: dict[str, Any], *, package: bool) -> set[str]:
        """Tests of a file that pass without a change when it is imported anew, or all of the package."""
        if (path, package) not in self.sound:
            known, told = self.known[path], self.scratch / "sound.json"
            told.write_text("[]")
            tests = [items[test] for test in known if test != _IMPORT]

            def passing() -> bool:
                source = _copied_source(self.scratch) if package else None
                only = _run_anew(tests, source, self.scratch, [])[1]
                told.write_text(json.dumps(sorted(only.passed)))
                return False

            _fork(passing, _patience(known))
            self.sound[path, package] = passed = set(json.loads(told.read_text()))
            if len(passed) < len(tests):
                say(f"{path.name}: {len(passed)} of {len(tests)} tests pass where {'all' if package else 'it'} is new")
        return self.sound[path, package]


def _try(mutant: Mutant, swap: Swap | None, tests: list[Any], anew: bool, scratch: Path) -> bool:
    """In the fork: whether one of the tests fails on the mutant."""
    _forget()
    source = None
    if swap is None:
        source = _copied_source(scratch)
        (source / mutant.path.relative_to(SRC)).write_text(_mutated(mutant))
    else:
        for function in swap.functions:
            function.__code__ = swap.code
        if not anew:
            return any(_fails(test, after) for test, after in zip(tests, [*tests[1:], None], strict=True))
    return _run_anew(tests, source, scratch, ["-x"])[0] in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


def _copied_source(scratch: Path) -> Path:
    """A copy of the package in the place of the last trial's, which a fork that was killed cannot remove itself."""
    shutil.rmtree(scratch / "source", ignore_errors=True)
    return Path(shutil.copytree(SRC, scratch / "source", ignore=_IGNORED))


def _run_anew(tests: list[Any], source: Path | None, scratch: Path, options: list[str]) -> tuple[int, "Only"]:
    """In the fork: a test file imported anew and run, and so is all of the package where a copy of it is given."""
    stale = [str(ROOT / "tests")]
    if source:
        stale.append(str(SRC))
        sys.path.insert(0, str(source))
        os.environ["PYTHONPATH"] = str(source)
        # The checker of shapes knows classes by name: of what is imported a second time, it refuses the sound, too.
        sys.meta_path[:] = [finder for finder in sys.meta_path if "jaxtyping" not in type(finder).__module__]
    sys.dont_write_bytecode = True
    _drop(tuple(stale))
    only = Only({test.nodeid for test in tests})
    unchecked = ("-o", "addopts=--strict-markers")
    options = [*_OPTIONS, *unchecked, *options, "--basetemp", f"{scratch}/tests", str(tests[0].path)]
    return pytest.main(options, plugins=[only]), only


class Only:
    """A plugin of pytest: of the tests that were collected, these; it keeps which of them pass."""

    def __init__(self, tests: set[str]) -> None:
        self.tests, self.passed = tests, set[str]()

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Leaves the others out."""
        items[:] = [item for item in items if item.nodeid in self.tests]

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Of a test's setup, call and end."""
        if report.failed:
            self.passed.discard(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


class Contexts:
    """A plugin of pytest: lines that run while a fixture of several tests is made count as the fixture's."""

    def __init__(self, coverage: Any) -> None:
        self.coverage, self.now = coverage, ""

    def enter(self, context: str) -> None:
        """From now on."""
        self.now = context
        self.coverage.switch_context(context)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Around a fixture."""
        before = self.now
        if fixturedef.scope != "function":
            self.enter(f"{_FIXTURE}{fixturedef.argname}")
        try:
            return (yield)
        finally:
            self.enter(before)


class BrokenError(Exception):
    """The harness has failed, of which nothing follows for a mutant."""


def _fork(work: Callable[[], bool], patience_s: float) -> bool:
    """What comes of it in a fork: also true where that ends by itself or not within so much processor time.

    Raises BrokenError where the work raises an error: those of tests are caught by pytest.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = _BROKEN
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (int(patience_s) + 1,) * 2)
            signal.alarm(10 * int(patience_s))  # what waits for ever takes no processor time
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 1)
            os.dup2(silent, 2)
            code = int(work())
        except Exception as error:
            os.write(writing, repr(error).encode()[:_TOLD_BYTES])
        except BaseException:  # a mutant that asks for the end
            code = 1
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(writing)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with open(reading, "rb", buffering=0) as told:
        if code == _BROKEN:
            raise BrokenError(told.read(_TOLD_BYTES).decode(errors="replace"))
    return code != 0


def _patience(known: dict[str, Known]) -> float:
    """Processor time [s] after which the tests of a file are searching without an end."""
    return 20 + 3 * sum(test.seconds for test in known.values())


def _spent() -> float:
    """Processor time [s], that of ended children included."""
    return sum(os.times()[:4])


def _forget() -> None:
    """Empty the caches of the project's functions: what they hold was made by the sound code."""
    for thing in gc.get_objects():
        code = getattr(thing.__wrapped__, "__code__", None) if type(thing) is type(imports) else None
        if code and code.co_filename.startswith(str(ROOT)):
            thing.cache_clear()


def _drop(folders: tuple[str, ...]) -> dict[str, ModuleType]:
    """Take the modules that lie in folders out of those that are imported."""
    stale = {
        name: module
        for name, module in list(sys.modules.items())
        if (getattr(module, "__file__", None) or "").startswith(folders)
    }
    for name in stale:
        del sys.modules[name]
    return stale


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
    contexts, seconds, began = Contexts(coverage), dict[str, float](), _spent()
    items[0].config.pluginmanager.register(contexts)
    _forget()
    coverage.start()
    old = _drop((str(ROOT / "tests"),))
    importlib.import_module(items[0].module.__name__)
    sys.modules.update(old)
    seconds[_IMPORT] = _spent() - began
    _forget()
    for item, after in zip(items, [*items[1:], None], strict=True):
        contexts.enter(item.nodeid)
        failed, start = item.session.testsfailed, _spent()
        signal.setitimer(signal.ITIMER_PROF, _SLOW_TEST_S)
        signal.setitimer(signal.ITIMER_REAL, 5 * _SLOW_TEST_S)
        with suppress(TimeoutError):
            _fails(item, after)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if item.session.testsfailed == failed:
            seconds[item.nodeid] = _spent() - start
        if _spent() - began > _SLOW_FILE_S:
            break
    coverage.stop()
    data, lines = coverage.get_data(), dict[str, dict[str, list[int]]]()
    for file in data.measured_files():
        for line, names in data.contexts_by_lineno(file).items():
            for name in names:
                lines.setdefault(name, {}).setdefault(file, []).append(line)
    parts = {item.nodeid: [f"{_FIXTURE}{name}" for name in item.fixturenames] for item in items} | {_IMPORT: []}
    rows = {
        test: (cost, _together(lines.get(part, {}) for part in (test, *parts[test]))) for test, cost in seconds.items()
    }
    told.write_text(json.dumps(rows))
    return False


def _together(parts: Iterable[dict[str, list[int]]]) -> dict[str, list[int]]:
    lines = dict[str, list[int]]()
    for part in parts:
        for file, some in part.items():
            lines[file] = lines.get(file, []) + some
    return lines


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


def _swap(mutant: Mutant, name: str) -> Swap | None:
    """What puts the mutant's code into the function of this name, wherever it is known; not where two have the name."""

    def codes(code: CodeType) -> Iterator[CodeType]:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                yield inner
                yield from codes(inner)

    try:
        new = [code for code in codes(compile(_mutated(mutant), mutant.path, "exec")) if code.co_qualname == name]
    except SyntaxError:
        return None
    old = [
        function
        for function in gc.get_objects()
        if type(function) is FunctionType
        and function.__code__.co_filename == str(mutant.path)
        and function.__code__.co_qualname == name
    ]
    if len(new) != 1 or not old or any(function.__code__.co_freevars != new[0].co_freevars for function in old):
        return None
    return Swap(new[0], old)


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
    """Test files that can run a module: that of its name, then those nearest to it by imports, the specific first."""
    name = path.stem.removesuffix("y")  # test_sample_activities.py is of activity.py
    using = [
        (name not in test.stem, _hops(test)[path], len(_hops(test)), test) for test in tests if path in _hops(test)
    ]
    return [test for *_, test in sorted(using)]


@cache
def _hops(test: Path) -> dict[Path, int]:
    """Files of the package that a test file can run, and how many imports away they are from it or a helper beside."""
    found, waiting, hops = dict[Path, int](), _with_helpers(test), 0
    while waiting:
        hops += 1
        waiting = frozenset().union(*map(imports, waiting)) - found.keys()
        found |= dict.fromkeys(waiting, hops)
    return found


@cache
def _with_helpers(test: Path) -> frozenset[Path]:
    beside = {test.with_name(f"{name}.py") for name in imported_names(test)} - {test}
    return frozenset([test]).union(*(_with_helpers(helper) for helper in beside if helper.is_file()))


if __name__ == "__main__":
    command(run)
