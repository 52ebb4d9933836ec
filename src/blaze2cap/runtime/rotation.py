"""Rotations as motion files and messages have them, in NumPy; conversions are SciPy's.

Conventions are those of `body.rotation`, which is torch's side of the same, and a test holds both to the same values.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

# Rotations that are converted at once: on the way SciPy takes several times the room of their matrices.
_AT_ONCE = 65_536


def matrix_to_quaternion(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Quaternion x y z w with w >= 0."""
    return _converted(lambda part: Rotation.from_matrix(part).as_quat(canonical=True), matrix, (3, 3), (4,))


def quaternion_to_matrix(quaternion: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Matrix of a quaternion x y z w; inverse of the above."""
    return _converted(lambda part: Rotation.from_quat(part).as_matrix(), quaternion, (4,), (3, 3))


def matrix_to_rotation_vector(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Axis times angle [rad], angle in [0, pi]."""
    return _converted(lambda part: Rotation.from_matrix(part).as_rotvec(), matrix, (3, 3), (3,))


def rotation_vector_to_matrix(vector: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Matrix of a rotation about `vector` by its length [rad]."""
    return _converted(lambda part: Rotation.from_rotvec(part).as_matrix(), vector, (3,), (3, 3))


def geodesic_angle(
    a: Float[np.ndarray, "*#batch 3 3"], b: Float[np.ndarray, "*#batch 3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Angle [rad] of the rotation between `a` and `b`."""
    return np.linalg.norm(matrix_to_rotation_vector(a.mT @ b), axis=-1)


def _converted(
    convert: Callable[[np.ndarray], np.ndarray], given: np.ndarray, of: tuple[int, ...], to: tuple[int, ...]
) -> np.ndarray:
    """What `convert` makes of [N, *of] is [N, *to]; here for any batch, a part at a time, in the type of `given`."""
    flat = given.reshape(-1, *of)
    done = np.empty((len(flat), *to), given.dtype)
    for start in range(0, len(flat), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        done[part] = convert(flat[part])
    return done.reshape(*given.shape[: given.ndim - len(of)], *to)
