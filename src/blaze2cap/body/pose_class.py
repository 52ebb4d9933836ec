"""Classes of poses by what makes them hard for one camera, decided frame by frame from the truth and the visibility.

`upright` and `bent` share all frames between them; a frame may be `back` and `arms_hidden` as well, or neither.
The world is metres, y up, the floor at 0.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from blaze2cap.body.landmark import VISIBILITY
from blaze2cap.body.landmark import indices as landmarks_of
from blaze2cap.body.skeleton import JOINT_INDEX, ROOT

POSE_CLASSES = ("upright", "bent", "back", "arms_hidden")
LANDMARK_CLASS = "arms_hidden"
"""The class that landmarks alone tell."""

MAX_TILT_DEG = 45.0
MIN_HIPS_M = 0.6
MAX_FROM_BACK_DEG = 60.0
MIN_VISIBILITY = 0.3

_HIPS, _NECK = JOINT_INDEX[ROOT], JOINT_INDEX["Neck"]
_ARMS = [landmarks_of(f"{side}_elbow", f"{side}_wrist") for side in ("left", "right")]


def pose_classes(
    position: Float[Tensor, "*batch 21 3"],
    hips: Float[Tensor, "*batch 3 3"],
    eye: Float[Tensor, "*#batch 3"],
    landmarks: Float[Tensor, "*batch 25 7"],
) -> Bool[Tensor, "*batch 4"]:
    """Whether each frame is of each class, in the order of POSE_CLASSES.

    `position` [m] and the rotation of the `hips` are true ones in the world, `eye` [m] is the camera's place there;
    `landmarks` are the detector's.
    """
    down = bent(position)
    return torch.stack((~down, down, from_behind(position, hips, eye), arms_hidden(landmarks)), dim=-1)


def bent(position: Float[Tensor, "*batch 21 3"]) -> Bool[Tensor, "*batch"]:
    """Trunk (Hips to Neck) tilted from upright by more than 45 degrees, or Hips lower than 0.6 m: bending down, on the
    floor, upside down."""
    trunk = normalize(position[..., _NECK, :] - position[..., _HIPS, :], dim=-1)
    upright = torch.tensor(MAX_TILT_DEG).deg2rad().cos().item()
    return (trunk[..., 1] < upright) | (position[..., _HIPS, 1] < MIN_HIPS_M)


def from_behind(
    position: Float[Tensor, "*batch 21 3"], hips: Float[Tensor, "*batch 3 3"], eye: Float[Tensor, "*#batch 3"]
) -> Bool[Tensor, "*batch"]:
    """The hips' forward axis (-y) lies within 60 degrees of the level direction in which the camera sees the Hips.

    A person whose hips face the floor or the ceiling, by more than 60 degrees from level, shows no back.
    """
    away = position[..., _HIPS, :] - eye
    away = normalize(away * away.new_tensor([1, 0, 1]), dim=-1)
    return (-hips[..., 1] * away).sum(-1) > torch.tensor(MAX_FROM_BACK_DEG).deg2rad().cos().item()


def arms_hidden(landmarks: Float[Tensor, "*batch 25 7"]) -> Bool[Tensor, "*batch"]:
    """Both elbow and wrist of at least one arm have a visibility below 0.3."""
    hidden = landmarks[..., VISIBILITY] < MIN_VISIBILITY
    return torch.stack([hidden[..., arm].all(-1) for arm in _ARMS]).any(0)
