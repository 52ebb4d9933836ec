"""Cuts in a video: from one picture to the next, nothing is where it was."""

import cv2
import numpy as np
from jaxtyping import UInt8

# Correlation of neighbours, each as 32 x 32 brightnesses. In three uncut videos, one with a fast pan into the sun, it
# is 0.94 or more; between them, two of which show the same scene from two sides, 0.42 at most.
_LEAST_CORRELATION = 0.7
# A picture that varies less than this share of full brightness correlates with nothing: there, the change decides.
_FLAT = 0.01
_MOST_CHANGE = 0.12
_SIZE = (32, 32)


class CutWatch:
    """Looks at one picture after another."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None

    def is_cut(self, image: UInt8[np.ndarray, "H W 3"]) -> bool:
        """Whether an RGB picture shows another scene than the one before; never for the first."""
        small = cv2.resize(image, _SIZE, interpolation=cv2.INTER_AREA).mean(axis=2) / 255
        last, self._last = self._last, small
        if last is None:
            return False
        if min(small.std(), last.std()) < _FLAT:
            return bool(np.abs(small - last).mean() > _MOST_CHANGE)
        return bool(np.corrcoef(small.ravel(), last.ravel())[0, 1] < _LEAST_CORRELATION)
