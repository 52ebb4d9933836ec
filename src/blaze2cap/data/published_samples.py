"""Reading samples in the published form: landmarks 25 x 7 and motion 22 x 6, each checked for what the form promises.

The form has no absolute root. It is integrated from the deltas here, from identity and the origin in the sample's first
frame on, so it is known up to that start. Six zeros for the root's turn, as some files have them, become identity.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from blaze2cap.body.landmark import LANDMARKS, TRACKED
from blaze2cap.body.motion import (
    BODY_SLOTS,
    ROOT_POSITION_SLOT,
    ROOT_ROTATION_SLOT,
    integrate_rotation,
    root_deltas,
    slots_to_motion,
)
from blaze2cap.body.rotation import IDENTITY_6D, matrix_to_rotation_6d, rotation_6d_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.augment import target_name
from blaze2cap.data.clipset import Sample
from blaze2cap.data.published import SOURCE_SHAPE, TARGET_SHAPE, sample_array
from blaze2cap.data.raw import require_finite, sound_landmarks
from blaze2cap.errors import UserError

TOLERANCE = 1e-6
"""Frames that two files share are the same up to this."""
ROOT_TOLERANCE = 1e-4
"""Root deltas over a stride lead where those of each frame lead, up to this [m, 1]."""
_RIGID_TOLERANCE = 1e-2
_SLOT_NAMES = ("the root's way", "the root's turn", *JOINTS[1:])


def read_published_sample(folder: Path, source: str) -> Sample:
    """Read a pair of files by the source's path relative to the data set.

    Raises UserError where a file is missing, damaged, of another shape, or does not hold one unbroken stretch of
    tracking with its motion: flags, detections, rotations, no motion in the first frame, lengths.
    """
    landmarks = _read_landmarks(folder / source)
    slots = _read_slots(folder / target_name(source))
    if len(landmarks) != len(slots):
        target = folder / target_name(source)
        raise UserError(f"{folder / source}: {len(landmarks)} frames, but its target {target} has {len(slots)}")
    motion = torch.from_numpy(slots)
    _, rotation = absolute_root(motion)
    return Sample(torch.from_numpy(landmarks), motion, matrix_to_rotation_6d(rotation).float())


def absolute_root(
    slots: Float[Tensor, "frames 22 6"],
) -> tuple[Float[Tensor, "frames 3"], Float[Tensor, "frames 3 3"]]:
    """Root positions [m] and rotations that the deltas of a sample lead to, in double precision; its start is 0."""
    turn = rotation_6d_to_matrix(slots[:, ROOT_ROTATION_SLOT].double())
    start = torch.eye(3, dtype=torch.float64).expand_as(turn)
    rotation = integrate_rotation(turn, torch.zeros(len(slots), dtype=torch.bool), start)
    return slots[:, ROOT_POSITION_SLOT, :3].double().cumsum(0), rotation


def contradiction(strided: Sample, whole: Sample, stride: int, offset: int) -> str | None:
    """What a sample has else than every `stride`-th frame of its segment from `offset` on; None where nothing."""
    rows = slice(offset, None, stride)
    expected = whole.landmarks[rows]
    if len(strided.landmarks) != len(expected):
        return f"{len(strided.landmarks)} frames, expected {len(expected)} of the {len(whole.landmarks)} at stride 1"
    position, rotation = absolute_root(whole.slots)
    anchor = torch.zeros(len(expected), dtype=torch.bool)
    way, turn = root_deltas(position[rows], rotation[rows], anchor)
    motion = slots_to_motion(strided.slots.double(), strided.root.double(), ~anchor)
    for what, found, wanted, tolerance in (
        ("landmarks differ", strided.landmarks[..., :TRACKED], expected[..., :TRACKED], TOLERANCE),
        ("local rotations differ", strided.slots[:, BODY_SLOTS], whole.slots[rows, BODY_SLOTS], TOLERANCE),
        ("root's way differs", motion.delta_position, way, ROOT_TOLERANCE),
        ("root's turn differs", motion.delta_rotation, turn, ROOT_TOLERANCE),
    ):
        excess = (found - wanted).abs().flatten(1).amax(1)
        if excess.max() > tolerance:
            return f"{what} from stride 1 by {excess.max():.2g} in frame {int(excess.argmax())}"
    return None


def _read_landmarks(path: Path) -> Float32[np.ndarray, "frames 25 7"]:
    landmarks = sound_landmarks(path, sample_array(path, SOURCE_SHAPE), LANDMARKS, TRACKED)
    flag = landmarks[:, 0, TRACKED]
    _refuse(path, (landmarks == 0).all((1, 2)), "shows nobody")
    _refuse(path, flag[:1] != 0, "is tracked on, expected an anchor where a segment starts")
    _refuse(path, np.append(False, flag[1:] == 0), "is an anchor, expected a segment to end before the next one")
    return landmarks


def _read_slots(path: Path) -> Float32[np.ndarray, "frames 22 6"]:
    slots = sample_array(path, TARGET_SHAPE)
    require_finite(path, slots, _SLOT_NAMES)
    slots = slots.astype(np.float32)
    turn = slots[0, ROOT_ROTATION_SLOT]
    if not turn.any():
        turn[:] = IDENTITY_6D
    still = not slots[0, ROOT_POSITION_SLOT].any() and np.allclose(turn, IDENTITY_6D, atol=TOLERANCE)
    _refuse(path, np.array([not still]), "moves the root, expected no motion where a segment starts")
    _refuse(path, slots[:, ROOT_POSITION_SLOT, 3:].any(1), "has a root position other than dx dy dz 0 0 0")
    columns = slots[:, ROOT_ROTATION_SLOT:].reshape(len(slots), -1, 2, 3)
    excess = np.abs(columns @ columns.swapaxes(-1, -2) - np.eye(2)).max((1, 2, 3))
    _refuse(path, excess > _RIGID_TOLERANCE, "has a 6D that is not two columns of a rotation")
    return slots


def _refuse(path: Path, broken: Any, what: str) -> None:
    if broken.any():
        more = f"; so do {broken.sum() - 1} more" if broken.sum() > 1 else ""
        raise UserError(f"{path}: frame {broken.argmax()} {what}{more}")
