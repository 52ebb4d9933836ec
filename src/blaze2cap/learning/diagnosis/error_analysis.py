"""Where the error is: every scored frame of every system with its circumstances, and the tables that this adds up to.

Frames are kept one by one, so that any grouping of them adds up to the whole. Errors are those of `measure`, on the
same frames as in an evaluation.
"""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from blaze2cap.body.landmark import VISIBILITY
from blaze2cap.body.pose_class import POSE_CLASSES, pose_classes
from blaze2cap.body.viewpoint import SIDES, camera_azimuth, side_shown
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import progress
from blaze2cap.errors import UserError
from blaze2cap.learning.absolute_root import require_absolute_root
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.diagnosis import ceiling
from blaze2cap.learning.diagnosis.error_spectrum import band_power, runs_of
from blaze2cap.learning.measure import MEASURES, Compared, Reference, compare
from blaze2cap.learning.metric import difference, restarts
from blaze2cap.learning.scoring import SINCE_ANCHOR_S, Sums, reference_of

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("mpjpe_mm", "mpjpe_local_mm", "mare_rad", "mare_global_rad", "mare_root_rad")
"""The figures of `measure` that are broken down."""

DISTANCE_M = (0.0, 3.0, 4.0, 5.0, 6.0)
MEAN_VISIBILITY = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9)
SPEED_M_PER_S = (0.0, 0.1, 0.25, 0.5, 1.0)
"""Where bins begin; the last one is open."""


@dataclass(frozen=True)
class ErrorStudy:
    """F scored frames of all clips, one after another, and each system's errors in them."""

    frames: "pd.DataFrame"
    """Circumstances: take, clip, camera, frame (in the clip), take_s (time in the take), a flag for each pose class,
    azimuth_rad, side, distance_m, distance, visibility, mean_visibility, speed_m_per_s (mean of the true joints'
    around the Hips), speed, since_anchor_s, since_anchor."""
    figures: Mapping[str, Mapping[str, Sums]]
    """By system and key: values times weights, and weights, of every frame and column."""
    ray_error: Mapping[str, Float[np.ndarray, "F 21 3"]]
    """Errors of positions in the ray frame [mm]: across, down, in depth."""
    ceilings: Mapping[str, Mapping[str, Float[np.ndarray, "F"]]]
    """By system and ceiling: mean over joints of what would be left [mm]."""
    power: Mapping[str, Float64[np.ndarray, "bands"]]
    """Power of the error in each band of the spectrum [mm^2, summed over frames and joints]."""
    lag: Mapping[str, Mapping[str, int]]
    """By system and clip: frames by which the prediction comes late."""


class _Clip(NamedTuple):
    name: str
    landmarks: Float[Tensor, "N 25 7"]
    reference: Reference
    root_position: Float[Tensor, "N 3"]


def study_errors(
    clipset: ClipSet, takes: Iterable[str], systems: Mapping[str, System], mean_offset: Float[Tensor, "21 3"]
) -> ErrorStudy:
    """Run every system over all clips of the takes; clips without a scored frame have none to add.

    `mean_offset` [m] is the mean training skeleton. Raises UserError where no frame is scored, where a take's absolute
    root is not known, and where a system's motion is not finite.
    """
    import pandas as pd

    names = [
        (take, [clip for clip in clips["clip"] if clipset.scored_frames(clip).any()])
        for take, clips in clipset.clips[clipset.clips["take"].isin(list(takes))].groupby("take", sort=False)
    ]
    jobs = [(str(take), clips) for take, clips in names if clips]
    if not jobs:
        raise UserError("no take with a frame to score among those asked for; look at the split of the takes")
    require_absolute_root(clipset, [take for take, _ in jobs])
    frames: list[pd.DataFrame] = []
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in systems}
    for take, clips in progress(jobs, len(jobs), "reading errors"):
        seen = [_clip(clipset, clip, mean_offset) for clip in clips]
        frames += (_circumstances(clipset, clip) for clip in seen)
        for name, system in systems.items():
            found[name] += _errors(clipset, take, seen, name, system)
    return ErrorStudy(
        frames=pd.concat(frames, ignore_index=True),
        figures={
            name: {
                key: Sums(*(np.concatenate([clip["figures"][key][part] for clip in clips]) for part in (0, 1)))
                for key in KEYS
            }
            for name, clips in found.items()
        },
        ray_error={name: np.concatenate([clip["ray_error"] for clip in clips]) for name, clips in found.items()},
        ceilings={
            name: {key: np.concatenate([clip["ceilings"][key] for clip in clips]) for key in ceiling.CEILINGS}
            for name, clips in found.items()
        },
        power={name: np.sum([clip["power"] for clip in clips], axis=0) for name, clips in found.items()},
        lag={name: {clip["clip"]: clip["lag"] for clip in clips} for name, clips in found.items()},
    )


