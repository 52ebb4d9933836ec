"""Smooth curves over time: overlapping minimum-jerk strokes, and band-limited noise. All at 60 frames a second."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

FPS = 60
Number = float | int
"""Angles of a script [deg] are mostly whole numbers."""


def minimum_jerk(u: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """Rise from 0 at u <= 0 to 1 at u >= 1 with the least jerk: 10 u^3 - 15 u^4 + 6 u^5 (Flash and Hogan 1985)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 + u * (6 * u - 15))


class Track:
    """Named channels over time, each moved by strokes.

    A stroke takes a channel from its last target to the next one along a minimum-jerk curve. Strokes add up, so they
    may overlap as the submovements of people do, and every channel stays twice continuously differentiable.
    """

    def __init__(self, start: Mapping[str, Number]) -> None:
        self.channels: Sequence[str] = tuple(start)
        self._index = {name: index for index, name in enumerate(self.channels)}
        self._start = np.array([start[name] for name in self.channels])
        self._target = dict(start)
        self._strokes: list[tuple[int, Number, Number, Number]] = []

    def target(self, channel: str) -> float:
        """Where the last stroke leaves the channel."""
        return self._target[channel]

    def move(self, start: Number, duration: Number, **targets: Number) -> None:
        """Strokes from `start` [s] over `duration` [s] to the targets named."""
        for name, value in targets.items():
            change = value - self._target[name]
            if abs(change) > 1e-9:
                self._strokes.append((self._index[name], start, max(duration, 0.1), change))
                self._target[name] = value

    def nudge(self, start: Number, duration: Number, **changes: Number) -> None:
        """A stroke there and, overlapping it, one back: a bump that leaves the targets as they are."""
        for name, change in changes.items():
            target = self._target[name]
            self.move(start, 0.58 * duration, **{name: target + change})
            self.move(start + 0.42 * duration, 0.58 * duration, **{name: target})

    def render(self, frames: int) -> dict[str, Float[np.ndarray, "frames"]]:
        """Values of every channel, frame by frame."""
        moving = np.zeros((len(self.channels), frames))
        arrived = np.zeros((len(self.channels), frames + 1))
        for channel, start, duration, change in self._strokes:
            first = min(max(int(np.ceil(start * FPS)), 0), frames)
            last = min(max(int(np.ceil((start + duration) * FPS)), 0), frames)
            if last > first:
                moving[channel, first:last] += change * minimum_jerk((np.arange(first, last) / FPS - start) / duration)
            arrived[channel, last] += change
        values = self._start[:, None] + moving + np.cumsum(arrived, axis=1)[:, :frames]
        return dict(zip(self.channels, values, strict=True))


def smooth_noise(
    generator: np.random.Generator, frames: int, channels: int, period: float
) -> Float[np.ndarray, "channels frames"]:
    """Gaussian noise of standard deviation 1 whose quickest waves last about `period` [s]."""
    sigma = period * FPS / (2 * np.pi)
    margin = int(4 * sigma) + 1
    white = generator.standard_normal((channels, frames + 2 * margin))
    smooth = gaussian_filter1d(white, sigma, axis=1)[:, margin : margin + frames]
    return smooth * np.sqrt(2 * np.sqrt(np.pi) * sigma)
