"""The steps in a row: pose by pose as a stream has them, or a whole animation, with the same result."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.finishing.low_pass import LowPass
from blaze2cap.runtime.finishing.planted_feet import PlantedFeet
from blaze2cap.runtime.finishing.smooth_return import SmoothReturn
from blaze2cap.runtime.finishing.step import Step
from blaze2cap.runtime.world_pose import WorldPose

_RETURNS_S = (0.05, 2.0)
_CUTOFFS_HZ = (0.1, 30.0)


@dataclass(frozen=True, kw_only=True)
class FinishingParams:
    """Which steps are on, and what a user may want to set of them."""

    smooth_return: bool = True
    low_pass: bool = False
    planted_feet: bool = True
    return_s: float = 0.3
    """How long it takes from the pose that was held to the new one, after a gap."""
    min_cutoff_hz: float = 4.0
    """Cutoff of the low-pass at rest: lower is smoother and later."""

    def __post_init__(self) -> None:
        for name, (low, high) in {"return_s": _RETURNS_S, "min_cutoff_hz": _CUTOFFS_HZ}.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"{name} is {value:g}, expected {low:g} to {high:g}")


RAW = FinishingParams(smooth_return=False, planted_feet=False)
"""Motion as the network has it."""


class Finishing:
    """The chosen steps for one person with these bones [m] (`Animation.offset`); what is remembered has a fixed size.

    Poses that are not valid hold the last one handed on.
    """

    def __init__(self, offset: Float[np.ndarray, "21 3"], params: FinishingParams | None = None) -> None:
        params = params or FinishingParams()
        self._feet = PlantedFeet(offset)
        self._steps: list[Step] = [
            step
            for step, on in (
                (SmoothReturn(params.return_s), params.smooth_return),
                (LowPass(params.min_cutoff_hz), params.low_pass),
                # Last, so that nothing moves a foot that stands.
                (self._feet, params.planted_feet),
            )
            if on
        ]
        self._last: WorldPose | None = None

    def resize(self, offset: Float[np.ndarray, "21 3"]) -> None:
        """Bones from now on, where a person's size becomes known on the way."""
        self._feet.resize(offset)

    def reset(self) -> None:
        """Forget everything: another person, or another shot."""
        for step in self._steps:
            step.reset()
        self._last = None

    def step(self, pose: WorldPose) -> WorldPose:
        """The next pose, finished; one that is not later than the one before, as a stream gives twice, is that one."""
        if self._last is None or pose.time_s > self._last.time_s:
            for step in self._steps:
                pose = step.step(pose)
            self._last = pose
        return self._last


def finish(animation: Animation, params: FinishingParams | None = None) -> Animation:
    """A whole animation through the same steps; frames before anybody is seen get the first finished pose."""
    finishing = Finishing(animation.offset, params)
    rotation, root_position = np.empty_like(animation.rotation), np.empty_like(animation.root_position)
    for number, pose in enumerate(poses(animation)):
        finished = finishing.step(pose)
        rotation[number], root_position[number] = finished.rotation, finished.root_position
    return dataclasses.replace(animation, rotation=rotation, root_position=root_position).held_at_first()


def poses(animation: Animation) -> Iterator[WorldPose]:
    """Frames of an animation, one by one."""
    frames = zip(animation.rotation, animation.root_position, animation.valid, animation.deviation, strict=True)
    for number, (rotation, root_position, valid, deviation) in enumerate(frames):
        yield WorldPose(number / animation.fps, rotation, root_position, bool(valid), deviation)
