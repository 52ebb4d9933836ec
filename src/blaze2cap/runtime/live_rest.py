"""An avatar that nobody moves goes to rest: upright, arms down, and back again when somebody is in view.

What is shown is the target, the person's pose or the rest pose, turned by what was apart when the target changed; that
dies away. So there is no jump, whatever the target does meanwhile, and no way round that flips.
"""

import math

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.animation import bones, standing_hip_height
from blaze2cap.runtime.rotation import matrix_to_rotation_vector, rotation_vector_to_matrix
from blaze2cap.runtime.world_pose import WorldPose

BLEND_S = 1.0
"""How long it takes to go to rest, and back."""
# How far the arms hang below the T-pose: a little away from the body, whatever the avatar wears.
_ARMS_DOWN_RAD = math.radians(75)


def rest_rotation() -> Float[np.ndarray, "21 3 3"]:
    """Standing upright, facing +z, arms down; axes of `animation`."""
    turn = np.zeros((len(JOINTS), 3))
    turn[JOINT_INDEX["RightArm"], 2] = _ARMS_DOWN_RAD
    turn[JOINT_INDEX["LeftArm"], 2] = -_ARMS_DOWN_RAD
    return rotation_vector_to_matrix(turn)


class RestBlend:
    """The blend, frame by frame; at rest before anybody was in view."""

    def __init__(self) -> None:
        self._rest = rest_rotation()
        self._resting = True
        self._changed_s = -math.inf
        # How what was shown was turned and moved from the target when the target changed.
        self._turn = np.zeros((len(JOINTS), 3))
        self._way = np.zeros(3)
        self._shown: WorldPose | None = None

    def step(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> WorldPose:
        """What to show of a person with these bones: the person's pose, the rest pose where they were, or between."""
        target = pose if pose.valid else self._at_rest(pose, offset)
        if self._resting == pose.valid:
            self._resting, self._changed_s = not pose.valid, pose.time_s
            if self._shown is not None:
                self._turn = matrix_to_rotation_vector(self._shown.rotation @ target.rotation.mT)
                self._way = self._shown.root_position - target.root_position
        left = 1 - _eased((pose.time_s - self._changed_s) / BLEND_S)
        self._shown = target
        if left > 0:
            self._shown = target._replace(
                rotation=rotation_vector_to_matrix(left * self._turn) @ target.rotation,
                root_position=target.root_position + left * self._way,
            )
        return self._shown

    def _at_rest(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> WorldPose:
        place = pose.root_position.copy()
        place[1] = np.linalg.norm(offset) / np.linalg.norm(bones(1.0)) * standing_hip_height()
        return pose._replace(rotation=self._rest, root_position=place)


def _eased(share: float) -> float:
    """0 to 1, slowly at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
