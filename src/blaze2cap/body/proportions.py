"""Bones as a user without Vicon gets them: a mean skeleton, scaled to the size that the landmarks have shown so far."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.landmark import WORLD

# Limb bones only: over arms and legs the detector's left-right biases cancel to within a few percent of Vicon's sizes.
_BONES = tuple((f"{s}_{a}", f"{s}_{b}") for s in ("left", "right") for a, b in (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
))  # fmt: skip
_START = landmark.indices(*(start for start, _ in _BONES))
_END = landmark.indices(*(end for _, end in _BONES))
_JOINTS = skeleton.indices(*(skeleton.joint_of_landmark(end) for _, end in _BONES))


def estimated_offsets(
    landmarks: Float[Tensor, "N 25 7"], detected: Bool[Tensor, "N"], mean_offset: Float[Tensor, "21 3"]
) -> Float[Tensor, "N 21 3"]:
    """Bone offsets [m] of each frame: `mean_offset` times the mean size so far, causal.

    Size of a frame is the summed length of its eight limb bones over that of the mean skeleton; the scale is the mean
    over the detected frames up to it, and 1 before the first.
    """
    world = landmarks[..., WORLD]
    length = (world[:, _END] - world[:, _START]).norm(dim=-1).sum(-1) / mean_offset[_JOINTS].norm(dim=-1).sum()
    total = torch.where(detected, length, 0).double().cumsum(0)
    count = detected.cumsum(0)
    scale = torch.where(count > 0, total / count.clamp_min(1), 1).to(landmarks.dtype)
    return scale[:, None, None] * mean_offset
