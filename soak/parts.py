"""The parts of a soak: each is a module of this package, run in rounds that differ by their seed."""

from typing import NamedTuple


class Part(NamedTuple):
    """A harness: the promise that it tries, how long a round is, and how many of them a full soak has."""

    name: str
    promise: str
    minutes: float
    rounds: int


PARTS: tuple[Part, ...] = ()
