"""An animation on the bones of a target skeleton: what BVH and glTF files write.

World and lengths as in `animation`. A bone's own axes are the columns of `rest` while it is at rest. With G the global
rotation of a bone whose axes are the world's at rest, and A its own axes, the bone is at G A in the world; in its
parent's frame at A_parent^T L A, where L is its local rotation. Where bones are does not depend on their axes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.runtime.animation import END_JOINTS, Animation
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
    rest: Float[Tensor, "B 3 3"]
    """Own axes of each bone in the rest pose, as columns, in the world."""
    offset: Float[Tensor, "B 3"]
    """From the parent to the bone, in the parent's own axes [m]; 0 for the root."""
    rotation: Float[Tensor, "N B 3 3"]
    """Local rotations, from the bone's own axes into its parent's; the root's into the world's."""
    root_position: Float[Tensor, "N 3"]
    end_bones: tuple[int, ...]
    """Bones that end in an end site."""
    end: Float[Tensor, "E 3"]
    """Where that is, in the bone's own axes [m]."""

    @property
    def rest_rotation(self) -> Float[Tensor, "B 3 3"]:
        """Local rotations in the rest pose."""
        above = torch.stack([self.rest[parent] if parent >= 0 else torch.eye(3) for parent in self.parents])
        return above.mT @ self.rest

    def forward_kinematics(
        self, rotation: Float[Tensor, "*batch B 3 3"], root_position: Float[Tensor, "*batch 3"]
    ) -> tuple[Float[Tensor, "*batch B 3"], Float[Tensor, "*batch B 3 3"]]:
        """Positions [m] and global rotations of the bones for some local rotations."""
        position: list[Tensor] = []
        turned: list[Tensor] = []
        for bone, parent in enumerate(self.parents):
            own = rotation[..., bone, :, :]
            position.append(position[parent] + turned[parent] @ self.offset[bone] if parent >= 0 else root_position)
            turned.append(turned[parent] @ own if parent >= 0 else own)
        return torch.stack(position, dim=-2), torch.stack(turned, dim=-3)

    def rest_positions(self) -> Float[Tensor, "B 3"]:
        """Where bones start in the rest pose, the root at the origin [m]."""
        return self.forward_kinematics(self.rest_rotation, torch.zeros(3))[0]


def rigged(animation: Animation, skeleton_map: SkeletonMap, *, own_axes: bool) -> Rig:
    """An animation on the bones of a skeleton, each with its own axes, or all with the world's at rest."""
    bones = _with_toes(skeleton_map)
    names = tuple(bone.name for bone in bones)
    parents = tuple(names.index(bone.parent) if bone.parent else -1 for bone in bones)
    rest = torch.stack([bone.rest for bone in bones]) if own_axes else torch.eye(3).repeat(len(bones), 1, 1)
    above = torch.stack([rest[parent] if parent >= 0 else torch.eye(3) for parent in parents])

    place = [names.index(name) for name in skeleton_map.names]
    rotation = torch.eye(3).repeat(len(animation.rotation), len(bones), 1, 1)
    rotation[:, place] = mapped_rotations(animation.rotation, skeleton_map)
    offset = torch.zeros(len(bones), 3)
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
        offset=(above.mT @ offset[..., None]).squeeze(-1),
        rotation=above.mT @ rotation @ rest,
        root_position=animation.root_position,
        end_bones=tuple(end_bones),
        end=(rest[end_bones].mT @ torch.stack(ends)[..., None]).squeeze(-1),
    )


def _with_toes(skeleton_map: SkeletonMap) -> tuple[Bone, ...]:
    toe_of = {toe.parent: toe for toe in skeleton_map.toes}
    bones: list[Bone] = []
    for bone in skeleton_map.bones:
        bones.append(bone)
        if bone.name in toe_of:
            bones.append(toe_of[bone.name])
    return tuple(bones)
