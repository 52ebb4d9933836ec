"""Losses by name: each compares a predicted motion with the truth and returns a `mean_over` valid frames.

A loss is one function below, and a field of LossParams that binds it to its name and weight.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import geodesic_angle, matrix_to_rotation_6d
from blaze2cap.body.skeleton import PARENTS

# Which joints (columns) lie between the root and a joint (rows), itself included, but not the root.
_CHAIN = torch.zeros(len(PARENTS), len(PARENTS), dtype=torch.bool)
for _joint, _parent in enumerate(PARENTS[1:], start=1):
    _CHAIN[_joint] = _CHAIN[_parent]
    _CHAIN[_joint, _joint] = True


class Mean(NamedTuple):
    """A mean that may be over more than this batch: sum of the values, and how many."""

    total: Float[Tensor, ""]
    counted: Int[Tensor, ""]


class Compared(NamedTuple):
    """Prediction and truth of a batch of windows, and what several losses need of them, predicted minus true.

    `root` is the 6D of the root's absolute rotation, `turns` that of the root's turn and the 20 local rotations,
    `position` the joints through forward kinematics, Hips at the origin [m], `acceleration` their second differences
    [m/frame^2]. `valid` frames count; `together` are those that follow the frame before them in one segment. Of the
    true rotations, slot 0 the root's, `believed` ones are right, but for a tremor, and `steady` ones have none, neither
    in their frame nor in the frame before. `orientation` are the 21 orientations in the camera's frame,
    predicted minus true.
    """

    prediction: Motion
    truth: Motion
    root: Float[Tensor, "B S 6"]
    turns: Float[Tensor, "B S 21 6"]
    position: Float[Tensor, "B S 21 3"]
    acceleration: Float[Tensor, "B S-2 21 3"]
    orientation: Float[Tensor, "B S 21 3 3"]
    valid: Bool[Tensor, "B S"]
    together: Bool[Tensor, "B S"]
    believed: Bool[Tensor, "B S 21"]
    steady: Bool[Tensor, "B S 21"]


def rotation_error(c: Compared) -> Mean:
    """Mean square of the 6D error of the root's turn and the 20 local rotations."""
    believed = torch.cat((c.steady[..., :1], c.believed[..., 1:]), dim=-1)
    return mean_over(c.valid[..., None] & believed, c.turns.square().mean(-1))


def rotation_change_error(c: Compared) -> Mean:
    """Mean square of the 6D error's change from frame to frame."""
    # The root's own smoothness counts too: as a change of its absolute rotation.
    change = torch.diff(torch.cat((c.root[..., None, :], c.turns[..., 1:, :]), dim=-2), dim=1)
    return mean_over((c.together[..., None] & c.steady)[:, 1:], change.square().mean(-1))


def position_error(c: Compared) -> Mean:
    """Mean distance of joints, Hips at the origin [m]."""
    return mean_over(c.valid, length(c.position[..., 1:, :]).mean(-1))


def orientation_error(c: Compared) -> Mean:
    """Mean chordal distance of the orientations in the camera's frame, |R - R'|_F / sqrt(2) = 2 sin(angle / 2) [rad
    where small] (Hartley et al. 2013, section 4.2): more robust than its square."""
    # An orientation is made of all rotations from the root to it, and the root's is right wherever a pose counts.
    chain = (c.believed[..., None, :] | ~_CHAIN.to(c.believed.device)).all(-1)
    return mean_over(c.valid[..., None] & chain, length(c.orientation.flatten(-2)) / math.sqrt(2))


def root_error(c: Compared) -> Mean:
    """Mean square of the 6D error of the root's absolute rotation."""
    return mean_over(c.valid, c.root.square().mean(-1))


def root_way_error(c: Compared) -> Mean:
    """Mean distance of the root's way from frame to frame [m]."""
    way = c.prediction.delta_position - c.truth.delta_position
    return mean_over(c.valid & c.steady[..., 0], length(way))


def acceleration_error(c: Compared) -> Mean:
    """Mean distance of the joints' second differences [m/frame^2]."""
    counted = c.together & c.steady[..., 0]
    return mean_over(counted[:, 2:] & counted[:, 1:-1], length(c.acceleration[..., 1:, :]).mean(-1))


def jerk_error(c: Compared) -> Mean:
    """Mean distance of the joints' third differences [m/frame^3]: of tremor more than of anything else."""
    jerk = torch.diff(c.acceleration[..., 1:, :], dim=1)
    counted = c.together & c.steady[..., 0]
    return mean_over(counted[:, 3:] & counted[:, 2:-1] & counted[:, 1:-2], length(jerk).mean(-1))


def deviation_error(c: Compared) -> Mean:
    """Mean negative log-likelihood of each rotation's angle to the truth under the predicted deviation d, up to a
    constant: log d + (angle / d)^2 / 2 (Nix and Weigend 1994, equation 2); 0 where a motion says nothing of its error.
    """
    deviation = c.prediction.deviation
    if deviation is None:
        return Mean(c.root.new_zeros(()), c.valid.new_zeros((), dtype=torch.int64))
    angle = geodesic_angle(c.prediction.rotation.detach(), c.truth.rotation)
    return mean_over(c.valid[..., None] & c.believed, deviation.log() + (angle / deviation).square() / 2)


