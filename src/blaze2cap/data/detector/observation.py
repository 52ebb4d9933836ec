"""What every simulated detector shares: its interface, the viewing-ray frame, the image, and the model layout."""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.landmark import indices
from blaze2cap.data.detector.anatomy import landmark_places

HIPS = indices("left_hip", "right_hip")
_SHOULDERS = indices("left_shoulder", "right_shoulder")
NEAREST_M = 0.3  # nobody is detected nearer to the camera than this; keeps projections finite


@runtime_checkable
class SimulatedDetector(Protocol):
    """Anything that sees a pose as BlazePose would."""

    def simulate(
        self,
        position: Float[Tensor, "B S 21 3"],
        rotation: Float[Tensor, "B S 21 3 3"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B S 25 7"]:
        """Landmarks in the model layout of windows of motion, every frame flagged as tracked.

        `position` [m] and `rotation` (global) are in the camera frame, the person at the true distance; `dt` is the
        time from frame to frame in units of 1/60 s. The same state of `generator` gives the same landmarks.
        """
        ...


class RayView(NamedTuple):
    """A person as seen along the ray through the middle of the hips.

    place   true places of the 25 landmarks, camera frame [m]
    turn    ray frame -> camera frame
    truth   the places about the middle of the hips, ray frame [m]
    root    global rotation of the root in the ray frame
    """

    place: Float[Tensor, "*batch 25 3"]
    turn: Float[Tensor, "*batch 3 3"]
    truth: Float[Tensor, "*batch 25 3"]
    root: Float[Tensor, "*batch 3 3"]


def ray_view(position: Float[Tensor, "*batch 21 3"], rotation: Float[Tensor, "*batch 21 3 3"]) -> RayView:
    """The view of a pose given in the camera frame (positions [m], global rotations)."""
    place = landmark_places(position, rotation)
    middle = place[..., HIPS, :].mean(-2)
    turn = ray_rotation(in_front(middle))
    return RayView(place, turn, (place - middle[..., None, :]) @ turn, turn.mT @ rotation[..., 0, :, :])


def crop_view(view: RayView) -> tuple[RayView, Float[Tensor, "*batch 3 3"]]:
    """The view in the frame of the crop: turned in the image until the trunk is upright; and crop -> ray frame.

    A trunk that points along the ray has no direction in the image: the frame turns quickly there.
    """
    trunk = view.truth[..., _SHOULDERS, :].mean(-2)
    down = -trunk[..., :2]
    length = down.norm(dim=-1, keepdim=True)
    x, y = torch.where(length < 1e-6, down.new_tensor((0.0, 1.0)), down / length).unbind(-1)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    roll = torch.stack((y, x, zero, -x, y, zero, zero, zero, one), dim=-1).unflatten(-1, (3, 3))
    return RayView(view.place, view.turn @ roll, view.truth @ roll, roll.mT @ view.root), roll


def in_front(point: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Camera-frame points [m], those beside or behind the camera pushed to the nearest visible depth."""
    return torch.cat((point[..., :2], point[..., 2:].clamp_min(NEAREST_M)), dim=-1)


def project(point: Float[Tensor, "*batch 3"], intrinsics: Float[Tensor, "*#batch 4"]) -> Float[Tensor, "*batch 2"]:
    """Image positions, in fractions of width and height, of camera-frame points [m]."""
    point = in_front(point)
    return point[..., :2] / point[..., 2:] * intrinsics[..., :2] + intrinsics[..., 2:]


def model_layout(
    world: Float[Tensor, "*batch 25 3"], screen: Float[Tensor, "*batch 25 2"], visibility: Float[Tensor, "*batch 25"]
) -> Float[Tensor, "*batch 25 7"]:
    """Landmarks in the model layout, tracked in every frame."""
    return torch.cat((world, screen, visibility[..., None], torch.ones_like(visibility[..., None])), dim=-1)
