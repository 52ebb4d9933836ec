"""What is said of a path's speed: figures of its seconds, most of them ratios of one run, some with a target."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from speed.rounds import Seconds

if TYPE_CHECKING:
    from speed.workplace import Workplace


class Claim(NamedTuple):
    """A line of the table: a figure of every round, how it is written, and what it should be at least or at most."""

    what: str
    figure: Callable[[Seconds], np.ndarray]
    text: Callable[[float], str]
    least: float = -np.inf
    most: float = np.inf

    def row(self, seconds: Seconds) -> str:
        """Median, the middle half of the rounds where there are several, the target and whether it is reached."""
        figures = self.figure(seconds)
        low, middle, high = np.percentile(figures, (25, 50, 75))
        spread = f"{self.text(low)} - {self.text(high)}" if len(figures) > 1 else ""
        cells = [self.what, self.text(middle), spread, "", ""]
        if np.isfinite((self.least, self.most)).any():
            bound, word = (self.least, "at least") if np.isfinite(self.least) else (self.most, "at most")
            cells[3:] = f"{word} {self.text(bound)}", "reached" if self.least <= middle <= self.most else "**missed**"
        return " | ".join(cells)


class HotPath(NamedTuple):
    """A path: its name, what measures it (UserError with the reason where it cannot), and what is said of it."""

    name: str
    measure: Callable[["Workplace"], Seconds]
    claims: tuple[Claim, ...]


def ratio(what: str, slow: str, fast: str, least: float = -np.inf) -> Claim:
    """How many times faster a case is than another of the same work."""
    return Claim(what, lambda s: _over(s, slow, fast), lambda value: f"{three_digits(value)} x", least=least)


def share(what: str, part: str, whole: str, least: float = -np.inf, most: float = np.inf) -> Claim:
    """Which share of a case another one is."""
    return Claim(what, lambda s: _over(s, part, whole), lambda value: f"{three_digits(100 * value)} %", least, most)


def rate(what: str, case: str, unit: str, least: float = -np.inf) -> Claim:
    """Units of work a second."""
    return Claim(what, lambda s: 1 / np.array(s[case]), lambda value: f"{three_digits(value)} {unit}", least)


def seconds(what: str, case: str, most: float = np.inf) -> Claim:
    """Seconds of a unit of work."""
    return Claim(what, lambda s: np.array(s[case]), _time, most=most)


def megabytes(what: str, case: str) -> Claim:
    """Bytes, which stand among the seconds under a name of their own."""
    return Claim(what, lambda s: np.array(s[case]), lambda value: f"{three_digits(value / 1e6)} MB")


def _over(s: Seconds, one: str, other: str) -> np.ndarray:
    return np.array(s[one]) / np.array(s[other])


def _time(value: float) -> str:
    return f"{three_digits(value)} s" if value >= 0.1 else f"{three_digits(1000 * value)} ms"


def three_digits(value: float) -> str:
    """Three digits."""
    digits = 2 - int(np.floor(np.log10(abs(value)))) if value else 0
    return f"{round(value, digits):,.{max(digits, 0)}f}"
