"""Sudden exchanges of left and right in a detector's landmarks, taken back before the network sees them.

A detector that takes left for right, from one frame to the next, finds the same places in the image and names them the
other way round. Depth it keeps as it was (somebody seen from the side), or turns around as well (front is taken for
back). Such a frame jumps away from the one before, and does not when read the other way. Where the detector wavers, its
own smoothing blends both readings: middles of pairs stay, and the differences between left and right shrink. What turns
around slowly is let through, and so is a new detection.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from blaze2cap.body.landmark import LANDMARK_INDEX, LIMB_LANDMARKS, MIRROR, TRACKED, WORLD, indices

# Differences between left and right that keep less than this share of those before are a blend of two readings: a
# person who turns twice a second keeps 0.8 at 20 frames per second.
_LEAST_SHARE = 0.2
# A blend that lasts longer [s] is none; 0.05 s is the longest seen.
_LONGEST_BLEND_S = 0.15
# An exchange that lasts longer [s] is no slip, nor one that says more than what was seen before it.
_LONGEST_S = 0.75
# An exchange is over, too, where the limbs are as near to what they were of late (time constant [s]) before it began.
_MEMORY_S, _BACK = 0.15, 0.97
# How long the first frame lasts [s].
_FIRST_S = 1 / 60

_LIMBS = indices(*LIMB_LANDMARKS)
_LEFT_IS_RIGHT = list(MIRROR)
_DEPTH = WORLD.stop - 1

Frame = Float32[np.ndarray, "25 7"]


class _Seen(NamedTuple):
    """What is remembered of a person: the last frame as handed on, frames of late, the time of the last, that of the
    last one that was no blend, and what the detector's own reading has said for itself [s] (`_forward`)."""

    frame: Frame
    late: Frame
    time_s: float
    read_s: float
    said_s: float


class _Slip(NamedTuple):
    """An exchange that goes on: frames before it, when it began, and what it has said for itself [s]."""

    before: Frame
    since_s: float
    said_s: float


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
        """Whether the last frame belongs to an exchange that is taken back."""
        return self._slip is not None

    def step(self, frame: Frame, time_s: float) -> Frame:
        """The frame taken at that time, its sides as they were in the frames before.

        A blend of both readings keeps the middles of its pairs and gets the differences of the frame before. Where an
        exchange goes on for too long, the frame is handed on as it is, as an anchor, and believed.
        """
        seen = self._seen
        if seen is None or not frame[0, TRACKED]:
            self._start(frame, time_s)
            return frame
        read = min((frame, exchanged(frame), turned(frame)), key=lambda reading: _apart(reading, seen.frame))
        slips = read is not frame
        blend = _kept(read, seen.frame) < _LEAST_SHARE and time_s - seen.read_s <= _LONGEST_BLEND_S
        said_s = 0.0 if blend else _forward(frame) * (time_s - seen.time_s)
        if slips and not blend:
            slip = self._slip or _Slip(seen.late, seen.time_s, 0.0)
            self._slip = slip._replace(said_s=slip.said_s + said_s)
            if _apart(frame, slip.before) < _BACK * _apart(read, slip.before):
                read, self._slip = frame, None
        elif not blend:
            self._slip = None
        if self._slip and (time_s - self._slip.since_s > _LONGEST_S or self._slip.said_s > seen.said_s):
            self._start(frame, time_s)
            anew = frame.copy()
            anew[:, TRACKED] = 0
            return anew
        done = frame - _difference(frame) + _difference(seen.frame) if blend else read
        said_s = seen.said_s + (0.0 if self._slip else said_s)
        late = seen.late + (1 - math.exp((seen.time_s - time_s) / _MEMORY_S)) * (done - seen.late)
        self._seen = _Seen(done, late.astype(np.float32), time_s, seen.read_s if blend else time_s, said_s)
        return done

    def _start(self, frame: Frame, time_s: float) -> None:
        """From here on; from the next frame on where nobody is seen in this one."""
        self.reset()
        if frame.any():
            self._seen = _Seen(frame, frame, time_s, time_s, _forward(frame) * _FIRST_S)


def guarded(landmarks: Float32[np.ndarray, "N 25 7"], fps: float) -> Float32[np.ndarray, "N 25 7"]:
    """A whole clip through the same steps."""
    guard, done = SideGuard(), np.empty_like(landmarks)
    for number, frame in enumerate(landmarks):
        done[number] = guard.step(frame, number / fps)
    return done


def exchanged(frame: Frame) -> Frame:
    """The same places with the names of the other side. Its own inverse."""
    return frame[_LEFT_IS_RIGHT]


def turned(frame: Frame) -> Frame:
    """The other pose that looks the same in the image: in front is behind, too. Its own inverse."""
    other = exchanged(frame)
    other[:, _DEPTH] *= -1
    return other


def _difference(frame: Frame) -> Frame:
    """What an exchange of names turns into its opposite: half of the way to each landmark from its mirror image."""
    return (frame - exchanged(frame)) / 2


def _apart(frame: Frame, before: Frame) -> float:
    """Mean distance of the limbs [m]."""
    return float(np.linalg.norm((frame - before)[_LIMBS, WORLD], axis=-1).mean())


def _kept(frame: Frame, before: Frame) -> float:
    """Which share of the limbs' differences between left and right is still there: 1 all, -1 names are exchanged."""
    now, then = (_difference(limbs)[_LIMBS, WORLD] for limbs in (frame, before))
    return float((now * then).sum() / max((then * then).sum(), 1e-9))


def _forward(frame: Frame) -> float:
    """How far the feet point where the trunk faces, 0 to 1: mean cosine, none for what points back.

    Feet of a reading that has the sides wrong point back, or, where depth was drawn along with it, aside.
    """
    place = {name: frame[index, WORLD] for name, index in LANDMARK_INDEX.items()}
    right, up, cosine = np.zeros(3), np.zeros(3), 0.0
    for side, sign in (("left", -1), ("right", 1)):
        right += sign * (place[f"{side}_shoulder"] + place[f"{side}_hip"])
        up += place[f"{side}_shoulder"] - place[f"{side}_hip"]
    ahead = np.cross(up, right)
    for side in ("left", "right"):
        foot = place[f"{side}_foot_index"] - place[f"{side}_heel"]
        cosine += float(foot @ ahead) / max(float(np.linalg.norm(foot) * np.linalg.norm(ahead)), 1e-9)
    return max(cosine / 2, 0.0)
