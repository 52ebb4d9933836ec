"""Frame rates that no model was trained at: footage brought to one between 20 and 60, and its motion back.

Whole factors only, so that frames fall on frames: 120 frames per second become every second frame, 12 become 24.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from blaze2cap.body.landmark import TRACKED
from blaze2cap.runtime.rotation import matrix_to_rotation_vector, rotation_vector_to_matrix
from blaze2cap.runtime.tracking import detected_frames, restarts

KNOWN_FPS = (20.0, 60.0)


class Track(NamedTuple):
    """A person's motion in the camera's frame, absolute: local rotations (the root's own in slot 0), root position [m],
    frames that saw somebody, error to expect of each rotation [rad]."""

    rotation: Float[np.ndarray, "N 21 3 3"]
    root_position: Float[np.ndarray, "N 3"]
    valid: Bool[np.ndarray, "N"]
    deviation: Float[np.ndarray, "N 21"]

    def at(self, frames: np.ndarray | slice) -> "Track":
        """Some of the frames."""
        return Track(*(part[frames] for part in self))

    def held(self) -> "Track":
        """Frames with nobody in them as the last one with somebody, those before any as the first; still not valid."""
        return self.at(shown_instead(self.valid))._replace(valid=self.valid)


def shown_instead(valid: Bool[np.ndarray, "N"]) -> Int[np.ndarray, "N"]:
    """Which frame stands for each: itself if valid, else the last valid one before, or the first of all."""
    return np.maximum.accumulate(np.where(valid, np.arange(len(valid)), valid.argmax()))


def thinning(fps: float) -> int:
    """Of how many frames one is kept: more than 1 above 60 frames per second."""
    return math.ceil(fps / KNOWN_FPS[1] - 1e-3)


def filling(fps: float) -> int:
    """How many frames a frame becomes: more than 1 below 20 frames per second."""
    return math.ceil(KNOWN_FPS[0] / fps - 1e-3)


def thinned(landmarks: Float[np.ndarray, "N 25 7"], keep: int) -> Float[np.ndarray, "M 25 7"]:
    """Every `keep`-th frame; an anchor, or a gap, since the last one kept makes the next one an anchor."""
    tracked = landmarks[:, 0, TRACKED]
    # The frames after the last one kept, up to and with this one; before the first there are none.
    padded = np.concatenate((np.ones(keep - 1, tracked.dtype), tracked))
    since = np.lib.stride_tricks.sliding_window_view(padded, keep).min(-1)
    kept = landmarks[::keep].copy()
    kept[..., TRACKED] = since[::keep, None]
    return kept


def filled(landmarks: Float[np.ndarray, "N 25 7"], times: int) -> Float[np.ndarray, "M 25 7"]:
    """`times` frames for each one but the last: straight on to the next one, nobody where tracking is broken there."""
    here, after = landmarks[:-1, None], landmarks[1:, None]
    share = (np.arange(times) / times).astype(landmarks.dtype)[:, None, None]
    between = here + share * (after - here)
    # In between, tracking goes on; only the frame itself may be an anchor.
    between[:, 1:, :, TRACKED] = 1
    goes_on = detected_frames(landmarks[:-1]) & detected_frames(landmarks[1:]) & ~restarts(landmarks)[1:]
    between[:, 1:] *= goes_on[:, None, None, None]
    between[:, 0] = landmarks[:-1]
    return np.concatenate((between.reshape(-1, *landmarks.shape[1:]), landmarks[-1:]))


def tracked_on(landmarks: Float[np.ndarray, "N 25 7"]) -> Bool[np.ndarray, "N"]:
    """Frames up to which, from the first on, somebody is tracked without a break."""
    return np.logical_and.accumulate(landmarks[:, 0, TRACKED] == 1)


def spread(track: Track, keep: int, landmarks: Float[np.ndarray, "N 25 7"]) -> Track:
    """Motion of every frame of `landmarks` from that of every `keep`-th: shortest turns and straight ways in between,
    and on from the last two, the frame before where tracking breaks."""
    if keep == 1:
        return track._replace(valid=detected_frames(landmarks))
    frame = np.arange(len(landmarks))
    before = frame // keep
    last = len(track.valid) - 1
    after = np.minimum(before + 1, last)
    broken = restarts(thinned(landmarks, keep)) | ~track.valid
    share = np.where(broken[after], 0.0, (frame % keep) / keep)
    if last > 0 and not broken[last]:
        beyond = last * keep + 1 + np.flatnonzero(tracked_on(landmarks[last * keep + 1 :]))
        before[beyond], share[beyond] = last - 1, 1 + share[beyond]
    here, there = track.at(before), track.at(after)
    turn = matrix_to_rotation_vector(here.rotation.mT @ there.rotation) * share[:, None, None]
    return Track(
        here.rotation @ rotation_vector_to_matrix(turn),
        here.root_position + share[:, None] * (there.root_position - here.root_position),
        detected_frames(landmarks),
        track.deviation[frame // keep],
    )
