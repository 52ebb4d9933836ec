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


def growth(function: Callable[..., object], *arguments: object) -> int:
    """Bytes by which the largest size of a fresh process exceeds that before the call."""
    return cost(function, *arguments).bytes


def cost(function: Callable[..., object], *arguments: object) -> Cost:
    """What a call costs in a fresh process; the function is found by name in its module, which is loaded before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return pool.submit(_cost, function, arguments).result()


def _cost(function: Callable[..., object], arguments: tuple[object, ...]) -> Cost:
    before, begun = _largest(), time.process_time()
    function(*arguments)
    return Cost(time.process_time() - begun, _largest() - before)


def _largest() -> int:
    # What getrusage says of a new process may be its parent's.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
