"""Metrics of predicted motion, named as the field names them.

A function takes one clip, whole, and returns one value per frame, or per frame and joint; nothing is averaged here.
Which frames count is told by weights (`unbroken`, `planted`), so that sum(value * weight) and sum(weight) are added up
over clips and divided once: the mean is over frames, not over clips.

Positions are metres in the camera frame, Hips at the origin, from forward kinematics; rotations are matrices,
predicted first, true second. N frames, J joints.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.motion import integrate_rotation
from blaze2cap.body.rotation import geodesic_angle, mean_rotation

PLANTED_SPEED_M_PER_S = 0.15
PLANTED_HEIGHT_M = 0.03
PLANTED_PERCENTILE = 0.05


def unbroken(scored: Bool[Tensor, "N"], anchor: Bool[Tensor, "N"], order: int) -> Bool[Tensor, "N"]:
    """Frames t for which t - order ... t are all scored and tracked on from one another.

    The weight of everything that compares frames: an `order`-th difference never crosses an anchor, a gap or a
    rejected segment. An anchor itself may be the first frame of such a run.
    """
    if order == 0:
        return scored
    linked = torch.zeros_like(scored)
    linked[1:] = scored[1:] & scored[:-1] & ~anchor[1:]
    run = torch.cat((linked.new_zeros(1, dtype=torch.long), linked.cumsum(0)))
    whole = torch.zeros_like(scored)
    whole[order:] = run[order + 1 :] - run[1:-order] == order
    return whole


def restarts(scored: Bool[Tensor, "N"], anchor: Bool[Tensor, "N"]) -> Bool[Tensor, "N"]:
    """Frames where integrated motion starts anew from the truth: anchors and the first frame after a gap."""
    return scored & ~unbroken(scored, anchor, 1)


def difference(value: Float[Tensor, "N *rest"], order: int) -> Float[Tensor, "N *rest"]:
    """The `order`-th backward difference over frames; zero (and of no weight) in the first `order` frames."""
    return torch.cat((torch.zeros_like(value[:order]), value.diff(n=order, dim=0)))


def mpjpe_mm(predicted: Float[Tensor, "*batch J 3"], true: Float[Tensor, "*batch J 3"]) -> Float[Tensor, "*batch J"]:
    """Per-joint position error |p - q| [mm]; the mean per-joint position error is its mean over frames and joints.

    On the 21 joints `mpjpe_mm`, on the 12 limb joints `mpjpe_12_mm`, with bones as a user without Vicon gets them
    `mpjpe_estimated_bones_mm`.
    """
    return 1000 * (predicted - true).norm(dim=-1)


def mpjpe_local_mm(
    predicted: Float[Tensor, "*batch J 3"],
    true: Float[Tensor, "*batch J 3"],
    predicted_root: Float[Tensor, "*batch 3 3"],
    true_root: Float[Tensor, "*batch 3 3"],
) -> Float[Tensor, "*batch J"]:
    """Position error [mm] with the root's orientation aligned to the truth: |R_true R_pred^T p - q|."""
    aligned = predicted @ (true_root @ predicted_root.mT).mT
    return mpjpe_mm(aligned, true)


def procrustes_aligned(
    predicted: Float[Tensor, "*batch J 3"], true: Float[Tensor, "*batch J 3"]
) -> Float[Tensor, "*batch J 3"]:
    """`predicted` under the similarity (scale, rotation, shift) that brings it closest to `true` in least squares.

    Umeyama 1991, equations 40-42: covariance U S V^T, rotation U diag(1, 1, +-1) V^T, scale tr(S diag) / variance.
    """
    centre, true_centre = predicted.mean(-2, keepdim=True), true.mean(-2, keepdim=True)
    x, y = predicted - centre, true - true_centre
    u, s, vh = torch.linalg.svd(y.mT @ x)
    sign = torch.ones_like(s)
    sign[..., 2] = torch.where(torch.linalg.det(u) * torch.linalg.det(vh) < 0, -1.0, 1.0)
    rotation = (u * sign[..., None, :]) @ vh
    scale = (s * sign).sum(-1) / x.square().sum((-2, -1)).clamp_min(1e-12)
    return scale[..., None, None] * x @ rotation.mT + true_centre


