"""How far a system's word on its own error can be trusted: figures from sums in bins of predicted deviation.

Rows of `Bins` are rotations, slot 0 the root's; a system that says nothing of its error has no figure of these.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.learning.scoring import ANGLE, SQUARE, VARIANCE, Sums

CONFIDENCE = ("deviation_ratio", "deviation_ence", "mare_surest_half_rad", "mare_surest_frames_rad")
"""What there is to say of all rotations together."""

BY_JOINT_CONFIDENCE = ("deviation_rad", "rms_angle_rad")
"""What there is to say of each rotation: the root mean square that was predicted, and the one that came."""


class Bins(NamedTuple):
    """Sums per rotation and bin: angles to the truth [rad], their squares, squares of the deviation, and how many."""

    angle: Float64[np.ndarray, "21 K"]
    square: Float64[np.ndarray, "21 K"]
    variance: Float64[np.ndarray, "21 K"]
    weight: Float64[np.ndarray, "21 K"]


def bins_of(sums: Mapping[str, Sums], rows: np.ndarray) -> Bins | None:
    """Sums over some rows; None of a system that says nothing of its error, or where no rotation counts."""
    if ANGLE not in sums:
        return None
    angle, square, variance = (
        sums[key].value[rows].sum(0).reshape(len(JOINTS), -1) for key in (ANGLE, SQUARE, VARIANCE)
    )
    weight = sums[ANGLE].weight[rows].sum(0).reshape(len(JOINTS), -1)
    return Bins(angle, square, variance, weight) if weight.any() else None


def confidence_figures(sums: Mapping[str, Sums], rows: np.ndarray) -> dict[str, float]:
    """The figures of CONFIDENCE over some rows, or none."""
    bins = bins_of(sums, rows)
    if bins is None:
        return {}
    body = Bins(*(part[1:] for part in bins))
    values = (
        float(np.sqrt(bins.square.sum() / bins.variance.sum())),
        calibration_error(bins),
        surest_half(body.angle.sum(0), body.weight.sum(0)),
        surest_half(body.angle, body.weight),
    )
    return {key: value for key, value in zip(CONFIDENCE, values, strict=True) if not np.isnan(value)}


def joint_confidence(sums: Mapping[str, Sums], rows: np.ndarray, joint: str) -> dict[str, float]:
    """The figures of BY_JOINT_CONFIDENCE of one rotation over some rows, or none."""
    bins = bins_of(sums, rows)
    if bins is None or not bins.weight[JOINT_INDEX[joint]].any():
        return {}
    _, square, variance, count = (part[JOINT_INDEX[joint]].sum() for part in bins)
    values = float(np.sqrt(variance / count)), float(np.sqrt(square / count))
    return dict(zip(BY_JOINT_CONFIDENCE, values, strict=True))


def reliability(sums: Mapping[str, Sums], rows: np.ndarray) -> dict[str, list[float]]:
    """The curve of a reliability diagram, bins from the surest to the least sure, without empty ones: root mean square
    predicted and found [rad], and the share of all rotations; nothing of a system that says nothing of its error."""
    bins = bins_of(sums, rows)
    if bins is None:
        return {}
    predicted, found, count = _rms(bins)
    values = predicted.tolist(), found.tolist(), (count / count.sum()).tolist()
    return dict(zip((*BY_JOINT_CONFIDENCE, "share"), values, strict=True))


def calibration_error(bins: Bins) -> float:
    """Expected normalised calibration error (ENCE of Levi et al. 2019): the mean over bins of |predicted - found| /
    predicted root mean square. Their bins hold equally many; these do not, so each counts by how many it holds."""
    predicted, found, count = _rms(bins)
    return float(np.average(np.abs(predicted - found) / predicted, weights=count))


def surest_half(angle: Float64[np.ndarray, "*rotation K"], count: Float64[np.ndarray, "*rotation K"]) -> float:
    """Mean angle of the half with the least deviation, of each row by itself [rad]; not-a-number where none counts.

    Within the bin of the median all are taken to err alike.
    """
    before = np.cumsum(count, axis=-1) - count
    taken = np.clip(count.sum(-1, keepdims=True) / 2 - before, 0, count)
    total = taken.sum()
    return float((taken * angle / np.maximum(count, 1)).sum() / total) if total > 0 else float("nan")


def _rms(bins: Bins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Root mean square predicted and found, and how many, of the bins that hold any rotation."""
    _, square, variance, count = (part.sum(0) for part in bins)
    held = count > 0
    return np.sqrt(variance[held] / count[held]), np.sqrt(square[held] / count[held]), count[held]
