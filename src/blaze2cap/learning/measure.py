"""Every figure of a report in one place: its key, what its columns stand for, its values and what each of them weighs.

A figure is one function below, marked with its key and columns; it compares a system's motion with the truth of one
clip. Reports hold the figures in this order. The formulas are in `metric`.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion
from blaze2cap.learning import metric

Weighted = tuple[Float[Tensor, "N K"], Float[Tensor, "N K"]]
"""Values and their weights, per frame and column: a figure is the sum of value x weight over the sum of weights."""

LIMBS = tuple(skeleton.joint_of_landmark(name) for name in landmark.LIMB_LANDMARKS)
FEET = ("RightFoot", "LeftFoot")
_LIMBS, _FEET = skeleton.indices(*LIMBS), skeleton.indices(*FEET)


class Reference(NamedTuple):
    """The truth of a clip and what counts in it, worked out once and shared by all systems."""

    detected: Bool[Tensor, "N"]
    scored: Bool[Tensor, "N"]
    anchor: Bool[Tensor, "N"]
    t_pose: Bool[Tensor, "N"]
    planted: Bool[Tensor, "N 2"]
    pose: Bool[Tensor, "N 4"]
    outlier: Bool[Tensor, "N 21"]
    offset: Float[Tensor, "21 3"]
    estimated_offset: Float[Tensor, "N 21 3"]
    position: Float[Tensor, "N 21 3"]
    rotation: Float[Tensor, "N 21 3 3"]
    global_rotation: Float[Tensor, "N 21 3 3"]
    root_delta: Float[Tensor, "N 3"]
    fps: float


class Compared(NamedTuple):
    """A system's motion on a clip, its joints [m] and global rotations with the true bones, and the truth."""

    motion: Motion
    position: Float[Tensor, "N 21 3"]
    global_rotation: Float[Tensor, "N 21 3 3"]
    truth: Reference


Measure = Callable[[Compared], Weighted]

MEASURES: dict[str, Measure] = {}
"""Every figure by its key."""

COLUMNS: dict[str, tuple[str, ...]] = {}
"""What the columns of each figure stand for (raw landmarks: limbs only)."""


def measure(key: str, columns: tuple[str, ...]) -> Callable[[Measure], Measure]:
    """Mark a function as the figure of that key."""

    def register(function: Measure) -> Measure:
        MEASURES[key], COLUMNS[key] = function, columns
        return function

    return register


def compare(motion: Motion, truth: Reference) -> Compared:
    """What every figure starts from."""
    return Compared(motion, *forward_kinematics(motion.rotation, truth.offset), truth)


def over(frames: Bool[Tensor, "N"], value: Float[Tensor, "N K"]) -> Weighted:
    """Values that all count alike in these frames, and not at all in the others."""
    return value, frames[:, None].to(value).expand_as(value)


def believed(frames: Bool[Tensor, "N"], value: Float[Tensor, "N K"], outlier: Bool[Tensor, "N K"]) -> Weighted:
    """The same without the joints whose true rotation is not to be believed."""
    value, weight = over(frames, value)
    return value, weight * ~outlier


@measure("mpjpe_mm", skeleton.JOINTS)
def _position(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.mpjpe_mm(c.position, c.truth.position))


@measure("mpjpe_local_mm", skeleton.JOINTS)
def _position_local(c: Compared) -> Weighted:
    root, true_root = c.motion.rotation[:, 0], c.truth.rotation[:, 0]
    return over(c.truth.scored, metric.mpjpe_local_mm(c.position, c.truth.position, root, true_root))


@measure("pa_mpjpe_mm", skeleton.JOINTS)
def _position_aligned(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.pa_mpjpe_mm(c.position, c.truth.position))


@measure("mpjpe_12_mm", LIMBS)
def _limbs(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.mpjpe_mm(c.position, c.truth.position)[:, _LIMBS])


@measure("pa_mpjpe_12_mm", LIMBS)
def _limbs_aligned(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.pa_mpjpe_mm(c.position[:, _LIMBS], c.truth.position[:, _LIMBS]))


@measure("mpjpe_estimated_bones_mm", skeleton.JOINTS)
def _position_estimated_bones(c: Compared) -> Weighted:
    position, _ = forward_kinematics(c.motion.rotation, c.truth.estimated_offset)
    return over(c.truth.scored, metric.mpjpe_mm(position, c.truth.position))


