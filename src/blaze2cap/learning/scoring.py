"""Scores of systems on clips, kept as sums and weights from which every figure, group and interval derives.

A row is a block of ten seconds of one clip, or rather its frames of the same pose classes. Each system has, for every
metric, the sum of its values and the sum of their weights in each row and column (joint, foot, or bin); a figure is a
sum of sums over a sum of weights.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import WORLD
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.pose_class import LANDMARK_CLASS, POSE_CLASSES, pose_classes
from blaze2cap.body.proportions import estimated_offsets
from blaze2cap.body.t_pose import t_pose_frames
from blaze2cap.data.clipset import EVERYTHING, ClipSet, Known
from blaze2cap.data.parallel import one_thread, progress
from blaze2cap.errors import UserError
from blaze2cap.learning import metric
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.freed_memory import return_freed_memory
from blaze2cap.learning.measure import (
    FEET,
    LIMBS,
    MEASURES,
    STANDARD_BONES,
    Compared,
    Reference,
    Weighted,
    acceleration_error,
    compare,
    jitter,
    jitter_ratio,
    measured,
    over,
    speaks_for,
)

if TYPE_CHECKING:
    import pandas as pd

RAW = "raw"
RAW_NEEDS = EVERYTHING
"""What must be known of the truth for raw landmarks to be compared with it."""

BLOCK_S = 10
SINCE_ANCHOR_S = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Where each bin of time since the last anchor begins; the last one is open."""

SINCE_ANCHOR = "mpjpe_since_anchor_mm"

DEVIATION_RAD = tuple(2 ** (step / 2) for step in range(-11, 2))
"""What parts the bins of predicted deviation: each edge is sqrt(2) times the one before, the outer bins are open."""

ANGLE, SQUARE, VARIANCE = (f"{what}_by_deviation" for what in ("angle", "square", "variance"))
"""Of systems that say how far off they may be, in a column for each rotation and bin (bins of a rotation together):
angle to the truth [rad], its square, and the square of the deviation that was said."""

_LIMB_LANDMARKS = landmark.indices(*landmark.LIMB_LANDMARKS)
_LIMBS, _FEET = skeleton.indices(*LIMBS), skeleton.indices(*FEET)
_HIPS = landmark.indices("left_hip", "right_hip")


class Sums(NamedTuple):
    """Sum of weighted values and sum of weights."""

    value: Float64[np.ndarray, "rows K"]
    weight: Float64[np.ndarray, "rows K"]


@dataclass(frozen=True)
class Scores:
    """Every system on the same frames: `blocks` says what a row is, `sums[system][metric]` holds its figures."""

    blocks: "pd.DataFrame"
    sums: dict[str, dict[str, Sums]]


@one_thread()
def score(
    clipset: ClipSet,
    takes_by_part: Mapping[str, Iterable[str]],
    systems: Mapping[str, System],
    mean_offset: Float[Tensor, "21 3"],
) -> Scores:
    """Run every system, and the raw landmarks as they are, over all clips of the parts' takes.

    `mean_offset` [m] is the mean training skeleton for `mpjpe_estimated_bones_mm`.
    Takes without landmarks have no clip and so no row. Raises UserError where a system's motion is not finite.
    """
    import pandas as pd

    clips = [
        {"part": part, **clip}
        for part, takes in takes_by_part.items()
        for take in takes
        for clip in clipset.clips[clipset.clips["take"] == take].to_dict("records")
    ]
    blocks: list[dict[str, Any]] = []
    sums: dict[str, list[dict[str, Sums]]] = {name: [] for name in (*systems, RAW)}
    for clip in progress(clips, len(clips), "evaluate"):
        landmarks = clipset.clip_landmarks(clip["clip"])
        reference = reference_of(clipset, clip["clip"], landmarks, mean_offset)
        # Where no root has a place in the world, each view has truth of its own, one after the other in the take.
        first = clipset.take_frames(clip["clip"]).start if Known.ROOT in reference.known else 0
        row, described = _rows(reference, first)
        about = {column: clip[column] for column in ("part", "take", "subject", "action", "camera")}
        blocks += ({**about, "known": reference.known, **kind} for kind in described)
        intrinsics, dt = clipset.camera_of(clip["clip"]).intrinsics, 60 / reference.fps
        for name, system in systems.items():
            with torch.inference_mode():
                motion = system(landmarks, intrinsics, dt)
                if not all(part.isfinite().all() for part in motion if part is not None):
                    raise UserError(f"{clip['clip']}: {name} gives numbers that are not finite; train it again")
                weighted = system_scores(motion, reference)
            sums[name].append({key: _sums(pair, row) for key, pair in weighted.items()})
        sums[RAW].append({key: _sums(pair, row) for key, pair in landmark_scores(landmarks, reference).items()})
        # A clip's few sums, which are kept, lie scattered among its freed tensors: 45 MB a clip of 83 seconds.
        return_freed_memory()
    return Scores(pd.DataFrame(blocks), {name: _joined(scored) for name, scored in sums.items()})


