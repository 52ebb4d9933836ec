"""Cuts in a video: from one picture to the next, nearly everything changes at once."""

import cv2
import numpy as np
from jaxtyping import UInt8

# Mean change of brightness of a cut, as a share of full range, and as a multiple of what was usual just before.
# The largest between neighbours in three uncut videos is 0.03, in their joins 0.2 and more.
_LEAST_CHANGE = 0.12
_UNUSUAL = 5.0
# Weight of the newest change in what counts as usual.
_MEMORY = 0.2
_SIZE = (32, 32)


class CutWatch:
    """Looks at one picture after another."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._usual = 0.0

    def is_cut(self, image: UInt8[np.ndarray, "H W 3"]) -> bool:
        """Whether an RGB picture shows another scene than the one before; never for the first."""
        small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA).mean(axis=2) / 255
        change = 0.0 if self._last is None else float(np.abs(small - self._last).mean())
        cut = change > max(_LEAST_CHANGE, _UNUSUAL * self._usual)
        self._last = small
        if not cut:
            self._usual += _MEMORY * (change - self._usual)
        return cut
