"""Motion of a room seen anew: turned about the vertical, moved a little, before a random one of the cameras."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.data.detector.observation import in_front, project

# Spread beyond the cameras' own: where they stand and how they are tilted, so that no view is seen twice.
_SHIFT_M = 0.5
_TILT_RAD = 0.07
_ZOOM = 0.08
# The person's middle stays within this of the image's, in fractions of its size; beyond, nobody would be detected.
_EDGE = 0.42


def random_views(
    position: Float[Tensor, "B S 21 3"],
    rotation: Float[Tensor, "B S 21 3 3"],
    cameras: Sequence[Camera],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "B S 21 3"], Float[Tensor, "B S 21 3 3"], Float[Tensor, "B 4"]]:
    """World positions [m] and global rotations (y up) to those in a camera's frame, and its intrinsics.

    The room is turned about its vertical by any angle and shifted on the floor; the camera is one of `cameras`, its
    tilt and focal length varied. Whoever would be out of the image is moved to where the view's middle is.
    """
    count = len(position)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).clamp(-2, 2)

    yaw = torch.zeros(count, 3)
    yaw[:, 1] = torch.rand(count, generator=generator) * 2 * torch.pi
    turn = rotation_vector_to_matrix(yaw)
    shift = normal(count, 3) * _SHIFT_M * torch.tensor([1.0, 0.0, 1.0])

    chosen = torch.randint(len(cameras), (count,), generator=generator)
    intrinsics = torch.stack([camera.intrinsics for camera in cameras])[chosen]
    zoom = 1 + _ZOOM * normal(count, 1)
    intrinsics = torch.cat((intrinsics[:, :2] * zoom, intrinsics[:, 2:]), dim=1)
    tilt = rotation_vector_to_matrix(normal(count, 3) * _TILT_RAD)
    view = tilt @ torch.stack([camera.rotation.float() for camera in cameras])[chosen]
    origin = (tilt @ torch.stack([camera.translation.float() for camera in cameras])[chosen][..., None]).squeeze(-1)

    whole = (view @ turn)[:, None]
    place = ((view @ shift[..., None]).squeeze(-1) + origin)[:, None, None]
    seen = position @ whole.mT + place
    seen = seen + _into_view(seen[:, :, 0].mean(1), intrinsics)[:, None, None]
    return seen, whole[:, :, None] @ rotation, intrinsics


def _into_view(middle: Float[Tensor, "B 3"], intrinsics: Float[Tensor, "B 4"]) -> Float[Tensor, "B 3"]:
    # Sideways move that brings a point to the edge of what counts as in view, at the same depth.
    ahead = in_front(middle)
    screen = (project(middle, intrinsics) - 0.5).clamp(-_EDGE, _EDGE) + 0.5
    wanted = (screen - intrinsics[:, 2:]) / intrinsics[:, :2] * ahead[:, 2:]
    return torch.cat((wanted, ahead[:, 2:]), dim=1) - middle
