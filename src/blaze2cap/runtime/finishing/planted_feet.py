"""Feet that stand neither slide nor sink: they keep their place, legs make up for it, and the hips a little.

A foot that lands keeps the place and the heading that it has then, its sole on the floor, and comes to rest there and
leaves it smoothly. What both feet ask for alike, the hips do slowly; the rest is done by the legs, and knees bend the
way they did. All of it within a limited reach: what is further off is dragged along.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Float64

from blaze2cap.runtime.animation import size_of, sole
from blaze2cap.runtime.finishing.contact import Contact
from blaze2cap.runtime.finishing.leg import FEET, SHINS, THIGHS, Legs
from blaze2cap.runtime.finishing.step import held
from blaze2cap.runtime.finishing.turning import (
    Matrices,
    Vectors,
    about_vertical,
    between,
    eased,
    heading,
    length,
    wrapped,
)
from blaze2cap.runtime.world_pose import WorldPose

# How long a foot takes to come to rest where it stands, and to leave it [s].
LANDING_S, LEAVING_S = 0.1, 0.2
# How far [m, rad] a foot may be kept from where the pose has it.
REACH_M, REACH_RAD = 0.05, 0.3
# A sole that lies this steep stays so, one that is flatter than the first lies down [cosines of 20 and 45 degrees].
FLAT, STEEP = 0.94, 0.7
# The hips follow what the feet ask for in this time, and go back in that [s]; by no more than this [m].
FOLLOW_S, BACK_S, SHIFT_M = 0.3, 2.0, 0.15
# A foot on its way through the floor is lifted by this at most, and that begins so far above it [m].
LIFT_M, SOFT_M = 0.1, 0.01
# Frames further apart than this [s] are taken as not further.
_LONGEST_STEP_S = 0.1

Times = Float64[np.ndarray, "2"]
Flags = Bool[np.ndarray, "2"]


class PlantedFeet:
    """The step, for a person with these bones [m] (`Animation.offset`)."""

    def __init__(self, offset: Float[np.ndarray, "21 3"]) -> None:
        self.resize(offset)
        self.reset()

    def resize(self, offset: Float[np.ndarray, "21 3"]) -> None:
        """Bones of now on, of a person whose size one learns on the way."""
        self._offset = offset
        self._sole = sole(size_of(offset))

    def reset(self) -> None:
        """Forget where the feet stand."""
        self._contact = Contact()
        self._planted: Flags = np.zeros(2, bool)
        self._last: WorldPose | None = None
        self._shift: Vectors = np.zeros(3)
        # Of each foot: time since it landed or left, where it stands and heads.
        self._since_s = np.full(2, math.inf)
        self._place = np.zeros((2, 2))
        self._heading: Times = np.zeros(2)
        # How far it was from where it goes when it landed or left, how fast it came there, and how it was turned.
        self._rest: Vectors = np.zeros((2, 3))
        self._rest_velocity: Vectors = np.zeros((2, 3))
        self._rest_turn: Matrices = np.tile(np.eye(3), (2, 1, 1))
        # In the last frame: the ankle as handed on, how far and how much turned it was from the pose's; velocities.
        self._ankle: Vectors | None = None
        self._velocity: Vectors = np.zeros((2, 3))
        self._apart: Vectors = np.zeros((2, 3))
        self._apart_velocity: Vectors = np.zeros((2, 3))
        self._turned: Matrices = np.tile(np.eye(3), (2, 1, 1))

    def step(self, pose: WorldPose) -> WorldPose:
        """The pose with its feet where they stand."""
        if not pose.valid:
            return held(pose, self._last)
        dt_s = _LONGEST_STEP_S
        if self._last is not None:
            dt_s = min(pose.time_s - self._last.time_s, _LONGEST_STEP_S)
        rotation, root = pose.rotation, pose.root_position
        legs = Legs(rotation, root, self._offset)
        sole_height = legs.ankle[:, 1] + self._sole_below(legs.foot_turn)
        self._see(self._contact.see(legs.ankle, sole_height, dt_s), legs, dt_s)
        self._follow(legs, dt_s)
        legs = legs.moved(self._shift)
        ankle, foot_turn = self._kept(legs, dt_s)
        changed = rotation.copy()
        for joints, turn in zip((THIGHS, SHINS, FEET), legs.reached(ankle, foot_turn), strict=True):
            changed[joints] = turn
        self._last = pose._replace(rotation=changed, root_position=root + self._shift)
        return self._last

    def _sole_below(self, foot_turn: Matrices) -> Float64[np.ndarray, "2"]:
        """Height of the soles' lowest points over the ankles."""
        return (foot_turn[:, 1] @ self._sole.T).min(-1)

    def _see(self, planted: Flags, legs: Legs, dt_s: float) -> None:
        """Let feet come to rest that stand now and did not before, and let those go that leave."""
        changed = planted != self._planted
        self._planted = planted
        self._since_s = np.where(changed, dt_s, self._since_s + dt_s)
        if not changed.any():
            return
        landed = changed & planted
        ankle = legs.ankle if self._ankle is None else self._ankle
        # The way that is left to a foot that comes to rest evenly.
        place = ankle[:, ::2] + self._velocity[:, ::2] * (LANDING_S / 3)
        self._place = np.where(landed[:, None], place, self._place)
        self._heading = np.where(landed, heading(self._turned @ legs.foot_turn), self._heading)
        rest = np.where(landed[:, None], ankle - self._standing(legs.foot_turn), self._apart)
        velocity = np.where(landed[:, None], self._velocity, self._apart_velocity)
        self._rest = np.where(changed[:, None], rest, self._rest)
        self._rest_velocity = np.where(changed[:, None], velocity, self._rest_velocity)
        self._rest_turn = np.where(changed[:, None, None], self._turned, self._rest_turn)

    def _standing(self, foot_turn: Matrices) -> Vectors:
        """Places of the ankles of feet that stand where they landed, turned so."""
        return np.stack((self._place[:, 0], -self._sole_below(foot_turn), self._place[:, 1]), axis=-1)

    def _follow(self, legs: Legs, dt_s: float) -> None:
        """Move the hips towards where the standing feet are nearest to their poses; back if none stands."""
        weight = self._planted * eased(self._since_s / LANDING_S)
        self._shift = self._shift * math.exp(-dt_s / BACK_S)
        if weight.any():
            asked = self._standing(legs.foot_turn) - legs.ankle
            there = weight @ asked / weight.sum()
            # Down to the foot that hangs highest: legs bend further than they stretch.
            there[1] = asked[self._planted, 1].min()
            gain = weight.max() * (1 - math.exp(-dt_s / FOLLOW_S))
            self._shift = self._shift + gain * (there - self._shift)
        self._shift = np.clip(self._shift, -SHIFT_M, SHIFT_M)

    def _kept(self, legs: Legs, dt_s: float) -> tuple[Vectors, Matrices]:
        """Where the ankles are to be and how the feet are to lie, of legs whose hips are where they stay."""
        duration = np.where(self._planted, LANDING_S, LEAVING_S)
        share = eased(self._since_s / duration)
        # Drag along what is out of reach.
        gap = legs.ankle[:, ::2] - self._place
        far = length(gap)
        self._place = self._place + gap * (np.maximum(far - REACH_M, 0) / np.maximum(far, 1e-9))[:, None]
        ahead = wrapped(heading(legs.foot_turn) - self._heading)
        self._heading = self._heading + ahead - np.clip(ahead, -REACH_RAD, REACH_RAD)
        turn = between(legs.foot_turn, self._rest_turn @ legs.foot_turn, 1 - share)
        flat = eased((legs.foot_turn[:, 1, 1] - STEEP) / (FLAT - STEEP))
        turn = between(turn, about_vertical(self._heading), np.where(self._planted, share * flat, 0))
        ankle = np.where(self._planted[:, None], self._standing(turn), legs.ankle)
        ankle = ankle + _rest(self._since_s, duration, self._rest, self._rest_velocity)
        # A foot that passes through the floor is lifted over it, softly.
        deep = -self._sole_below(turn) - ankle[:, 1]
        lift = (deep + np.sqrt(deep * deep + SOFT_M * SOFT_M)) / 2
        ankle[:, 1] += np.where(self._planted, 1 - share, 1) * np.minimum(lift, LIFT_M)
        apart = ankle - legs.ankle
        self._velocity = np.zeros((2, 3)) if self._ankle is None else (ankle - self._ankle) / dt_s
        self._apart_velocity = (apart - self._apart) / dt_s
        self._ankle, self._apart, self._turned = ankle, apart, turn @ np.swapaxes(legs.foot_turn, -1, -2)
        return ankle, turn


def _rest(since_s: Times, duration_s: Times, start: Vectors, velocity: Vectors) -> Vectors:
    """What is left of a way that began at `start` with that velocity and ends at rest (cubic Hermite)."""
    share = np.clip(since_s / duration_s, 0, 1)[:, None]
    left = (1 - share) * (1 - share)
    return left * ((1 + 2 * share) * start + share * duration_s[:, None] * velocity)
