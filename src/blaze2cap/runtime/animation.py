"""A person's motion as animation programs take it: y up, a floor at y = 0, at rest in a T-pose that faces +z.

Axes of the file, metres: y up, x to the left of a person who faces +z. The camera looks along -z, so somebody who
faces it faces +z. All joints have the same axes in the rest pose; the change from the skeleton's own (hips: up -z,
forward -y, right +x) is x' = -x, y' = -z, z' = -y.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.retiming import Track

# Ends of the last bones in the frames of their joints, skeleton's own axes [mm]. The ankles of standing people of
# TotalCapture are 40-80 mm high, their Head joints some 190 mm below the top of the head.
_ENDS_MM = {
    "Head": (0, 0, -190),
    "RightHand": (180, 0, 0), "LeftHand": (-180, 0, 0),
    "RightFoot": (0, -170, 60), "LeftFoot": (0, -170, 60),
}  # fmt: skip
_HEEL_MM = (0, 50, 60)
END_JOINTS = tuple(_ENDS_MM)
"""Joints whose bone ends in an end site: top of the head, finger tips, toes."""

# The lowest hundredth of the frames is left to glitches.
_FLOOR_PERCENTILE = 0.01

SUBJECT_HEIGHTS_M = (0.5, 2.5)
"""Heights that are taken for those of people."""
CAMERA_TILTS_DEG = (-80.0, 80.0)

_TO_FILE = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
_FEET = [JOINT_INDEX["RightFoot"], JOINT_INDEX["LeftFoot"]]


@dataclass(frozen=True, kw_only=True)
class Animation:
    """Motion of one person in a world with a floor; axes as above, metres, radians."""

    fps: float
    rotation: Float[Tensor, "N 21 3 3"]
    """Local rotations, in the parent's frame; the root's own in the world. All identity: T-pose facing +z."""
    root_position: Float[Tensor, "N 3"]
    offset: Float[Tensor, "21 3"]
    """Bones in the parents' frames; the root's is zero."""
    end: Float[Tensor, "5 3"]
    """Ends of the last bones in the frames of END_JOINTS."""
    valid: Bool[Tensor, "N"]
    """False where nobody was seen: the last pose is held."""
    deviation: Float[Tensor, "N 21"]
    """Error to expect of each rotation (root mean square); not a number where it is not known."""

    def joint_positions(self) -> Float[Tensor, "N 21 3"]:
        """Where the joints are."""
        return forward_kinematics(self.rotation, self.offset, self.root_position)[0]


def standing_height() -> float:
    """Height of the mean skeleton, from its soles to the top of its head [m]."""
    position, _ = forward_kinematics(torch.eye(3).expand(len(JOINTS), 3, 3), mean_offset())
    end = dict(zip(END_JOINTS, _ends(), strict=True))
    # In the skeleton's own axes z points down.
    sole, top = (position[JOINT_INDEX[name], 2] + end[name][2] for name in ("RightFoot", "Head"))
    return (sole - top).item()


def require_height(metres: float) -> None:
    """Raise UserError for what is no person's height."""
    low, high = SUBJECT_HEIGHTS_M
    if not low <= metres <= high:
        raise UserError(f"the subject's height is {metres:g} m, expected {low:g} to {high:g}")


def require_tilt(degrees: float) -> None:
    """Raise UserError for what is no camera's tilt."""
    low, high = CAMERA_TILTS_DEG
    if not low <= degrees <= high:
        raise UserError(f"the camera's tilt is {degrees:g} degrees, expected {low:g} to {high:g}, down positive")


def animate(track: Track, size: float, fps: float, camera_tilt_deg: float = 0.0) -> Animation:
    """Motion in a camera's frame (x right, y down, z forward) as an animation of the mean skeleton times `size`.

    The camera does not roll, and looks down by `camera_tilt_deg`. The floor lies under the lowest place of the soles,
    the first percentile over the frames that saw somebody; the person starts above the origin. UserError for a tilt
    that no camera has.
    """
    require_tilt(camera_tilt_deg)
    level = rotation_vector_to_matrix(torch.tensor([-math.radians(camera_tilt_deg), 0.0, 0.0]))
    to_world = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ level
    root = to_world @ track.rotation[:, :1] @ _TO_FILE.mT
    rotation = torch.cat((root, _TO_FILE @ track.rotation[:, 1:] @ _TO_FILE.mT), dim=1)
    bones, way = size * mean_offset() @ _TO_FILE.mT, track.root_position @ to_world.mT
    origin = way[track.valid][0].clone()
    origin[1] = _lowest_of_soles(rotation, bones, way, size)[track.valid].quantile(_FLOOR_PERCENTILE)
    return Animation(
        fps=fps,
        rotation=rotation,
        root_position=way - origin,
        offset=bones,
        end=size * _ends() @ _TO_FILE.mT,
        valid=track.valid,
        deviation=track.deviation,
    )


def _ends() -> Float[Tensor, "5 3"]:
    return torch.tensor(list(_ENDS_MM.values())) / 1000


def _lowest_of_soles(rotation: Tensor, bones: Tensor, way: Tensor, size: float) -> Float[Tensor, "N"]:
    """Height of the lowest of both heels and toes."""
    ankle, turn = (part[:, _FEET] for part in forward_kinematics(rotation, bones, way))
    sole = size * torch.tensor([_HEEL_MM, _ENDS_MM["RightFoot"]]) / 1000 @ _TO_FILE.mT
    height = ankle[..., None, 1] + (turn @ sole.mT)[..., 1, :]
    return height.flatten(1).amin(1)
