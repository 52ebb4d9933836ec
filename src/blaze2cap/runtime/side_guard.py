"""Sudden exchanges of left and right in a detector's landmarks, taken back before the network sees them.

A detector that takes front for back, from one frame to the next, gives left the image places of right and depths the
other sign: in one image both are the same person. Such a frame jumps away from the ones before, and does not when
exchanged back. What turns around slowly is let through, and so is a new detection.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from blaze2cap.body.landmark import LIMB_LANDMARKS, MIRROR, TRACKED, WORLD, indices

# A frame is read the other way round if that brings the limbs nearer to those of the frame before by this [m, mean
# distance], and to less than this share of the way; limbs of people who dance come 20-60 mm on in a frame.
_GAIN_M, _SHARE = 0.08, 0.6
# It must also be nearer to where the limbs were of late (time constant [s]): who returns from a slip jumps, too.
_MEMORY_S, _NEARER = 0.15, 0.8
# Frames are read the right way round again as soon as that is as near to what the limbs were before the slip.
_BACK = 0.97
# An exchange that lasts longer [s] is no slip, nor one that lasts longer than the person was seen before it.
_LONGEST_S = 0.75

_LIMBS = indices(*LIMB_LANDMARKS)
_LEFT_IS_RIGHT = list(MIRROR)

Limbs = Float32[np.ndarray, "12 3"]


class _Seen(NamedTuple):
    """What is remembered of a person: limbs of the last frame as handed on, limbs of late, the time of the frame, for
    how long [s] sides were as the detector said."""

    last: Limbs
    late: Limbs
    time_s: float
    trusted_s: float


class _Slip(NamedTuple):
    """An exchange that goes on: limbs before it, and when it began."""

    before: Limbs
    since_s: float


class SideGuard:
    """One person's landmarks frame by frame, in the model's layout; the state has a fixed size."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first."""
        self._seen: _Seen | None = None
        self._slip: _Slip | None = None

    @property
    def exchanged(self) -> bool:
        """Whether the sides of the last frame were exchanged back."""
        return self._slip is not None

    def step(self, frame: Float32[np.ndarray, "25 7"], time_s: float) -> Float32[np.ndarray, "25 7"]:
        """The frame taken at that time, its sides as they were in the frames before.

        Where an exchange goes on for too long, the frame is handed on as it is, as an anchor, and believed.
        """
        if self._seen is None or not frame[0, TRACKED]:
            self._start(frame, time_s)
            return frame
        other = exchanged(frame)
        self._slip = self._judged(frame[_LIMBS, WORLD], other[_LIMBS, WORLD], time_s)
        if self._slip is None:
            self._go_on(frame, time_s, trusted=True)
            return frame
        if time_s - self._slip.since_s > min(_LONGEST_S, self._seen.trusted_s):
            self._start(frame, time_s)
            anew = frame.copy()
            anew[:, TRACKED] = 0
            return anew
        self._go_on(other, time_s, trusted=False)
        return other

    def _start(self, frame: Float32[np.ndarray, "25 7"], time_s: float) -> None:
        """From here on; from the next frame on where nobody is seen in this one."""
        self.reset()
        if frame.any():
            limbs = frame[_LIMBS, WORLD]
            self._seen = _Seen(limbs, limbs, time_s, 0.0)

    def _judged(self, limbs: Limbs, other: Limbs, time_s: float) -> _Slip | None:
        """The slip that this frame belongs to, if any."""
        assert self._seen is not None
        jump, jump_other = _apart(limbs, self._seen.last), _apart(other, self._seen.last)
        if self._slip is None:
            slips = jump - jump_other > _GAIN_M and jump_other < _SHARE * jump
            slips = slips and _apart(other, self._seen.late) < _NEARER * _apart(limbs, self._seen.late)
            return _Slip(self._seen.late, time_s) if slips else None
        back = jump_other - jump > _GAIN_M and jump < _SHARE * jump_other
        back = back or _apart(limbs, self._slip.before) < _BACK * _apart(other, self._slip.before)
        return None if back else self._slip

    def _go_on(self, frame: Float32[np.ndarray, "25 7"], time_s: float, trusted: bool) -> None:
        assert self._seen is not None
        limbs, dt_s = frame[_LIMBS, WORLD], time_s - self._seen.time_s
        late = self._seen.late + (1 - math.exp(-dt_s / _MEMORY_S)) * (limbs - self._seen.late)
        self._seen = _Seen(limbs, late.astype(np.float32), time_s, self._seen.trusted_s + dt_s * trusted)


def guarded(landmarks: Float32[np.ndarray, "N 25 7"], fps: float) -> Float32[np.ndarray, "N 25 7"]:
    """A whole clip through the same steps."""
    guard = SideGuard()
    return np.stack([guard.step(frame, number / fps) for number, frame in enumerate(landmarks)])


def exchanged(frame: Float32[np.ndarray, "25 7"]) -> Float32[np.ndarray, "25 7"]:
    """The other reading of the same image: left is right, in front is behind. Its own inverse."""
    other = frame[_LEFT_IS_RIGHT]
    other[:, 2] *= -1
    return other


def _apart(a: Limbs, b: Limbs) -> float:
    """Mean distance of the limbs [m]."""
    return float(np.sqrt(np.square(a - b).sum(-1)).mean())
