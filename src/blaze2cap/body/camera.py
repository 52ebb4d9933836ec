"""Cameras: world to camera, projection, and the viewing ray.

Camera frame: x right, y down, z forward, metres. `intrinsics` is (fx / width, fy / height, cx / width, cy / height),
so image positions are fractions of width and height, as in the landmark files.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from blaze2cap.body.rotation import unit

# Where nothing is known of a camera: 70 degrees across, 16:9, centred (TotalCapture's have 68-78 degrees).
ASSUMED_INTRINSICS = (0.714, 1.269, 0.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A calibrated camera: focal lengths, centre and size [px]; world -> camera rotation and translation [m]."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]
    distortion: float = 0.0

    @classmethod
    def at_origin(cls, intrinsics: Sequence[float], width: int, height: int) -> "Camera":
        """A camera of these intrinsics and size [px] whose frame is the world's: nobody knows where it stands."""
        fx, fy, cx, cy = intrinsics
        return cls(
            fx=fx * width,
            fy=fy * height,
            cx=cx * width,
            cy=cy * height,
            width=width,
            height=height,
            rotation=torch.eye(3),
            translation=torch.zeros(3),
        )

    @property
    def intrinsics(self) -> Float[Tensor, "4"]:
        """(fx / width, fy / height, cx / width, cy / height)."""
        return torch.tensor([self.fx / self.width, self.fy / self.height, self.cx / self.width, self.cy / self.height])

    @property
    def field_of_view_deg(self) -> float:
        """Horizontal field of view [degrees]."""
        return math.degrees(2 * math.atan(0.5 * self.width / self.fx))

    def uncalibrated(self, field_of_view_deg: float) -> "Camera":
        """The camera as somebody takes it to be who knows its horizontal field of view [degrees] at most.

        Square pixels, optical axis through the middle of the image, no distortion; it stands where it stood.
        """
        focal = 0.5 * self.width / math.tan(math.radians(field_of_view_deg) / 2)
        cx, cy = self.width / 2, self.height / 2
        return dataclasses.replace(self, fx=focal, fy=focal, cx=cx, cy=cy, distortion=0.0)

    def to_camera(self, point: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """World points [m] in the camera frame [m]: p' = R p + t."""
        return point @ self.rotation.to(point).mT + self.translation.to(point)

    def to_world(self, point: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Camera-frame points [m] in the world [m]; inverse of `to_camera`."""
        return (point - self.translation.to(point)) @ self.rotation.to(point)

    def project(self, point: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 2"]:
        """Camera-frame points [m] to pixels, one radial distortion term."""
        xy = point[..., :2] / point[..., 2:]
        xy = xy * (1 + self.distortion * xy.square().sum(-1, keepdim=True))
        return xy * point.new_tensor([self.fx, self.fy]) + point.new_tensor([self.cx, self.cy])


def viewing_ray(screen: Float[Tensor, "*batch 2"], intrinsics: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "*batch 3"]:
    """Direction (x, y, 1) in the camera frame of an image position given in fractions of width and height."""
    xy = (screen - intrinsics[..., 2:]) / intrinsics[..., :2]
    return pad(xy, (0, 1), value=1.0)


def ray_rotation(ray: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Ray frame -> camera frame: the smallest rotation of the optical axis onto a viewing ray.

    Smallest rather than yaw after pitch, so that it commutes with a roll of the camera and with a mirror: a half turn
    about the axis, and then one about the sum of both directions.
    """
    middle = unit(ray) + ray.new_tensor([0.0, 0.0, 1.0])
    # Half of the sum's square is its z.
    about_middle = middle[..., :, None] * middle[..., None, :] / middle[..., 2:, None]
    return about_middle * ray.new_tensor([-1.0, -1.0, 1.0]) + ray.new_tensor([1.0, 1.0, -1.0]).diag()
