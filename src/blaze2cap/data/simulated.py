"""Batches of motion seen by a simulated detector from random places: motion without landmarks becomes training data."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED
from blaze2cap.data.clipset import EVERYTHING, ClipSet, Known
from blaze2cap.data.detector.observation import SimulatedDetector
from blaze2cap.data.detector.view import random_views
from blaze2cap.data.generated_motion import GeneratedMotion, GeneratedParams
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


class SimulatedWindows:
    """Random windows of the motion of takes, as a random camera's detector would have seen them.

    `generated.share` of a draw is made-up motion instead; the detector knows only the takes. Takes whose root has no
    place in the world cannot be seen from elsewhere: where all are such, motion and cameras are all made up.
    """

    def __init__(
        self,
        clipset: ClipSet,
        takes: Sequence[str],
        window: int,
        detector: Literal["parametric", "bootstrap"],
        strides: Sequence[int],
        generated: GeneratedParams,
    ) -> None:
        self._motion = None
        self._detector = make_detector(detector, clipset, takes)
        self._strides = strides
        self._generated_share = generated.share
        self._generated = None
        if placed := clipset.takes_with(Known.ROOT, takes):
            self._cameras = list(clipset.cameras.values())
            self._motion = MotionWindows(clipset, placed, window)
            if not len(self._motion):
                raise UserError(
                    f"no take of the training part is longer than train.window = {window} frames; "
                    "give longer ones or lower it"
                )
        else:
            from blaze2cap.data.sources.sample.room import make_cameras

            self._cameras = list(make_cameras(_MADE_UP_CAMERAS, generated.seed).values())
        if generated.share:
            motion = GeneratedMotion.perform(generated)
            self._generated = MotionWindows(motion, list(motion.takes.index), window)
            if not len(self._generated):
                raise UserError(
                    f"train.generated.seconds is {generated.seconds:g}, which leaves no take longer than "
                    f"train.window = {window} frames; raise it"
                )

    def draw(self, count: int, stride_share: float, rng: np.random.Generator, generator: torch.Generator) -> Batch:
        """`count` windows; `stride_share` of them at strides above 1."""
        made_up = round(count * self._generated_share) if self._motion else count
        parts = [
            source.draw(share, self._strides, stride_share, rng)
            for source, share in ((self._motion, count - made_up), (self._generated, made_up))
            if source
        ]
        motion = MotionWindow.concatenate(parts)
        position, rotation = forward_kinematics(motion.rotation, motion.offset[:, None], motion.root_position)
        position, rotation, intrinsics = random_views(position, rotation, self._cameras, generator)
        landmarks = self._detector.simulate(position, rotation, intrinsics, motion.dt, generator)
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
