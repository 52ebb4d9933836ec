"""Rotations over time as quaternions x y z w that interpolate the short way round."""

import numpy as np
from jaxtyping import Float

from blaze2cap.runtime.rotation import matrix_to_quaternion


def continuous_quaternions(rotation: Float[np.ndarray, "N *joints 3 3"]) -> Float[np.ndarray, "N *joints 4"]:
    """Of q and -q, which are the same rotation, the one nearer to the frame before."""
    quaternion = matrix_to_quaternion(rotation)
    turns_over = np.ones_like(quaternion[..., :1])
    turns_over[1:] = np.where((quaternion[1:] * quaternion[:-1]).sum(-1, keepdims=True) < 0, -1, 1)
    return quaternion * turns_over.cumprod(0)
