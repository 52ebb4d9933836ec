"""Which feet stand on the floor, from how high and how fast they are: causal, with hysteresis."""

import math

import numpy as np
from jaxtyping import Bool, Float64

from blaze2cap.runtime.finishing.turning import Vectors, length

# A foot lands that is slower and lower than the first of each pair, and lifts off faster or higher than the second
# [m/s, m over the lower foot]. Chosen on real recordings of one person, confirmed on another (docs/motion_quality.md).
SPEEDS_M_PER_S = (0.35, 0.7)
HEIGHTS_M = (0.06, 0.10)
# Over the floor a foot may stand higher: where that is, is known less well than which foot is lower [m].
FLOOR_M = 0.1
# Time constant [s] over which a speed is taken: what trembles stands.
SMOOTHING_S = 0.05


class Contact:
    """State of both feet; `planted` is what the last frame said."""

    def __init__(self) -> None:
        self.planted = np.zeros(2, bool)
        self._velocity: Vectors = np.zeros((2, 3))
        self._ankle: Vectors | None = None

    def see(self, ankle: Vectors, height: Float64[np.ndarray, "2"], dt_s: float) -> Bool[np.ndarray, "2"]:
        """Feet that are planted now: places of the ankles, heights of the soles' lowest points [m], time since the last
        frame [s]. In the first frame a foot stands that is low."""
        if self._ankle is None:
            self._ankle = ankle
        gain = 1 - math.exp(-dt_s / SMOOTHING_S)
        self._velocity = self._velocity + gain * ((ankle - self._ankle) / dt_s - self._velocity)
        self._ankle = ankle
        stage = self.planted.astype(int)
        slow = length(self._velocity) < np.take(SPEEDS_M_PER_S, stage)
        low = (height - height.min() < np.take(HEIGHTS_M, stage)) & (height < FLOOR_M)
        self.planted = slow & low
        return self.planted
