"""Skeletons of other programs: names of their bones, which of our joints each stands for, and the axes of their bones.

All skeletons take the rest pose of `animation`: a T-pose that faces +z, y up, metres. What differs:

  names    of the bones; a bone that stands for several joints turns by all of them
  spine    mixamo, unreal and vrm have three spine bones for our four: the middle one stands for Spine1 and Spine2 and
           turns about a point between them; the last one is Spine3, the chest, from which shoulders and neck start
  toes     a bone in front of each foot, stiff because no landmark says how toes bend
  axes     how a bone's own x, y and z lie in the rest pose, for files that have such axes (glTF; BVH has none).
           totalcapture and vrm: all along the world's, as in VRM's normalised skeletons. mixamo: y along the bone, as
           the bones of Mixamo's X Bot lie in its T-pose. unreal: x along the bone (right arm and left leg: against
           it), as the bones of Epic's mannequin lie once its arms are raised to a T and glTF's y and z are exchanged
           for Unreal's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, PARENTS
from blaze2cap.runtime.euler import turn_about

_DIRECTION = {
    "left": (1, 0, 0), "right": (-1, 0, 0), "up": (0, 1, 0), "down": (0, -1, 0), "front": (0, 0, 1), "back": (0, 0, -1),
}  # fmt: skip
_WORLD_AXES = "left up front"
# Where a bone of two joints starts, as a share of the way from the one to the other: of Spine1 and Spine2 the second
# turns farther (medians over all Vicon takes of TotalCapture: 1.7 and 8.6 degrees).
_MERGED_AT = 0.75
# From the ankle to the ball of the foot, Mixamo's X Bot goes this much less steeply than its shin [degrees].
_MIXAMO_FOOT_DEG = 50.8


class Bone(NamedTuple):
    """A bone of a target skeleton.

    name, parent  None: it is the root
    joints        those it stands for, from the trunk outwards
    rest          its own x, y and z in the rest pose: columns, in the axes of the file
    """

    name: str
    parent: str | None
    joints: tuple[str, ...]
    rest: Float[np.ndarray, "3 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SkeletonMap:
    """A target skeleton and how ours becomes it."""

    name: str
    bones: tuple[Bone, ...]
    """Those that stand for joints, parents before children, depth first. Each joint belongs to one of them."""
    toes: tuple[Bone, ...]
    """Stiff bones in front of the feet, which stand for no joint; none in some skeletons."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bones that stand for joints."""
        return tuple(bone.name for bone in self.bones)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Index of each bone's parent, -1 for the root."""
        return tuple(self.names.index(bone.parent) if bone.parent else -1 for bone in self.bones)

    def bone_of(self, joint: str) -> str:
        """Name of the bone that stands for a joint."""
        return next(bone.name for bone in self.bones if joint in bone.joints)


def mapped_rotations(
    rotation: Float[np.ndarray, "*batch 21 3 3"], skeleton_map: SkeletonMap
) -> Float[np.ndarray, "*batch bones 3 3"]:
    """Local rotations of the target's bones, all axes the world's in the rest pose.

    Of several joints in one bone the rotations are composed, so that every bone has the orientation in the world of the
    last of its joints, exactly.
    """
    composed = []
    for bone in skeleton_map.bones:
        first, *others = (rotation[..., JOINT_INDEX[joint], :, :] for joint in bone.joints)
        for other in others:
            first = first @ other
        composed.append(first)
    return np.stack(composed, axis=-3)


def mapped_offsets(
    offset: Float[np.ndarray, "*batch 21 3"], skeleton_map: SkeletonMap
) -> Float[np.ndarray, "*batch bones 3"]:
    """Offsets of the target's bones in their parents' frames, all axes the world's in the rest pose; the root's is 0.

    A bone of several joints starts between the first and the last, where turning by all of them at once moves what it
    carries the least from where it should be: on the Vicon takes of TotalCapture head and hands are off by 2.0 mm in
    the median, 7.5 mm at the 95th percentile (half-way: 4.3 and 11.3).
    """
    # In double precision, so that the offset of a bone that stands for one joint comes out as it went in.
    way = offset.astype(np.float64)
    at_rest: list[np.ndarray] = []
    for joint, parent in enumerate(PARENTS):
        at_rest.append(way[..., joint, :] + at_rest[parent] if joint else np.zeros_like(way[..., 0, :]))
    ends = (
        (at_rest[JOINT_INDEX[bone.joints[0]]], at_rest[JOINT_INDEX[bone.joints[-1]]]) for bone in skeleton_map.bones
    )
    head = np.stack([first + _MERGED_AT * (last - first) for first, last in ends], axis=-2)
    step = head[..., 1:, :] - head[..., skeleton_map.parents[1:], :]
    return np.concatenate((np.zeros_like(head[..., :1, :]), step), axis=-2)


