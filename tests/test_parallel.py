"""Work on many cores: the order of the jobs is kept, the first error is raised, and a lost worker is told."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from dvc_clone import wait_until

from blaze2cap.data.atomic import replace_text, replaced_file, replaced_folder
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
    if number == 3 and not flag.exists():  # beside 2 until both are ended, so that 9 is not begun there
        flag.touch()
        wait_until(flag.with_name("2").exists)
        time.sleep(10)
    if number == 2 or (number == 9 and not flag.exists()):
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return square(number)


def test_every_job_has_an_outcome_whatever_others_raise_or_kill(tmp_path: Path) -> None:
    """Who is killed once is done alone, as where memory was short for several at a time."""
    found = dict(outcomes(square_or_die, [(number, tmp_path / str(number)) for number in range(14)], 2, "squares"))
    assert str(found.pop(2)) == "squares: a worker process was killed, most likely for lack of memory"
    assert str(found.pop(13)) == "13 has no square today"
    assert found == {number: number * number for number in range(13) if number != 2}
    assert (tmp_path / "9").exists()


class Read(list[int]):
    """Jobs that remember which of them were read."""

    def __init__(self, jobs: Iterable[int]) -> None:
        super().__init__(jobs)
        self.indices = list[Any]()

    def __getitem__(self, index: Any) -> Any:
        self.indices.append(index)
        return super().__getitem__(index)


def test_jobs_are_handed_out_as_they_are_done() -> None:
    """One for each worker and one that lies ready: a job may hold a take, and all of them would not fit."""
    jobs = Read(range(12))
    found = outcomes(square, jobs, 2, "squares")
    next(iter(found))
    assert jobs.indices == [0, 1, 2, 3]
    assert len(list(found)) == 11


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


def test_a_second_writer_is_refused_and_the_first_one_ends_well(tmp_path: Path) -> None:
    for replaced in (replaced_file, replaced_folder):
        target = tmp_path / replaced.__name__
        with replaced(target) as new:
            with pytest.raises(UserError, match="another process is writing it"), replaced(target):
                pass
            (new / "in it" if replaced is replaced_folder else new).write_text("first")
        assert target.exists()
        assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path: Path) -> None:
    left = tmp_path / ".clips.partial" / "clips" / "deep"
    left.mkdir(parents=True)
    (left / "half").write_text("ha")
    with replaced_folder(tmp_path / "clips") as folder:
        assert list(folder.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_a_folder_that_is_replaced_is_never_there_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting takes long, and a kill in it must find the old folder under another name."""
    target = tmp_path / "clips"
    with replaced_folder(target) as folder:
        replace_text(folder / "old.txt", "old")
    seen: list[list[str]] = []
    delete = shutil.rmtree

    def watched(path: Path, **options: bool) -> None:
        seen.append(sorted(file.name for file in target.glob("*")))
        delete(path, **options)

    monkeypatch.setattr(shutil, "rmtree", watched)
    with replaced_folder(target) as folder:
        (folder / "new.txt").write_text("new")
    assert seen
    assert all(names in ([], ["new.txt"]) for names in seen)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fsync of folders")
