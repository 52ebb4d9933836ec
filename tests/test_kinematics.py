"""Laws of forward kinematics, its inverses, and mirroring."""

import torch
from torch import Tensor

from blaze2cap.body.kinematics import (
    bone_offsets,
    forward_kinematics,
    global_to_local,
    kinematics_by_doubling,
    mirror_pose,
    mirror_positions,
)
from blaze2cap.body.rotation import quaternion_to_matrix, rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINTS, MIRROR, PARENTS


def random_pose(*batch: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Local rotations, offsets [m] and root positions [m], in double precision."""
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    local = quaternion_to_matrix(torch.randn(*batch, len(JOINTS), 4, **draw))
    return local, 0.2 * torch.randn(*batch, len(JOINTS), 3, **draw), torch.randn(*batch, 3, **draw)


def test_forward_kinematics_equals_a_walk_joint_by_joint() -> None:
    local, offset, root = random_pose(7)
    position, rotation = forward_kinematics(local, offset, root)
    for frame in range(7):
        places, turns = [root[frame]], [local[frame, 0]]
        for joint in range(1, len(JOINTS)):
            parent = PARENTS[joint]
            places.append(places[parent] + turns[parent] @ offset[frame, joint])
            turns.append(turns[parent] @ local[frame, joint])
        torch.testing.assert_close(position[frame], torch.stack(places))
        torch.testing.assert_close(rotation[frame], torch.stack(turns))


def test_doubling_equals_the_walk_and_ignores_the_roots_own_offset() -> None:
    local, offset, _ = random_pose(2, 3, seed=4)
    for got, wanted in zip(kinematics_by_doubling(local, offset), forward_kinematics(local, offset), strict=True):
        torch.testing.assert_close(got, wanted)


def test_offsets_of_one_skeleton_serve_any_leading_dimensions() -> None:
    local, offset, _ = random_pose(2, 3)
    shared = offset[0, 0]
    position, _ = forward_kinematics(local, shared)
    torch.testing.assert_close(position, forward_kinematics(local, shared.expand(2, 3, -1, -1))[0])
    assert torch.equal(position[..., 0, :], torch.zeros(2, 3, 3, dtype=torch.float64))


def test_forward_kinematics_is_differentiable() -> None:
    """Analytic gradients equal numeric ones, for rotations, bones and the root alike."""
    _, offset, root = random_pose(1)
    vector = torch.randn(1, 21, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    inputs = tuple(value.requires_grad_() for value in (vector, offset, root))
    assert torch.autograd.gradcheck(lambda v, o, r: forward_kinematics(rotation_vector_to_matrix(v), o, r), inputs)


def test_global_to_local_is_the_inverse() -> None:
    local, offset, _ = random_pose(5)
    _, rotation = forward_kinematics(local, offset)
    torch.testing.assert_close(global_to_local(rotation), local)


def test_bone_offsets_are_recovered_from_a_moving_skeleton() -> None:
    local, offset, root = random_pose(20)
    bones = offset[0].clone()
    bones[0] = 0
    position, rotation = forward_kinematics(local, bones, root)
    found, residual = bone_offsets(position, rotation)
    torch.testing.assert_close(found, bones)
    assert residual < 1e-12


def test_the_residual_tells_a_bone_that_changes_its_length() -> None:
    local, offset, root = random_pose(20)
    bones = offset[:1].repeat(20, 1, 1)
    bones[:, 5] *= torch.linspace(0.9, 1.1, 20, dtype=torch.float64)[:, None]
    _, residual = bone_offsets(*forward_kinematics(local, bones, root))
    expected = 0.1 * offset[0, 5].norm().item()
    assert abs(residual - expected) < 1e-9


def test_mirroring_twice_is_identity() -> None:
    local, offset, root = random_pose(5)
    position, _ = forward_kinematics(local, offset, root)
    assert torch.equal(mirror_pose(mirror_pose(local)), local)
    assert torch.equal(mirror_positions(mirror_positions(position)), position)
    assert [MIRROR[MIRROR[joint]] for joint in range(len(JOINTS))] == list(range(len(JOINTS)))


def test_forward_kinematics_commutes_with_the_mirror() -> None:
    """The mirrored pose on the mirrored skeleton stands where the mirror shows the pose."""
    local, offset, root = random_pose(5)
    position, rotation = forward_kinematics(local, offset, root)
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    mirrored_position, mirrored_rotation = forward_kinematics(mirror_pose(local), mirror_positions(offset), root * flip)
    torch.testing.assert_close(mirrored_position, mirror_positions(position))
    torch.testing.assert_close(mirrored_rotation, mirror_pose(rotation))