def _axes(words: str) -> Float[np.ndarray, "3 3"]:
    """Columns x, y, z from the directions in which they point."""
    return np.array([_DIRECTION[word] for word in words.split()], np.float64).T


def _totalcapture() -> SkeletonMap:
    parent = [JOINTS[index] if index >= 0 else None for index in PARENTS]
    bones = (Bone(name, above, (name,), _axes(_WORLD_AXES)) for name, above in zip(JOINTS, parent, strict=True))
    return SkeletonMap(name="totalcapture", bones=tuple(bones), toes=())


_TRUNK = (("Hips",), ("Spine",), ("Spine1", "Spine2"), ("Spine3",), ("Neck",), ("Head",))
_CHEST = _TRUNK.index(("Spine3",))
_ARM = ("Shoulder", "Arm", "ForeArm", "Hand")
_LEG = ("UpLeg", "Leg", "Foot")


def _humanoid(
    name: str,
    trunk: str,
    arm: str,
    leg: str,
    sides: Mapping[str, str],
    axes: Mapping[str, Float[np.ndarray, "3 3"]],
    toe: str | None = None,
) -> SkeletonMap:
    """A skeleton with three spine bones.

    `trunk`, `arm` and `leg` are names from the root outwards, with * for the side, which `sides` names. `axes` has the
    rest axes of "Trunk" and, for each side, of "LeftArm", "LeftLeg" and, where they differ from these, of "LeftHand",
    "LeftFoot" and "LeftToe".
    """
    spine = trunk.split()
    above: list[str | None] = [None, *spine[:-1]]
    bones = [Bone(*part, axes["Trunk"]) for part in zip(spine, above, _TRUNK, strict=True)]
    toes = []
    for limb, patterns, parts, start in (("Arm", arm, _ARM, spine[_CHEST]), ("Leg", leg, _LEG, spine[0])):
        for side in ("Right", "Left"):
            last, usual = start, axes[side + limb]
            for part, pattern in zip(parts, patterns.split(), strict=True):
                joint = side + part
                bones.append(Bone(pattern.replace("*", sides[side]), last, (joint,), axes.get(joint, usual)))
                last = bones[-1].name
            if limb == "Leg" and toe is not None:
                toes.append(Bone(toe.replace("*", sides[side]), last, (), axes.get(f"{side}Toe", usual)))
    return SkeletonMap(name=name, bones=tuple(bones), toes=tuple(toes))


def _both_sides(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, np.ndarray]:
    sides = {"Left": left, "Right": right}
    return {side + part: _axes(words) for side, parts in sides.items() for part, words in parts.items()}


def _mixamo() -> SkeletonMap:
    leg, toe = "right down front", "right front up"
    foot = _axes(leg) @ turn_about("X", np.array(math.radians(_MIXAMO_FOOT_DEG)))
    axes = _both_sides(
        {"Arm": "back left down", "Leg": leg, "Toe": toe}, {"Arm": "front right down", "Leg": leg, "Toe": toe}
    )
    return _humanoid(
        "mixamo",
        trunk="mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        arm="mixamorig:*Shoulder mixamorig:*Arm mixamorig:*ForeArm mixamorig:*Hand",
        leg="mixamorig:*UpLeg mixamorig:*Leg mixamorig:*Foot",
        toe="mixamorig:*ToeBase",
        sides={"Left": "Left", "Right": "Right"},
        axes={"Trunk": _axes(_WORLD_AXES), **axes, "LeftFoot": foot, "RightFoot": foot},
    )


def _unreal() -> SkeletonMap:
    axes = _both_sides(
        {"Arm": "left up front", "Hand": "left back up", "Leg": "up right front", "Toe": "front right down"},
        {"Arm": "left down back", "Hand": "left front down", "Leg": "down right back", "Toe": "back right up"},
    )
    return _humanoid(
        "unreal",
        trunk="pelvis spine_01 spine_02 spine_03 neck_01 head",
        arm="clavicle_* upperarm_* lowerarm_* hand_*",
        leg="thigh_* calf_* foot_*",
        toe="ball_*",
        sides={"Left": "l", "Right": "r"},
        axes={"Trunk": _axes("up right front"), **axes},
    )


def _vrm() -> SkeletonMap:
    limbs = dict.fromkeys(("Arm", "Leg"), _WORLD_AXES)
    return _humanoid(
        "vrm",
        trunk="hips spine chest upperChest neck head",
        arm="*Shoulder *UpperArm *LowerArm *Hand",
        leg="*UpperLeg *LowerLeg *Foot",
        sides={"Left": "left", "Right": "right"},
        axes={"Trunk": _axes(_WORLD_AXES), **_both_sides(limbs, limbs)},
    )


SKELETON_MAPS = {skeleton.name: skeleton for skeleton in (_totalcapture(), _mixamo(), _unreal(), _vrm())}
"""Target skeletons by name. unreal is the mannequin of Unreal Engine 4."""
