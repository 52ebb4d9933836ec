"""Forward kinematics on the 21-joint skeleton, its inverses, and left-right mirroring of poses.

`local` rotations are in the parent's frame, the root's in the frame of the world or camera. One walk over the levels
of the tree stands behind all of it.
"""

import itertools

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from blaze2cap.body.rotation import mirror_rotation
from blaze2cap.body.skeleton import LEVELS, MIRROR, PARENTS

# The walk visits joints level by level; _PLACE brings the visited order back into the order of the joints.
_VISITED = [joint for level in LEVELS for joint in level]
_PLACE = [_VISITED.index(joint) for joint in range(len(PARENTS))]
_SIZES = [len(level) for level in LEVELS]
_PARENT_IN_LEVEL = [[above.index(PARENTS[joint]) for joint in level] for above, level in itertools.pairwise(LEVELS)]


def _ancestors() -> list[list[int]]:
    """For each joint and for what stands beyond the root, last: its parent, its second ancestor, its fourth ..."""
    nobody = len(PARENTS)
    steps = [[parent if parent >= 0 else nobody for parent in PARENTS] + [nobody]]
    while any(ancestor != nobody for ancestor in steps[-1]):
        steps.append([steps[-1][ancestor] for ancestor in steps[-1]])
    return steps[:-1]


_ANCESTORS = _ancestors()


def _select(tensor: Tensor, dim: int, index: list[int]) -> Tensor:
    # index_select's backward is an index_add; that of advanced indexing is several times slower.
    return tensor.index_select(dim, torch.tensor(index, device=tensor.device))


def forward_kinematics(
    local: Float[Tensor, "*batch 21 3 3"],
    offset: Float[Tensor, "*#batch 21 3"],
    root_position: Float[Tensor, "*#batch 3"] | None = None,
) -> tuple[Float[Tensor, "*batch 21 3"], Float[Tensor, "*batch 21 3 3"]]:
    """Joint positions and global rotations of local rotations (slot 0: the root's own) and bone offsets [m].

    Without `root_position` the root stands at the origin. The root's own offset is ignored.
    """
    levels = _select(local, -3, _VISITED).split(_SIZES, dim=-3)
    bones = _select(offset, -2, _VISITED).split(_SIZES, dim=-2)
    rotations = [levels[0]]
    start = torch.zeros_like(local[..., 0, :1, :])
    positions = [start if root_position is None else start + root_position[..., None, :]]
    for own, bone, parent in zip(levels[1:], bones[1:], _PARENT_IN_LEVEL, strict=True):
        above = _select(rotations[-1], -3, parent)
        positions.append(_select(positions[-1], -2, parent) + (above @ bone[..., None]).squeeze(-1))
        rotations.append(above @ own)
    position = _select(torch.cat(positions, dim=-2), -2, _PLACE)
    rotation = _select(torch.cat(rotations, dim=-3), -3, _PLACE)
    return position, rotation


def kinematics_by_doubling(
    local: Float[Tensor, "*batch 21 3 3"], offset: Float[Tensor, "*batch 21 3"]
) -> tuple[Float[Tensor, "*batch 21 3"], Float[Tensor, "*batch 21 3 3"]]:
    """`forward_kinematics` from the origin in a quarter of the operations, and with more work in each: for one frame.

    Every joint's transform is composed with that of its parent, then with what an ancestor twice as far up has composed
    by then, and so on (Hillis and Steele 1986); beyond the root stands the identity.
    """
    eye = torch.eye(4, dtype=local.dtype, device=local.device)
    # The last row of every joint, and all of what stands beyond the root; and no offset of the root's own.
    fixed = torch.cat(((eye * eye[3]).expand(len(PARENTS), 4, 4), eye[None]))
    bone = pad(offset[..., 1:, :], (0, 0, 1, 0))
    transform = pad(torch.cat((local, bone[..., None]), dim=-1), (0, 0, 0, 1, 0, 1)) + fixed
    for ancestor in _ANCESTORS:
        transform = _select(transform, -3, ancestor) @ transform
    pose = transform[..., : len(PARENTS), :3, :]
    return pose[..., 3], pose[..., :3]


def global_to_local(rotation: Float[Tensor, "*batch 21 3 3"]) -> Float[Tensor, "*batch 21 3 3"]:
    """Local rotations of global ones: R_parent^T R_joint; the root keeps its own. Inverse of the walk above."""
    parent = rotation[..., PARENTS[1:], :, :]
    return torch.cat((rotation[..., :1, :, :], parent.mT @ rotation[..., 1:, :, :]), dim=-3)


def bone_offsets(
    position: Float[Tensor, "frames 21 3"], rotation: Float[Tensor, "frames 21 3 3"]
) -> tuple[Float[Tensor, "21 3"], float]:
    """Bone offsets in the parents' frames [m], and the worst residual [m] of taking them as constant over the take."""
    bone = position[:, 1:] - position[:, PARENTS[1:]]
    in_parent = (rotation[:, PARENTS[1:]] * bone[..., None]).sum(-2)
    offset = in_parent.mean(0)
    residual = (in_parent - offset).norm(dim=-1).max().item()
    return torch.cat((torch.zeros_like(offset[:1]), offset)), residual


def mirror_positions(position: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch 21 3"]:
    """Positions seen in a mirror across x = 0, left and right joints exchanged."""
    sign = torch.tensor([-1.0, 1.0, 1.0], dtype=position.dtype, device=position.device)
    return position[..., MIRROR, :] * sign


def mirror_pose(rotation: Float[Tensor, "*batch 21 3 3"]) -> Float[Tensor, "*batch 21 3 3"]:
    """Local or global rotations seen in a mirror across x = 0, left and right joints exchanged."""
    return mirror_rotation(rotation[..., MIRROR, :, :])