def reference_of(
    clipset: ClipSet, clip: str, landmarks: Float[Tensor, "N 25 7"], mean_offset: Float[Tensor, "21 3"]
) -> Reference:
    """Truth and weights of a clip; T-pose and standing feet are those of its take, in the world.

    Where the root has no place in the world, there is neither, and of the pose classes the one that landmarks tell.
    """
    take = str(clipset.clips["take"][clip])
    known, shown, fps = clipset.known(take), clipset.take_frames(clip), float(clipset.clips.fps[clip])
    in_world = clipset.take_motion(take)
    if Known.ROOT not in known:
        # What lies around the clip is the motion of other views, which tells nothing of this one.
        in_world = in_world._replace(rotation=in_world.rotation[shown], root_position=in_world.root_position[shown])
        shown = slice(None)
    truth, scored, anchor = clipset.clip_truth(clip), clipset.scored_frames(clip), clipset.clip_anchors(clip)
    detected = clipset.clip_detected(clip)
    world, _ = forward_kinematics(in_world.rotation, in_world.offset, in_world.root_position)
    position, rotation = forward_kinematics(truth.rotation, truth.offset)
    eye = clipset.camera_of(clip).to_world(torch.zeros(3))
    t_pose = t_pose_frames(world, fps)[shown]
    planted = metric.planted(world[:, _FEET], world[:, _FEET, 1], fps)[shown]
    pose = pose_classes(world[shown], in_world.rotation[shown, 0], eye, landmarks)
    if Known.ROOT not in known:
        t_pose, planted = torch.zeros_like(t_pose), torch.zeros_like(planted)
        pose = pose & torch.tensor([name == LANDMARK_CLASS for name in POSE_CLASSES])
    return Reference(
        known=known,
        detected=detected,
        scored=scored,
        anchor=anchor,
        t_pose=t_pose,
        planted=planted,
        pose=pose,
        outlier=clipset.clip_outliers(clip),
        offset=truth.offset,
        estimated_offset=estimated_offsets(landmarks, detected, mean_offset),
        position=position,
        rotation=truth.rotation,
        global_rotation=rotation,
        root_delta=root_deltas(truth.root_position, truth.rotation[:, 0], anchor)[0],
        fps=fps,
    )


def system_scores(motion: Motion, truth: Reference) -> dict[str, Weighted]:
    """All figures of a system's motion on one clip; those that its truth does not speak for have no weight."""
    compared = compare(motion, truth)
    weighted = {key: measured(key, compared) for key in MEASURES}
    error, _ = weighted["mpjpe_mm" if speaks_for(truth.known, "mpjpe_mm") else STANDARD_BONES["mpjpe_mm"]]
    weighted[SINCE_ANCHOR] = since_anchor(error.mean(1), truth)
    return weighted if motion.deviation is None else weighted | by_deviation(compared, motion.deviation)


