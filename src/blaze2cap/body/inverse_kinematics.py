"""The analytic pose: joint rotations and the root's place from one frame's landmarks, in closed form.

It is the baseline's inverse kinematics and the base that the network corrects: stateless, differentiable, and
equivariant (turn the landmarks and the root turns; mirror them and the pose is mirrored). Every frame of the body is a
direction seen in the landmarks plus a twist about it, and the twist is the parent's, carried along by the smallest
rotation, turned towards a hint (the elbow's or knee's bending axis, the foot) as far as the hint is clear.

Axes of the skeleton (TotalCapture): trunk x to the right, y backwards, z down; arms lie along x and bend about z, legs
lie along z and bend about x; elbows and knees are pure hinges.

The weights below minimise MPJPE, angular error and root error together over the real training takes and over the
takes without landmarks, detections simulated (floor work and bending are in the latter). Two findings shaped them: the
pelvis follows the line of the legs as much as that of the trunk, and the hand's three landmarks are too noisy to say
anything of its direction or twist that the forearm does not say better. On 72,676 real frames, unfiltered, with
the true bones: MPJPE 86 mm, 62 after similarity, local angles off by 0.40 rad, the root by 0.30; with a constant
rotation of each joint 78 mm, 57 mm, 0.35 and 0.25 rad.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.landmark import LANDMARKS, VISIBILITY, WORLD
from blaze2cap.body.root_position import hip_ray
from blaze2cap.body.skeleton import JOINTS, PARENTS

_SIDES = ("right", "left")

# Weights of unit directions whose sum is an axis of a frame.
_PELVIS_RIGHT = {"hips": 1.0, "shoulders": 0.4, "knees": 0.3, "face": 0.35}
_PELVIS_DOWN = {"trunk": 0.75, "thighs": 0.5, "shins": 0.4, "neck": 0.2}
_CHEST_RIGHT = {"shoulders": 1.0, "hips": 0.65, "ears": 0.25}
_CHEST_DOWN = {"trunk": 1.0, "neck": 0.3}
_HEAD_RIGHT = {"ears": 0.85, "face": 0.6}
_THIGH_TWIST = {"knee": 0.45, "foot": 0.65}

# Weight of the carried twist against hints of unit length.
_ARM_CARRIED = 0.75
_THIGH_CARRIED = 0.65
_FOOT_CARRIED = 0.55

# How much of the way from the pelvis to the chest, chest to head, chest to upper arm a joint has turned.
_SPINE = {"Spine": 0.35, "Spine1": 0.4, "Spine2": 0.9}
_NECK = 0.4
_CLAVICLE = 0.2

# Vectors shorter than this [m, or of weighted unit vectors] have no direction; the parent's stands in.
_TINY = 1e-6


Sum = dict[str, float]
"""A vector as the sum of others with names, each by its weight."""


def _way(start: str, end: str) -> Sum:
    """From one landmark to another; from or to the middle of both sides' where no side is named."""
    way: Sum = {}
    for name, weight in ((start, -1.0), (end, 1.0)):
        sides = (name,) if name in LANDMARKS else [f"{side}_{name}" for side in _SIDES]
        way |= {landmark: weight / len(sides) for landmark in sides}
    return way


# Directions seen in the landmarks: of the trunk, to the right, and of each limb.
_WAYS = {
    "trunk": _way("shoulder", "hip"), "thighs": _way("hip", "knee"), "shins": _way("knee", "ankle"),
    "neck": _way("ear", "shoulder"), "behind_nose": _way("nose", "ear"),
    **{f"{part}s": _way(f"left_{part}", f"right_{part}") for part in ("hip", "shoulder", "knee", "ear")},
    **{
        f"{side}_{limb}": _way(f"{side}_{start}", f"{side}_{end}")
        for side in _SIDES
        for limb, start, end in (
            ("upper_arm", "shoulder", "elbow"), ("forearm", "elbow", "wrist"), ("thigh", "hip", "knee"),
            ("shin", "knee", "ankle"), ("foot", "foot_index", "heel"),
        )
    },
}  # fmt: skip
# Cross products of them: axes about which elbows and knees bend, and feet turn; the first one at unit length.
_BENDS = {
    "face": ("behind_nose", "trunk"),
    **{
        f"{side}_{joint}": (f"{side}_{lower}", f"{side}_{upper}")
        for side in _SIDES
        for joint, lower, upper in (
            ("elbow", "forearm", "upper_arm"), ("knee", "shin", "thigh"), ("toes", "foot", "shin"),
        )
    },
}  # fmt: skip
# Upright and facing the camera, where nothing is seen at all.
_FACING = {"facing.x": (-1.0, 0.0, 0.0), "facing.y": (0.0, 0.0, 1.0), "facing.z": (0.0, 1.0, 0.0)}


