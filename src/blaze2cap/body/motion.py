"""Motion of one person in the camera's frame, and the 22 x 6 form in which data sets and the network hold it.

Slots of the 22 x 6 form: 0 root position delta [dx dy dz 0 0 0] in metres, 1 root rotation delta
R[t-1]^T R[t] as 6D, 2-21 local rotations of the 20 body joints as 6D. At an anchor both deltas mean "no motion".
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix

ROOT_POSITION_SLOT = 0
ROOT_ROTATION_SLOT = 1
BODY_SLOTS = slice(2, 22)
SLOTS = 22


class Motion(NamedTuple):
    """Frames of motion in the camera's frame; what every system (network, baseline) returns and the truth is.

    rotation       local rotations of the 21 joints; slot 0 is the root's absolute one, camera frame
    delta_position root's way since the frame before [m], camera frame
    delta_rotation root's turn since the frame before, R[t-1]^T R[t]
    valid          false where nobody is detected: the pose is the last one, held
    deviation      root mean square to expect of each rotation's error [rad]; None: the system does not say
    """

    rotation: Float[Tensor, "*batch S 21 3 3"]
    delta_position: Float[Tensor, "*batch S 3"]
    delta_rotation: Float[Tensor, "*batch S 3 3"]
    valid: Bool[Tensor, "*batch S"]
    deviation: Float[Tensor, "*batch S 21"] | None = None

    def at(self, *index: Any) -> "Motion":
        """Some of the frames, or of the batch: every part indexed alike."""
        parts: list[Any] = [None if part is None else part[index] for part in self]
        return Motion(*parts)


def joined(motions: Sequence[Motion]) -> Motion:
    """Motions [S, ...] one after the other; without deviation where one of them has none."""
    rotation, delta_position, delta_rotation, valid, deviation = zip(*motions, strict=True)
    known = [part for part in deviation if part is not None]
    return Motion(
        torch.cat(rotation),
        torch.cat(delta_position),
        torch.cat(delta_rotation),
        torch.cat(valid),
        torch.cat(known) if len(known) == len(motions) else None,
    )


def root_deltas(
    position: Float[Tensor, "*batch S 3"], rotation: Float[Tensor, "*batch S 3 3"], anchor: Bool[Tensor, "*batch S"]
) -> tuple[Float[Tensor, "*batch S 3"], Float[Tensor, "*batch S 3 3"]]:
    """Root deltas of absolute root poses; no motion at anchors and in the first frame."""
    first = torch.zeros_like(anchor)
    first[..., 0] = True
    still = anchor | first
    before = torch.cat((position[..., :1, :], position[..., :-1, :]), dim=-2)
    turn_before = torch.cat((rotation[..., :1, :, :], rotation[..., :-1, :, :]), dim=-3)
    delta_position = torch.where(still[..., None], 0, position - before)
    identity = torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    return delta_position, torch.where(still[..., None, None], identity, turn_before.mT @ rotation)


def integrate_rotation(
    delta: Float[Tensor, "S 3 3"], anchor: Bool[Tensor, "S"], start: Float[Tensor, "S 3 3"]
) -> Float[Tensor, "S 3 3"]:
    """Absolute root rotations of deltas; at each anchor (and at frame 0) it restarts from `start` there."""
    done = anchor.clone()
    done[:1] = True
    rotation = torch.where(done[:, None, None], start, delta)
    reach = 1
    while not done.all():  # segmented prefix product by doubling: each pass reaches twice as far back
        rotation = torch.cat(
            (
                rotation[:reach],
                torch.where(done[reach:, None, None], rotation[reach:], rotation[:-reach] @ rotation[reach:]),
            )
        )
        done = torch.cat((done[:reach], done[reach:] | done[:-reach]))
        reach *= 2
    return rotation


def motion_to_slots(motion: Motion) -> tuple[Float[Tensor, "*batch S 22 6"], Float[Tensor, "*batch S 6"]]:
    """The 22 x 6 form, and the absolute root rotation as 6D beside it."""
    rotations = torch.cat((motion.delta_rotation[..., None, :, :], motion.rotation[..., 1:, :, :]), dim=-3)
    position = torch.cat((motion.delta_position, torch.zeros_like(motion.delta_position)), dim=-1)
    slots = torch.cat((position[..., None, :], matrix_to_rotation_6d(rotations)), dim=-2)
    return slots, matrix_to_rotation_6d(motion.rotation[..., 0, :, :])


def slots_to_motion(
    slots: Float[Tensor, "*batch S 22 6"], root: Float[Tensor, "*batch S 6"], valid: Bool[Tensor, "*batch S"]
) -> Motion:
    """Inverse of `motion_to_slots`; six zeros in the root rotation slot (as published files may hold) are identity."""
    matrices = rotation_6d_to_matrix(slots[..., ROOT_ROTATION_SLOT:, :])
    delta = torch.where(
        (slots[..., ROOT_ROTATION_SLOT, :] == 0).all(-1)[..., None, None],
        torch.eye(3, dtype=slots.dtype, device=slots.device),
        matrices[..., 0, :, :],
    )
    rotation = torch.cat((rotation_6d_to_matrix(root)[..., None, :, :], matrices[..., 1:, :, :]), dim=-3)
    return Motion(rotation, slots[..., ROOT_POSITION_SLOT, :3], delta, valid)
