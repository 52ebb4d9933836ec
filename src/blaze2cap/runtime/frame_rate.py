"""Rows of landmarks at one rate: landmark files have no time stamps, videos may have any."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from blaze2cap.body.landmark import RAW_TRACKED, RAW_TRACKED_COPY
from blaze2cap.errors import UserError

# Frames this far from an even rhythm, as a share of the interval, count as even: containers round to milliseconds.
_EVEN = 0.25
# The declared rate stands where the time stamps agree with it this closely; otherwise their own.
_SAME_RATE = 0.005
# Nobody is known to be anywhere between frames further apart [s].
_LONGEST_BRIDGE_S = 0.25
# Uneven frames are resampled: to no more rows than these for each, and these for all of their gaps together [s].
_MOST_ROWS_PER_FRAME, _LONGEST_GAPS_S = 10, 600.0


class Steady(NamedTuple):
    """Landmarks at a constant rate [frames/s], and whether they had to be resampled for that."""

    landmarks: Float32[np.ndarray, "frames 33 10"]
    fps: float
    resampled: bool


def usual_fps(time_s: Float[np.ndarray, "frames"]) -> float:
    """Rate at which most of two frames or more come one after the other [frames/s], whatever is lost between others."""
    interval = np.diff(time_s)
    usual = float(np.median(interval))
    # The median alone is a whole number of milliseconds where times are.
    return 1 / float(interval[np.abs(interval - usual) <= _EVEN * usual + 1e-6].mean())


def require_few_gaps(where: Path, time_s: Float[np.ndarray, "frames"]) -> None:
    """UserError where most rows at a constant rate would be of times at which there is no frame."""
    if len(time_s) < 2:
        return
    span_s, fps = float(time_s[-1] - time_s[0]), usual_fps(time_s)
    if not span_s * fps <= _MOST_ROWS_PER_FRAME * len(time_s) + _LONGEST_GAPS_S * fps:
        raise UserError(
            f"{where}: {len(time_s)} frames over {span_s:.6g} s, at {fps:g} a second most would have to be made up; "
            "split the file where its times jump"
        )


def at_constant_rate(
    landmarks: Float32[np.ndarray, "frames 33 10"], time_s: Float[np.ndarray, "frames"], declared_fps: float
) -> Steady:
    """Landmarks of frames at increasing times, at a constant rate.

    Frames that come evenly stay as they are, a row each. Others are interpolated within stretches of unbroken tracking,
    at their usual rate; the first row after a break is an anchor, and rows in a gap are all zeros.
    """
    if len(time_s) < 2:
        return Steady(landmarks, declared_fps, False)
    mean_fps = (len(time_s) - 1) / (time_s[-1] - time_s[0])
    uneven = np.abs((time_s - time_s[0]) * mean_fps - np.arange(len(time_s))).max() > _EVEN
    fps = usual_fps(time_s) if uneven else float(mean_fps)
    if abs(fps / declared_fps - 1) < _SAME_RATE:
        fps = declared_fps
    return Steady(_interpolated(landmarks, time_s, fps), fps, True) if uneven else Steady(landmarks, fps, False)


def _interpolated(
    landmarks: Float32[np.ndarray, "frames 33 10"], time_s: Float[np.ndarray, "frames"], fps: float
) -> Float32[np.ndarray, "rows 33 10"]:
    time = time_s[0] + np.arange(int((time_s[-1] - time_s[0]) * fps + 1e-6) + 1) / fps
    after = np.clip(np.searchsorted(time_s, time, side="right"), 1, len(time_s) - 1)
    before = after - 1
    share = (time - time_s[before]) / (time_s[after] - time_s[before])
    segment = _segment(landmarks)
    bridged = (segment[before] == segment[after]) & (time_s[after] - time_s[before] <= _LONGEST_BRIDGE_S)
    # Across a break there is nothing between the frames: each row takes the frame that is nearer, if one is near.
    nearest = np.where(share < 0.5, before, after)
    share = np.where(bridged, share, nearest == after).astype(np.float32)[:, None, None]
    rows = (1 - share) * landmarks[before] + share * landmarks[after]
    near = bridged | (np.abs(time_s[nearest] - time) <= 0.5 / fps)
    found = segment[nearest] >= 0
    rows = np.where((near & found)[:, None, None], rows, 0).astype(np.float32)
    rows[:, :, [RAW_TRACKED, RAW_TRACKED_COPY]] = _followed(near & found, segment[nearest])[:, None, None]
    return rows


def _segment(landmarks: Float32[np.ndarray, "frames 33 10"]) -> Int[np.ndarray, "frames"]:
    """Number of the stretch of unbroken tracking that a frame belongs to; -1 where nobody is detected."""
    detected = landmarks.any(axis=(1, 2))
    return np.where(detected, np.cumsum(detected & (landmarks[:, 0, RAW_TRACKED] == 0)), -1)


def _followed(found: Bool[np.ndarray, "rows"], segment: Int[np.ndarray, "rows"]) -> Bool[np.ndarray, "rows"]:
    """Whether the person in a row is the same, tracked on, as in the row before."""
    followed = np.zeros(len(found), bool)
    followed[1:] = found[1:] & found[:-1] & (segment[1:] == segment[:-1])
    return followed
