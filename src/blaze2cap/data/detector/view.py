"""Motion in the world as a random camera would see it: any facing, any place in the room, tilts and lenses about the
given cameras' own."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.rotation import rotation_vector_to_matrix

FIELD_OF_VIEW_DEG = (66.0, 80.0)  # across; the real cameras have 68-78
TILT_SLACK_DEG = 3.0  # beyond the steepest and the flattest of the cameras
ROOM_RADIUS_M = 1.5  # of the places where people stand, about the point that the cameras look at
# How far before a camera people are, and how far they may be for that point to be one.
_USUAL_DEPTH_M, _DEPTHS_M = 4.0, (1.0, 10.0)
# Optical axes nearer to parallel meet by chance: 0 for parallel ones, 1 - cos of the angle between two over 2.
_LEAST_SPREAD = 0.01


def random_views(
    position: Float[Tensor, "B S 21 3"],
    rotation: Float[Tensor, "B S 21 3 3"],
    cameras: Sequence[Camera],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "B S 21 3"], Float[Tensor, "B S 21 3 3"], Float[Tensor, "B 4"]]:
    """Windows of world-frame motion (positions [m], global rotations, y up) in the frames of random cameras.

    Each window is turned by any yaw about its own middle, put somewhere in the room and seen by one of the cameras,
    which is moved on an arc about the middle of the room to a tilt within the cameras' spread, with another lens.
    Returns positions, global rotations and intrinsics.
    """
    batch = len(position)
    uniform = torch.rand((6, batch), generator=generator, device=position.device)
    turn = rotation_vector_to_matrix(_along(uniform[0] * 2 * math.pi, axis=1))[:, None]
    middle = position[:, :, 0].mean(1)
    room = _middle_of_view(cameras).to(position)
    radius, angle = ROOM_RADIUS_M * uniform[1].sqrt(), uniform[2] * 2 * math.pi
    place = room + torch.stack((radius * angle.cos(), torch.zeros_like(radius), radius * angle.sin()), dim=-1)
    place[:, 1] = middle[:, 1]
    world = (position - middle[:, None, None]) @ turn.mT + place[:, None, None]

    chosen = (uniform[3] * len(cameras)).long().clamp_max(len(cameras) - 1)
    camera_rotation = torch.stack([camera.rotation for camera in cameras]).to(position)[chosen]
    camera_translation = torch.stack([camera.translation for camera in cameras]).to(position)[chosen]
    tilts = torch.asin(-camera_rotation[:, 2, 1])
    lowest, highest = _tilt_spread(cameras)
    wanted = lowest + (highest - lowest) * uniform[4]
    arc = rotation_vector_to_matrix(_along(wanted - tilts, axis=0))
    centre = (camera_rotation @ room[:, None]).squeeze(-1) + camera_translation
    seen = world @ camera_rotation[:, None].mT + (camera_translation - centre)[:, None, None]
    seen = seen @ arc[:, None].mT + centre[:, None, None]
    turned = (arc @ camera_rotation)[:, None, None] @ turn[:, None] @ rotation
    return seen, turned, _lens(cameras, chosen, uniform[5])


def _along(angle: Float[Tensor, "B"], axis: int) -> Float[Tensor, "B 3"]:
    vector = angle.new_zeros((len(angle), 3))
    vector[:, axis] = angle
    return vector


def _middle_of_view(cameras: Sequence[Camera]) -> Float[Tensor, "3"]:
    """Point nearest to all optical axes [m]; where there is none before all cameras, as for a single one or for some
    side by side, the middle of the points at the usual distance before each."""
    rotation = torch.stack([camera.rotation for camera in cameras]).double()
    centre = -(rotation.mT @ torch.stack([camera.translation for camera in cameras]).double()[..., None]).squeeze(-1)
    forward = rotation[:, 2]
    across = torch.eye(3, dtype=torch.float64) - forward[:, :, None] * forward[:, None]
    nearest = torch.linalg.lstsq(across.sum(0), (across @ centre[..., None]).sum(0)).solution[:, 0]
    depth = ((nearest - centre) * forward).sum(-1)
    spread, (low, high) = torch.linalg.eigvalsh(across.mean(0))[0], _DEPTHS_M
    if spread < _LEAST_SPREAD or not ((low < depth) & (depth < high)).all():
        nearest = (centre + _USUAL_DEPTH_M * forward).mean(0)
    return nearest.float()


def _tilt_spread(cameras: Sequence[Camera]) -> tuple[float, float]:
    """Flattest and steepest downward tilt [rad], with slack."""
    tilts = [math.asin(-float(camera.rotation[2, 1])) for camera in cameras]
    slack = math.radians(TILT_SLACK_DEG)
    return min(tilts) - slack, max(tilts) + slack


def _lens(cameras: Sequence[Camera], chosen: Tensor, uniform: Float[Tensor, "B"]) -> Float[Tensor, "B 4"]:
    """Intrinsics with a random field of view, pixels as square and the centre as off as the chosen camera's."""
    intrinsics = torch.stack([camera.intrinsics for camera in cameras]).to(uniform)[chosen]
    low, high = FIELD_OF_VIEW_DEG
    fx = 0.5 / torch.tan(torch.deg2rad(low + (high - low) * uniform) / 2)
    fy = fx * intrinsics[:, 1] / intrinsics[:, 0]
    return torch.cat((fx[:, None], fy[:, None], intrinsics[:, 2:]), dim=-1)
