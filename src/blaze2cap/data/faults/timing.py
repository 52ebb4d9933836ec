"""How many frames the video runs behind Vicon: image velocity of landmarks against that of the projected truth."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault

SEARCH_FRAMES = 12
"""Lags are looked for up to this many frames in either direction."""

FEWEST_FRAMES = 120
"""Fewer frames of unbroken tracking do not tell a lag."""

SLOWEST_PX = 0.3
"""Where the true joints move less than this [px/frame, rms] there is nothing to compare."""

# Landmarks that jump further say nothing of motion [px/frame at 1920 x 1080].
_FASTEST_PX = 30.0

LagSums = Float64[np.ndarray, "4 lags"]
"""Over frames and limb joints, for each lag: seen x true, seen squared, true squared, and the number of frames."""


class Lag(NamedTuple):
    """Frames by which the video runs behind the truth, and the correlation of the velocities at that lag."""

    frames: float
    correlation: float


def lag_sums(
    seen: Float[Tensor, "frames 12 2"], true: Float[Tensor, "frames 12 2"], tracked: Bool[Tensor, "frames"]
) -> LagSums:
    """Sums over one clip from image positions [px] of landmarks and of true joints; sums of clips may be added.

    `tracked`: frames whose landmarks follow those of the frame before.
    """
    seen_speed = seen.diff(dim=0).clamp(-_FASTEST_PX, _FASTEST_PX) * tracked[1:, None, None]
    true_speed = true.diff(dim=0).clamp(-_FASTEST_PX, _FASTEST_PX)
    sums = np.zeros((4, 2 * SEARCH_FRAMES + 1))
    for column, lag in enumerate(range(-SEARCH_FRAMES, SEARCH_FRAMES + 1)):
        length = len(true_speed) - abs(lag)
        if length > 0:
            late, early = slice(max(lag, 0), max(lag, 0) + length), slice(max(-lag, 0), max(-lag, 0) + length)
            s, counted = seen_speed[late], tracked[1:][late]
            t = true_speed[early] * counted[:, None, None]
            parts = ((s * t).sum(), s.square().sum(), t.square().sum(), counted.sum())
            sums[:, column] = [float(part) for part in parts]
    return sums


def estimate_lag(sums: LagSums) -> Lag | None:
    """The lag of best correlation, between frames by a parabola; None where there is too little motion to tell."""
    product, seen, true, frames = sums
    if frames.min() < FEWEST_FRAMES or (true / frames).min() < 24 * SLOWEST_PX**2 or seen.min() == 0:
        return None
    correlation = product / np.sqrt(seen * true)
    best = int(correlation.argmax())
    between = 0.0
    if 0 < best < len(correlation) - 1:
        before, here, after = correlation[best - 1 : best + 2]
        between = 0.5 * (before - after) / (before - 2 * here + after)
    return Lag(float(best - SEARCH_FRAMES + between), float(correlation[best]))


def timing_faults(
    lag_by_take: Mapping[str, Lag | None], lag_by_clip: Mapping[str, Lag | None], params: FaultParams
) -> list[DataFault]:
    """Takes out of step; clips that are where their take is not; clips that do not move as the truth does.

    A lag without correlation is none, so it is told only where the two move together.
    """
    faults = [
        _lag_fault(take, lag, params)
        for take, lag in lag_by_take.items()
        if lag is not None and _is_out_of_step(lag, params)
    ]
    told = {fault.where for fault in faults}
    for clip, lag in lag_by_clip.items():
        if lag is None:
            continue
        if lag.correlation < params.min_correlation:
            sentence = (
                f"{clip}: landmarks do not move as the truth does, correlation of image velocities "
                f"{lag.correlation:.2f} (at least {params.min_correlation:g} expected): they may be of different takes"
            )
            faults.append(
                DataFault(
                    kind="uncorrelated", where=clip, value=lag.correlation, unit="correlation",
                    threshold=params.min_correlation, sentence=sentence,
                )
            )  # fmt: skip
        elif _is_out_of_step(lag, params) and clip.rsplit("/", 1)[0] not in told:
            faults.append(_lag_fault(clip, lag, params))
    return faults


def _is_out_of_step(lag: Lag, params: FaultParams) -> bool:
    inside = params.min_lag_frames <= lag.frames <= params.max_lag_frames
    return lag.correlation >= params.min_correlation and not inside


def _lag_fault(where: str, lag: Lag, params: FaultParams) -> DataFault:
    late = lag.frames > params.max_lag_frames
    threshold = params.max_lag_frames if late else params.min_lag_frames
    sentence = (
        f"{where}: the video runs {lag.frames:.1f} frames behind the truth (from {params.min_lag_frames:g} to "
        f"{params.max_lag_frames:g} expected)"
    )
    return DataFault(kind="lag", where=where, value=lag.frames, unit="frames", threshold=threshold, sentence=sentence)