def _clip(clipset: ClipSet, name: str, mean_offset: Tensor) -> _Clip:
    landmarks = clipset.clip_landmarks(name)
    reference = reference_of(clipset, name, landmarks, mean_offset)
    return _Clip(name, landmarks, reference, clipset.clip_truth(name).root_position)


def _circumstances(clipset: ClipSet, clip: _Clip) -> "pd.DataFrame":
    import pandas as pd

    camera, truth, scored = clipset.camera_of(clip.name), clip.reference, clip.reference.scored
    hips = truth.rotation[:, 0]
    world, eye = camera.to_world(clip.root_position[:, None] + truth.position), camera.to_world(torch.zeros(3))
    classes = pose_classes(world, camera.rotation.mT @ hips, eye, clip.landmarks)
    azimuth = camera_azimuth(hips, clip.root_position, camera.rotation[:, 1])
    distance, visibility = clip.root_position.norm(dim=1), clip.landmarks[..., VISIBILITY].mean(1)
    speed = truth.fps * difference(truth.position, 1).norm(dim=-1).mean(1)
    number = torch.arange(len(scored))
    start = torch.where(restarts(scored, truth.anchor), number, 0).cummax(0).values
    since = (number - start) / truth.fps
    row = clipset.clips.loc[clip.name]
    return pd.DataFrame(
        {
            "take": row["take"],
            "clip": clip.name,
            "camera": row["camera"],
            "frame": number[scored].numpy(),
            "take_s": ((clipset.take_frames(clip.name).start + number[scored]) / truth.fps).numpy(),
            **{name: classes[scored, column].numpy() for column, name in enumerate(POSE_CLASSES)},
            "azimuth_rad": azimuth[scored].numpy(),
            "side": np.array(SIDES)[side_shown(azimuth[scored]).numpy()],
            "distance_m": distance[scored].numpy(),
            "distance": _binned(distance[scored], DISTANCE_M),
            "visibility": visibility[scored].numpy(),
            "mean_visibility": _binned(visibility[scored], MEAN_VISIBILITY),
            "speed_m_per_s": speed[scored].numpy(),
            "speed": _binned(speed[scored], SPEED_M_PER_S),
            "since_anchor_s": since[scored].numpy(),
            "since_anchor": _binned(since[scored], SINCE_ANCHOR_S),
        }
    )


def _errors(clipset: ClipSet, take: str, clips: list[_Clip], name: str, system: System) -> list[dict[str, Any]]:
    """What a system errs in each clip of a take."""
    compared: list[Compared] = []
    for clip in clips:
        with torch.inference_mode():
            motion = system(clip.landmarks, clipset.camera_of(clip.name).intrinsics, 60 / clip.reference.fps)
        if not all(part.isfinite().all() for part in motion if part is not None):
            raise UserError(f"{clip.name}: {name} gives numbers that are not finite; train it again")
        compared.append(compare(motion, clip.reference))
    turns = ceiling.constant_turns(compared)
    return [
        _clip_errors(clip, ceiling.Case(c, clip.root_position, turns, ceiling.best_lag(c)))
        for clip, c in zip(clips, compared, strict=True)
    ]


def _clip_errors(clip: _Clip, case: ceiling.Case) -> dict[str, Any]:
    compared, truth = case.compared, case.compared.truth
    weighted = {key: MEASURES[key](compared) for key in KEYS}
    error = 1000 * ceiling.in_ray_frame(compared.position - truth.position, case.root_position)
    runs = runs_of(truth.scored, truth.anchor)
    return {
        "clip": clip.name,
        "figures": {
            key: tuple(part[truth.scored].double().numpy() for part in (value * weight, weight))
            for key, (value, weight) in weighted.items()
        },
        "ray_error": error[truth.scored].numpy(),
        "ceilings": {key: of(case).mean(1)[truth.scored].numpy() for key, of in ceiling.CEILINGS.items()},
        "power": band_power(error, runs, truth.fps),
        "lag": case.lag,
    }


def _bin_names(edges: tuple[float, ...]) -> list[str]:
    return [*(f"{low:g}-{high:g}" for low, high in itertools.pairwise(edges)), f"{edges[-1]:g}+"]


def _binned(value: Float[Tensor, "F"], edges: tuple[float, ...]) -> np.ndarray:
    number = torch.bucketize(value, torch.tensor(edges[1:]), right=True)
    return np.array(_bin_names(edges))[number.numpy()]
