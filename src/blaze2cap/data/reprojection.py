"""Did the detector follow the recorded person? Image landmarks against the truth projected into the image."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import Camera
from blaze2cap.body.landmark import LIMB_LANDMARKS, SCREEN
from blaze2cap.body.skeleton import joint_of_landmark

REFERENCE_SIZE_PX = (1920.0, 1080.0)
"""Distances are counted in an image of this size, whatever the video's own."""

_LANDMARKS = landmark.indices(*LIMB_LANDMARKS)
_JOINTS = skeleton.indices(*(joint_of_landmark(name) for name in LIMB_LANDMARKS))


def seen_px(landmarks: Float[Tensor, "frames 25 7"]) -> Float[Tensor, "frames 12 2"]:
    """The 12 limb landmarks in an image of 1920 x 1080 [px]."""
    return landmarks[:, _LANDMARKS, SCREEN] * landmarks.new_tensor(REFERENCE_SIZE_PX)


def true_px(position: Float[Tensor, "frames 21 3"], camera: Camera) -> Float[Tensor, "frames 12 2"]:
    """The joints at their places [m, camera frame] in an image of 1920 x 1080 [px]."""
    size = torch.tensor(REFERENCE_SIZE_PX).to(position) / position.new_tensor([camera.width, camera.height])
    return camera.project(position[:, _JOINTS]) * size


def reprojection_error_px(
    landmarks: Float[Tensor, "frames 25 7"], position: Float[Tensor, "frames 21 3"], camera: Camera
) -> Float[Tensor, "frames 12"]:
    """Distance of the 12 limb landmarks to the true joints [m, camera frame] in an image of 1920 x 1080 [px]."""
    return (seen_px(landmarks) - true_px(position, camera)).norm(dim=-1)
