"""An animation on the bones of a target skeleton: what BVH and glTF files write.

World and lengths as in `animation`. A bone's own axes are the columns of `rest` while it is at rest. With G the global
rotation of a bone whose axes are the world's at rest, and A its own axes, the bone is at G A in the world; in its
parent's frame at A_parent^T L A, where L is its local rotation. Where bones are does not depend on their axes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.skeleton_map import Bone, SkeletonMap, mapped_offsets, mapped_rotations

# Way from the ankle to the toes after which toes bend: a stiff toe bone starts there.
_BALL = 0.7


@dataclass(frozen=True, kw_only=True, eq=False)
class Rig:
    """Bones, parents before children and depth first, and their motion."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """-1: the root."""
    moves: tuple[bool, ...]
    """False for toes, which are stiff."""
    rest: Float[np.ndarray, "B 3 3"]
    """Own axes of each bone in the rest pose, as columns, in the world."""
    offset: Float[np.ndarray, "B 3"]
    """From the parent to the bone, in the parent's own axes [m]; 0 for the root."""
    rotation: Float[np.ndarray, "N B 3 3"]
    """Local rotations, from the bone's own axes into its parent's; the root's into the world's."""
    root_position: Float[np.ndarray, "N 3"]
    end_bones: tuple[int, ...]
    """Bones that end in an end site."""
    end: Float[np.ndarray, "E 3"]
    """Where that is, in the bone's own axes [m]."""

    @property
    def rest_rotation(self) -> Float[np.ndarray, "B 3 3"]:
        """Local rotations in the rest pose."""
        return _above(self.rest, self.parents).mT @ self.rest

    def forward_kinematics(
        self, rotation: Float[np.ndarray, "*batch B 3 3"], root_position: Float[np.ndarray, "*batch 3"]
    ) -> tuple[Float[np.ndarray, "*batch B 3"], Float[np.ndarray, "*batch B 3 3"]]:
        """Positions [m] and global rotations of the bones for some local rotations."""
        return forward_kinematics(rotation, self.offset, root_position, self.parents)

    def rest_positions(self) -> Float[np.ndarray, "B 3"]:
        """Where bones start in the rest pose, the root at the origin [m]."""
        return self.forward_kinematics(self.rest_rotation, np.zeros(3))[0]


def rigged(animation: Animation, skeleton_map: SkeletonMap, *, own_axes: bool) -> Rig:
    """An animation on the bones of a skeleton, each with its own axes, or all with the world's at rest."""
    bones = _with_toes(skeleton_map)
    names = tuple(bone.name for bone in bones)
    parents = tuple(names.index(bone.parent) if bone.parent else -1 for bone in bones)
    rest = np.stack([bone.rest for bone in bones]) if own_axes else np.tile(np.eye(3), (len(bones), 1, 1))
    above = _above(rest, parents)

    place = [names.index(name) for name in skeleton_map.names]
    rotation = np.tile(np.eye(3), (len(animation.rotation), len(bones), 1, 1))
    rotation[:, place] = mapped_rotations(animation.rotation, skeleton_map)
    offset = np.zeros((len(bones), 3))
    offset[place] = mapped_offsets(animation.offset, skeleton_map)

    toe_of = {toe.parent: names.index(toe.name) for toe in skeleton_map.toes}
    end_bones, ends = [], []
    for joint, end in zip(END_JOINTS, animation.end, strict=True):
        name = skeleton_map.bone_of(joint)
        last = toe_of.get(name)
        if last is not None:
            offset[last] = _BALL * end
        end_bones.append(names.index(name) if last is None else last)
        ends.append(end if last is None else (1 - _BALL) * end)
    return Rig(
        names=names,
        parents=parents,
        moves=tuple(bool(bone.joints) for bone in bones),
        rest=rest,
        offset=(above.mT @ offset[..., None])[..., 0],
        rotation=above.mT @ rotation @ rest,
        root_position=animation.root_position,
        end_bones=tuple(end_bones),
        end=(rest[end_bones].mT @ np.stack(ends)[..., None])[..., 0],
    )


def _above(rest: Float[np.ndarray, "B 3 3"], parents: tuple[int, ...]) -> Float[np.ndarray, "B 3 3"]:
    """Each bone's parent's axes at rest; the root's is the world."""
    return np.stack([rest[parent] if parent >= 0 else np.eye(3) for parent in parents])


def _with_toes(skeleton_map: SkeletonMap) -> tuple[Bone, ...]:
    toe_of = {toe.parent: toe for toe in skeleton_map.toes}
    bones: list[Bone] = []
    for bone in skeleton_map.bones:
        bones.append(bone)
        if bone.name in toe_of:
            bones.append(toe_of[bone.name])
    return tuple(bones)
