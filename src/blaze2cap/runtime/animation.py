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
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, indices
from blaze2cap.errors import UserError
from blaze2cap.runtime.retiming import Track, shown_instead

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

# Something of a person touches the floor in this time before or after any moment [s]: jumps are shorter.
_LONGEST_FLIGHT_S = 1.0

SUBJECT_HEIGHTS_M = (0.5, 2.5)
"""Heights that are taken for those of people."""
CAMERA_TILTS_DEG = (-80.0, 80.0)

_TO_FILE = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
# Bones that end in no joint, and the heels behind the ankles.
_LAST = indices(*END_JOINTS, "RightFoot", "LeftFoot")


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
    camera_tilt_deg: float
    """How far down the camera looked."""

    def joint_positions(self) -> Float[Tensor, "N 21 3"]:
        """Where the joints are."""
        return forward_kinematics(self.rotation, self.offset, self.root_position)[0]


def standing_height() -> float:
    """Height of the mean skeleton, from its soles to the top of its head [m]."""
    # In the skeleton's own axes z points down.
    height = body_points(torch.eye(3).expand(len(JOINTS), 3, 3))[:, 2]
    return (height.max() - height.min()).item()


def standing_hip_height() -> float:
    """Height of the mean skeleton's Hips above its soles [m]."""
    return body_points(torch.eye(3).expand(len(JOINTS), 3, 3))[:, 2].max().item()


def require_height(metres: float) -> None:
    """Raise UserError for what is no person's height."""
    low, high = SUBJECT_HEIGHTS_M
    if not low <= metres <= high:
        raise UserError(f"the subject's height is {metres:g} m, expected {low:g} to {high:g}")


def size_of(offset: Float[Tensor, "21 3"]) -> float:
    """How large bones are, relative to the mean skeleton's."""
    shin = JOINT_INDEX["RightFoot"]
    return (offset[shin].norm() / mean_offset()[shin].norm()).item()


def sole(size: float) -> Float[Tensor, "2 3"]:
    """Lowest points of a foot that stands, at its heel and its toes, in the frame of either Foot joint [m]."""
    return size * torch.tensor([_HEEL_MM, _ENDS_MM["RightFoot"]]) / 1000 @ _TO_FILE.mT


def require_tilt(degrees: float) -> None:
    """Raise UserError for what is no camera's tilt."""
    low, high = CAMERA_TILTS_DEG
    if not low <= degrees <= high:
        raise UserError(f"the camera's tilt is {degrees:g} degrees, expected {low:g} to {high:g}, down positive")


def animate(track: Track, size: float, fps: float, camera_tilt_deg: float) -> Animation:
    """Motion in a camera's frame (x right, y down, z forward) as an animation of the mean skeleton times `size`.

    The camera does not roll, and looks down by `camera_tilt_deg`. The floor lies under whatever of the body was lowest
    in the second before and after, so that errors of distance and tilt neither lift nor sink who walks; the person
    starts above the origin. UserError for a tilt that no camera has.
    """
    require_tilt(camera_tilt_deg)
    to_world = camera_to_world(camera_tilt_deg)
    way = track.root_position @ to_world.mT
    origin = way[int(track.valid.int().argmax())].repeat(len(way), 1)
    lowest = way[:, 1] + size * lowest_point(body_points(track.rotation), to_world)
    origin[:, 1] = _floor(lowest, fps)[shown_instead(track.valid)]
    return Animation(
        fps=fps,
        rotation=world_rotation(track.rotation, to_world),
        root_position=way - origin,
        offset=bones(size),
        end=bone_ends(size),
        valid=track.valid,
        deviation=track.deviation,
        camera_tilt_deg=camera_tilt_deg,
    )


def bones(size: float) -> Float[Tensor, "21 3"]:
    """Bones of the mean skeleton times `size`, as `Animation.offset` has them."""
    return size * mean_offset() @ _TO_FILE.mT


def bone_ends(size: float) -> Float[Tensor, "5 3"]:
    """Ends of the last bones of the mean skeleton times `size`, as `Animation.end` has them."""
    return size * _ends() @ _TO_FILE.mT


def camera_to_world(camera_tilt_deg: float) -> Float[Tensor, "3 3"]:
    """Camera's frame -> world, of a camera that does not roll and looks down by so many degrees."""
    angle = math.radians(camera_tilt_deg)
    cosine, sine = math.cos(angle), math.sin(angle)
    return torch.tensor([[1.0, 0.0, 0.0], [0.0, -cosine, -sine], [0.0, sine, -cosine]])


def world_rotation(
    rotation: Float[Tensor, "*batch 21 3 3"], to_world: Float[Tensor, "3 3"]
) -> Float[Tensor, "*batch 21 3 3"]:
    """Local rotations in the file's axes, the root's own in the world, of the skeleton's own in the camera's frame."""
    root = to_world @ rotation[..., :1, :, :] @ _TO_FILE.mT
    return torch.cat((root, _TO_FILE @ rotation[..., 1:, :, :] @ _TO_FILE.mT), dim=-3)


def body_points(rotation: Float[Tensor, "*batch 21 3 3"]) -> Float[Tensor, "*batch 28 3"]:
    """The mean skeleton's 21 joints, ends and heels, in the frame of the root's rotation and from the root [m]."""
    joint, turn = forward_kinematics(rotation, mean_offset())
    end = torch.cat((_ends(), torch.tensor([_HEEL_MM, _HEEL_MM]) / 1000))
    return torch.cat((joint, joint[..., _LAST, :] + (turn[..., _LAST, :, :] @ end[..., None]).squeeze(-1)), dim=-2)


def lowest_point(points: Float[Tensor, "*batch 28 3"], to_world: Float[Tensor, "3 3"]) -> Float[Tensor, "*batch"]:
    """Height of the lowest of all points above the root, mostly below 0 [m]."""
    return (points @ to_world[1]).amin(-1)


def _ends() -> Float[Tensor, "5 3"]:
    return torch.tensor(list(_ENDS_MM.values())) / 1000


def _floor(lowest: Float[Tensor, "N"], fps: float) -> Float[Tensor, "N"]:
    """Height of the floor under the person: the lower envelope of the lowest point, smoothed."""
    from scipy.ndimage import gaussian_filter1d, minimum_filter1d

    reach = max(1, round(_LONGEST_FLIGHT_S * fps))
    envelope = minimum_filter1d(lowest.numpy(), 2 * reach + 1, mode="nearest")
    return torch.from_numpy(gaussian_filter1d(envelope, reach / 2, mode="nearest"))
