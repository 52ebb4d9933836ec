"""How slow an error is: its power by frequency, and the part of it that is slower than a second.

An error over time is split run by run, a run being frames tracked on from one another without a break. The split is
the orthonormal cosine transform (DCT-II) of a run of n frames: its k-th component has the frequency k fps / (2 n), so
powers add up to the whole (Parseval), and no jump between a run's two ends is counted as fast.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from blaze2cap.learning import metric

SLOW_HZ = 1.0
"""Components below this are the error that is slower than a second."""

BANDS_HZ = (0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Where each band begins; the last one is open."""

BAND_NAMES = ("over 8 s", "4-8 s", "2-4 s", "1-2 s", "0.5-1 s", "0.25-0.5 s", "0.125-0.25 s", "under 0.125 s")
"""The periods that each band holds."""


def runs_of(scored: Bool[Tensor, "N"], anchor: Bool[Tensor, "N"]) -> list[slice]:
    """Unbroken runs of scored frames, in order; every scored frame is in one of them."""
    starts = metric.restarts(scored, anchor)
    ends = scored & torch.cat((starts | ~scored, starts.new_ones(1)))[1:]
    pairs = zip(starts.nonzero().flatten().tolist(), ends.nonzero().flatten().tolist(), strict=True)
    return [slice(first, last + 1) for first, last in pairs]


def slow_part(error: Float[Tensor, "N J 3"], runs: list[slice], fps: float) -> Float[Tensor, "N J 3"]:
    """The part of an error that is slower than a second, within each run; zero outside of them.

    An orthogonal projection: what is left after subtracting it never has more power than the error. A run shorter
    than half a second keeps its mean only.
    """
    from scipy.fft import dct, idct

    slow = np.zeros(error.shape)
    for run in runs:
        spectrum = dct(error[run].double().numpy(), axis=0, norm="ortho")
        spectrum[_frequency(len(spectrum), fps) >= SLOW_HZ] = 0
        slow[run] = idct(spectrum, axis=0, norm="ortho")
    return torch.from_numpy(slow).to(error)


def band_power(error: Float[Tensor, "N J 3"], runs: list[slice], fps: float) -> Float64[np.ndarray, "bands"]:
    """Sum of squares of an error in each band of BANDS_HZ; the sum over bands is that over the runs' frames."""
    from scipy.fft import dct

    power = np.zeros(len(BANDS_HZ))
    edges = [*BANDS_HZ[1:], np.inf]
    for run in runs:
        spectrum = dct(error[run].double().numpy(), axis=0, norm="ortho")
        squares = np.square(spectrum).sum((1, 2))
        band = np.searchsorted(edges, _frequency(len(spectrum), fps), side="right")
        np.add.at(power, band, squares)
    return power


def slow_share(power: Float64[np.ndarray, "bands"]) -> float:
    """Share of the power that is slower than a second."""
    return float(power[np.array(BANDS_HZ) < SLOW_HZ].sum() / power.sum()) if power.sum() > 0 else float("nan")


def _frequency(frames: int, fps: float) -> Float64[np.ndarray, "k"]:
    return np.arange(frames) * fps / (2 * frames)
