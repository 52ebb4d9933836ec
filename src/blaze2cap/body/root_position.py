"""Where in the camera's frame the hips are: along their viewing ray, as far as the person's size in the image says."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.landmark import SCREEN, VISIBILITY, WORLD, indices

_HIPS = indices("left_hip", "right_hip")
# Where the image has no person with a size, a person stands this far away; nobody stands nearer than this [m].
_USUAL_DISTANCE = 4.0
_NEAREST = 0.1
_DISTANCE_PRIOR = 1e-6


def root_position(
    landmarks: Float[Tensor, "*batch 25 7"], intrinsics: Float[Tensor, "*#batch 4"]
) -> Float[Tensor, "*batch 3"]:
    """Camera-frame position of the hips' middle [m]: along its viewing ray, as far as the person's size says.

    The distance Z is linear least squares, weighted by visibility, of Z (screen - hip ray) = (x, y) - screen * z over
    the world landmarks (x, y, z) turned into the camera frame: exact for a perspective camera and exact landmarks.
    On the real takes it is off by 6 % (standard deviation, beside a constant of each person), no better with
    reweighting or with fewer landmarks, and 8 % in weak perspective.
    """
    ray = hip_ray(landmarks, intrinsics)
    return ray_position(landmarks, intrinsics, ray, ray_rotation(ray))


def hip_ray(
    landmarks: Float[Tensor, "*batch 25 7"], intrinsics: Float[Tensor, "*#batch 4"]
) -> Float[Tensor, "*batch 3"]:
    """Viewing ray of the middle between the hips."""
    hips = landmarks.index_select(-2, torch.tensor(_HIPS, device=landmarks.device))
    return viewing_ray(hips[..., SCREEN].mean(-2), intrinsics)


def ray_position(
    landmarks: Float[Tensor, "*batch 25 7"],
    intrinsics: Float[Tensor, "*#batch 4"],
    ray: Float[Tensor, "*batch 3"],
    turn: Float[Tensor, "*batch 3 3"],
) -> Float[Tensor, "*batch 3"]:
    """`root_position` where the hips' viewing ray and the rotation onto it are known."""
    screen = viewing_ray(landmarks[..., SCREEN], intrinsics[..., None, :])
    world = landmarks[..., WORLD] @ turn.mT
    spread = screen[..., :2] - ray[..., None, :2]
    size = world[..., :2] - screen[..., :2] * world[..., 2:]
    weight = landmarks[..., VISIBILITY, None]
    spread_weight = weight * spread
    along = (size * spread_weight).sum((-1, -2)) + _DISTANCE_PRIOR * _USUAL_DISTANCE
    distance = along / ((spread * spread_weight).sum((-1, -2)) + _DISTANCE_PRIOR)
    return distance.clamp_min(_NEAREST)[..., None] * ray
