"""Statistics of windows by landmark and channel, by which a plain classifier says where real and simulated differ."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from paired_windows import CHANNELS
from torch import Tensor

from blaze2cap.body.landmark import LANDMARKS, PARENT_OF, indices
from blaze2cap.data.detector.anatomy import part_of
from blaze2cap.data.vicon import FPS

BANDS_HZ = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 15.0), (15.0, 30.1))
FAMILIES = {
    "level": ("mean",),
    "size of changes": ("spread", "step", "second difference"),
    "tempo": (
        "autocorrelation 1",
        "autocorrelation 8",
        "turning",
        "burst",
        *(f"{a:g}-{b:.0f} Hz" for a, b in BANDS_HZ),
    ),
    "coupling": ("with parent", "world with image"),
}
_RESOLUTION = (1e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-2)  # of each channel; what is smaller counts as no change
_CHILDREN = indices(*PARENT_OF)
_PARENTS = indices(*PARENT_OF.values())


class Statistic(NamedTuple):
    """Name of one number of a window."""

    kind: str
    channel: str
    landmark: str

    @property
    def part(self) -> str:
        """The landmark without its side."""
        return part_of(self.landmark)

    @property
    def family(self) -> str:
        """What it is about."""
        return next(family for family, kinds in FAMILIES.items() if self.kind in kinds)


def window_statistics(signal: Float[Tensor, "N S 25 6"]) -> tuple[list[Statistic], Float[Tensor, "N D"]]:
    """Names and values of all statistics of windows of `CHANNELS`. Sizes are natural logarithms."""
    counted = signal / signal.new_tensor(_RESOLUTION)
    centred = counted - counted.mean(1, keepdim=True)
    step = counted.diff(dim=1)
    values = {
        "mean": signal.mean(1),
        "spread": _log_rms(centred),
        "step": _log_rms(step),
        "second difference": _log_rms(counted.diff(n=2, dim=1)),
        "autocorrelation 1": correlation(centred[:, 1:], centred[:, :-1]),
        "autocorrelation 8": correlation(centred[:, 8:], centred[:, :-8]),
        "turning": correlation(step[:, 1:], step[:, :-1]),
        "burst": (step.abs().amax(1) + 1).log() - _log_rms(step),
        **dict(zip(FAMILIES["tempo"][4:], _band_shares(centred), strict=True)),
    }
    names = [Statistic(kind, channel, name) for kind in values for name in LANDMARKS for channel in CHANNELS]
    columns = [value.flatten(1) for value in values.values()]
    names += [Statistic("with parent", channel, LANDMARKS[child]) for child in _CHILDREN for channel in CHANNELS]
    columns.append(correlation(step[:, :, _CHILDREN], step[:, :, _PARENTS]).flatten(1))
    names += [Statistic("world with image", channel, name) for name in LANDMARKS for channel in CHANNELS[3:5]]
    columns.append(correlation(step[..., :2], step[..., 3:5]).flatten(1))
    return names, torch.cat(columns, dim=1)


def correlation(a: Float[Tensor, "N S ..."], b: Float[Tensor, "N S ..."]) -> Float[Tensor, "N ..."]:
    """Of two signals over the frames of each window, about their means; towards 0 where they hardly move."""
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    power = (a.square().mean(1) * b.square().mean(1)).sqrt()
    return (a * b).mean(1) / (power + 1)


def _log_rms(signal: Tensor) -> Tensor:
    return (signal.square().mean(1).sqrt() + 1).log()


def _band_shares(centred: Float[Tensor, "N S 25 6"]) -> list[Float[Tensor, "N 25 6"]]:
    """Logarithm of each band's share of the power, by a Hann window."""
    frames = centred.shape[1]
    power = torch.fft.rfft(centred * torch.hann_window(frames)[:, None, None], dim=1).abs().square()
    frequency = torch.fft.rfftfreq(frames, 1 / FPS)
    total = power.sum(1) + frames
    bands = [power[:, (frequency >= low) & (frequency < high)].sum(1) for low, high in BANDS_HZ]
    return [((band + frames / len(bands)) / total).log() for band in bands]


def separation(real: Float[Tensor, "N D"], simulated: Float[Tensor, "M D"]) -> Float[Tensor, "D"]:
    """How far the mean of the simulated lies above that of the real, in standard deviations (Cohen's d)."""
    spread = ((real.var(0) + simulated.var(0)) / 2).sqrt().clamp_min(1e-6)
    return (simulated.mean(0) - real.mean(0)) / spread


def goes_with_motion(error: Float[Tensor, "N S 25 6"], truth: Float[Tensor, "N S 25 6"]) -> float:
    """Correlation, in windows, of how far a landmark's world error and its true place move in a frame (logarithms)."""
    moved = [
        (signal[..., :3].diff(dim=1).norm(dim=-1) + _RESOLUTION[0]).log() / _RESOLUTION[0] for signal in (error, truth)
    ]
    return float(correlation(*moved).mean())
