"""Clips ranked by the model's error, and the stretch of each that is most like the whole clip."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import progress
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.metric import mpjpe_mm


class RankedClip(NamedTuple):
    """A clip, its MPJPE over scored frames [mm], how many those are, and a stretch that is typical of it."""

    clip: str
    mpjpe_mm: float
    scored: int
    stretch: slice


def ranked_clips(clipset: ClipSet, takes: Iterable[str], system: System, seconds: float) -> list[RankedClip]:
    """All clips of the takes that have scored frames, the best first. UserError where there is none."""
    names = clipset.clips.index[clipset.clips["take"].isin(list(takes))]
    ranked = []
    for clip in progress(names, len(names), "running the model"):
        fps, scored = float(clipset.clips.fps[clip]), clipset.scored_frames(clip)
        if not scored.any():
            continue
        landmarks, truth = clipset.clip_landmarks(clip), clipset.clip_truth(clip)
        motion = system(landmarks, clipset.camera_of(clip).intrinsics, 60 / fps)
        with torch.inference_mode():
            true, _ = forward_kinematics(truth.rotation, truth.offset)
            posed, _ = forward_kinematics(motion.rotation, truth.offset)
            error = mpjpe_mm(posed, true).mean(1).numpy()
        stretch = typical_stretch(error, scored.numpy(), round(seconds * fps))
        ranked.append(RankedClip(str(clip), float(error[scored.numpy()].mean()), int(scored.sum()), stretch))
    if not ranked:
        raise UserError("none of the takes has a clip with scored frames; there is nothing to show")
    return sorted(ranked, key=lambda entry: (entry.mpjpe_mm, entry.clip))


def typical_stretch(error: Float[np.ndarray, "frames"], scored: Bool[np.ndarray, "frames"], length: int) -> slice:
    """Of the stretches with the most scored frames, the one whose mean error is closest to that of all frames."""
    length = min(max(length, 1), len(error))
    counted = np.concatenate(([0], np.cumsum(scored)))
    summed = np.concatenate(([0.0], np.cumsum(np.where(scored, error, 0))))
    count = counted[length:] - counted[:-length]
    mean = (summed[length:] - summed[:-length]) / np.maximum(count, 1)
    away = np.where(count == count.max(), np.abs(mean - error[scored].mean()), np.inf)
    start = int(away.argmin())
    return slice(start, start + length)


def best_median_worst(ranked: list[RankedClip], each: int) -> dict[str, list[RankedClip]]:
    """Clips from both ends and the middle of the ranking, none twice: fewer clips give fewer of each, or no group."""
    each = max(1, min(each, len(ranked) // 3))
    middle = (len(ranked) - each) // 2
    if len(ranked) < 3:
        return {name: [clip] for name, clip in zip(("best", "worst"), ranked, strict=False)}
    return {"best": ranked[:each], "median": ranked[middle : middle + each], "worst": ranked[-each:]}
