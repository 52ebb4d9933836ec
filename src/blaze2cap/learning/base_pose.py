"""What is known of each frame without learning, which the network corrects."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.inverse_kinematics import analytic_pose
from blaze2cap.body.landmark import VISIBILITY, WORLD
from blaze2cap.body.root_position import hip_ray, ray_position
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.learning.model_params import ModelParams

_JOINTS = len(JOINTS)


class BasePose(NamedTuple):
    """What is known of each frame without learning.

    ray       ray frame -> camera frame
    pose      local rotations, root in the ray frame
    body      axes of the frame in which the network sees and answers, in the ray frame
    position  of the root, camera frame [m]
    """

    ray: Float[Tensor, "B S 3 3"]
    pose: Float[Tensor, "B S 21 3 3"]
    body: Float[Tensor, "B S 3 3"]
    position: Float[Tensor, "B S 3"]

    @classmethod
    def of(
        cls, landmarks: Float[Tensor, "B S 25 7"], intrinsics: Float[Tensor, "B 4"], params: ModelParams
    ) -> "BasePose":
        """Of every frame by itself: the analytic pose, or no rotation at all with `model.base` none."""
        identity = torch.eye(3, dtype=landmarks.dtype, device=landmarks.device)
        hips = hip_ray(landmarks, intrinsics[:, None])
        turn = ray_rotation(hips)
        ray = turn if params.ray else identity.expand(*landmarks.shape[:2], 3, 3)
        pose = identity.expand(*landmarks.shape[:2], _JOINTS, 3, 3)
        if params.base == "analytic":
            pose = analytic_pose(landmarks[..., WORLD], landmarks[..., VISIBILITY])
        position = ray_position(landmarks, intrinsics[:, None], hips, turn)
        return cls(ray, pose, pose[..., 0, :, :], position)

    def at(self, frames: slice) -> "BasePose":
        """Some of the frames."""
        return BasePose(*(part[:, frames] for part in self))
