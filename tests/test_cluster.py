"""Jobs on a Dask cluster: bytes and sentences come back as from this machine alone, whoever dies meanwhile."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dask
import pytest
from distributed import Client, LocalCluster
from recordings import write_recordings
from test_parallel import square, square_or_die

from blaze2cap.data import cluster
from blaze2cap.data.cluster import VARIABLE
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.parallel import outcomes, parallel_map, prepare_process, spread_over
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.errors import UserError


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a cluster whose two workers are threads of this process, which start in no time."""
    with LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, protocol="tcp://", dashboard_address=None
    ) as threads:
        yield threads.scheduler_address


@pytest.fixture
def on_threads(scheduler: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(VARIABLE, scheduler)
    monkeypatch.chdir(tmp_path)
    with spread_over("dask"):
        yield tmp_path


def fail(number: int) -> None:
    time.sleep(0.2 if number == 2 else 0)
    if number >= 2:
        raise UserError(f"{number} fails")


def test_results_and_progress_are_those_of_this_machine(on_threads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parallel_map(square, range(10), label="squares") == [number * number for number in range(10)]
    assert capsys.readouterr().err.splitlines() == [f"squares: {done} of 10" for done in (2, 4, 6, 8, 10)]
    assert list(on_threads.iterdir()) == [], "no mark is left"


def test_errors_arrive_as_the_same_sentence(on_threads: Path) -> None:
    """That of the first job that fails, not of the fastest."""
    with pytest.raises(UserError, match=r"^13 has no square today$"):
        parallel_map(square, range(20))
    with pytest.raises(UserError, match=r"^2 fails$"):
        parallel_map(fail, range(6))
    assert dict(outcomes(square, [12, 14]))[0] == 144
    assert str(dict(outcomes(square, [12, 13]))[1]) == "13 has no square today"


def hiccup(path: Path) -> str:
    """The first two times a line is added and a file system's error raised."""
    with path.open("a") as file:
        file.write("tried\n")
    if len(path.read_text().splitlines()) < 3:
        raise OSError("stale file handle")
    return "read"


def test_a_job_is_tried_again_where_the_fault_is_not_in_the_data(on_threads: Path) -> None:
    assert parallel_map(hiccup, [on_threads / "file"]) == ["read"]


def err(_: int) -> None:
    raise ZeroDivisionError("a fault of the program")


def test_a_fault_of_the_program_arrives_as_it_is(on_threads: Path) -> None:
    with pytest.raises(ZeroDivisionError, match=r"^a fault of the program$"):
        parallel_map(err, range(2))


def read_here(name: str) -> str:
    return Path(name).read_text()


def test_relative_paths_mean_the_same_on_a_worker(on_threads: Path) -> None:
    (on_threads / "file").write_text("content")
    assert parallel_map(read_here, ["file"]) == ["content"]


def test_a_worker_that_does_not_see_the_files_is_told(
    on_threads: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The worker's view of a folder beside is one without the mark."""
    beside = tmp_path_factory.mktemp("beside")
    seen = os.path.exists
    monkeypatch.setattr(os.path, "exists", lambda path: seen(path) and Path(path).parent != beside)
    with spread_over("dask", beside), pytest.raises(UserError, match=f"does not see {beside}: all machines"):
        parallel_map(square, range(4))
    assert list(beside.iterdir()) == []
    with spread_over("dask", Path("nowhere")), pytest.raises(UserError, match="nowhere: cannot be written"):
        parallel_map(square, range(4))


def test_a_worker_with_other_code_is_told(on_threads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = threading.get_ident()
    own = cluster.code_hash()
    monkeypatch.setattr(cluster, "code_hash", lambda: own if threading.get_ident() == here else "another")
    with pytest.raises(UserError, match="runs other versions of blaze2cap, Python or libraries"):
        parallel_map(square, range(4))


def test_no_scheduler_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with spread_over("dask"), pytest.raises(UserError, match=f"{VARIABLE} is not set: it names the scheduler"):
        parallel_map(square, range(4))
    for address in ("tcp://127.0.0.1:1", "nonsense", "foo://127.0.0.1:8786"):
        monkeypatch.setenv(VARIABLE, address)
        with spread_over("dask"), pytest.raises(UserError, match=f"{VARIABLE} is {address}, where no Dask scheduler"):
            parallel_map(square, range(4))


def test_without_the_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with spread_over("dask"), pytest.raises(UserError, match=r"pip install 'blaze2cap\[dask\]'"):
        parallel_map(square, range(4))


@pytest.fixture
def on_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A cluster of processes that have loaded the package, and start anew when killed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    config = {"distributed.scheduler.worker-ttl": getattr(request, "param", "5 minutes")}
    with (
        dask.config.set(config),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as processes,
        Client(processes, set_as_default=False) as client,
        spread_over("dask"),
    ):
        monkeypatch.setenv(VARIABLE, processes.scheduler_address)
        client.run(prepare_process, str(tmp_path))
        yield client


class Job(NamedTuple):
    """A number, and a folder in which whoever works on it leaves a note with its process."""

    number: int
    notes: Path


def noted(job: Job) -> int:
    """The job of number 5 never ends in the process that begins it first."""
    first = not list(job.notes.glob(f"{job.number}.*"))
    (job.notes / f"{job.number}.{os.getpid()}").touch()
    while first and job.number == 5:
        time.sleep(0.1)
    return job.number * job.number


@pytest.mark.slow
@pytest.mark.parametrize(
    ("on_processes", "blow"),
    [("5 minutes", signal.SIGKILL), ("20 s", signal.SIGSTOP)],
    ids=["killed", "stopped"],
    indirect=["on_processes"],
)
def test_a_worker_that_is_lost_or_no_longer_stirs_costs_its_own_jobs_only(
    on_processes: Client, tmp_path: Path, blow: signal.Signals
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()

    def strike() -> None:
        while not (begun := list(notes.glob("5.*"))):
            time.sleep(0.1)
        os.kill(int(begun[0].suffix[1:]), blow)

    striker = threading.Thread(target=strike)
    striker.start()
    jobs = [Job(number, notes) for number in range(40)]
    assert parallel_map(noted, jobs, label="squares") == [number * number for number in range(40)]
    striker.join()
    assert len(list(notes.glob("5.*"))) > 1, "begun by another, too"


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_told_and_the_others_are_done(on_processes: Client, tmp_path: Path) -> None:
    found = dict(outcomes(square_or_die, [(number, tmp_path / str(number)) for number in range(4)], label="squares"))
    assert str(found.pop(2)) == "squares: a worker process was killed, most likely for lack of memory"
    assert found == {0: 0, 1: 1, 3: 9}


@pytest.mark.slow
def test_packed_clips_are_the_same_bytes_though_a_worker_is_killed(on_processes: Client, tmp_path: Path) -> None:
    takes = {f"S{subject}/{action}": 240 for subject in (1, 2, 3) for action in ("rom1", "walking1", "freestyle2")}
    raw = write_recordings(Path("raw"), takes, cameras=4)
    write_manifest(raw, "totalcapture", [], None, workers=1)
    with spread_over("local"):
        alone = preprocess(raw, Path("alone"), PreprocessParams(), workers=1)
    victim = next(iter(on_processes.run(os.getpid).values()))

    def strike() -> None:
        while not Path(tmp_path, ".spread.partial").exists():
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)

    striker = threading.Thread(target=strike)
    striker.start()
    assert preprocess(raw, Path("spread"), PreprocessParams()) == alone
    striker.join()
    assert victim not in on_processes.run(os.getpid).values()
    names = sorted(path.name for path in Path("alone").iterdir())
    assert sorted(path.name for path in Path("spread").iterdir()) == names
    assert [name for name in names if Path("alone", name).read_bytes() != Path("spread", name).read_bytes()] == []


@contextmanager
def scheduler_process(path: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler of its own, without workers, that finds modules in a path; its address is in the environment."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--scheduler-file", "scheduler.json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment) as process:
        while not Path("scheduler.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        os.environ[VARIABLE] = json.loads(Path("scheduler.json").read_text())["address"]
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_or_without_the_package_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    for name in ("lost", "bare"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "lost")
    with scheduler_process(sys.path) as process, spread_over("dask"):
        threading.Timer(3.0, process.kill).start()
        with pytest.raises(UserError, match=f"lost the Dask scheduler of {VARIABLE}"):
            parallel_map(square, range(4), label="squares")
    assert "squares: the Dask scheduler has no worker yet" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "bare")
    Path("sitecustomize.py").write_text("import sys; sys.modules['blaze2cap'] = None\n")
    bare = scheduler_process([str(tmp_path / "bare")])
    with bare, spread_over("dask"), pytest.raises(UserError, match="the Dask scheduler has no blaze2cap"):
        parallel_map(square, range(4))
