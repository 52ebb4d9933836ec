"""The One-Euro filter on rotations and on the place of the hips: what trembles is smoothed, what is fast is followed.

Casiez, Roussel and Vogel 2012, as `learning.one_euro` has it for landmarks, one frame at a time and by time stamps. On
rotations a low-pass turns its output a share of the shortest way to its input; speed is that of the turn.
"""

import math

import numpy as np
from jaxtyping import Float64
from scipy.spatial.transform import Rotation

from blaze2cap.runtime.finishing.step import held
from blaze2cap.runtime.finishing.turning import Vectors, length
from blaze2cap.runtime.world_pose import WorldPose

# Cutoff of the speeds' own filter, as the paper has it [Hz].
_DERIVATIVE_CUTOFF_HZ = 1.0

_Numbers = Float64[np.ndarray, "*joints"]


class LowPass:
    """The step: cutoff [Hz] at rest, and by how much it rises per rad/s of a joint and per m/s of the hips [Hz]."""

    def __init__(self, min_cutoff_hz: float = 4.0, per_rad_per_s: float = 4.0, per_m_per_s: float = 12.0) -> None:
        self._min_cutoff_hz = min_cutoff_hz
        self._per_rad_per_s, self._per_m_per_s = per_rad_per_s, per_m_per_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next pose is handed on as it is."""
        self._last: WorldPose | None = None
        self._time_s = 0.0
        # Of the last frame with somebody in it: as given and as handed on, and the smoothed speeds.
        self._given: tuple[Rotation, Vectors] | None = None
        self._smooth: tuple[Rotation, Vectors] | None = None
        self._turning: Vectors = np.zeros((21, 3))
        self._moving: Vectors = np.zeros(3)

    def step(self, pose: WorldPose) -> WorldPose:
        """The pose, smoothed."""
        dt_s, self._time_s = pose.time_s - self._time_s, pose.time_s
        if not pose.valid:
            return held(pose, self._last)
        turn, place = Rotation.from_matrix(pose.rotation), pose.root_position
        if self._last is None or self._given is None or self._smooth is None:
            self._given = self._smooth = turn, place
            self._last = pose
            return pose
        (turn_before, place_before), (smooth_turn, smooth_place) = self._given, self._smooth
        gain = _gain(np.array([_DERIVATIVE_CUTOFF_HZ]), dt_s)
        self._turning = self._turning + gain * ((turn_before.inv() * turn).as_rotvec() / dt_s - self._turning)
        self._moving = self._moving + gain * ((place - place_before) / dt_s - self._moving)
        share = _gain(self._min_cutoff_hz + self._per_rad_per_s * length(self._turning), dt_s)[:, None]
        smooth_turn = smooth_turn * Rotation.from_rotvec(share * (smooth_turn.inv() * turn).as_rotvec())
        share = _gain(self._min_cutoff_hz + self._per_m_per_s * np.atleast_1d(np.linalg.norm(self._moving)), dt_s)
        smooth_place = smooth_place + share * (place - smooth_place)
        self._given, self._smooth = (turn, place), (smooth_turn, smooth_place)
        self._last = pose._replace(rotation=smooth_turn.as_matrix(), root_position=smooth_place)
        return self._last


def _gain(cutoff_hz: _Numbers, dt_s: float) -> _Numbers:
    """Share of the way to its input that a first-order low-pass goes in this time."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff_hz * dt_s))
