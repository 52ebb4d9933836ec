"""Where BlazePose's landmarks lie on the skeleton: places in the frames of the joints.

Measured by least squares on the image positions of real detections (8 cameras, S1 and S2 freestyle, each landmark
with visibility above 0.8), then made symmetric and rounded to millimetres.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.landmark import KEPT_FROM_RAW, RAW_LANDMARKS
from blaze2cap.body.skeleton import JOINT_INDEX

# Joint (of the landmark's own side) and place in its frame [m], for the right side of the body.
_PLACES = {
    "nose": ("Head", (0.0, -0.098, 0.004)),
    "eye_inner": ("Head", (0.011, -0.080, -0.025)),
    "eye": ("Head", (0.020, -0.076, -0.025)),
    "eye_outer": ("Head", (0.028, -0.071, -0.025)),
    "ear": ("Head", (0.040, -0.030, -0.012)),
    "mouth": ("Head", (0.012, -0.086, 0.035)),
    "shoulder": ("Arm", (-0.010, 0.023, 0.0)),
    "elbow": ("ForeArm", (-0.013, -0.020, 0.010)),
    "wrist": ("Hand", (0.009, -0.004, 0.003)),
    "pinky": ("Hand", (0.071, 0.003, 0.027)),
    "index": ("Hand", (0.075, -0.014, 0.033)),
    "thumb": ("Hand", (0.051, -0.017, 0.029)),
    "hip": ("UpLeg", (0.005, 0.010, 0.005)),
    "knee": ("Leg", (0.0, 0.008, -0.022)),
    "ankle": ("Foot", (-0.006, -0.014, -0.027)),
    "heel": ("Foot", (-0.011, 0.022, 0.041)),
    "foot_index": ("Foot", (-0.004, -0.178, 0.030)),
}


def part_of(landmark: str) -> str:
    """The landmark's name without its side: `left_eye_outer` -> `eye_outer`, `mouth_left` -> `mouth`."""
    return landmark.removeprefix("left_").removeprefix("right_").removesuffix("_left").removesuffix("_right")


def _place(landmark: str) -> tuple[int, tuple[float, float, float]]:
    joint, (x, y, z) = _PLACES[part_of(landmark)]
    side = "Left" if "left" in landmark else "Right"
    return JOINT_INDEX[joint if joint == "Head" else side + joint], (-x if side == "Left" else x, y, z)


_JOINT = [_place(name)[0] for name in RAW_LANDMARKS]
_OFFSET = [_place(name)[1] for name in RAW_LANDMARKS]


def landmark_places(
    position: Float[Tensor, "*batch 21 3"],
    rotation: Float[Tensor, "*batch 21 3 3"],
    landmarks: Sequence[int] = KEPT_FROM_RAW,
) -> Float[Tensor, "*batch landmark 3"]:
    """True places of landmarks (raw indices; the 25 of the model unless told) in the frame of the pose [m].

    `position` [m] and `rotation` (global) share that frame.
    """
    joint = torch.tensor([_JOINT[index] for index in landmarks], device=position.device)
    offset = position.new_tensor([_OFFSET[index] for index in landmarks])
    turned = (rotation.index_select(-3, joint) @ offset[..., None]).squeeze(-1)
    return position.index_select(-2, joint) + turned