def test_what_takes_a_name_is_on_the_disk_before_and_its_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut would find: no disk was cut off."""
    done: list[tuple[str, int]] = []
    force, rename, replace = os.fsync, Path.rename, Path.replace

    def forced(file: int) -> None:
        done.append(("on disk", os.fstat(file).st_ino))
        force(file)

    def watched(move: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def moved(path: Path, target: Path) -> Path:
            done.append(("named", path.stat().st_ino))
            return move(path, target)

        return moved

    monkeypatch.setattr(os, "fsync", forced)
    monkeypatch.setattr(Path, "rename", watched(rename))
    monkeypatch.setattr(Path, "replace", watched(replace))
    with replaced_file(tmp_path / "file") as new:
        new.write_text("bytes")
    with replaced_folder(tmp_path / "folder") as new:
        (new / "deep").mkdir()
        (new / "deep" / "file").write_text("bytes")
    for path in (tmp_path / "file", tmp_path / "folder"):
        inside = [path, *path.rglob("*")]
        named = done.index(("named", path.stat().st_ino))
        assert all(("on disk", inner.stat().st_ino) in done[:named] for inner in inside)
        assert done[named + 1] == ("on disk", tmp_path.stat().st_ino)


def sleep_in_worker(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(300)


def sleep_a_second(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(1)


def test_workers_end_with_the_process_that_they_work_for(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from test_parallel import *; "
        f"parallel_map(sleep_in_worker, 4 * [Path({str(tmp_path)!r})], 2)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent)
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, seconds=60)
    parent.kill()
    parent.wait()
    workers = [Path("/proc") / path.name for path in tmp_path.iterdir()]
    assert len(workers) == 2
    wait_until(lambda: not any(worker.exists() for worker in workers), seconds=60)
    assert not any(worker.exists() for worker in workers)


def sleep_at_first(job: tuple[int, Path]) -> None:
    number, folder = job
    (folder / str(number)).touch()
    time.sleep(300 * (number == 0))


@pytest.mark.parametrize("begun", [0, 3])
def test_ctrl_c_in_a_terminal_is_one_sentence_whatever_workers_do(tmp_path: Path, begun: int) -> None:
    """They import the package, or one has a job and one has none; a terminal interrupts all that it has started."""
    code = (
        "from pathlib import Path; from test_parallel import *; from blaze2cap.errors import one_sentence\n"
        f"jobs = [(number, Path({str(tmp_path)!r})) for number in range(3)]\n"
        "print(flush=True)\n"
        "with one_sentence('preprocess'): parallel_map(sleep_at_first, jobs, 2)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        parent.stdout.readline()
        time.sleep(0.3)  # some moment of the start
        wait_until(lambda: len(list(tmp_path.iterdir())) >= begun, seconds=60)
        os.killpg(parent.pid, signal.SIGINT)
        told = parent.communicate(timeout=60)[1].splitlines()
    assert [line for line in told if " of 3" not in line] == [
        "preprocess: interrupted; run the same command again to finish"
    ]
    assert parent.returncode == 130


def test_in_the_background_ctrl_c_is_not_for_workers_either(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from test_parallel import *\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        f"parallel_map(sleep_a_second, 3 * [Path({str(tmp_path)!r})], 2)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=Path(__file__).parent, start_new_session=True) as parent:
        wait_until(lambda: bool(list(tmp_path.iterdir())), seconds=60)
        os.killpg(parent.pid, signal.SIGINT)
        assert parent.wait(60) == 0


def test_a_name_that_is_no_utf_8_is_kept_in_a_report(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.npy")
    write_report(tmp_path / "report.json", {name: "größer"})
    written = (tmp_path / "report.json").read_bytes().decode()
    assert "größer" in written
    assert json.loads(written) == {name: "größer"}


def test_a_writer_that_comes_as_another_ends_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other removes the folder after it was made and before it is held."""
    target, make = tmp_path / "a.txt", Path.mkdir

    def make_and_lose(path: Path, *options: object, **more: object) -> None:
        make(path, *options, **more)  # type: ignore[arg-type]
        path.rmdir()

    monkeypatch.setattr(Path, "mkdir", make_and_lose)
    with pytest.raises(UserError, match="another process is writing it"):
        replace_text(target, "mine")
    monkeypatch.undo()
    replace_text(target, "mine")
    assert target.read_text() == "mine"


def whose(_: int) -> int:
    return os.getpid()


def test_there_are_no_more_workers_than_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    assert parallel_map(whose, range(3)) == [os.getpid()] * 3


def test_a_pipe_is_not_replaced_and_a_name_may_be_as_long_as_names_may_be(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: is a device or a pipe, expected the name of a file to write"):
        replace_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()
    replace_text(tmp_path / ("ü" * 127), "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe", "ü" * 127]
