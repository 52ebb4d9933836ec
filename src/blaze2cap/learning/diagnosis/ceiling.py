"""Ceilings: how far a system would err if it knew one thing more. Which knowledge buys how much.

Each ceiling takes what a system answered, puts one part of the truth in, leaves everything else as it was predicted,
and gives the position errors of what comes out [mm], per frame and joint, Hips at the origin as in `mpjpe_mm`. They act
on the output: a system that knew it earlier might make more of it, so a gain is an indication and no bound.

The ray frame has its z axis through the true Hips (`ray_rotation`), so z is depth and x, y lie across the image.
Gains do not add up: what two ceilings mend alike is counted in both.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.kinematics import forward_kinematics, global_to_local
from blaze2cap.body.rotation import mean_rotation
from blaze2cap.body.skeleton import BODY_JOINTS, JOINTS, ROOT, indices
from blaze2cap.learning import metric
from blaze2cap.learning.baseline import corrected
from blaze2cap.learning.diagnosis.error_spectrum import runs_of, slow_part
from blaze2cap.learning.measure import MEASURES, Compared

LIMBS = {
    "spine": ("Spine", "Spine1", "Spine2", "Spine3"),
    "head": ("Neck", "Head"),
    "arms": tuple(joint for joint in JOINTS if joint.endswith(("Shoulder", "Arm", "Hand"))),
    "legs": tuple(joint for joint in JOINTS if joint.endswith(("Leg", "Foot"))),
}
"""Joints by the part of the body whose local rotations they hold; all but Hips are in one of them."""

MAX_LAG_S = 0.25


class Case(NamedTuple):
    """A system's answer on one clip, and what the ceilings know beside its truth."""

    compared: Compared
    root_position: Float[Tensor, "N 3"]
    """True place of the Hips in the camera's frame [m]."""
    calibration: Float[Tensor, "21 3 3"]
    """What `constant_turns` found over the whole take."""
    lag: int
    """What `best_lag` found."""


Ceiling = Callable[[Case], Float[Tensor, "N 21"]]

CEILINGS: dict[str, Ceiling] = {}
"""Every ceiling by its key, in the order of the tables."""

TITLES: dict[str, str] = {}
"""What is known, in words."""


def ceiling(key: str, title: str) -> Callable[[Ceiling], Ceiling]:
    """Mark a function as the ceiling of that key."""

    def register(function: Ceiling) -> Ceiling:
        CEILINGS[key], TITLES[key] = function, title
        return function

    return register


def constant_turns(takes_clips: Sequence[Compared]) -> Float[Tensor, "21 3 3"]:
    """The constant turn of each joint's global orientation, from its right, that brings a take's clips to the truth."""
    turns = [(c.global_rotation.mT @ c.truth.global_rotation)[c.truth.scored] for c in takes_clips]
    return mean_rotation(torch.cat(turns))


def in_ray_frame(vector: Float[Tensor, "N J 3"], root_position: Float[Tensor, "N 3"]) -> Float[Tensor, "N J 3"]:
    """Vectors of the camera's frame in the ray frame of the true Hips."""
    return vector @ ray_rotation(root_position)


def replaced(c: Compared, joints: Sequence[str]) -> Float[Tensor, "N 21"]:
    """Position errors [mm] with the true local rotations of some joints in the place of the predicted ones."""
    rotation = torch.where(_known(joints), c.truth.rotation, c.motion.rotation)
    position, _ = forward_kinematics(rotation, c.truth.offset)
    return metric.mpjpe_mm(position, c.truth.position)


def reoriented(c: Compared, joints: Sequence[str]) -> Float[Tensor, "N 21"]:
    """Position errors [mm] with the true global orientations of some joints in the place of the predicted ones."""
    rotation = torch.where(_known(joints), c.truth.global_rotation, c.global_rotation)
    position, _ = forward_kinematics(global_to_local(rotation), c.truth.offset)
    return metric.mpjpe_mm(position, c.truth.position)


@ceiling("root", "true orientation of the root")
def true_root(case: Case) -> Float[Tensor, "N 21"]:
    """The root's orientation is true: `mpjpe_local_mm`."""
    return replaced(case.compared, [ROOT])


@ceiling("body", "true pose of the body, the root's orientation as predicted")
def true_body(case: Case) -> Float[Tensor, "N 21"]:
    """All local rotations but the root's are true."""
    return replaced(case.compared, BODY_JOINTS)


@ceiling("spine", "true rotations of the spine, in the parents' frames")
def true_spine(case: Case) -> Float[Tensor, "N 21"]:
    """Local rotations of the spine are true; what they hang from stays as predicted."""
    return replaced(case.compared, LIMBS["spine"])


@ceiling("head", "true rotations of neck and head, in the parents' frames")
def true_head(case: Case) -> Float[Tensor, "N 21"]:
    """Local rotations of neck and head are true; what they hang from stays as predicted."""
    return replaced(case.compared, LIMBS["head"])


@ceiling("arms", "true rotations of the arms, in the parents' frames")
def true_arms(case: Case) -> Float[Tensor, "N 21"]:
    """Local rotations of the arms are true; what they hang from stays as predicted."""
    return replaced(case.compared, LIMBS["arms"])


@ceiling("legs", "true rotations of the legs, in the parents' frames")
def true_legs(case: Case) -> Float[Tensor, "N 21"]:
    """Local rotations of the legs are true; what they hang from stays as predicted."""
    return replaced(case.compared, LIMBS["legs"])


