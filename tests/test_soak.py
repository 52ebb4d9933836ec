"""The soak's frame: rounds add up, what has run is kept, and each part is a module with a line in the document."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from import_graph import ROOT

sys.path.insert(0, str(ROOT))
import soak.__main__ as runner
from soak import random_order
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


def test_a_harness_that_crashes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    row = runner._round(Part("no_such_module", "", 1.0, 1), 0, 1.0)
    assert row["outcome"]["failures"] == ["seed 0: exit code 1 without a result"]
    monkeypatch.setattr(runner, "_PATIENCE", 0)
    row = runner._round(Part("outcome", "", 1.0, 1), 0, 1.0)
    assert row["outcome"]["failures"] == ["seed 0: still running after 0 s"]


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
