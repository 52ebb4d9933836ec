"""Euler angles of animation files: Z, then X, then Y, each about the axes as the ones before have turned them.

    R = Rz(z) Rx(x) Ry(y)

which is what channels in the order Zrotation Xrotation Yrotation mean (intrinsic z-x'-y''; the same turns about fixed
axes come in the opposite order, y first). Angles in radians.
"""

import numpy as np
from jaxtyping import Float

# Where the cosine of x is smaller, z and y turn about the same axis and only their sum or difference is known.
_LOCKED = 1e-6


def continuous_zxy(rotation: Float[np.ndarray, "N *joints 3 3"]) -> Float[np.ndarray, "N *joints 3"]:
    """Angles z, x, y of rotations over the frames, in double precision, without jumps by a full or half turn.

    Of the two triples that make one rotation, (z, x, y) and (z + pi, pi - x, y + pi), each frame takes the one nearer
    to the frame before, and of those, whole turns apart, the nearest. Exact in gimbal lock, too: y is what is left of
    the rotation after z and x, whatever z is.
    """
    r = rotation.astype(np.float64)
    cosine = np.hypot(r[..., 0, 1], r[..., 1, 1])
    x = np.arctan2(r[..., 2, 1], cosine)
    z = _filled_forward(np.arctan2(-r[..., 0, 1], r[..., 1, 1]), cosine > _LOCKED)
    c, s = np.cos(z), np.sin(z)
    y = np.arctan2(c * r[..., 0, 2] + s * r[..., 1, 2], c * r[..., 0, 0] + s * r[..., 1, 0])
    one = np.stack((z, x, y), axis=-1)
    other = np.stack((z + np.pi, np.pi - x, y + np.pi), axis=-1)
    # The distance from this frame's other triple to the one before is that from this one to the other one before, so
    # where the other is nearer both change places from there on.
    changes = _apart(other[1:], one[:-1]) < _apart(one[1:], one[:-1])
    first = np.zeros((1, *changes.shape[1:]), bool)
    swapped = np.concatenate((first, np.cumsum(changes, axis=0) % 2 == 1))
    return np.unwrap(np.where(swapped[..., None], other, one), axis=0)


def zxy_to_matrix(angle: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations of angles z, x, y; inverse of the above."""
    z, x, y = np.moveaxis(angle, -1, 0)
    return turn_about("Z", z) @ turn_about("X", x) @ turn_about("Y", y)


def turn_about(axis: str, angle: Float[np.ndarray, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Rotations by an angle about the axis "X", "Y" or "Z"."""
    first = ("XYZ".index(axis) + 1) % 3
    second = (first + 1) % 3
    matrix = np.zeros((*np.shape(angle), 3, 3)) + np.eye(3)
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Sum of the three differences, whole turns left out."""
    return np.abs((a - b + np.pi) % (2 * np.pi) - np.pi).sum(-1)


def _filled_forward(value: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The last known value along the first axis; before the first known one as it is."""
    frame = np.arange(len(value)).reshape(-1, *(1,) * (value.ndim - 1))
    last = np.maximum.accumulate(np.where(known, frame, 0), axis=0)
    return np.take_along_axis(value, last, axis=0)
