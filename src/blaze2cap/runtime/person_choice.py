"""Whom to follow where several people are in view: the largest, and after a loss the one who was followed before.

Places and sizes are pixels. A size is the radius of the circle around the hips that holds a person who stretches out.
What the detector puts first, the most certain, is kept wherever nothing speaks against it, so that a video of one
person is followed as mediapipe's own graph follows it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

# After a loss, the person is waited for this long [s] while others are in view; then the largest is followed.
PATIENCE_S = 1.0
# How far from where somebody was last seen the same person may be found again, in sizes: at once, and per second.
_REACH, _REACH_PER_S = 0.7, 2.0
# Two finds further apart than this, in sizes of the larger one, are two people.
_APART = 0.75
# A find with less than this score is a person no more often than not, and is not counted.
_CERTAIN = 0.7
# Somebody is preferred to the most certain find who is larger by this factor.
_LARGER = 1.25


class Found(NamedTuple):
    """A person in a picture: place of the hips and size [px], and how certain that is (0 to 1)."""

    x: float
    y: float
    size: float
    score: float


class PersonChoice:
    """Remembers where the followed person was, and whether there are others."""

    def __init__(self) -> None:
        self.most_others = 0
        """The most people beside the followed one, in any picture."""
        self.reset()

    def reset(self) -> None:
        """Forget who was followed, as after a cut."""
        self._last: Found | None = None
        self._last_s = -math.inf
        self._others_s = -math.inf
        self._refused = False

    def choose(self, found: Sequence[Found], time_s: float) -> int | None:
        """Which of those found in a picture, the most certain first, to follow from now on; None: wait."""
        if not found:
            return None
        lost_s = time_s - self._last_s
        if self._last is None or lost_s > PATIENCE_S:
            # Where whom we prefer turns out to be no person, the detector's own choice has its turn.
            refused, self._refused = self._refused, False
            return 0 if refused else self._largest(found)
        reach = (_REACH + _REACH_PER_S * lost_s) * self._last.size
        near = [number for number, one in enumerate(found) if _distance(one, self._last) <= reach]
        if near:
            return 0 if 0 in near else min(near, key=lambda number: _distance(found[number], self._last))
        # Only who is known to be in company can be mistaken for somebody else.
        in_company = len(found) > 1 or time_s - self._others_s <= 2 * PATIENCE_S
        return None if in_company else 0

    def followed(self, person: Found | None, time_s: float) -> None:
        """Where the followed person is in a picture, or None where the landmark model saw nobody."""
        if person is None:
            return
        self._last, self._last_s = person, time_s

    def refused(self) -> None:
        """The landmark model saw nobody where the choice was."""
        self._refused = True

    def look_around(self, found: Sequence[Found], time_s: float) -> None:
        """Count the others in a picture in which the person was followed just now."""
        if self._last is None:
            return
        people = [self._last]
        for one in found:
            if one.score >= _CERTAIN and all(_are_two(one, other) for other in people):
                people.append(one)
        if len(people) > 1:
            self._others_s = time_s
            self.most_others = max(self.most_others, len(people) - 1)

    def _largest(self, found: Sequence[Found]) -> int:
        first = found[0]
        rivals = [n for n, one in enumerate(found) if one.score >= _CERTAIN and _are_two(one, first)]
        largest = max(rivals, key=lambda number: found[number].size, default=0)
        return largest if found[largest].size > _LARGER * first.size else 0


def _distance(one: Found, other: Found | None) -> float:
    return math.inf if other is None else math.hypot(one.x - other.x, one.y - other.y)


def _are_two(one: Found, other: Found) -> bool:
    return _distance(one, other) > _APART * max(one.size, other.size)
