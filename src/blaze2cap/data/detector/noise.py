"""Stationary random processes along the frames, for any number of channels at once.

Each turns standard normal numbers into a path that starts from its stationary distribution, so that a window looks like
a piece of an endless clip, and has unit variance. Frames come first: one short step over all channels per frame.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Generators = torch.Generator | Sequence[torch.Generator]
"""One for a whole batch, or one for each window: then a window's numbers are those that it would have by itself."""


def standard_normal(shape: Sequence[int], windows: int, generators: Generators) -> Tensor:
    """Normal numbers of `shape`, whose dimension `windows` counts the windows of a batch."""
    if isinstance(generators, torch.Generator):
        return torch.randn(tuple(shape), generator=generators, device=generators.device)
    own = (*shape[:windows], 1, *shape[windows + 1 :])
    return torch.cat([torch.randn(own, generator=each, device=each.device) for each in generators], dim=windows)


def ornstein_uhlenbeck(
    noise: Float[Tensor, "S *channels"], step: Float[Tensor, "#S *#channels"]
) -> Float[Tensor, "S *channels"]:
    """x[t] = phi x[t-1] + sqrt(1 - phi^2) e[t] with phi = exp(-step[t]); rough, autocorrelation exp(-time).

    `step` is the time passed since the frame before, in units of the correlation time: one for all frames or one for
    each.
    """
    keep = torch.exp(-step)
    path = noise * (1 - keep.square()).clamp_min(0).sqrt()
    path[0] = noise[0]
    values = path.unbind()
    for kept, before, value in zip(_after_first(keep, len(path)), values, values[1:], strict=False):
        value.addcmul_(kept, before)
    return path


def matern(noise: Float[Tensor, "2 S *channels"], step: Float[Tensor, "#S *#channels"]) -> Float[Tensor, "S *channels"]:
    """Smooth process with autocorrelation (1 + s) exp(-s), s in units of the correlation time (Matern 3/2).

    Stepped exactly in its state (value, rate), both of unit variance: Hartikainen and Sarkka 2010, section 4.
    `step` as above.
    """
    by_value, by_rate, first, cross, second = _matern_step(step)
    path = torch.stack((first * noise[0], torch.addcmul(second * noise[1], cross, noise[0])), dim=1)
    path[0] = noise[:, 0]
    steps = (_after_first(entry, len(path)) for entry in (by_value, by_rate))
    states, values, rates = path.unbind(), path[:, 0].unbind(), path[:, 1].unbind()
    for from_value, from_rate, value, rate, state in zip(*steps, values, rates, states[1:], strict=False):
        state.addcmul_(from_value, value).addcmul_(from_rate, rate)
    return path[:, 0]


def _after_first(entry: Float[Tensor, "#S *channels"], frames: int) -> Sequence[Tensor]:
    """What leads into each frame but the first; what is one for all is not taken apart."""
    return entry.unbind()[1:] if len(entry) > 1 else entry.unbind() * (frames - 1)


def _matern_step(step: Tensor) -> tuple[Tensor, ...]:
    """What value and rate add to the next state, then the Cholesky factor of the fresh noise's covariance I - F F^T."""
    a = step.double()  # the covariance of a short step is of third order in it
    decay = torch.exp(-a)
    vv, vr, rv, rr = decay * (1 + a), decay * a, -decay * a, decay * (1 - a)
    first = (1 - vv.square() - vr.square()).clamp_min(1e-15).sqrt()
    cross = -(vv * rv + vr * rr) / first
    second = (1 - rv.square() - rr.square() - cross.square()).clamp_min(0).sqrt()
    entries = torch.stack((vv, rv), dim=1), torch.stack((vr, rr), dim=1), first, cross, second
    return tuple(entry.to(step.dtype) for entry in entries)
