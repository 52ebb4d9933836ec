"""Rotations and their representations; pure functions over any leading dimensions.

Conventions, here and nowhere else:
  matrix      (..., 3, 3)  acts on column vectors: v' = R v
  rotation_6d (..., 6)     the first two *columns* of the matrix, one after the other (Zhou et al. 2019, section 4.2)
  quaternion  (..., 4)     x y z w, unit length, real part last
  angles      radians
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

IDENTITY_6D = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def identity_6d(like: Tensor) -> Float[Tensor, "6"]:
    """Rotation by nothing, on the device and in the type of `like`."""
    return torch.tensor(IDENTITY_6D, dtype=like.dtype, device=like.device)


def unit(vector: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch D"]:
    """Vectors at unit length, shorter ones than 1e-8 by less: `normalize` in fewer operations, which is what one frame
    costs."""
    # In half precision 1e-8 is 0.
    shortest = max(1e-8, torch.finfo(vector.dtype).tiny)
    return vector / vector.norm(dim=-1, keepdim=True).clamp_min(shortest)


def rotation_6d_to_matrix(rotation_6d: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Gram-Schmidt on the two columns (Zhou et al. 2019, equation 15); finite for degenerate input, gradients too."""
    first, second = rotation_6d[..., :3], rotation_6d[..., 3:]
    x = unit(first)
    y = unit(second - (x * second).sum(-1, keepdim=True) * x)
    return torch.stack((x, y, torch.linalg.cross(x, y)), dim=-1)


def matrix_to_rotation_6d(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other."""
    return torch.cat((matrix[..., 0], matrix[..., 1]), dim=-1)


def quaternion_to_matrix(quaternion: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Matrix of a quaternion x y z w, which is normalised first."""
    x, y, z, w = normalize(quaternion, dim=-1).unbind(-1)
    rows = (
        1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
    )  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Quaternion x y z w with w >= 0, from the best conditioned of the four branches (Shepperd 1978)."""
    trace = matrix.diagonal(dim1=-2, dim2=-1)
    total = trace.sum(-1, keepdim=True)
    # Squares of 2x, 2y, 2z, 2w; the largest one is at least 1, so dividing by its root is safe.
    squares = torch.cat((1 + 2 * trace - total, 1 + total), dim=-1)
    off = matrix - matrix.mT
    anti = torch.stack((off[..., 2, 1], off[..., 0, 2], off[..., 1, 0]), dim=-1)
    both = matrix + matrix.mT
    xy, xz, yz = both[..., 0, 1], both[..., 0, 2], both[..., 1, 2]
    ax, ay, az = anti.unbind(-1)
    sx, sy, sz, sw = squares.unbind(-1)
    branches = torch.stack(
        (
            torch.stack((sx, xy, xz, ax), dim=-1),
            torch.stack((xy, sy, yz, ay), dim=-1),
            torch.stack((xz, yz, sz, az), dim=-1),
            torch.stack((ax, ay, az, sw), dim=-1),
        ),
        dim=-2,
    )
    best = squares.argmax(-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = normalize(branches.gather(-2, best).squeeze(-2), dim=-1)
    return torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)


def rotation_vector_to_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Matrix of a rotation about `vector` by its length [rad] (Rodrigues)."""
    angle = vector.norm(dim=-1, keepdim=True)
    half = 0.5 * angle
    quaternion = torch.cat((vector * 0.5 * torch.sinc(half / torch.pi), half.cos()), dim=-1)
    return quaternion_to_matrix(quaternion)


def matrix_to_rotation_vector(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Axis times angle [rad], angle in [0, pi]."""
    quaternion = matrix_to_quaternion(matrix)
    sine = quaternion[..., :3].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quaternion[..., 3:])
    scale = torch.where(sine > 1e-7, angle / sine.clamp_min(1e-7), torch.full_like(sine, 2.0))
    return quaternion[..., :3] * scale


def geodesic_angle(a: Float[Tensor, "*batch 3 3"], b: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """Angle [rad] of the rotation between `a` and `b`, exact near 0 and pi alike (atan2 of its sine and cosine)."""
    relative = a.mT @ b
    off = relative - relative.mT
    sine = torch.stack((off[..., 2, 1], off[..., 0, 2], off[..., 1, 0]), dim=-1).norm(dim=-1)
    cosine = relative.diagonal(dim1=-2, dim2=-1).sum(-1) - 1
    return torch.atan2(sine, cosine)


def mean_rotation(rotation: Float[Tensor, "N *joints 3 3"]) -> Float[Tensor, "*joints 3 3"]:
    """The rotation closest to all in the chordal sense: the mean matrix, projected (Hartley et al. 2013, 5.3)."""
    return nearest_rotation(rotation.mean(0))


def nearest_rotation(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation R closest to a matrix in the Frobenius norm, which is also the one with the largest tr(R^T M)."""
    u, _, vh = torch.linalg.svd(matrix)
    sign = torch.ones_like(u[..., 0, :])
    sign[..., 2] = torch.where(torch.linalg.det(u) * torch.linalg.det(vh) < 0, -1.0, 1.0)
    return (u * sign[..., None, :]) @ vh


def mirror_rotation(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation seen in a mirror across the plane x = 0: M R M with M = diag(-1, 1, 1)."""
    sign = torch.tensor([[1.0, -1.0, -1.0], [-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]], dtype=matrix.dtype)
    return matrix * sign.to(matrix.device)
