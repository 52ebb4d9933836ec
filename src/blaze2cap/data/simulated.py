"""Batches of motion seen by a simulated detector from random places: motion without landmarks becomes training data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED
from blaze2cap.data.clipset import EVERYTHING, ClipSet, Known
from blaze2cap.data.detector.observation import SimulatedDetector
from blaze2cap.data.detector.view import random_views
from blaze2cap.data.generated_motion import EVERYDAY, FLOOR, GeneratedMotion, GeneratedParams, Repertoire
from blaze2cap.data.windows import Batch, MotionWindow, MotionWindows
from blaze2cap.errors import UserError

_MADE_UP_CAMERAS = 8
# Share of the windows that start at an anchor, where nothing is known of the frame before.
_STARTS = 0.1


def make_detector(
    name: Literal["parametric", "bootstrap"], clipset: ClipSet, takes: Sequence[str]
) -> SimulatedDetector:
    """The error model of that name; `bootstrap` learns from the given takes' clips, which must be training ones.

    Raises UserError where it has nothing to learn from: errors are told in the camera's frame, with a person's bones.
    """
    if name == "parametric":
        from blaze2cap.data.detector.parametric import ParametricDetector

        return ParametricDetector()
    known = clipset.takes_with(EVERYTHING, takes)
    if len(known) < len(takes):
        lacking = next(take for take in takes if take not in known)
        raise UserError(
            f"train.detector is bootstrap, which learns the detector's errors from truth in the camera's frame, but "
            f"{len(takes) - len(known)} takes have no absolute root or bones of their own ({lacking}); use parametric"
        )
    from blaze2cap.data.detector.bootstrap import BootstrapDetector

    return BootstrapDetector.fit(clipset, list(takes))


@dataclass(frozen=True)
class SimulatedWindows:
    """Random windows of motion, as a detector would have seen it with one of the cameras, moved and turned.

    Of a draw, each motion has its share; the shares add up to 1.
    """

    motion: Sequence[tuple[MotionWindows, float]]
    detector: SimulatedDetector
    cameras: Sequence[Camera]
    strides: Sequence[int]

    @classmethod
    def of_takes(
        cls,
        clipset: ClipSet,
        takes: Sequence[str],
        window: int,
        detector: Literal["parametric", "bootstrap"],
        strides: Sequence[int],
        generated: GeneratedParams,
    ) -> "SimulatedWindows":
        """The motion of takes; `generated.share` of a draw is made-up floor work, of which the detector knows nothing.

        Takes whose root has no place in the world cannot be seen from elsewhere: where all are such, motion and
        cameras are all made up. Raises UserError where takes are too short for a window, or the detector cannot learn.
        """
        known = make_detector(detector, clipset, takes)
        floor = [(_made_up(FLOOR, "generated", generated, window), generated.share)] if generated.share else []
        placed = clipset.takes_with(Known.ROOT, takes)
        if not placed:
            from blaze2cap.data.sources.sample.room import make_cameras

            cameras = make_cameras(_MADE_UP_CAMERAS, generated.seed)
            return cls([(motion, 1.0) for motion, _ in floor], known, list(cameras.values()), strides)
        recorded = MotionWindows(clipset, placed, window)
        if not len(recorded):
            raise UserError(
                f"no take of the training part is longer than train.window = {window} frames; "
                "give longer ones or lower it"
            )
        return cls([(recorded, 1 - generated.share), *floor], known, list(clipset.cameras.values()), strides)

    @classmethod
    def of_people(cls, everyday: GeneratedParams, window: int, strides: Sequence[int]) -> "SimulatedWindows":
        """Made-up people in everyday motion, in a made-up room, by a made-up detector: nothing of them was recorded.

        Raises UserError where their takes are too short for a window.
        """
        from blaze2cap.data.detector.parametric import ParametricDetector
        from blaze2cap.data.sources.sample.room import make_cameras

        motion = _made_up(EVERYDAY, "everyday", everyday, window)
        cameras = make_cameras(_MADE_UP_CAMERAS, everyday.seed).values()
        return cls([(motion, 1.0)], ParametricDetector(), list(cameras), strides)

    def counts(self, windows: int) -> list[int]:
        """How many of the first so many windows of a batch show which motion."""
        shares = [round(windows * share) for _, share in self.motion[1:]]
        return [windows - sum(shares), *shares]

    def draw(
        self, count: int, stride_share: float, rng: np.random.Generator, generator: torch.Generator, before: int = 0
    ) -> Batch:
        """`count` windows, which follow `before` others of their batch; `stride_share` of them at strides above 1."""
        # A share too small for one draw comes up in some of a batch.
        shares = [b - a for a, b in zip(self.counts(before), self.counts(before + count), strict=True)]
        motion = MotionWindow.concatenate(
            [
                source.draw(share, self.strides, stride_share, rng)
                for (source, _), share in zip(self.motion, shares, strict=True)
            ]
        )
        position, rotation = forward_kinematics(motion.rotation, motion.offset[:, None], motion.root_position)
        position, rotation, intrinsics = random_views(position, rotation, self.cameras, generator)
        landmarks = self.detector.simulate(position, rotation, intrinsics, motion.dt, generator)
        inside = torch.ones(landmarks.shape[:2], dtype=torch.bool)
        inside[:, 0] = torch.rand(count, generator=generator) >= _STARTS
        landmarks[:, 1, :, TRACKED] = inside[:, :1].to(landmarks.dtype)
        return Batch(
            landmarks * inside[..., None, None],
            intrinsics,
            motion.dt,
            torch.cat((rotation[:, :, :1], motion.rotation[:, :, 1:]), dim=2),
            position[:, :, 0],
            motion.offset,
            motion.outlier,
            inside,
            torch.ones(count, dtype=torch.bool),
        )


def _made_up(repertoire: Repertoire, section: str, params: GeneratedParams, window: int) -> MotionWindows:
    motion = GeneratedMotion.perform(params, repertoire)
    windows = MotionWindows(motion, list(motion.takes.index), window)
    if not len(windows):
        raise UserError(
            f"train.{section}.seconds is {params.seconds:g}, which leaves no take longer than "
            f"train.window = {window} frames; raise it"
        )
    return windows