@measure("mare_rad", skeleton.BODY_JOINTS)
def _rotation(c: Compared) -> Weighted:
    return believed(c.truth.scored, _body_angle(c), c.truth.outlier[:, 1:])


@measure("mare_tpose_rad", skeleton.BODY_JOINTS)
def _rotation_t_pose(c: Compared) -> Weighted:
    t_pose = c.truth.t_pose & c.truth.scored
    shown = bool(t_pose.any())
    # Without a frame of T-pose the value has no weight, whatever it is taken relative to.
    frames = t_pose if shown else torch.ones_like(t_pose)
    angle = metric.mare_tpose_rad(c.motion.rotation[:, 1:], c.truth.rotation[:, 1:], frames)
    return believed(c.truth.scored & shown, angle, c.truth.outlier[:, 1:])


@measure("mare_global_rad", skeleton.JOINTS)
def _rotation_global(c: Compared) -> Weighted:
    angle = metric.mare_rad(c.global_rotation, c.truth.global_rotation)
    return believed(c.truth.scored, angle, c.truth.outlier)


@measure("mare_outlier_rad", skeleton.BODY_JOINTS)
def _rotation_outliers(c: Compared) -> Weighted:
    return believed(c.truth.scored, _body_angle(c), ~c.truth.outlier[:, 1:])


@measure("mare_root_rad", (skeleton.ROOT,))
def _root(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.mare_rad(c.motion.rotation[:, :1], c.truth.rotation[:, :1]))


@measure("mare_root_delta_rad", (skeleton.ROOT,))
def _root_delta(c: Compared) -> Weighted:
    restart = metric.restarts(c.truth.scored, c.truth.anchor)
    angle = metric.mare_root_delta_rad(c.motion.delta_rotation, c.truth.rotation[:, 0], restart)
    return over(c.truth.scored, angle[:, None])


@measure("acceleration_error_mm_per_frame2", skeleton.JOINTS)
def _acceleration(c: Compared) -> Weighted:
    return acceleration_error(c.position, c.truth.position, c.truth)


@measure("jitter_km_per_s3", skeleton.JOINTS)
def _jitter(c: Compared) -> Weighted:
    return jitter(c.position, c.truth)


@measure("jitter_ratio", skeleton.JOINTS)
def _jitter_ratio(c: Compared) -> Weighted:
    return jitter_ratio(c.position, c.truth.position, c.truth)


@measure("foot_slide_mm_per_frame", FEET)
def _foot_slide(c: Compared) -> Weighted:
    slide = metric.foot_slide_mm_per_frame(c.position[:, _FEET], c.motion.delta_position)
    value, weight = over(metric.unbroken(c.truth.scored, c.truth.anchor, 1), slide)
    return value, weight * c.truth.planted


@measure("root_drift_1s_mm", (skeleton.ROOT,))
def _root_drift_1s(c: Compared) -> Weighted:
    return _root_drift(c, 1)


@measure("root_drift_5s_mm", (skeleton.ROOT,))
def _root_drift_5s(c: Compared) -> Weighted:
    return _root_drift(c, 5)


def _body_angle(c: Compared) -> Float[Tensor, "N 20"]:
    return metric.mare_rad(c.motion.rotation[:, 1:], c.truth.rotation[:, 1:])


def _root_drift(c: Compared, seconds: int) -> Weighted:
    frames = round(seconds * c.truth.fps)
    drift = metric.root_drift_mm(c.motion.delta_position, c.truth.root_delta, frames)
    return over(metric.unbroken(c.truth.scored, c.truth.anchor, frames), drift[:, None])


def acceleration_error(position: Float[Tensor, "N K 3"], true: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """Error of second differences, where they cross no break; of joints or of raw landmarks."""
    unbroken = metric.unbroken(truth.scored, truth.anchor, 2)
    return over(unbroken, metric.acceleration_error_mm_per_frame2(position, true))


def jitter(position: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """Third differences, where they cross no break; of joints or of raw landmarks."""
    unbroken = metric.unbroken(truth.scored, truth.anchor, 3)
    return over(unbroken, metric.jitter_km_per_s3(position, truth.fps))


def jitter_ratio(position: Float[Tensor, "N K 3"], true: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """A ratio of sums: the value is the jitter over the truth's, which is also the weight."""
    value, weight = jitter(position, truth)
    true_jitter = metric.jitter_km_per_s3(true, truth.fps).clamp_min(1e-12)
    return value / true_jitter, weight * true_jitter
