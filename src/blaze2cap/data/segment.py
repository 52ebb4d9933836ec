"""From raw landmarks to the 25 x 7 layout, and unbroken stretches of tracking: segments, each starting at an anchor."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from blaze2cap.body.landmark import KEPT_FROM_RAW, KEPT_RAW_CHANNELS, TRACKED


class Segment(NamedTuple):
    """Frames `first_frame` up to `first_frame + frames`, all detected and tracked on from the first one."""

    first_frame: int
    frames: int

    @property
    def rows(self) -> slice:
        """Its frames as an index into the clip."""
        return slice(self.first_frame, self.first_frame + self.frames)


def to_model_layout(raw: Float32[np.ndarray, "frames 33 10"]) -> Float32[np.ndarray, "frames 25 7"]:
    """Keep 25 landmarks and 7 channels; the tracking flag becomes 0 wherever a segment starts.

    A detection right after a gap is an anchor even where the recording flags it as tracked.
    """
    landmarks = np.ascontiguousarray(raw[:, KEPT_FROM_RAW][:, :, KEPT_RAW_CHANNELS])
    detected = is_detected(landmarks)
    landmarks[:, :, TRACKED] = (detected & ~_starts(landmarks, detected))[:, None]
    return landmarks


def is_detected(landmarks: Float32[np.ndarray, "frames 25 7"]) -> Bool[np.ndarray, "frames"]:
    """Frames in which a person was detected: all others are zeros throughout."""
    return (landmarks != 0).any(axis=(1, 2))


def find_segments(landmarks: Float32[np.ndarray, "frames 25 7"]) -> list[Segment]:
    """Segments of a clip, in order; they end where tracking is lost or anchored anew."""
    detected = is_detected(landmarks)
    start = _starts(landmarks, detected)
    starts = np.flatnonzero(start)
    ends = np.flatnonzero(np.append(start | ~detected, True))
    after = ends[np.searchsorted(ends, starts, side="right")]
    return [Segment(int(first), int(end - first)) for first, end in zip(starts, after, strict=True)]


def _starts(
    landmarks: Float32[np.ndarray, "frames 25 7"], detected: Bool[np.ndarray, "frames"]
) -> Bool[np.ndarray, "frames"]:
    before = np.append(False, detected[:-1])
    return detected & ((landmarks[:, 0, TRACKED] == 0) | ~before)
