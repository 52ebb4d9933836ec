"""Timing in turns: each round runs every case once, so that what else the machine does meets all of them alike."""

import math
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Seconds = dict[str, list[float]]
"""What a unit of each case's work took, a number a round."""

# A case that takes less [s] is run several times a round.
_SHORTEST = 0.02


class Case(NamedTuple):
    """A function to be timed, and how many units of work (frames, windows) it does."""

    run: Callable[[], object]
    work: float = 1.0


def in_turns(cases: Mapping[str, Case], rounds: int = 7, clock: Callable[[], float] = time.process_time) -> Seconds:
    """Seconds of a unit of each case's work, after a round that warms up and tells how often the short ones are run.

    By default the seconds are the processor's, of all threads: they hardly depend on what else the machine does.
    """
    loops = {}
    for name, case in cases.items():
        spent = _timed(case, 1, clock)
        if spent < _SHORTEST:  # the first run is slower than others
            spent = _timed(case, 1, clock)
        loops[name] = max(1, math.ceil(_SHORTEST / max(spent, 1e-6)))
    seconds: Seconds = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            seconds[name].append(_timed(case, loops[name], clock) / case.work)
    return seconds


def _timed(case: Case, loops: int, clock: Callable[[], float]) -> float:
    begun = clock()
    for _ in range(loops):
        case.run()
    return (clock() - begun) / loops
