"""Turns of few vectors: for legs frame by frame, where the cost of a call outweighs the arithmetic.

Conventions are those of `body.rotation`, and a test holds both to the same values.
"""

import numpy as np
from jaxtyping import Float64

Vectors = Float64[np.ndarray, "... 3"]
Matrices = Float64[np.ndarray, "... 3 3"]

_TINY = 1e-9
_IDENTITY = np.eye(3)
# Matrices of the cross products with the axes, a row each.
_CROSS = np.cross(_IDENTITY[:, None], _IDENTITY[None]).swapaxes(-1, -2).reshape(3, 9)


def eased(share: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """From 0 to 1 with slopes of zero at both ends; shares beyond are taken as those."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def wrapped(angle: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch"]:
    """The same angle [rad] from -pi up to pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def unit(vector: Vectors) -> Vectors:
    """The same direction at length 1; zero stays zero."""
    return vector / np.maximum(length(vector), _TINY)[..., None]


def length(vector: Float64[np.ndarray, "*batch axes"]) -> Float64[np.ndarray, "*batch"]:
    """Euclidean length."""
    return np.asarray(np.sqrt((vector * vector).sum(-1)))


def applied(matrix: Matrices, vector: Vectors) -> Vectors:
    """R v."""
    return (matrix @ vector[..., None])[..., 0]


def cross(a: Vectors, b: Vectors) -> Vectors:
    """Cross product; NumPy's own takes many times as long for a few vectors."""
    return applied(_skew(a), b)


def turn_about(axis: Vectors, angle: Float64[np.ndarray, "*batch"]) -> Matrices:
    """Rotation about an axis of length 1 by an angle [rad] (Rodrigues)."""
    sine, cosine = np.sin(angle)[..., None, None], np.cos(angle)[..., None, None]
    return cosine * _IDENTITY + sine * _skew(axis) + (1 - cosine) * axis[..., :, None] * axis[..., None, :]


def turn_between(a: Vectors, b: Vectors) -> Matrices:
    """The smallest rotation that turns the direction of `a` into that of `b` (undefined for opposite ones)."""
    a, b = unit(a), unit(b)
    axis, cosine = cross(a, b), (a * b).sum(-1)[..., None, None]
    skew = _skew(axis)
    return _IDENTITY + skew + skew @ skew / np.maximum(1 + cosine, _TINY)


def heading(matrix: Matrices) -> Float64[np.ndarray, "*batch"]:
    """Angle about the vertical, y, by which something that faces +z at rest has turned [rad]."""
    return np.arctan2(matrix[..., 0, 2], matrix[..., 2, 2])


def about_vertical(angle: Float64[np.ndarray, "*batch"]) -> Matrices:
    """Rotation about y: inverse of `heading` for what stays level."""
    return turn_about(np.broadcast_to([0.0, 1.0, 0.0], (*angle.shape, 3)), angle)


def between(start: Matrices, end: Matrices, share: Float64[np.ndarray, "*batch"]) -> Matrices:
    """The rotation a share of the way from `start` to `end`, linear in the second and third axis: near enough for turns
    of less than a right angle."""
    blend = start + share[..., None, None] * (end - start)
    y = unit(blend[..., 1])
    z = unit(blend[..., 2] - (blend[..., 2] * y).sum(-1, keepdims=True) * y)
    return np.stack((cross(y, z), y, z), axis=-1)


def _skew(vector: Vectors) -> Matrices:
    """Matrix of the cross product with a vector."""
    return (vector @ _CROSS).reshape(*vector.shape, 3)
