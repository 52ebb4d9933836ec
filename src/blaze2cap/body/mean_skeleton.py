"""Bones of a person of usual proportions, where nothing is known of a person's own."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.skeleton import JOINTS

# Bone offsets of a right-handed half of the skeleton in the parents' frames [mm], as measured on Vicon skeletons.
MEAN_OFFSET_MM = {
    "Hips": (0, 0, 0), "Spine": (0, 44, -66), "Spine1": (0, 15, -87), "Spine2": (0, 8, -88), "Spine3": (0, 0, -88),
    "Neck": (0, -33, -232), "Head": (0, -21, -120),
    "Shoulder": (29, -48, -155), "Arm": (142, 0, 0), "ForeArm": (266, 0, 0), "Hand": (216, 0, 0),
    "UpLeg": (85, 0, 25), "Leg": (0, 0, 389), "Foot": (0, 0, 388),
}  # fmt: skip


def mean_offset() -> Float[Tensor, "21 3"]:
    """Bone offsets in the parents' frames [m], left and right mirror images of each other."""
    offset = []
    for joint in JOINTS:
        x, y, z = MEAN_OFFSET_MM[joint.removeprefix("Right").removeprefix("Left")]
        offset.append((-x if joint.startswith("Left") else x, y, z))
    return torch.tensor(offset, dtype=torch.float32) / 1000
