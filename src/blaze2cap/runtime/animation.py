"""A person's motion as animation programs take it: y up, a floor at y = 0, at rest in a T-pose that faces +z.

Axes of the file, metres: y up, x to the left of a person who faces +z. The camera looks along -z, so somebody who
faces it faces +z. All joints have the same axes in the rest pose; the change from the skeleton's own (hips: up -z,
forward -y, right +x) is x' = -x, y' = -z, z' = -y.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, indices
from blaze2cap.errors import UserError
from blaze2cap.runtime.floor import floor_height
from blaze2cap.runtime.kinematics import forward_kinematics, mean_offset
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

SUBJECT_HEIGHTS_M = (0.5, 2.5)
"""Heights that are taken for those of people."""
CAMERA_TILTS_DEG = (-80.0, 80.0)

_TO_FILE = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
# Bones that end in no joint, and the heels behind the ankles.
_LAST = indices(*END_JOINTS, "RightFoot", "LeftFoot")
_ENDS = np.array(list(_ENDS_MM.values())) / 1000
_LAST_ENDS = np.concatenate((_ENDS, np.array([_HEEL_MM, _HEEL_MM]) / 1000))
_AT_REST = np.tile(np.eye(3), (len(JOINTS), 1, 1))


@dataclass(frozen=True, kw_only=True)
class Animation:
    """Motion of one person in a world with a floor; axes as above, metres, radians."""

    fps: float
    rotation: Float[np.ndarray, "N 21 3 3"]
    """Local rotations, in the parent's frame; the root's own in the world. All identity: T-pose facing +z."""
    root_position: Float[np.ndarray, "N 3"]
    offset: Float[np.ndarray, "21 3"]
    """Bones in the parents' frames; the root's is zero."""
    end: Float[np.ndarray, "5 3"]
    """Ends of the last bones in the frames of END_JOINTS."""
    valid: Bool[np.ndarray, "N"]
    """False where nobody was seen: the last pose is held."""
    deviation: Float[np.ndarray, "N 21"]
    """Error to expect of each rotation (root mean square); not a number where it is not known."""
    camera_tilt_deg: float
    """How far down the camera looked."""
    camera_tilt_known: bool = True
    """False where nothing tells the tilt, which is taken for 0."""

    def joint_positions(self) -> Float[np.ndarray, "N 21 3"]:
        """Where the joints are."""
        return forward_kinematics(self.rotation, self.offset, self.root_position)[0]

    def held_at_first(self) -> "Animation":
        """Frames before anybody is seen as the first one with somebody; still not valid."""
        shown = np.maximum(np.arange(len(self.valid)), self.valid.argmax())
        return replace(
            self,
            rotation=self.rotation[shown],
            root_position=self.root_position[shown],
            deviation=self.deviation[shown],
        )


def standing_height() -> float:
    """Height of the mean skeleton, from its soles to the top of its head [m]."""
    # In the skeleton's own axes z points down.
    height = body_points(_AT_REST)[:, 2]
    return float(np.ptp(height))


def standing_hip_height() -> float:
    """Height of the mean skeleton's Hips above its soles [m]."""
    return float(body_points(_AT_REST)[:, 2].max())


def require_height(metres: float) -> None:
    """Raise UserError for what is no person's height."""
    low, high = SUBJECT_HEIGHTS_M
    if not low <= metres <= high:
        raise UserError(f"the subject's height is {metres:g} m, expected {low:g} to {high:g}")


def size_of(offset: Float[np.ndarray, "21 3"]) -> float:
    """How large bones are, relative to the mean skeleton's."""
    shin = JOINT_INDEX["RightFoot"]
    return float(np.linalg.norm(offset[shin]) / np.linalg.norm(mean_offset()[shin]))


def sole(size: float) -> Float[np.ndarray, "2 3"]:
    """Lowest points of a foot that stands, at its heel and its toes, in the frame of either Foot joint [m]."""
    return size * np.array([_HEEL_MM, _ENDS_MM["RightFoot"]]) / 1000 @ _TO_FILE.mT


def require_tilt(degrees: float) -> None:
    """Raise UserError for what is no camera's tilt."""
    low, high = CAMERA_TILTS_DEG
    if not low <= degrees <= high:
        raise UserError(f"the camera's tilt is {degrees:g} degrees, expected {low:g} to {high:g}, down positive")


def animate(track: Track, size: float, fps: float, camera_tilt_deg: float | None) -> Animation:
    """Motion in a camera's frame (x right, y down, z forward) as an animation of the mean skeleton times `size`.

    The camera does not roll, and looks down by `camera_tilt_deg`, taken for 0 where that is None, unknown. The floor
    lies under whatever of the body is lowest, jumps left out (`floor_height`), so that errors of distance and tilt
    neither lift nor sink who walks; the person starts above the origin. UserError for a tilt that no camera has.
    """
    tilt_deg = 0.0 if camera_tilt_deg is None else camera_tilt_deg
    require_tilt(tilt_deg)
    to_world = camera_to_world(tilt_deg)
    way = track.root_position @ to_world.mT
    origin = np.tile(way[track.valid.argmax()], (len(way), 1))
    lowest = way[:, 1] + size * lowest_point(body_points(track.rotation), to_world)
    origin[:, 1] = floor_height(lowest, way, track.valid, fps)[shown_instead(track.valid)]
    return Animation(
        fps=fps,
        rotation=world_rotation(track.rotation, to_world),
        root_position=way - origin,
        offset=bones(size),
        end=bone_ends(size),
        valid=track.valid,
        deviation=track.deviation,
        camera_tilt_deg=tilt_deg,
        camera_tilt_known=camera_tilt_deg is not None,
    )


def bones(size: float) -> Float[np.ndarray, "21 3"]:
    """Bones of the mean skeleton times `size`, as `Animation.offset` has them."""
    return size * mean_offset() @ _TO_FILE.mT


def bone_ends(size: float) -> Float[np.ndarray, "5 3"]:
    """Ends of the last bones of the mean skeleton times `size`, as `Animation.end` has them."""
    return size * _ENDS @ _TO_FILE.mT


def camera_to_world(camera_tilt_deg: float) -> Float[np.ndarray, "3 3"]:
    """Camera's frame -> world, of a camera that does not roll and looks down by so many degrees."""
    angle = math.radians(camera_tilt_deg)
    cosine, sine = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, -cosine, -sine], [0.0, sine, -cosine]])


def world_rotation(
    rotation: Float[np.ndarray, "*batch 21 3 3"], to_world: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "*batch 21 3 3"]:
    """Local rotations in the file's axes, the root's own in the world, of the skeleton's own in the camera's frame."""
    root = to_world @ rotation[..., :1, :, :] @ _TO_FILE.mT
    return np.concatenate((root, _TO_FILE @ rotation[..., 1:, :, :] @ _TO_FILE.mT), axis=-3)


def body_points(rotation: Float[np.ndarray, "*batch 21 3 3"]) -> Float[np.ndarray, "*batch 28 3"]:
    """The mean skeleton's 21 joints, ends and heels, in the frame of the root's rotation and from the root [m]."""
    joint, turn = forward_kinematics(rotation, mean_offset())
    last = joint[..., _LAST, :] + (turn[..., _LAST, :, :] @ _LAST_ENDS[..., None])[..., 0]
    return np.concatenate((joint, last), axis=-2)


def lowest_point(
    points: Float[np.ndarray, "*batch 28 3"], to_world: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "*batch"]:
    """Height of the lowest of all points above the root, mostly below 0 [m]."""
    return np.asarray((points @ to_world[1]).min(-1))
