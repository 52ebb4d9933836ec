"""Laws of rotation representations: round trips, conventions, and finiteness where they are degenerate."""

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from blaze2cap.body.rotation import (
    IDENTITY_6D,
    geodesic_angle,
    identity_6d,
    matrix_to_quaternion,
    matrix_to_rotation_6d,
    matrix_to_rotation_vector,
    mirror_rotation,
    quaternion_to_matrix,
    rotation_6d_to_matrix,
    rotation_vector_to_matrix,
)

# Angles at which a branch or a division could go wrong.
ANGLES = (0.0, 1e-8, 1e-4, 0.5, 1.5, 3.0, torch.pi - 1e-4, torch.pi - 1e-7, torch.pi)


def random_rotations(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return quaternion_to_matrix(torch.randn(count, 4, generator=generator, dtype=torch.float64))


def random_vectors(count: int, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def turns(angle: float) -> Tensor:
    """Rotation vectors of that length about many axes, the coordinate axes among them."""
    axes = torch.cat((torch.eye(3, dtype=torch.float64), -torch.eye(3, dtype=torch.float64), random_vectors(50)))
    return angle * torch.nn.functional.normalize(axes, dim=-1)


def test_6d_is_the_first_two_columns_one_after_the_other() -> None:
    """Pinned on a quarter turn about z after one about x: rows instead of columns would be its transpose."""
    matrix = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    six = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0, 1.0])
    assert torch.equal(matrix_to_rotation_6d(matrix), six)
    assert torch.equal(rotation_6d_to_matrix(six), matrix)


def test_6d_and_back_is_the_same_matrix() -> None:
    matrix = random_rotations(200)
    torch.testing.assert_close(rotation_6d_to_matrix(matrix_to_rotation_6d(matrix)), matrix)
    torch.testing.assert_close(rotation_6d_to_matrix(identity_6d(matrix)), torch.eye(3, dtype=torch.float64))
    assert identity_6d(matrix).tolist() == list(IDENTITY_6D)


def test_any_six_numbers_give_a_rotation() -> None:
    """Neither length nor angle of the two vectors matters."""
    six = torch.randn(200, 6, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 10
    matrix = rotation_6d_to_matrix(six)
    torch.testing.assert_close(matrix.mT @ matrix, torch.eye(3, dtype=torch.float64).expand(200, 3, 3))
    torch.testing.assert_close(torch.linalg.det(matrix), torch.ones(200, dtype=torch.float64))


@pytest.mark.parametrize("six", [(0, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0, 0), (1, 2, 3, 2, 4, 6), (0, 0, 0, 1, 0, 0)])
def test_degenerate_6d_stays_finite_with_its_gradient(six: tuple[float, ...]) -> None:
    """A network may give zeros or two parallel vectors on its first step."""
    value = torch.tensor(six, dtype=torch.float32, requires_grad=True)
    matrix = rotation_6d_to_matrix(value)
    (matrix * torch.arange(9.0).view(3, 3)).sum().backward()
    assert matrix.isfinite().all()
    assert value.grad is not None
    assert value.grad.isfinite().all()


@pytest.mark.parametrize("angle", ANGLES)
def test_quaternion_and_back_is_the_same_matrix(angle: float) -> None:
    """From no turn to half a turn about any axis, where w or all but one of x, y, z vanish."""
    matrix = rotation_vector_to_matrix(turns(angle))
    quaternion = matrix_to_quaternion(matrix)
    torch.testing.assert_close(quaternion_to_matrix(quaternion), matrix, atol=1e-12, rtol=0)
    assert (quaternion[..., 3] >= 0).all()


@pytest.mark.parametrize("angle", ANGLES)
def test_rotation_vector_and_back_is_the_same_turn(angle: float) -> None:
    """Compared as matrices: at half a turn the axis may point either way."""
    vector = turns(angle)
    back = matrix_to_rotation_vector(rotation_vector_to_matrix(vector))
    torch.testing.assert_close(rotation_vector_to_matrix(back), rotation_vector_to_matrix(vector), atol=1e-7, rtol=0)
    if angle < 3.1:
        torch.testing.assert_close(back, vector, atol=1e-7, rtol=0)


def test_conversions_agree_with_scipy() -> None:
    """Quaternions x y z w, matrices on column vectors, and rotation vectors are those of everybody else."""
    matrix = random_rotations(200)
    reference = Rotation.from_matrix(matrix.numpy())
    torch.testing.assert_close(matrix_to_quaternion(matrix), torch.from_numpy(reference.as_quat(canonical=True)))
    torch.testing.assert_close(matrix_to_rotation_vector(matrix), torch.from_numpy(reference.as_rotvec()))
    vector = random_vectors(200)
    turned = (matrix @ vector[..., None]).squeeze(-1)
    torch.testing.assert_close(turned, torch.from_numpy(reference.apply(vector.numpy())))


def test_geodesic_angle_agrees_with_scipy() -> None:
    a, b = random_rotations(200), random_rotations(200, seed=5)
    reference = (Rotation.from_matrix(a.numpy()).inv() * Rotation.from_matrix(b.numpy())).magnitude()
    torch.testing.assert_close(geodesic_angle(a, b), torch.from_numpy(reference))


@pytest.mark.parametrize("angle", ANGLES)
def test_geodesic_angle_is_exact_from_zero_to_half_a_turn(angle: float) -> None:
    turn = rotation_vector_to_matrix(turns(angle))
    a = random_rotations(len(turn))
    found = geodesic_angle(a, a @ turn)
    torch.testing.assert_close(found, torch.full_like(found, angle), atol=1e-9, rtol=0)


def test_mirroring_twice_is_identity_and_commutes_with_products() -> None:
    a, b = random_rotations(50), random_rotations(50, seed=5)
    assert torch.equal(mirror_rotation(mirror_rotation(a)), a)
    torch.testing.assert_close(mirror_rotation(a) @ mirror_rotation(b), mirror_rotation(a @ b))
