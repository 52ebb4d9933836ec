"""Work on many cores: the order of the jobs is kept, the first error is raised, and a lost worker is told."""

import os
import signal
from pathlib import Path

import pytest

from blaze2cap.data.atomic import replace_text, replaced_folder
from blaze2cap.data.parallel import outcomes, parallel_map
from blaze2cap.data.report import rounded, write_report
from blaze2cap.errors import UserError


def square(number: int) -> int:
    if number == 13:
        raise UserError("13 has no square today")
    return number * number


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_jobs(workers: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert parallel_map(square, range(10), workers, "squares") == [n * n for n in range(10)]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"squares: {done} of 10" for done in (2, 4, 6, 8, 10)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_raised_here(workers: int) -> None:
    with pytest.raises(UserError, match="13 has no square today"):
        parallel_map(square, range(20), workers)


def test_a_killed_worker_is_told_in_a_sentence() -> None:
    with pytest.raises(UserError, match="deaths: a worker process was killed"):
        parallel_map(die, range(2), 2, "deaths")


def square_or_die(job: tuple[int, Path]) -> int:
    number, flag = job
    if number == 2 or (number == 5 and not flag.exists()):
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def test_every_job_has_an_outcome_whatever_others_raise_or_kill(tmp_path: Path) -> None:
    """Who is killed once is done alone, as where memory was short for several at a time."""
    found = dict(outcomes(square_or_die, [(number, tmp_path / str(number)) for number in range(14)], 2, "squares"))
    assert str(found.pop(2)) == "squares: a worker process was killed, most likely for lack of memory"
    assert str(found.pop(13)) == "13 has no square today"
    assert found == {number: number * number for number in range(13) if number != 2}
    assert (tmp_path / "5").exists()


def test_no_jobs_give_no_results() -> None:
    assert parallel_map(square, [], 4) == []


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "clips"
    with replaced_folder(target) as folder:
        replace_text(folder / "old.txt", "old")
    with pytest.raises(UserError), replaced_folder(target) as folder:  # noqa: PT012
        replace_text(folder / "new.txt", "new")
        raise UserError("half way")
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]
    assert [path.name for path in target.iterdir()] == ["old.txt"]
    with replaced_folder(target) as folder:
        replace_text(folder / "new.txt", "new")
    assert [path.name for path in target.iterdir()] == ["new.txt"]


def test_reports_hold_six_significant_digits_in_the_order_given(tmp_path: Path) -> None:
    values = {"b": 0.123456789, "a": [1234567.8, 3, float("nan")], 5: {"share": 1.0, "name": "S1"}}
    assert rounded(values) == {"b": 0.123457, "a": [1234570.0, 3, None], "5": {"share": 1.0, "name": "S1"}}
    write_report(tmp_path / "metrics" / "report.json", values)
    assert (tmp_path / "metrics" / "report.json").read_text().startswith('{\n  "b": 0.123457,\n  "a": [')
