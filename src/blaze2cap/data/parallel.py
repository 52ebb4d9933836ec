"""The same function over many jobs, on all cores of this machine or on a cluster (`cluster`), with progress."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from blaze2cap.errors import UserError

if TYPE_CHECKING:
    import torch

Job = TypeVar("Job")
Result = TypeVar("Result")
Outcomes = Generator[tuple[int, Result | BaseException], None, None]
Executor = Literal["local", "dask"]

_LINES = 5
# How long jobs have to end and clean up after Ctrl-C [s].
_GRACE_S = 2.0
_spread: ContextVar[tuple[Executor, tuple[Path, ...]]] = ContextVar("spread", default=("local", ()))


@dataclass(frozen=True, kw_only=True)
class RuntimeParams:
    """Section `runtime` of params.yaml: where and how wide things run. On one kind of machine only `devices` changes a
    result: each draws drop-out apart."""

    device: str = "auto"
    devices: int = 1
    workers: int = 0
    executor: Executor = "local"

    def __post_init__(self) -> None:
        if self.devices < 1:
            raise ValueError(f"devices is {self.devices}, expected 1 or more")
        if self.workers < 0:
            raise ValueError(f"workers is {self.workers}, expected 0 or more")

    def torch_device(self) -> "torch.device":
        """The device meant: `auto` is a GPU where there is one.

        Raises UserError for a name that torch does not know or a GPU that is not there.
        """
        import torch

        name = self.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError):
            raise UserError(
                f"runtime.device is {self.device!r}, which torch cannot use here; try auto or cpu"
            ) from None


def cores_here() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def spread_over(executor: Executor, *folders: Path) -> Iterator[None]:
    """Inside, jobs run in processes of this machine ("local") or on the cluster of DASK_SCHEDULER_ADDRESS ("dask").

    All machines of a cluster share the current folder, and the `folders` that jobs write to beside it, at these paths.
    """
    before = _spread.set((executor, folders))
    try:
        yield
    finally:
        _spread.reset(before)


def parallel_map(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None, label: str = ""
) -> list[Result]:
    """`[function(job) for job in jobs]`, spread as `outcomes` does it.

    Raises what the first of the jobs raised that raised something; jobs not yet begun are dropped then.
    """
    results: list[Result] = []
    ahead: dict[int, Result | BaseException] = {}
    with closing(outcomes(function, jobs, workers, label)) as coming:
        for index, outcome in coming:
            ahead[index] = outcome
            while len(results) in ahead:
                next_one = ahead.pop(len(results))
                if isinstance(next_one, BaseException):
                    raise next_one
                results.append(next_one)
    return results


def outcomes(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None, label: str = ""
) -> Outcomes[Result]:
    """The number of each job with its result, or with what it raised, as they come; each runs, whatever others raise.

    `workers` are processes of this machine (None: one a core, 1: this one). The function must be found by name in a
    module. A process that is killed costs the other jobs nothing: what it may have been at is tried again, alone, and
    is UserError if that is killed, too. Closing the iterator drops what has not begun.
    """
    executor, folders = _spread.get()
    workers = min(workers or cores_here(), len(jobs))
    if executor == "dask":
        from blaze2cap.data.cluster import on_cluster

        found = on_cluster(function, jobs, label, folders)
    elif workers <= 1:
        found = _here(function, jobs)
    else:
        found = _on_cores(function, jobs, workers, label)
    with closing(found):
        yield from progress(found, len(jobs), label)


def progress(results: Iterable[Result], total: int, label: str) -> Iterator[Result]:
    """Pass results on while showing how many are done: a bar in a terminal, a few plain lines otherwise, on stderr."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(results, description=label, total=total, console=Console(stderr=True))
        return
    for done, result in enumerate(results, 1):
        if done * _LINES // total > (done - 1) * _LINES // total:
            print(f"{label}: {done} of {total}", file=sys.stderr, flush=True)
        yield result


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes on one thread: how many share a sum tells in its last digits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def prepare_process(folder: str) -> None:
    """Make a worker process like the one that sent the job: its folder, and the sums that one thread gives."""
    import torch

    os.chdir(folder)
    # Threads of one operation would fight for the cores that the workers share.
    torch.set_num_threads(1)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Inside, Ctrl-C waits: here until after, and in the processes that are started meanwhile until they hear it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(folder: str) -> None:
    # A terminal sends Ctrl-C to workers, too: what to say of it is their parent's. In the background all ignore it.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    prepare_process(folder)
    # A worker of a killed pool would wait for its next job for ever: it holds both ends of the pipe that jobs come by.
    end_with_parent()


def _end(*_: object) -> None:
    os._exit(130)


def _interruptible(function: Callable[[Job], Result], job: Job) -> Result:
    """In a worker: a job that hears Ctrl-C as it would in a process of its own, so that it cleans up."""
    waiting = signal.getsignal(signal.SIGINT)
    try:
        if waiting is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return function(job)
    finally:
        signal.signal(signal.SIGINT, waiting)


def end_with_parent() -> None:
    """Let this process, which `multiprocessing` has started, end when its parent does, however that ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_and_end() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_and_end, daemon=True).start()


def killed(label: str) -> UserError:
    """What is told of a job whose processes were killed."""
    return UserError(f"{label}: a worker process was killed, most likely for lack of memory")


def _here(function: Callable[[Job], Result], jobs: Sequence[Job]) -> Outcomes[Result]:
    for index, job in enumerate(jobs):
        try:
            outcome: Result | BaseException = function(job)
        except Exception as error:
            outcome = error
        yield index, outcome


def _on_cores(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, label: str) -> Outcomes[Result]:
    waiting = list(range(len(jobs)))[::-1]
    while waiting:
        suspects = yield from _until_killed(function, jobs, waiting, workers)
        for index in suspects:
            alone = [index]
            if (yield from _until_killed(function, jobs, alone, 1)):
                yield index, killed(label)


def _until_killed(
    function: Callable[[Job], Result], jobs: Sequence[Job], waiting: list[int], workers: int
) -> Generator[tuple[int, Result | BaseException], None, list[int]]:
    """Take jobs from the end of `waiting`; where a process is killed, stop and return those that were begun."""
    # Forked from a server that has loaded the module but run nothing, so no thread's lock is inherited.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    begun: dict[Future[Result], int] = {}
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_worker, initargs=(os.getcwd(),))
    try:
        while waiting or begun:
            while waiting and len(begun) < 2 * workers:  # the next lies ready while each does one
                with _interrupts_held():
                    begun[pool.submit(_interruptible, function, jobs[waiting[-1]])] = waiting[-1]
                waiting.pop()
            for future in wait(begun, return_when=FIRST_COMPLETED).done:
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    raise error
                yield begun.pop(future), error or future.result()
    except BrokenProcessPool:
        return sorted(begun.values())
    except KeyboardInterrupt:
        wait(begun, timeout=_GRACE_S)
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise
    finally:
        pool.shutdown(wait=not begun, cancel_futures=True)
    return []
