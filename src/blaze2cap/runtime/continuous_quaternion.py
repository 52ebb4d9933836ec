"""Rotations over time as quaternions x y z w that interpolate the short way round."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.rotation import matrix_to_quaternion


def continuous_quaternions(rotation: Float[Tensor, "N *joints 3 3"]) -> Float[Tensor, "N *joints 4"]:
    """Of q and -q, which are the same rotation, the one nearer to the frame before."""
    quaternion = matrix_to_quaternion(rotation)
    turns_over = torch.ones_like(quaternion[..., :1])
    turns_over[1:] = torch.where((quaternion[1:] * quaternion[:-1]).sum(-1, keepdim=True) < 0, -1.0, 1.0)
    return quaternion * turns_over.cumprod(0)
