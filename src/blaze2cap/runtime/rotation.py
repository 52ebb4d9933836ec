"""Rotations as motion files and messages have them, in NumPy; conversions are SciPy's.

Conventions are those of `body.rotation`, which is torch's side of the same, and a test holds both to the same values.
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation


def matrix_to_quaternion(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """Quaternion x y z w with w >= 0."""
    quaternion = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_quat(canonical=True)
    return quaternion.reshape(*matrix.shape[:-2], 4).astype(matrix.dtype)


def quaternion_to_matrix(quaternion: Float[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Matrix of a quaternion x y z w; inverse of the above."""
    matrix = Rotation.from_quat(quaternion.reshape(-1, 4)).as_matrix()
    return matrix.reshape(*quaternion.shape[:-1], 3, 3).astype(quaternion.dtype)


def matrix_to_rotation_vector(matrix: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Axis times angle [rad], angle in [0, pi]."""
    vector = Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec()
    return vector.reshape(*matrix.shape[:-2], 3).astype(matrix.dtype)


def rotation_vector_to_matrix(vector: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3 3"]:
    """Matrix of a rotation about `vector` by its length [rad]."""
    matrix = Rotation.from_rotvec(vector.reshape(-1, 3)).as_matrix()
    return matrix.reshape(*vector.shape[:-1], 3, 3).astype(vector.dtype)


def geodesic_angle(
    a: Float[np.ndarray, "*#batch 3 3"], b: Float[np.ndarray, "*#batch 3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Angle [rad] of the rotation between `a` and `b`."""
    return np.linalg.norm(matrix_to_rotation_vector(a.mT @ b), axis=-1)
