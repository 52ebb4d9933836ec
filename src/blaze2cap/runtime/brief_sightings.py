"""Detections that are gone at once: a pattern taken for a person, of which a whole clip is better without.

One of a single frame puts a floor where there is none and a pose from which the true one must fade in.
"""

import numpy as np
from jaxtyping import Float

from blaze2cap.data.segment import find_segments

LEAST_S = 0.1
"""Nobody's motion can be told from less [s]."""


def without_brief_sightings(landmarks: Float[np.ndarray, "N 25 7"], fps: float) -> Float[np.ndarray, "N 25 7"]:
    """A clip in the model's layout in which nobody is seen where somebody was tracked for less than `LEAST_S`.

    All stays as it is where nobody is seen for longer.
    """
    segments = find_segments(landmarks)
    brief = [segment for segment in segments if segment.frames / fps < LEAST_S]
    if len(brief) == len(segments):
        return landmarks
    cleared = landmarks.copy()
    for segment in brief:
        cleared[segment.rows] = 0
    return cleared
