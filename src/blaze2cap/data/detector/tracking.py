"""When the tracker loses the person and finds somebody again.

In the real clips nearly every loss comes as the person leaves the image (on average 75 % of the landmarks are outside
during a gap, 3 % elsewhere), a few are blinks of one frame; detection sets in late where hands are out of the image.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class TrackingFigures:
    """Rates per frame at 60 fps; `outside` is the share of landmarks outside the image.

    blink            losses for no visible reason
    leave            losses while more than `outside_lost` of the person is out of the image
    hard             losses while the trunk is tilted by more than `hard_tilt` from the vertical of the image [rad]
    find_clear       detections while less than `outside_clear` is out and the pose is not hard
    find_cut         detections while more is out, but less than `outside_found`, or the pose is hard
    stranger         chance that a detection after a loss lands on another person
    """

    blink: float = 1e-4
    leave: float = 0.03
    outside_lost: float = 0.5
    hard: float = 1e-3
    hard_tilt: float = 1.2
    find_clear: float = 0.5
    outside_clear: float = 0.1
    find_cut: float = 8e-3
    outside_found: float = 0.45
    stranger: float = 0.05


class Segment(NamedTuple):
    """Frames `start` to `stop` (not included) of unbroken tracking, of the subject or of a stranger."""

    start: int
    stop: int
    stranger: bool


def track(
    outside: Float[np.ndarray, "N"], tilt: Float[np.ndarray, "N"], figures: TrackingFigures, rng: np.random.Generator
) -> list[Segment]:
    """Segments of a clip; between them, one frame at least, nobody is detected. Its start may be undetected too."""
    hard = tilt > figures.hard_tilt
    lose = figures.blink + figures.leave * (outside > figures.outside_lost) + figures.hard * hard
    clear = (outside < figures.outside_clear) & ~hard
    find = np.where(clear, figures.find_clear, np.where(outside < figures.outside_found, figures.find_cut, 0.0))
    segments: list[Segment] = []
    start = 0 if clear[0] else _next_event(find, 0, rng)
    while start < len(outside):
        stranger = bool(segments) and rng.random() < figures.stranger
        stop = max(_next_event(lose, start, rng), start + 1)
        segments.append(Segment(start, stop, stranger))
        start = max(_next_event(find, stop, rng), stop + 1)
    return segments


def _next_event(rate: Float[np.ndarray, "N"], start: int, rng: np.random.Generator) -> int:
    """First frame from `start` on at which an event of the given rate [1 / frame] happens; the length if none does."""
    return start + int(np.searchsorted(np.cumsum(rate[start:]), rng.exponential()))
