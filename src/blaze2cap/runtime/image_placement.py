"""The predicted skeleton in the camera's image: its pose as predicted, its place where the landmarks are.

The world has the person's place smoothed over more than a second. In the image one sees that at once, so here each
frame's place is fitted anew: rotations and bones stay.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LIMB_LANDMARKS, SCREEN, VISIBILITY, WORLD
from blaze2cap.body.landmark import indices as landmark_indices
from blaze2cap.body.skeleton import indices, joint_of_landmark
from blaze2cap.runtime.animation import END_JOINTS, Animation, camera_to_world
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
    animation: Animation, landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"]
) -> Float[Tensor, "N 26 3"]:
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
    ray = viewing_ray(landmarks[:, _LIMBS, SCREEN], intrinsics)[..., :2]
    weight = landmarks[:, _LIMBS, VISIBILITY, None].clamp_min(_LEAST_WEIGHT)
    weight = weight / weight.sum(1, keepdim=True)
    place = torch.cat((torch.zeros(len(ray), 2), torch.full((len(ray), 1), _USUAL_DISTANCE)), dim=1)
    wanted = _length(ray).clamp_min(_TINY)
    for _ in range(_ROUNDS):
        seen = point + place[:, None]
        depth = seen[..., 2:].clamp_min(_NEAREST)
        further = _length(seen[..., :2] / depth) / wanted
        place = torch.cat((place[:, :2], (place[:, 2:] * further[:, None]).clamp(_NEAREST, _FARTHEST)), dim=1)
        # In the middle of the joints the image moves with the place as 1 / depth.
        depth = (point[..., 2:] + place[:, None, 2:]).clamp_min(_NEAREST)
        apart = (weight * (ray - (point[..., :2] + place[:, None, :2]) / depth)).sum(1)
        place = torch.cat((place[:, :2] + apart / (weight / depth).sum(1), place[:, 2:]), dim=1)
    return (relative + place[:, None])[shown_instead(animation.valid)]


def _length(point: Float[Tensor, "N 12 2"]) -> Float[Tensor, "N"]:
    """Summed length of trunk and limbs in the image."""
    start, end = zip(*_SIZED, strict=True)
    return (point[:, list(start)] - point[:, list(end)]).norm(dim=-1).sum(-1)


def figure_positions(animation: Animation) -> Float[Tensor, "N 26 3"]:
    """Joints, then the ends of the last bones, in the world [m]."""
    joint, turn = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    last = indices(*END_JOINTS)
    return torch.cat((joint, joint[:, last] + (turn[:, last] @ animation.end[..., None]).squeeze(-1)), dim=1)


def landmark_positions(
    animation: Animation, landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"]
) -> Float[Tensor, "N 25 3"]:
    """World landmarks as detected, in the animation's world [m], their hips where those of the skeleton are."""
    hips = landmark_indices("left_hip", "right_hip")
    ray = viewing_ray(landmarks[:, hips, SCREEN].mean(1), intrinsics)
    world = landmarks[..., WORLD] - landmarks[:, hips, WORLD].mean(1, keepdim=True)
    thighs = animation.joint_positions()[:, indices("LeftUpLeg", "RightUpLeg")].mean(1, keepdim=True)
    return world @ ray_rotation(ray).mT @ camera_to_world(animation.camera_tilt_deg).mT + thighs


def pixels(
    position: Float[Tensor, "N points 3"], intrinsics: Float[Tensor, "4"], width: int, height: int
) -> Float[Tensor, "N points 2"]:
    """Places in the image [px] of positions in the camera's frame; not a number behind the camera."""
    depth = position[..., 2:]
    screen = position[..., :2] / depth * intrinsics[:2] + intrinsics[2:]
    return torch.where(depth > _NEAREST, screen, torch.nan) * torch.tensor([float(width), float(height)])
