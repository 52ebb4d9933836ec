"""Which frames of landmarks show somebody, and where tracking starts; `learning.features` says it in torch."""

import numpy as np
from jaxtyping import Bool, Float

from blaze2cap.body.landmark import TRACKED, WORLD


def detected_frames(landmarks: Float[np.ndarray, "*batch 25 7"]) -> Bool[np.ndarray, "*batch"]:
    """True where somebody was found; a frame with nobody in it is all zeros."""
    return np.any(landmarks[..., WORLD], axis=(-2, -1))


def restarts(landmarks: Float[np.ndarray, "N 25 7"]) -> Bool[np.ndarray, "N"]:
    """Frames that do not continue the one before: anchors, and the first detection after a gap."""
    detected = detected_frames(landmarks)
    return detected & ((landmarks[:, 0, TRACKED] == 0) | ~np.concatenate(([False], detected[:-1])))
