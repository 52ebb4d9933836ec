"""Where the floor lies under a person, of whom one knows how high the lowest point is: heights that last are floors.

What is higher for no longer than a jump is one; a step up or down, a platform or the ground below it is the floor from
then on, so that who stands there stands on it. Where the person starts anew elsewhere, so does the floor.
"""

import itertools
import math
from collections import deque

import numpy as np
from jaxtyping import Bool, Float

from blaze2cap.runtime.streamer import LONGEST_BRIDGE_S

# Nothing of somebody who jumps touches the floor for so long [s]: most jumps are shorter.
_FLIGHT_S = 0.7
# Who is found again sooner than `LONGEST_BRIDGE_S` and nearer than this [m] goes on where he or she was: distances of
# one frame alone are off by as much.
SAME_PLACE_M = 0.7
# Frame by frame the floor follows what was lowest in that time down and up with these time constants [s].
_DOWN_S = 0.05
_UP_S = 0.25
# Of the time since somebody was found, what was seen in the last half of it counts: a detection settles.
_LATE = 0.5


def floor_height(
    lowest: Float[np.ndarray, "N"], position: Float[np.ndarray, "N 3"], valid: Bool[np.ndarray, "N"], fps: float
) -> Float[np.ndarray, "N"]:
    """Height of the floor under somebody with the lowest point there and the Hips at `position` [m], over a whole clip.

    The morphological opening of the lowest point (the highest curve below it without peaks shorter than a jump),
    smoothed, and never above it. Poses that are not `valid` are those held.
    """
    from scipy.ndimage import gaussian_filter1d, grey_opening

    reach = max(1, round(_FLIGHT_S / 2 * fps))
    floor = np.empty_like(lowest)
    for start, end in itertools.pairwise([0, *_starts(position, valid, fps), len(lowest)]):
        stretch = lowest[start:end]
        opened = grey_opening(stretch, 2 * reach + 1, mode="nearest")
        floor[start:end] = np.minimum(gaussian_filter1d(opened, reach / 2, mode="nearest"), stretch)
    return floor


def _starts(position: Float[np.ndarray, "N 3"], valid: Bool[np.ndarray, "N"], fps: float) -> list[int]:
    """Frames in which somebody starts anew, after the first."""
    seen = np.flatnonzero(valid)
    long = np.diff(seen) > LONGEST_BRIDGE_S * fps
    far = np.linalg.norm(np.diff(position[seen], axis=0), axis=-1) > SAME_PLACE_M
    return list(map(int, seen[1:][long | far]))


class RunningFloor:
    """The floor frame by frame, of what was seen so far; state of a fixed size."""

    def __init__(self) -> None:
        self._height, self._tracked_s = 0.0, 0.0
        # Candidates for the envelope, times and heights rising: at most as many as frames in those moments.
        self._lowest: deque[tuple[float, float]] = deque()

    def under(self, lowest: float, time_s: float, dt_s: float, anew: bool) -> float:
        """Height under the lowest point of one more frame [m], at that time, so long after the one before [s]."""
        if anew:
            self._lowest.clear()
            self._height, self._tracked_s = lowest, 0.0
        self._tracked_s += dt_s
        while self._lowest and self._lowest[-1][1] >= lowest:
            self._lowest.pop()
        self._lowest.append((time_s, lowest))
        while self._lowest[0][0] < time_s - min(_FLIGHT_S, _LATE * self._tracked_s):
            self._lowest.popleft()
        gap = self._lowest[0][1] - self._height
        self._height += gap * (1 - math.exp(-dt_s / (_UP_S if gap > 0 else _DOWN_S)))
        return self._height
