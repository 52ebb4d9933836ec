"""Legs that reach where their ankles are to be: two bones in closed form, knees keep the way they bend."""

from copy import copy

import numpy as np
from jaxtyping import Float, Float64

from blaze2cap.body.skeleton import indices
from blaze2cap.runtime.finishing.turning import (
    Matrices,
    Vectors,
    applied,
    cross,
    length,
    turn_about,
    turn_between,
    unit,
)

THIGHS, SHINS, FEET = (indices(f"Right{part}", f"Left{part}") for part in ("UpLeg", "Leg", "Foot"))

# A leg stretches up to this share of its length, ever more slowly: the last of it turns the knee by ever more degrees.
_STRETCH = 0.995
# A knee that hardly bends says little of where it bends to, its joint's own axis does: what that weighs.
_HINGE_WEIGHT = 0.02


class Legs:
    """Both legs of a pose, right one first: where their joints are and how the bones lie in the world [m]."""

    def __init__(
        self,
        rotation: Float[np.ndarray, "21 3 3"],
        root_position: Float[np.ndarray, "3"],
        offset: Float[np.ndarray, "21 3"],
    ) -> None:
        self._root = rotation[0]
        self._thigh, self._shin = offset[SHINS], offset[FEET]
        self.thigh_turn: Matrices = self._root @ rotation[THIGHS]
        self.shin_turn: Matrices = self.thigh_turn @ rotation[SHINS]
        self.foot_turn: Matrices = self.shin_turn @ rotation[FEET]
        self.hip: Vectors = root_position + offset[THIGHS] @ self._root.T
        self.knee: Vectors = self.hip + applied(self.thigh_turn, self._thigh)
        self.ankle: Vectors = self.knee + applied(self.shin_turn, self._shin)

    def moved(self, way: Float64[np.ndarray, "3"]) -> "Legs":
        """The same legs, the whole body moved [m]."""
        legs = copy(self)
        legs.hip, legs.knee, legs.ankle = self.hip + way, self.knee + way, self.ankle + way
        return legs

    def reached(self, ankle: Vectors, foot_turn: Matrices) -> tuple[Matrices, Matrices, Matrices]:
        """Local rotations [2, 3, 3] of thighs, shins and feet with the ankles there, or as near as the legs reach, and
        the feet turned so in the world."""
        upper, lower = length(self._thigh), length(self._shin)
        now, way = self.ankle - self.hip, ankle - self.hip
        near, far = length(now), length(way)
        room = np.maximum(_STRETCH * (upper + lower) - near, 1e-6)
        longer = room * -np.expm1(-np.maximum(far - near, 0) / room)
        far = np.maximum(np.minimum(far, near) + longer, np.abs(upper - lower) + 1e-3)
        # About this axis the thigh is ahead of the line from hip to ankle, the shin behind it.
        forward = -self.thigh_turn[..., 0]
        axis = unit(cross(now, self.knee - self.hip) / (upper * near)[..., None] + _HINGE_WEIGHT * forward)
        at_hip = _angle(upper, far, lower) - _angle(upper, near, lower)
        at_ankle = _angle(lower, far, upper) - _angle(lower, near, upper)
        thigh = turn_about(axis, at_hip) @ self.thigh_turn
        shin = turn_about(axis, -at_ankle) @ self.shin_turn
        bent = applied(thigh, self._thigh) + applied(shin, self._shin)
        swing = turn_between(bent, way)
        thigh, shin = swing @ thigh, swing @ shin
        return self._root.T @ thigh, np.swapaxes(thigh, -1, -2) @ shin, np.swapaxes(shin, -1, -2) @ foot_turn


def _angle(
    a: Float64[np.ndarray, "2"], b: Float64[np.ndarray, "2"], opposite: Float64[np.ndarray, "2"]
) -> Float64[np.ndarray, "2"]:
    """Angle between two sides of a triangle [rad]."""
    return np.arccos(np.clip((a * a + b * b - opposite * opposite) / (2 * a * b), -1, 1))