def _weight(default: float, loss: Callable[[Compared], Mean]) -> Any:
    return field(default=default, metadata={"loss": loss})


@dataclass(frozen=True, kw_only=True)
class LossParams:
    """Section `loss` of params.yaml: the weight of each loss; 0 leaves it out."""

    rot: float = _weight(1.0, rotation_error)
    smooth: float = _weight(5.0, rotation_change_error)
    position: float = _weight(1.0, position_error)
    orientation: float = _weight(0.0, orientation_error)
    root: float = _weight(1.0, root_error)
    root_position: float = _weight(1.0, root_way_error)
    acceleration: float = _weight(0.0, acceleration_error)
    jerk: float = _weight(0.0, jerk_error)
    deviation: float = _weight(0.01, deviation_error)

    def __post_init__(self) -> None:
        for key in fields(self):
            if not 0 <= getattr(self, key.name) < math.inf:
                raise ValueError(f"{key.name} is {getattr(self, key.name)}, expected 0 or more and finite")
        if not any(getattr(self, key.name) for key in fields(self) if key.name != "deviation"):
            raise ValueError("rot and all other weights of motion are 0, expected one above 0: there is none to learn")


def added(parts: Sequence[Mean]) -> Mean:
    """The mean over all of the parts."""
    return Mean(torch.stack([part.total for part in parts]).sum(), torch.stack([part.counted for part in parts]).sum())


def means(
    sums: dict[str, Mean], over_all: Callable[[Tensor], Tensor] = lambda counts: counts
) -> dict[str, Float[Tensor, ""]]:
    """Each sum over its count; zero where nothing counts.

    Where a batch is spread over processes, `over_all` adds up a tensor of counts over them: the losses of all processes
    then add up to those of the whole batch.
    """
    counts = over_all(torch.stack([one.counted for one in sums.values()])).clamp_min(1)
    return {name: one.total / count for (name, one), count in zip(sums.items(), counts, strict=True)}


def loss_sums(
    prediction: Motion,
    truth: Motion,
    offset: Float[Tensor, "B 21 3"],
    together: Bool[Tensor, "B S"],
    outlier: Bool[Tensor, "B S+1 21"],
    root_known: Bool[Tensor, "B"],
) -> dict[str, Mean]:
    """Every loss of LossParams by its name, unweighted, over frames where `truth.valid`.

    Rotations of `outlier` joints do not count; their positions do. Where the root is an outlier, the truth jumps about
    the pose: there no joint's change from frame to frame counts, but the pose does; the first of the outliers are those
    of the frame before the window. Where the root's orientation is not known but from a start that was guessed, its
    predicted deviation learns nothing of the guess.
    """
    root, true_root = (matrix_to_rotation_6d(motion.rotation[..., 0, :, :]) for motion in (prediction, truth))
    turns = _turns_6d(prediction) - _turns_6d(truth)
    position, orientation = forward_kinematics(prediction.rotation, offset[:, None])
    true_position, true_orientation = forward_kinematics(truth.rotation, offset[:, None])
    error = position - true_position
    acceleration = torch.diff(error, n=2, dim=1)
    root = root - true_root
    believed = ~outlier[:, 1:]
    believed[..., 0] = root_known[:, None]
    calm = ~(outlier | outlier[..., :1])
    steady = calm[:, 1:] & calm[:, :-1]
    compared = Compared(
        prediction,
        truth,
        root,
        turns,
        error,
        acceleration,
        orientation - true_orientation,
        truth.valid,
        together,
        believed,
        steady,
    )
    return {key.name: key.metadata["loss"](compared) for key in fields(LossParams)}


def total(terms: dict[str, Tensor], params: LossParams) -> Float[Tensor, ""]:
    """Weighted sum of the terms."""
    weighted = [getattr(params, name) * term for name, term in terms.items() if getattr(params, name) > 0]
    return torch.stack(weighted).sum()


def length(vector: Float[Tensor, "*batch D"]) -> Float[Tensor, "*batch"]:
    """Norm of vectors, with a gradient everywhere."""
    # The gradient of a norm at zero is not finite; a micrometre away it is.
    return (vector.square().sum(-1) + 1e-12).sqrt()


def mean_over(chosen: Bool[Tensor, "B S *joints"], value: Float[Tensor, "B S *joints"]) -> Mean:
    """Mean of a value over these frames, or joints of frames; zero where there are none."""
    return Mean((value * chosen).sum(), chosen.sum())


def _turns_6d(motion: Motion) -> Float[Tensor, "B S 21 6"]:
    turns = torch.cat((motion.delta_rotation[..., None, :, :], motion.rotation[..., 1:, :, :]), dim=-3)
    return matrix_to_rotation_6d(turns)
