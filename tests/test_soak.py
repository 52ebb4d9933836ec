"""The soak's frame: rounds add up, what has run is kept, and each part is a module with a line in the document."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from import_graph import ROOT

sys.path.insert(0, str(ROOT))
import soak.__main__ as runner
from soak import mutants, random_order, same_bytes
from soak.forked import forked, session
from soak.outcome import Outcome
from soak.parts import PARTS, Part

PART = Part("counted", "numbers add up", 0.01, 3)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds that have run; the one part is counted instead of run, and seed 1 breaks."""
    seeds: list[int] = []

    def counted(part: Part, seed: int, minutes: float) -> dict:
        seeds.append(seed)
        outcome = Outcome({"tries": 2}, {"delay_s": float(seed)}, ["broke"] if seed == 1 else [])
        known = {"began": f"2026-01-0{seed + 1}T00:00:00", "asked": minutes, "seconds": 60, "commit": "abc"}
        return {**known, "outcome": outcome.as_dict()}

    monkeypatch.setattr(runner, "PARTS", (PART,))
    monkeypatch.setattr(runner, "_round", counted)
    monkeypatch.setattr(runner, "_commit", lambda: "abc")
    return seeds


def soak(results: Path, **options: bool) -> int:
    """Exit code of the runner."""
    arguments = {"only": None, "full": False, "again": False, "table": False} | options
    with pytest.raises(runner.typer.Exit) as stopped:
        runner.main(**arguments, results=results)
    return stopped.value.exit_code


def test_a_soak_goes_on_where_it_was_and_says_what_it_knows(rounds, tmp_path, capsys) -> None:
    assert soak(tmp_path, table=True) == 0
    assert "never" in capsys.readouterr().out
    assert soak(tmp_path) == 0
    assert rounds == [0]
    assert soak(tmp_path, full=True) == 1
    assert rounds == [0, 1, 2]
    shown = capsys.readouterr().out
    for said in ("3 of 3", "6 tries", "delay_s 2", "counted: broke", "2026-01-03"):
        assert said in shown
    assert soak(tmp_path) == 1  # what broke stays broken until it has run again
    assert rounds == [0, 1, 2]
    assert soak(tmp_path, again=True) == 0
    assert rounds == [0, 1, 2, 0]


def test_a_round_that_was_shorter_than_a_full_soak_asks_runs_again(rounds, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "PARTS", (PART._replace(rounds=1, full_minutes=5.0),))
    assert soak(tmp_path) == soak(tmp_path, full=True) == soak(tmp_path, full=True) == soak(tmp_path) == 0
    assert rounds == [0, 0]


def test_the_short_soak_runs_again_at_another_commit_and_the_full_one_goes_on(rounds, tmp_path, monkeypatch) -> None:
    assert soak(tmp_path) == soak(tmp_path) == 0
    monkeypatch.setattr(runner, "_commit", lambda: "def")
    assert soak(tmp_path, table=True) == 0
    assert soak(tmp_path, full=True) == 1
    assert rounds == [0, 1, 2]
    soak(tmp_path)
    assert rounds == [0, 1, 2, 0]


def test_a_harness_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    row = runner._round(Part("no_such_module", "", 1.0, 1), 0, 1.0)
    assert row["outcome"]["failures"] == ["seed 0: exit code 1 without a result"]
    monkeypatch.setattr(runner, "_PATIENCE", 0)
    row = runner._round(Part("outcome", "", 1.0, 1), 0, 1.0)
    assert row["outcome"]["failures"] == ["seed 0: still running after 0 s"]


