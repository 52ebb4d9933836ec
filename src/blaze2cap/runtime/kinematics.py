"""Forward kinematics in NumPy, for whatever comes after the network; `body.kinematics` is torch's."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import MEAN_BONES_MM, PARENTS


def mean_offset() -> Float[np.ndarray, "21 3"]:
    """Bone offsets of a person of usual proportions, in the parents' frames [m]."""
    return np.array(MEAN_BONES_MM) / 1000


def forward_kinematics(
    local: Float[np.ndarray, "*batch J 3 3"],
    offset: Float[np.ndarray, "J 3"],
    root_position: Float[np.ndarray, "*batch 3"] | None = None,
    parents: Sequence[int] = PARENTS,
) -> tuple[Float[np.ndarray, "*batch J 3"], Float[np.ndarray, "*batch J 3 3"]]:
    """Positions and global rotations of joints, each after its parent; the first is the root and has none.

    Without `root_position` the root stands at the origin. The root's own offset is ignored.
    """
    start = np.zeros_like(local[..., 0, 0, :]) if root_position is None else root_position
    rotation = np.empty_like(local)
    position = np.empty(local.shape[:-1], np.result_type(start, local, offset))
    rotation[..., 0, :, :], position[..., 0, :] = local[..., 0, :, :], start
    for joint, parent in enumerate(parents[1:], start=1):
        turn = rotation[..., parent, :, :]
        position[..., joint, :] = position[..., parent, :] + turn @ offset[joint]
        np.matmul(turn, local[..., joint, :, :], out=rotation[..., joint, :, :])
    return position, rotation