def pa_mpjpe_mm(predicted: Float[Tensor, "*batch J 3"], true: Float[Tensor, "*batch J 3"]) -> Float[Tensor, "*batch J"]:
    """Position error [mm] after the best similarity of each frame (Procrustes)."""
    return mpjpe_mm(procrustes_aligned(predicted, true), true)


def mare_rad(
    predicted: Float[Tensor, "*batch J 3 3"], true: Float[Tensor, "*batch J 3 3"]
) -> Float[Tensor, "*batch J"]:
    """Geodesic angle [rad] between rotations, per joint; its mean is the mean angular rotation error.

    On the 20 local rotations of the body `mare_rad`, on the 21 global orientations in the camera frame
    `mare_global_rad`, on the root alone `mare_root_rad`.
    """
    return geodesic_angle(predicted, true)


def mare_tpose_rad(
    predicted: Float[Tensor, "N J 3 3"], true: Float[Tensor, "N J 3 3"], t_pose: Bool[Tensor, "N"]
) -> Float[Tensor, "N J"]:
    """Angle [rad] between local rotations relative to the take's T-pose: of (P_T^T P)^T (R_T^T R).

    P_T and R_T are the predicted and the true mean rotation over the T-pose's frames: each is calibrated by its own.
    With a subject's calibration constants, A R B, the parent's A drops out and the joint's own B turns only the axis.
    Needs at least one frame of T-pose.
    """
    return geodesic_angle(
        mean_rotation(predicted[t_pose]).mT @ predicted,
        mean_rotation(true[t_pose]).mT @ true,
    )


def mare_root_delta_rad(
    delta: Float[Tensor, "N 3 3"], true_root: Float[Tensor, "N 3 3"], restart: Bool[Tensor, "N"]
) -> Float[Tensor, "N"]:
    """Angle [rad] of the root integrated from its deltas alone, starting from the truth at every restart."""
    return geodesic_angle(integrate_rotation(delta, restart, true_root), true_root)


def acceleration_error_mm_per_frame2(
    predicted: Float[Tensor, "N J 3"], true: Float[Tensor, "N J 3"]
) -> Float[Tensor, "N J"]:
    """Norm of the difference between predicted and true second differences [mm/frame^2]; weight: unbroken, 2."""
    return 1000 * difference(predicted - true, 2).norm(dim=-1)


def jitter_km_per_s3(position: Float[Tensor, "N J 3"], fps: float) -> Float[Tensor, "N J"]:
    """Norm of the third difference of positions [km/s^3]; weight: unbroken, 3.

    `jitter_ratio` is the sum of this over the prediction, divided by the sum over the truth.
    """
    return difference(position, 3).norm(dim=-1) * fps**3 / 1000


def planted(foot: Float[Tensor, "N F 3"], height: Float[Tensor, "N F"], fps: float) -> Bool[Tensor, "N F"]:
    """Whether each true foot stands: slower than 0.15 m/s and within 30 mm of the take's 5th percentile of height.

    `foot` and `height` [m] are the take's true ones, in any frame that rests in the world; weight: unbroken, 1.
    """
    slow = difference(foot, 1).norm(dim=-1) * fps < PLANTED_SPEED_M_PER_S
    return slow & (height < torch.quantile(height, PLANTED_PERCENTILE, dim=0) + PLANTED_HEIGHT_M)


def foot_slide_mm_per_frame(foot: Float[Tensor, "N F 3"], root_delta: Float[Tensor, "N 3"]) -> Float[Tensor, "N F"]:
    """Way of each predicted foot since the frame before [mm]; weight: the true foot is planted, unbroken, 1.

    `foot` is relative to Hips, so its way is its own difference plus the root's predicted delta.
    """
    return 1000 * (difference(foot, 1) + root_delta[:, None]).norm(dim=-1)


def root_drift_mm(
    predicted_delta: Float[Tensor, "N 3"], true_delta: Float[Tensor, "N 3"], frames: int
) -> Float[Tensor, "N"]:
    """Error [mm] of the root's way over the last `frames` frames, from integrated deltas; weight: unbroken, `frames`.

    `root_drift_1s_mm` and `root_drift_5s_mm` with the frames of 1 and 5 seconds; zero in frames that have no such past.
    """
    way = (predicted_delta - true_delta).double().cumsum(0)
    drift = torch.zeros_like(way)
    drift[frames:] = way[frames:] - way[:-frames]
    return (1000 * drift.norm(dim=-1)).to(predicted_delta.dtype)
