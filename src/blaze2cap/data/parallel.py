"""The same function over many jobs, on all cores, with progress; results come in the order of the jobs."""

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from blaze2cap.errors import UserError

Job = TypeVar("Job")
Result = TypeVar("Result")

_LINES = 5


def parallel_map(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int | None = None, label: str = ""
) -> list[Result]:
    """`[function(job) for job in jobs]` over worker processes (None: one a core, 1: in this process).

    The function must be found by name in a module. Its first error is raised here, and jobs not yet begun are dropped.
    """
    workers = min(workers or os.cpu_count() or 1, len(jobs))
    if workers <= 1:
        return list(progress(map(function, jobs), len(jobs), label))
    # Forked from a server that has loaded the module but run nothing, so no thread's lock is inherited.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(os.getcwd(),)
    ) as executor:
        try:
            return list(progress(executor.map(function, jobs), len(jobs), label))
        except BrokenProcessPool:
            raise UserError(f"{label}: a worker process was killed, most likely for lack of memory") from None
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


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


def _start_worker(folder: str) -> None:
    import torch

    os.chdir(folder)
    # Threads of one operation would fight for the cores that the workers share.
    torch.set_num_threads(1)
