"""Calibration of the truth: the local rotations in the opening T-pose, from take to take of one person.

The T-pose is the same pose every time, so where its rotations differ between takes, the skeleton was fitted otherwise,
and every rotation of the take carries the difference.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.rotation import geodesic_angle, mean_rotation
from blaze2cap.body.skeleton import BODY_JOINTS, mirrored
from blaze2cap.body.t_pose import t_pose_frames
from blaze2cap.data.faults.bones import FEWEST_TAKES
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault

GROUPS = {
    "Head": "head", "Neck": "neck", "Spine": "spine", "Shoulder": "clavicles", "Arm": "arms", "ForeArm": "forearms",
    "Hand": "hands", "UpLeg": "thighs", "Leg": "shins", "Foot": "feet",
}  # fmt: skip
_GROUP = [GROUPS[name.removeprefix("Right").removeprefix("Left").rstrip("123")] for name in BODY_JOINTS]
_OTHER_SIDE = [BODY_JOINTS.index(mirrored(name)) for name in BODY_JOINTS]


def t_pose_rotation(
    position: Float[Tensor, "frames 21 3"], local: Float[Tensor, "frames 21 3 3"], fps: float
) -> Float[Tensor, "20 3 3"] | None:
    """Mean local rotations of the body over the opening T-pose, None without one; positions in the world [m]."""
    shown = t_pose_frames(position, fps)
    return mean_rotation(local[shown, 1:]) if shown.any() else None


def differing_calibration(
    t_pose_by_take: Mapping[str, Float[Tensor, "20 3 3"]], params: FaultParams
) -> list[DataFault]:
    """Takes of one person whose T-pose is off that of the others; none where there are fewer than three.

    Measured against the take that agrees best with all: a mean would lean towards the one that is off. A calibration
    is off on both sides, a limb held otherwise on one: the lesser angle of a joint and its mirror image counts.
    """
    if len(t_pose_by_take) < FEWEST_TAKES:
        return []
    pose = torch.stack(list(t_pose_by_take.values()))
    angle = torch.rad2deg(geodesic_angle(*torch.broadcast_tensors(pose[:, None], pose[None])))
    typical = angle.mean(-1).sum(1).argmin()
    faults = []
    for take, off in zip(t_pose_by_take, angle[:, typical], strict=True):
        worst = float(torch.minimum(off, off[_OTHER_SIDE]).max())
        if worst > params.max_calibration_deg:
            sentence = (
                f"{take}: its T-pose is off that of the subject's other takes, {_groups(off, params)} (at most "
                f"{params.max_calibration_deg:g} deg expected): calibrated otherwise, no rotation of its body counts"
            )
            faults.append(
                DataFault(
                    kind="calibration", where=take, value=worst, unit="deg", threshold=params.max_calibration_deg,
                    sentence=sentence,
                )
            )  # fmt: skip
    return faults


def _groups(off: Float[Tensor, "20"], params: FaultParams) -> str:
    """Groups of joints that are off by more than half the threshold, the worst first."""
    parts: dict[str, list[float]] = {}
    for group, angle in zip(_GROUP, off.tolist(), strict=True):
        parts.setdefault(group, []).append(angle)
    ranked = sorted(parts.items(), key=lambda part: -max(part[1]))
    told = [(name, angles) for name, angles in ranked if max(angles) > params.max_calibration_deg / 2]
    return ", ".join(f"{name} {' and '.join(f'{angle:.0f}' for angle in angles)} deg" for name, angles in told)