def test_nothing_lives_on_of_a_harness_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a session that it has started nor what it has mounted."""
    script = tmp_path / "hangs"
    script.write_text(
        f"""#!/bin/sh
        cd {tmp_path}
        echo $TMPDIR > place
        setsid sh -c 'echo $$ > session; exec sleep 60' &
        mkdir $TMPDIR/full && mount -t tmpfs tmpfs $TMPDIR/full 2> /dev/null
        sleep 60
        """
    )
    script.chmod(0o755)
    monkeypatch.setattr(runner.sys, "executable", str(script))
    row = runner._round(PART, 0, 2 / 60 / runner._PATIENCE)
    assert row["outcome"]["failures"] == ["seed 0: still running after 2 s"]
    assert session(int((tmp_path / "session").read_text())) == {}
    place = (tmp_path / "place").read_text().strip()
    assert place not in Path("/proc/mounts").read_text()
    assert not Path(place).exists()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_a_part_is_a_command_and_a_line_of_the_document(part: Part) -> None:
    assert f"python -m soak.{part.name}" in (ROOT / "docs" / "reliability.md").read_text()
    asked = [sys.executable, "-m", f"soak.{part.name}", "--help"]
    shown = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--seed" in shown
    assert "--minutes" in shown


def test_a_soak_ends_within_two_hours() -> None:
    assert sum(part.minutes for part in PARTS) < 110


def test_an_outcome_is_one_line_that_reads_back() -> None:
    outcome = Outcome({"tries": 1}, {"growth_mb": 0.5}, ["a\nb"])
    assert len(outcome.json().splitlines()) == 1
    assert Outcome(**json.loads(outcome.json())) == outcome


def test_an_order_is_of_its_seed_and_keeps_files_together() -> None:
    def order(seed: int) -> list[tuple[str, int]]:
        tests = [SimpleNamespace(path=path, number=number) for path in "abcdef" for number in range(5)]
        random_order.pytest_collection_modifyitems(SimpleNamespace(getoption=lambda _: seed), tests)
        return [(test.path, test.number) for test in tests]

    first, again, other = order(1), order(1), order(2)
    assert first == again != other
    assert sorted(first) == sorted(other) != first
    assert all(len({path for path, _ in first[start : start + 5]}) == 1 for start in range(0, 30, 5))


@pytest.mark.parametrize(
    ("code", "cases", "failures"),
    [
        (0, "<testcase classname='a' name='b'/>", 0),
        (1, "<testcase classname='a' name='b'><failure message='c'/></testcase>", 1),
        (1, "<testcase classname='a' name='b'/>", 1),
        (3, "<testcase classname='a' name='b'/>", 1),
        (5, "", 1),
        (0, "", 1),
        (4, None, 1),
    ],
)
def test_an_order_that_did_not_run_as_it_should_is_a_failure(
    code: int, cases: str | None, failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ran(command: list[str], **_: object) -> SimpleNamespace:
        if cases is not None:
            Path(command[-1].partition("=")[2]).write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
        return SimpleNamespace(returncode=code, stdout="said", stderr="")

    monkeypatch.setattr(random_order.subprocess, "run", ran)
    assert len(random_order._in_order(0)[1]) == failures


def no_room() -> bool:
    raise OSError("no space left")


@pytest.mark.parametrize(
    ("work", "killed"),
    [
        (lambda: False, False),
        (lambda: True, True),
        (lambda: os._exit(7), True),
        (lambda: sys.exit(), True),
        (lambda: os.kill(os.getpid(), signal.SIGXCPU), True),
    ],
)
def test_a_mutant_is_killed_by_a_test_or_by_its_own_end(work, killed: bool) -> None:
    assert mutants._fork(work, 20) == killed


def test_a_trial_that_breaks_kills_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutants, "_change", lambda _: ("body/camera.py:1", "a -> b"))
    monkeypatch.setattr(mutants.Trial, "_killer", lambda *_: mutants._fork(no_room, 20))
    trial = mutants.Trial([mutants.Mutant(ROOT, "", 0, 1)], math.inf, tmp_path)
    trial.pytest_runtestloop(SimpleNamespace(items=[]))
    assert (trial.killed, trial.survivors) == (0, [])
    assert trial.broken == ["body/camera.py:1: OSError('no space left')"]


def test_one_copy_of_the_source_is_there_at_a_time(tmp_path: Path) -> None:
    for _ in range(2):
        copy = mutants._copied_source(tmp_path)
        assert (copy / "blaze2cap" / "__init__.py").is_file()
        assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize("locale", ["C", "xx_XX.UTF-8"])
def test_a_locale_that_is_not_in_force_is_told(locale: str, tmp_path: Path) -> None:
    runner = tmp_path / "runner.py"
    runner.write_text(same_bytes._RUNNER.format(cores=1, locale=locale))
    (tmp_path / "nothing.py").touch()
    done = subprocess.run(
        [sys.executable, str(runner), str(tmp_path / "nothing.py")],
        env=os.environ | {"LC_ALL": locale, "PYTHONUTF8": "0"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = "" if locale == "C" else "the locale is C, expected xx_XX.UTF-8: apt-get install locales\n"
    assert (done.returncode, done.stderr) == (bool(told), told)


def test_a_circumstance_that_cannot_be_tried_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(folder: Path, circumstance: same_bytes.Circumstance, *_: object) -> Path:
        if circumstance.name == "first":
            return folder
        raise subprocess.CalledProcessError(1, [], stderr="the locale is C")

    monkeypatch.setattr(same_bytes, "_pipeline", refused)
    outcome = same_bytes.run(0, 0)
    assert (outcome.counts, outcome.failures) == ({}, ["all at once: the locale is C"])


def test_ctrl_c_is_heard_by_all_that_a_run_has_started(tmp_path: Path) -> None:
    def work() -> None:
        subprocess.Popen(["sh", "-c", "trap 'touch heard; exit' INT; touch begun; while :; do sleep 0.01; done"]).wait()

    child = forked(work, tmp_path, tmp_path / "log", {})
    while not (tmp_path / "begun").exists():
        time.sleep(0.01)
    assert child.kill(signal.SIGINT, 0)
    assert child.orphans() == []
    assert (tmp_path / "heard").exists()
    assert "Traceback" not in child.log.read_text()
