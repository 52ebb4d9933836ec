"""Every figure of a report in one place: its key, what its columns stand for, its values and what each of them weighs.

A figure is one function below, marked with its key and columns; it compares a system's motion with the truth of one
clip. Reports hold the figures in this order. The formulas are in `metric`.

A figure says what must be known of the truth: a clip of which less is known does not speak for it. Figures with
standard bones stand in where nobody's own are known, under their own names.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion
from blaze2cap.data.clipset import EVERYTHING, NOTHING, Known
from blaze2cap.learning import metric
from blaze2cap.learning.absolute_root import turned_in_runs

Weighted = tuple[Float[Tensor, "N K"], Float[Tensor, "N K"]]
"""Values and their weights, per frame and column: a figure is the sum of value x weight over the sum of weights."""

LIMBS = tuple(skeleton.joint_of_landmark(name) for name in landmark.LIMB_LANDMARKS)
FEET = ("RightFoot", "LeftFoot")
_LIMBS, _FEET = skeleton.indices(*LIMBS), skeleton.indices(*FEET)


class Reference(NamedTuple):
    """The truth of a clip and what counts in it, worked out once and shared by all systems."""

    known: Known
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
    """A system's motion on a clip, its joints [m] and global rotations with the truth's bones, and the truth."""

    motion: Motion
    position: Float[Tensor, "N 21 3"]
    global_rotation: Float[Tensor, "N 21 3 3"]
    truth: Reference


Measure = Callable[[Compared], Weighted]

MEASURES: dict[str, Measure] = {}
"""Every figure by its key."""

COLUMNS: dict[str, tuple[str, ...]] = {}
"""What the columns of each figure stand for (raw landmarks: limbs only)."""


NEEDS: dict[str, Known] = {}
"""What each figure must be told of the truth."""

STANDARD_BONES = {
    "mpjpe_mm": "mpjpe_local_standard_bones_mm",
    "mpjpe_local_mm": "mpjpe_local_standard_bones_mm",
    "acceleration_error_mm_per_frame2": "acceleration_error_standard_bones_mm_per_frame2",
    "jitter_ratio": "jitter_standard_bones_ratio",
}
"""What stands in for a figure where nobody's own bones are known; where they are, it has no weight."""

STAND_INS = STANDARD_BONES | {"mare_root_rad": "mare_root_delta_rad"}
"""What is shown in the place of a figure that no clip speaks for."""


def measure(key: str, columns: tuple[str, ...], needs: Known = EVERYTHING) -> Callable[[Measure], Measure]:
    """Mark a function as the figure of that key."""

    def register(function: Measure) -> Measure:
        MEASURES[key], COLUMNS[key], NEEDS[key] = function, columns, needs
        return function

    return register


def speaks_for(known: Known, key: str) -> bool:
    """Whether a clip of which so much is known says anything of a figure."""
    return NEEDS[key] in known and not (key in STANDARD_BONES.values() and Known.BONES in known)


def reason_left_out(known: Iterable[Known], key: str) -> str | None:
    """Why none of the clips of which so much is known speaks for a figure; None where one does, or it is a stand-in."""
    if key in STANDARD_BONES.values() or any(NEEDS[key] in one for one in known):
        return None
    words = {Known.ROOT: "the root's absolute pose", Known.BONES: "the person's own bones"}
    needed = " and ".join(words[one] for one in NEEDS[key])
    return f"needs {needed}" + (f"; see {STAND_INS[key]}" if key in STAND_INS else "")


def measured(key: str, compared: Compared) -> Weighted:
    """A figure of one clip; without weight where its truth does not speak for it."""
    if speaks_for(compared.truth.known, key):
        return MEASURES[key](compared)
    nothing = compared.position.new_zeros(len(compared.position), len(COLUMNS[key]))
    return nothing, nothing


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


@measure("mpjpe_local_mm", skeleton.JOINTS, Known.BONES)
def _position_local(c: Compared) -> Weighted:
    root, true_root = c.motion.rotation[:, 0], c.truth.rotation[:, 0]
    return over(c.truth.scored, metric.mpjpe_local_mm(c.position, c.truth.position, root, true_root))


@measure("pa_mpjpe_mm", skeleton.JOINTS, Known.BONES)
def _position_aligned(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.pa_mpjpe_mm(c.position, c.truth.position))


@measure("mpjpe_12_mm", LIMBS)
def _limbs(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.mpjpe_mm(c.position, c.truth.position)[:, _LIMBS])


@measure("pa_mpjpe_12_mm", LIMBS, Known.BONES)
def _limbs_aligned(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.pa_mpjpe_mm(c.position[:, _LIMBS], c.truth.position[:, _LIMBS]))


@measure("mpjpe_estimated_bones_mm", skeleton.JOINTS)
def _position_estimated_bones(c: Compared) -> Weighted:
    position, _ = forward_kinematics(c.motion.rotation, c.truth.estimated_offset)
    return over(c.truth.scored, metric.mpjpe_mm(position, c.truth.position))


@measure("mpjpe_local_standard_bones_mm", skeleton.JOINTS, NOTHING)
def _position_standard_bones(c: Compared) -> Weighted:
    return _position_local(c)


@measure("mare_rad", skeleton.BODY_JOINTS, NOTHING)
def _rotation(c: Compared) -> Weighted:
    return believed(c.truth.scored, _body_angle(c), c.truth.outlier[:, 1:])


