"""How much memory a function asks for, in a process of its own."""

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch


class Cost(NamedTuple):
    """Seconds of the processor, and bytes that the process grew by at its largest."""

    seconds: float
    bytes: int


def cost(prepare: Callable[..., Callable[[], object]], *arguments: object) -> Cost:
    """What it costs to call what `prepare` returns, in a fresh process of one thread; memory with its preparation.

    Functions are found by name in their modules, which are loaded before.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return pool.submit(_cost, prepare, arguments).result()


def _cost(prepare: Callable[..., Callable[[], object]], arguments: tuple[object, ...]) -> Cost:
    before = _largest()
    work = prepare(*arguments)
    begun = time.process_time()
    work()
    return Cost(time.process_time() - begun, _largest() - before)


def _largest() -> int:
    # What getrusage says of a new process may be its parent's.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
