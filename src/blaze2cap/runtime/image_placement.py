"""The predicted skeleton in the camera's image: its pose as predicted, its place where the landmarks are.

The world has the person's place smoothed over more than a second. In the image one sees that at once, so here each
frame's place is fitted anew: rotations and bones stay.
"""

import numpy as np
from jaxtyping import Float

from blaze2cap.body.landmark import LIMB_LANDMARKS, SCREEN, VISIBILITY, WORLD
from blaze2cap.body.landmark import indices as landmark_indices
from blaze2cap.body.skeleton import indices, joint_of_landmark
from blaze2cap.runtime.animation import END_JOINTS, Animation, camera_to_world
from blaze2cap.runtime.finishing.turning import turn_between
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.retiming import shown_instead

_LIMBS = landmark_indices(*LIMB_LANDMARKS)
_JOINTS = indices(*map(joint_of_landmark, LIMB_LANDMARKS))
# A landmark that is hardly seen counts this much, one that is seen fully 1: all of them hidden still say a place.
_LEAST_WEIGHT = 0.05
# Trunk and limbs, as pairs of limb landmarks.
_SIZED = tuple(
    (LIMB_LANDMARKS.index(start), LIMB_LANDMARKS.index(end))
    for side in ("left", "right")
    for start, end in (
        (f"{side}_shoulder", f"{side}_elbow"), (f"{side}_elbow", f"{side}_wrist"), (f"{side}_shoulder", f"{side}_hip"),
        (f"{side}_hip", f"{side}_knee"), (f"{side}_knee", f"{side}_ankle"),
    )
)  # fmt: skip
# Distances of people from a camera, and where the search begins [m]; after so many rounds it moves by less than 1 %.
_NEAREST, _USUAL_DISTANCE, _FARTHEST = 0.1, 4.0, 1000.0
_ROUNDS = 8
_TINY = 1e-6


def camera_positions(
    animation: Animation, landmarks: Float[np.ndarray, "N 25 7"], intrinsics: Float[np.ndarray, "4"]
) -> Float[np.ndarray, "N 26 3"]:
    """Joints and bone ends in the camera's frame [m], where the landmarks of each frame are.

    The distance is that at which trunk and limbs together are as long in the image as between the landmarks, the
    direction that in which their joints are, on average, weighted by visibility. Least squares would do for the true
    pose; where the pose is off, it takes the error for closeness: on three videos by 2-4 % in the median, and by up to
    three times in the worst twentieth of the frames. Frames that saw nobody are as the last one that did, those before
    anybody was seen as the first.
    """
    relative = (figure_positions(animation) - animation.root_position[:, None]) @ camera_to_world(
        animation.camera_tilt_deg
    )
    point = relative[:, _JOINTS]
    ray = _ray(landmarks[:, _LIMBS, SCREEN], intrinsics)
    weight = np.maximum(landmarks[:, _LIMBS, VISIBILITY, None], _LEAST_WEIGHT)
    weight = weight / weight.sum(1, keepdims=True)
    place = np.tile([0.0, 0.0, _USUAL_DISTANCE], (len(ray), 1))
    wanted = np.maximum(_length(ray), _TINY)
    for _ in range(_ROUNDS):
        seen = point + place[:, None]
        depth = np.maximum(seen[..., 2:], _NEAREST)
        further = _length(seen[..., :2] / depth) / wanted
        place[:, 2] = np.clip(place[:, 2] * further, _NEAREST, _FARTHEST)
        # In the middle of the joints the image moves with the place as 1 / depth.
        depth = np.maximum(point[..., 2:] + place[:, None, 2:], _NEAREST)
        apart = (weight * (ray - (point[..., :2] + place[:, None, :2]) / depth)).sum(1)
        place[:, :2] += apart / (weight / depth).sum(1)
    return (relative + place[:, None])[shown_instead(animation.valid)]


def _ray(screen: Float[np.ndarray, "*batch 2"], intrinsics: Float[np.ndarray, "4"]) -> Float[np.ndarray, "*batch 2"]:
    """x and y, at a depth of 1, of what is seen at a place of the image given in fractions of width and height."""
    return (screen - intrinsics[2:]) / intrinsics[:2]


def _length(point: Float[np.ndarray, "N 12 2"]) -> Float[np.ndarray, "N"]:
    """Summed length of trunk and limbs in the image."""
    start, end = zip(*_SIZED, strict=True)
    return np.linalg.norm(point[:, list(start)] - point[:, list(end)], axis=-1).sum(-1)


def figure_positions(animation: Animation) -> Float[np.ndarray, "N 26 3"]:
    """Joints, then the ends of the last bones, in the world [m]."""
    joint, turn = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    last = indices(*END_JOINTS)
    return np.concatenate((joint, joint[:, last] + (turn[:, last] @ animation.end[..., None])[..., 0]), axis=1)


def landmark_positions(
    animation: Animation, landmarks: Float[np.ndarray, "N 25 7"], intrinsics: Float[np.ndarray, "4"]
) -> Float[np.ndarray, "N 25 3"]:
    """World landmarks as detected, in the animation's world [m], their hips where those of the skeleton are."""
    hips = landmark_indices("left_hip", "right_hip")
    ray = _ray(landmarks[:, hips, SCREEN].mean(1), intrinsics)
    ahead = np.tile([0.0, 0.0, 1.0], (len(ray), 1))
    to_camera = turn_between(ahead, np.concatenate((ray, ahead[:, 2:]), axis=1))
    world = landmarks[..., WORLD] - landmarks[:, hips, WORLD].mean(1, keepdims=True)
    thighs = animation.joint_positions()[:, indices("LeftUpLeg", "RightUpLeg")].mean(1, keepdims=True)
    return world @ to_camera.mT @ camera_to_world(animation.camera_tilt_deg).mT + thighs


def pixels(
    position: Float[np.ndarray, "N points 3"], intrinsics: Float[np.ndarray, "4"], width: int, height: int
) -> Float[np.ndarray, "N points 2"]:
    """Places in the image [px] of positions in the camera's frame; not a number behind the camera."""
    depth = position[..., 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        screen = position[..., :2] / depth * intrinsics[:2] + intrinsics[2:]
    return np.where(depth > _NEAREST, screen, np.nan) * [width, height]