class _Frame(NamedTuple):
    """Axes of a frame: the first-named lies along `direction`, the second turns towards `hint`.

    The parent's axes, carried along by the smallest rotation, weigh `carried` against the hint, and decide alone where
    the hint or the direction vanishes.
    """

    name: str
    axes: str
    parent: str
    direction: Sum
    hint: Sum
    carried: float = 0.0


def _between(name: str, start: str, end: str, share: float) -> _Frame:
    """The frame a share of the way from `start` to `end` (linear in the axes: near enough here)."""
    x, z = ({f"{start}.{axis}": 1 - share, f"{end}.{axis}": share} for axis in "xz")
    return _Frame(name, "xz", start, x, z)


def _of_side(side: str) -> tuple[list[_Frame], list[_Frame], list[_Frame]]:
    """A side's limbs, from the trunk outwards."""
    # A mirror turns the arms' x axis, which points right on both sides, and any cross product, the other way round.
    sign = 1.0 if side == "right" else -1.0
    upper_arm, forearm, thigh, shin, foot = (
        f"{side}_{limb}" for limb in ("upper_arm", "forearm", "thigh", "shin", "foot")
    )
    clavicle = {"Spine3.x": 1 - _CLAVICLE, upper_arm: sign * _CLAVICLE}
    twist = {f"{side}_knee": _THIGH_TWIST["knee"], f"{side}_toes": _THIGH_TWIST["foot"]}
    joint = side.capitalize()
    return (
        [_Frame(f"{joint}UpLeg", "zx", "Hips", {thigh: 1.0}, twist, _THIGH_CARRIED)],
        [
            _Frame(f"{joint}Shoulder", "xz", "Spine3", clavicle, {}, 1.0),
            _Frame(f"{joint}Arm", "xz", "Spine3", {upper_arm: sign}, {f"{side}_elbow": sign}, _ARM_CARRIED),
            _Frame(f"{joint}Leg", "zx", f"{joint}UpLeg", {shin: 1.0}, {}, 1.0),
        ],
        [
            _Frame(f"{joint}ForeArm", "xz", f"{joint}Arm", {forearm: sign}, {}, 1.0),
            _Frame(f"{joint}Foot", "yz", f"{joint}Leg", {foot: 1.0}, {shin: 1.0}, _FOOT_CARRIED),
        ],
    )


_RIGHT, _LEFT = (_of_side(side) for side in _SIDES)
# Frames of the joints by what they need of others: those of a level are found at once.
_LEVELS = (
    [_Frame("Hips", "xz", "facing", _PELVIS_RIGHT, _PELVIS_DOWN)],
    [_Frame("Spine3", "xz", "Hips", _CHEST_RIGHT, _CHEST_DOWN), *_RIGHT[0], *_LEFT[0]],
    [
        _Frame("Head", "xy", "Spine3", _HEAD_RIGHT, {"behind_nose": 1.0}),
        *(_between(name, "Hips", "Spine3", share) for name, share in _SPINE.items()),
        *_RIGHT[1], *_LEFT[1],
    ],
    [_between("Neck", "Spine3", "Head", _NECK), *_RIGHT[2], *_LEFT[2]],
)  # fmt: skip


class _Level(NamedTuple):
    """Frames found at once. `sums` gives, of the vectors known before, first the parents' axes that will be along and
    towards, then directions, then hints; `carried` weighs those, `sign` is that of the last axis, a row a frame."""

    sums: Float64[np.ndarray, "rows known"]
    carried: Float64[np.ndarray, "frames 1"]
    sign: Float64[np.ndarray, "frames 1"]


def _rows(sums: Iterable[Mapping[str, float]], known: list[str]) -> Float64[np.ndarray, "rows known"]:
    """Sums as a matrix that acts on the known vectors."""
    return np.array([[each.get(name, 0.0) for name in known] for each in sums])


def _compiled() -> tuple[list[_Level], list[int]]:
    """The levels as matrices, and where the x, y and z axes of all joints are in the end."""
    known, levels = [*_WAYS, *_BENDS, *_FACING], []
    for frames in _LEVELS:
        parents = [[{f"{frame.parent}.{frame.axes[place]}": 1.0} for frame in frames] for place in (0, 1)]
        sums = [*parents[0], *parents[1], *(frame.direction for frame in frames), *(frame.hint for frame in frames)]
        assert all(name in known for each in sums for name in each)
        lasts = [next(axis for axis in "xyz" if axis not in frame.axes) for frame in frames]
        # Whether the axes as named, and then the last, follow each other as x, y and z do.
        turns = [[1.0 if frame.axes in "xyzx" else -1.0] for frame in frames]
        carried = [[frame.carried] for frame in frames]
        levels.append(_Level(_rows(sums, known), np.array(carried), np.array(turns)))
        known += [f"{frame.name}.{frame.axes[0]}" for frame in frames]
        known += [f"{frame.name}.{frame.axes[1]}" for frame in frames]
        known += [f"{frame.name}.{last}" for frame, last in zip(frames, lasts, strict=True)]
    # A hand lies as its forearm does.
    place = [known.index(f"{joint.replace('Hand', 'ForeArm')}.{axis}") for joint in JOINTS for axis in "xyz"]
    return levels, place