@measure("mare_tpose_rad", skeleton.BODY_JOINTS, Known.ROOT)
def _rotation_t_pose(c: Compared) -> Weighted:
    t_pose = c.truth.t_pose & c.truth.scored
    shown = bool(t_pose.any())
    # Without a frame of T-pose the value has no weight, whatever it is taken relative to.
    frames = t_pose if shown else torch.ones_like(t_pose)
    angle = metric.mare_tpose_rad(c.motion.rotation[:, 1:], c.truth.rotation[:, 1:], frames)
    return believed(c.truth.scored & shown, angle, c.truth.outlier[:, 1:])


@measure("mare_global_rad", skeleton.JOINTS, Known.ROOT)
def _rotation_global(c: Compared) -> Weighted:
    angle = metric.mare_rad(c.global_rotation, c.truth.global_rotation)
    return believed(c.truth.scored, angle, c.truth.outlier)


@measure("mare_outlier_rad", skeleton.BODY_JOINTS, NOTHING)
def _rotation_outliers(c: Compared) -> Weighted:
    return believed(c.truth.scored, _body_angle(c), ~c.truth.outlier[:, 1:])


@measure("mare_root_rad", (skeleton.ROOT,), Known.ROOT)
def _root(c: Compared) -> Weighted:
    return over(c.truth.scored, metric.mare_rad(c.motion.rotation[:, :1], c.truth.rotation[:, :1]))


@measure("mare_root_delta_rad", (skeleton.ROOT,), NOTHING)
def _root_delta(c: Compared) -> Weighted:
    restart = metric.restarts(c.truth.scored, c.truth.anchor)
    angle = metric.mare_root_delta_rad(c.motion.delta_rotation, c.truth.rotation[:, 0], restart)
    return over(c.truth.scored, angle[:, None])


@measure("acceleration_error_mm_per_frame2", skeleton.JOINTS)
def _acceleration(c: Compared) -> Weighted:
    return acceleration_error(c.position, c.truth.position, c.truth)


@measure("jitter_km_per_s3", skeleton.JOINTS, Known.BONES)
def _jitter(c: Compared) -> Weighted:
    return jitter(c.position, c.truth)


@measure("jitter_ratio", skeleton.JOINTS, Known.BONES)
def _jitter_ratio(c: Compared) -> Weighted:
    return jitter_ratio(c.position, c.truth.position, c.truth)


@measure("acceleration_error_standard_bones_mm_per_frame2", skeleton.JOINTS, NOTHING)
def _acceleration_standard_bones(c: Compared) -> Weighted:
    # The truth's start is open, so it is the one that fits the system best.
    true, seen = c.truth.global_rotation[:, 0], c.motion.rotation[:, 0]
    root = turned_in_runs(true, seen, c.truth.scored, metric.restarts(c.truth.scored, c.truth.anchor))
    return acceleration_error(c.position, c.truth.position @ (root @ true.mT).mT, c.truth)


@measure("jitter_standard_bones_ratio", skeleton.JOINTS, NOTHING)
def _jitter_ratio_standard_bones(c: Compared) -> Weighted:
    return _jitter_ratio(c)


@measure("foot_slide_mm_per_frame", FEET)
def _foot_slide(c: Compared) -> Weighted:
    slide = metric.foot_slide_mm_per_frame(c.position[:, _FEET], c.motion.delta_position)
    value, weight = over(metric.unbroken(c.truth.scored, c.truth.anchor, 1), slide)
    return value, weight * c.truth.planted


@measure("root_drift_1s_mm", (skeleton.ROOT,), NOTHING)
def _root_drift_1s(c: Compared) -> Weighted:
    return _root_drift(c, 1)


@measure("root_drift_5s_mm", (skeleton.ROOT,), NOTHING)
def _root_drift_5s(c: Compared) -> Weighted:
    return _root_drift(c, 5)


def _body_angle(c: Compared) -> Float[Tensor, "N 20"]:
    return metric.mare_rad(c.motion.rotation[:, 1:], c.truth.rotation[:, 1:])


def _root_drift(c: Compared, seconds: int) -> Weighted:
    frames = round(seconds * c.truth.fps)
    drift = metric.root_drift_mm(c.motion.delta_position, c.truth.root_delta, frames)
    return over(metric.unbroken(c.truth.scored, c.truth.anchor, frames), drift[:, None])


def acceleration_error(position: Float[Tensor, "N K 3"], true: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """Error of second differences, where they cross no break and no glitch; of joints or of raw landmarks."""
    return over(_smooth(truth, 2), metric.acceleration_error_mm_per_frame2(position, true))


def jitter(position: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """Third differences, where they cross no break and no glitch; of joints or of raw landmarks."""
    return over(_smooth(truth, 3), metric.jitter_km_per_s3(position, truth.fps))


def jitter_ratio(position: Float[Tensor, "N K 3"], true: Float[Tensor, "N K 3"], truth: Reference) -> Weighted:
    """A ratio of sums: the value is the jitter over the truth's, which is also the weight."""
    value, weight = jitter(position, truth)
    true_jitter = metric.jitter_km_per_s3(true, truth.fps).clamp_min(1e-12)
    return value / true_jitter, weight * true_jitter


def _smooth(truth: Reference, order: int) -> Bool[Tensor, "N"]:
    """Frames whose differences of that order cross no break, and no glitch: there the truth's own tremor would count.

    A glitch is where the root is an outlier.
    """
    return metric.unbroken(truth.scored & ~truth.outlier[:, 0], truth.anchor, order)
