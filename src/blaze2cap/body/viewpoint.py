"""From where a camera sees a person: the side that is turned to it.

Camera frame: x right, y down, z forward, metres. Azimuth is measured about the vertical, from where the person faces
to where the camera stands: 0 face to face, positive with the camera on the person's left, +-pi from behind.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

SIDES = ("front", "front left", "left", "back left", "back", "back right", "right", "front right")
"""Which side of the person the camera sees: sectors of 45 degrees, the first one around azimuth 0."""

_SECTOR = 2 * torch.pi / len(SIDES)


def camera_azimuth(
    hips: Float[Tensor, "*batch 3 3"], root_position: Float[Tensor, "*batch 3"], up: Float[Tensor, "3"]
) -> Float[Tensor, "*batch"]:
    """Azimuth [rad] of the camera around the person.

    `hips` is the root's rotation and `root_position` [m] its place, both in the camera's frame; `up` is the world's
    vertical there. The person faces along up x right, which bending forward leaves alone, as it turns about that axis.
    """
    right = hips[..., 0]
    facing = torch.linalg.cross(up.expand_as(right), right)
    to_camera = -root_position
    left = (torch.linalg.cross(facing, to_camera) * up).sum(-1)
    # Both vectors may have a vertical part as far as the cosine goes: `facing` has none.
    return torch.atan2(left, (facing * to_camera).sum(-1))


def side_shown(azimuth: Float[Tensor, "*batch"]) -> Int[Tensor, "*batch"]:
    """Number of the side in SIDES."""
    return (azimuth / _SECTOR).round().long() % len(SIDES)
