"""The parts of a soak: each is a module of this package, run in rounds that differ by their seed."""

from typing import NamedTuple


class Part(NamedTuple):
    """A harness: the promise that it tries, how long a round is, and how many of them a full soak has.

    `full_minutes` is how long a round of a full soak is, where that is longer.
    """

    name: str
    promise: str
    minutes: float
    rounds: int
    full_minutes: float = 0.0

    def asked(self, full: bool) -> float:
        """Minutes of a round."""
        return max(self.minutes, self.full_minutes) if full else self.minutes


PARTS: tuple[Part, ...] = (
    Part("kills", "stages, predict and live --record survive a kill at any moment", 12, 5, 20),
    Part("dvc_kills", "dvc repro and dvc exp run survive a kill at any moment", 12, 5, 30),
    Part("faults", "full disk, read-only cache, torn files, clock set back, two runs at once", 10, 1),
    Part("same_bytes", "same bytes for other path, cores, locale, time zone, hash seed, umask", 8, 1, 20),
    Part("long_live", "ten hours live: memory and latency stay flat", 8, 1, 150),
    Part("hostile", "a file of a stranger is read or refused in a sentence", 12, 20),
    Part("mutants", "tests notice a changed operator or number in body, data and learning", 15, 12),
    Part("random_order", "quick tests pass in any order and in parallel", 6, 20),
    Part("wheel", "the wheel works outside of the repository", 2, 1),
    Part("supply", "oldest and newest versions resolve, licences are known", 3, 1),
    Part("long_files", "predict answers ten hours, one frame, a hundred thousand segments", 8, 1, 60),
)
