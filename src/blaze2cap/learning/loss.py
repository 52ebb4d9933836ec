"""Losses by name: each compares a predicted motion with the truth and returns a mean over valid frames."""

import math
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import matrix_to_rotation_6d


@dataclass(frozen=True, kw_only=True)
class LossParams:
    """Section `loss` of params.yaml: the weight of each term; 0 leaves it out."""

    rot: float = 1.0
    smooth: float = 5.0
    position: float = 1.0
    root: float = 1.0
    root_position: float = 1.0
    acceleration: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) < math.inf:
                raise ValueError(f"{field.name} is {getattr(self, field.name)}, expected 0 or more and finite")
        if not any(getattr(self, field.name) for field in fields(self)):
            raise ValueError("rot and all other weights are 0, expected one above 0: there is nothing to learn")


def losses(
    prediction: Motion, truth: Motion, offset: Float[Tensor, "B 21 3"], together: Bool[Tensor, "B S"]
) -> dict[str, Float[Tensor, ""]]:
    """Every term of LossParams, unweighted, over frames where `truth.valid`.

    rot            MSE of the 6D of the root's turn and the 20 local rotations
    smooth         MSE of their change from frame to frame, over pairs `together` (frame t with t - 1, in one segment)
    root           MSE of the 6D of the root's absolute rotation
    root_position  mean distance of the root's way from frame to frame [m]
    position       mean distance of joints, Hips at the origin, through forward kinematics [m]
    acceleration   mean distance of their second differences [m/frame^2]
    """
    valid = truth.valid
    root = matrix_to_rotation_6d(prediction.rotation[..., 0, :, :]) - matrix_to_rotation_6d(
        truth.rotation[..., 0, :, :]
    )
    error = _turns_6d(prediction) - _turns_6d(truth)
    # The root's own smoothness counts too: as a change of its absolute rotation.
    change = torch.diff(torch.cat((error[..., 1:, :], root[..., None, :]), dim=-2), dim=1)
    position, _ = forward_kinematics(prediction.rotation, offset[:, None])
    true_position, _ = forward_kinematics(truth.rotation, offset[:, None])
    off = position - true_position
    pairs = together[:, 1:]
    bend = torch.diff(off, n=2, dim=1)
    return {
        "rot": _mean(error.square().mean((-1, -2)), valid),
        "smooth": _mean(change.square().mean((-1, -2)), pairs),
        "position": _mean(_length(off[..., 1:, :]).mean(-1), valid),
        "root": _mean(root.square().mean(-1), valid),
        "root_position": _mean(_length(prediction.delta_position - truth.delta_position), valid),
        "acceleration": _mean(_length(bend[..., 1:, :]).mean(-1), pairs[:, 1:] & pairs[:, :-1]),
    }


def total(terms: dict[str, Tensor], params: LossParams) -> Float[Tensor, ""]:
    """Weighted sum of the terms."""
    weighted = [getattr(params, name) * term for name, term in terms.items() if getattr(params, name) > 0]
    return torch.stack(weighted).sum()


def _turns_6d(motion: Motion) -> Float[Tensor, "B S 21 6"]:
    turns = torch.cat((motion.delta_rotation[..., None, :, :], motion.rotation[..., 1:, :, :]), dim=-3)
    return matrix_to_rotation_6d(turns)


def _length(vector: Tensor) -> Tensor:
    # The gradient of a norm at zero is not finite; a micrometre away it is.
    return (vector.square().sum(-1) + 1e-12).sqrt()


def _mean(value: Tensor, where: Tensor) -> Tensor:
    return (value * where).sum() / where.sum().clamp_min(1)