@ceiling("spine_orientation", "true orientations of the spine, in the camera's frame")
def true_spine_orientation(case: Case) -> Float[Tensor, "N 21"]:
    """Global orientations of the spine are true, so these bones point where they should; all others as predicted."""
    return reoriented(case.compared, LIMBS["spine"])


@ceiling("head_orientation", "true orientations of neck and head, in the camera's frame")
def true_head_orientation(case: Case) -> Float[Tensor, "N 21"]:
    """Global orientations of neck and head are true; all others as predicted."""
    return reoriented(case.compared, LIMBS["head"])


@ceiling("arms_orientation", "true orientations of the arms, in the camera's frame")
def true_arms_orientation(case: Case) -> Float[Tensor, "N 21"]:
    """Global orientations of the arms are true, so these bones point where they should; all others as predicted."""
    return reoriented(case.compared, LIMBS["arms"])


@ceiling("legs_orientation", "true orientations of the legs, in the camera's frame")
def true_legs_orientation(case: Case) -> Float[Tensor, "N 21"]:
    """Global orientations of the legs are true, so these bones point where they should; all others as predicted."""
    return reoriented(case.compared, LIMBS["legs"])


@ceiling("depth", "true depth of every joint")
def true_depth(case: Case) -> Float[Tensor, "N 21"]:
    """Every joint keeps its x and y in the ray frame and gets its true depth; bones may change their length."""
    error = _ray_error(case)
    return 1000 * error[..., :2].norm(dim=-1)


@ceiling("image", "true place of every joint in the image")
def true_image(case: Case) -> Float[Tensor, "N 21"]:
    """Every joint moves at its predicted depth, in the ray frame, onto its true image ray.

    The Hips stand at their true distance, as no system says theirs.
    """
    c = case.compared
    true = in_ray_frame(c.truth.position, case.root_position)
    hips = torch.zeros_like(case.root_position)
    hips[:, 2] = case.root_position.norm(dim=-1)
    true = true + hips[:, None]
    depth = true[..., 2] + _ray_error(case)[..., 2]
    return metric.mpjpe_mm(true * (depth / true[..., 2])[..., None], true)


@ceiling("similarity", "best turn, size and place of the whole figure in every frame")
def best_similarity(case: Case) -> Float[Tensor, "N 21"]:
    """The similarity that fits each frame best: `pa_mpjpe_mm`."""
    c = case.compared
    return metric.pa_mpjpe_mm(c.position, c.truth.position)


@ceiling("slow", "every error that is slower than a second")
def without_slow_error(case: Case) -> Float[Tensor, "N 21"]:
    """Of each joint's error over time only components of 1 Hz and more are left, run by run (`slow_part`)."""
    c = case.compared
    error = c.position - c.truth.position
    runs = runs_of(c.truth.scored, c.truth.anchor)
    return 1000 * (error - slow_part(error, runs, c.truth.fps)).norm(dim=-1)


@ceiling("calibration", "a constant turn of every joint, take by take")
def calibrated(case: Case) -> Float[Tensor, "N 21"]:
    """Every joint's global orientation is turned by its constant of the take, from its right (`constant_turns`)."""
    c = case.compared
    position, _ = forward_kinematics(corrected(c.motion.rotation, case.calibration), c.truth.offset)
    return metric.mpjpe_mm(position, c.truth.position)


@ceiling("lag", "the lag of every clip")
def without_lag(case: Case) -> Float[Tensor, "N 21"]:
    """The prediction is shifted in time by the clip's best number of frames (`best_lag`)."""
    c = case.compared
    return metric.mpjpe_mm(c.position[shifted(c, case.lag)], c.truth.position)


@ceiling("estimated_bones", "(the bones are estimated, no longer true)")
def without_true_bones(case: Case) -> Float[Tensor, "N 21"]:
    """`mpjpe_estimated_bones_mm`: what the true bones buy, which every other figure has already."""
    value, _ = MEASURES["mpjpe_estimated_bones_mm"](case.compared)
    return value


def best_lag(c: Compared) -> int:
    """Frames by which the prediction comes late, of those within a quarter of a second the one with the least MPJPE."""
    most = round(MAX_LAG_S * c.truth.fps)
    # The shortest shift wins where several are as good.
    lags = sorted(range(-most, most + 1), key=abs)
    scored = c.truth.scored
    error = [metric.mpjpe_mm(c.position[shifted(c, lag)], c.truth.position)[scored].mean().item() for lag in lags]
    return lags[error.index(min(error))]


def shifted(c: Compared, lag: int) -> Int[Tensor, "N"]:
    """Frames of the prediction that stand for each frame if it is late by `lag`: those `lag` later.

    A frame whose place is taken by no frame of its own unbroken run stands for itself.
    """
    scored = c.truth.scored
    run = metric.restarts(scored, c.truth.anchor).cumsum(0)
    frame = torch.arange(len(scored))
    later = (frame + lag).clamp(0, len(scored) - 1)
    return torch.where(scored & scored[later] & (run[later] == run), later, frame)


def _known(joints: Sequence[str]) -> Bool[Tensor, "21 1 1"]:
    known = torch.zeros(len(JOINTS), 1, 1, dtype=torch.bool)
    known[indices(*joints)] = True
    return known


def _ray_error(case: Case) -> Float[Tensor, "N 21 3"]:
    c = case.compared
    return in_ray_frame(c.position - c.truth.position, case.root_position)