def landmark_scores(landmarks: Float[Tensor, "N 25 7"], truth: Reference) -> dict[str, Weighted]:
    """What there is to say of raw world landmarks: the 12 limb joints, origin at the hips' middle, no rotations.

    Without a root in the camera's frame and the person's bones that is nothing: no figure has weight.
    """
    world = landmarks[..., WORLD]
    # The detector's own origin is off the middle of its hips by 3 mm.
    position = world[:, _LIMB_LANDMARKS] - world[:, _HIPS].mean(1, keepdim=True)
    true = truth.position[:, _LIMBS]
    figures = {
        "mpjpe_12_mm": over(truth.scored, metric.mpjpe_mm(position, true)),
        "pa_mpjpe_12_mm": over(truth.scored, metric.pa_mpjpe_mm(position, true)),
        "acceleration_error_mm_per_frame2": acceleration_error(position, true, truth),
        "jitter_km_per_s3": jitter(position, truth),
        "jitter_ratio": jitter_ratio(position, true, truth),
    }
    if RAW_NEEDS in truth.known:
        return figures
    return {key: (value, torch.zeros_like(weight)) for key, (value, weight) in figures.items()}


def since_anchor(error: Float[Tensor, "N"], truth: Reference) -> Weighted:
    """Error of each frame in the bin of its time since tracking started."""
    frame = torch.arange(len(error))
    start = torch.where(metric.restarts(truth.scored, truth.anchor), frame, 0).cummax(0).values
    bins = torch.bucketize((frame - start) / truth.fps, torch.tensor(SINCE_ANCHOR_S[1:]), right=True)
    chosen = torch.nn.functional.one_hot(bins, len(SINCE_ANCHOR_S)).to(error) * truth.scored[:, None]
    return error[:, None].expand_as(chosen), chosen


def by_deviation(compared: Compared, deviation: Float[Tensor, "N 21"]) -> dict[str, Weighted]:
    """Each believed rotation's angle, its square and that of the deviation, in the bin of its deviation."""
    truth = compared.truth
    angle = metric.mare_rad(compared.motion.rotation, truth.rotation)
    bins = torch.bucketize(deviation, torch.tensor(DEVIATION_RAD))
    counted = truth.scored[:, None] & ~truth.outlier
    counted[:, 0] &= Known.ROOT in truth.known
    chosen = torch.nn.functional.one_hot(bins, len(DEVIATION_RAD) + 1).to(angle) * counted[..., None]
    values = {ANGLE: angle, SQUARE: angle.square(), VARIANCE: deviation.square()}
    return {key: (value[..., None].expand_as(chosen).flatten(1), chosen.flatten(1)) for key, value in values.items()}


def _rows(truth: Reference, first: int) -> tuple[Int[Tensor, "N"], list[dict[str, Any]]]:
    """The row of each frame of a clip that begins with its take's frame `first`, and what each row is.

    That is the block's number in the take, whether its frames are of each pose class, and how many they are: all, those
    with a detection, and those scored.
    """
    block = (first + torch.arange(len(truth.scored))) // round(BLOCK_S * truth.fps)
    kinds, row = torch.cat((block[:, None], truth.pose.long()), dim=1).unique(dim=0, return_inverse=True)
    counts = _row_sums(torch.stack((torch.ones_like(truth.scored), truth.detected, truth.scored), 1).double(), row)
    return row, [
        {"block": number, **dict(zip(POSE_CLASSES, map(bool, pose), strict=True))}
        | dict(zip(("frames", "detected", "scored"), count, strict=True))
        for (number, *pose), count in zip(kinds.tolist(), counts.astype(int).tolist(), strict=True)
    ]


def _joined(clips: list[dict[str, Sums]]) -> dict[str, Sums]:
    return {key: Sums(*map(np.concatenate, zip(*(clip[key] for clip in clips), strict=True))) for key in clips[0]}


def _sums(pair: Weighted, row: Int[Tensor, "N"]) -> Sums:
    value, weight = (part.double() for part in pair)
    return Sums(_row_sums(value * weight, row), _row_sums(weight, row))


def _row_sums(value: Float64[Tensor, "N K"], row: Int[Tensor, "N"]) -> Float64[np.ndarray, "rows K"]:
    total = value.new_zeros(int(row.max()) + 1, value.shape[1])
    return total.index_add_(0, row, value).numpy()