_COMPILED, _AXES = _compiled()
_DIFFERENCES = _rows(_WAYS.values(), list(LANDMARKS))
_UPPER, _LOWER = ([list(_WAYS).index(pair[place]) for pair in _BENDS.values()] for place in (0, 1))
_FACING_AXES = np.array(list(_FACING.values())).T[..., None]
_PARENT_AXES = [3 * parent + axis for parent in PARENTS[1:] for axis in range(3)]


def analytic_pose(
    world: Float[Tensor, "*batch 25 3"], visibility: Float[Tensor, "*batch 25"]
) -> Float[Tensor, "*batch 21 3 3"]:
    """Local rotations of the 21 joints from world landmarks [m]; slot 0 is the root's own, in the frame of `world`.

    Every output is a rotation: coincident landmarks, and frames of zeros, take the parent's direction.
    `visibility` is not used: blends that heed it came within 1 mm of these.
    """
    # Coordinates first and frames last, [3, vector, frames]: three to five times faster than the other way round. And
    # many vectors at once: of one frame, the number of operations is the time that they take.
    landmark = world.reshape(-1, *world.shape[-2:]).permute(2, 1, 0).contiguous()
    way = _unit(_constant(_DIFFERENCES, world) @ landmark)
    bend = _cross(_select(way, _UPPER), _select(way, _LOWER))
    # Broadcast by arithmetic: an exported graph would reckon with the number of frames first.
    facing = _constant(_FACING_AXES, world) + 0 * way[:, :3]
    known = torch.cat((way, _unit(bend[:, :1]), bend[:, 1:], facing), dim=1)
    for level in _COMPILED:
        known = torch.cat((known, _frames(level, known)), dim=1)
    return _local(_select(known, _AXES)).reshape(*world.shape[:-2], len(JOINTS), 3, 3)


def _constant(array: np.ndarray, like: Tensor) -> Tensor:
    return torch.tensor(array, dtype=like.dtype, device=like.device)


def _select(vector: Tensor, index: list[int]) -> Tensor:
    return vector.index_select(1, torch.tensor(index, device=vector.device))


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.cross(a, b, dim=0)


def _unit(vector: Tensor, otherwise: Tensor | None = None) -> Tensor:
    """Vectors [3, ...] at unit length; where they are too short to have a direction, another vector, or shorter."""
    # Not `norm`: over the first dimension it is many times slower, and its gradient at zero is a special case.
    square = (vector * vector).sum(0)
    unit = vector * square.clamp_min(_TINY**2).rsqrt()
    return unit if otherwise is None else torch.where(square > _TINY**2, unit, otherwise)


def _frames(level: _Level, known: Tensor) -> Tensor:
    """Axes [3, axis * frames, ...] of the frames of a level, the first and the second as named, then the last."""
    before, carried, direction, hint = (_constant(level.sums, known) @ known).chunk(4, dim=1)
    first = _unit(direction, before)
    # The smallest rotation of `before` onto `first` acts on what is at right angles to `before` as the reflection that
    # takes `before` to -`first` (Householder); unlike Rodrigues' formula it keeps lengths to the last digit.
    middle = before + first
    carried = carried - (carried * middle).sum(0) / (0.5 * (middle * middle).sum(0)).clamp_min(_TINY**2) * middle
    toward = hint - (hint * first).sum(0) * first + _constant(level.carried, known) * carried
    second = _unit(toward, carried)
    return torch.cat((first, second, _constant(level.sign, known) * _cross(first, second)), dim=1)


def _local(axes: Tensor) -> Tensor:
    """Local rotations [frames, 21, 3, 3] of axes [3, 21 * axis, frames]: `global_to_local` for this layout."""
    parent, own = (part.unflatten(1, (-1, 3)) for part in (_select(axes, _PARENT_AXES), axes))
    local = (parent[:, :, :, None] * own[:, 1:, None]).sum(0)
    return torch.cat((own[:, :1].transpose(0, 1), local)).permute(3, 0, 1, 2).contiguous()


def camera_pose(
    landmarks: Float[Tensor, "*batch 25 7"], intrinsics: Float[Tensor, "*#batch 4"]
) -> Float[Tensor, "*batch 21 3 3"]:
    """Analytic pose, its root turned from the ray frame into the camera's."""
    rotation = analytic_pose(landmarks[..., WORLD], landmarks[..., VISIBILITY])
    ray = hip_ray(landmarks, intrinsics)
    return torch.cat((ray_rotation(ray)[..., None, :, :] @ rotation[..., :1, :, :], rotation[..., 1:, :, :]), dim=-3)
