"""Stationary random processes along the frames, for any number of channels at once.

Both start from their stationary distribution, so that a window looks like a piece of an endless clip; both have unit
variance. Frames come first: one short step over all channels per frame.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def ornstein_uhlenbeck(
    frames: int, step: Float[Tensor, "#S *#channels"], shape: tuple[int, ...], generator: torch.Generator
) -> Float[Tensor, "S *channels"]:
    """x[t] = phi x[t-1] + sqrt(1 - phi^2) e[t] with phi = exp(-step[t]); rough, autocorrelation exp(-time).

    `step` is the time passed since the frame before, in units of the correlation time: one for all frames or one for
    each. `shape` is that of one frame.
    """
    noise = torch.randn((frames, *shape), generator=generator, device=step.device)
    keep = torch.exp(-step)
    fresh = noise * (1 - keep.square()).clamp_min(0).sqrt()
    value = noise[0]
    values = [value]
    for kept, new in zip(keep.expand(frames, *keep.shape[1:])[1:], fresh[1:], strict=True):
        value = torch.addcmul(new, kept, value)
        values.append(value)
    return torch.stack(values)


def matern(
    frames: int, step: Float[Tensor, "#S *#channels"], shape: tuple[int, ...], generator: torch.Generator
) -> Float[Tensor, "S *channels"]:
    """Smooth process with autocorrelation (1 + s) exp(-s), s in units of the correlation time (Matern 3/2).

    Stepped exactly in its state (value, rate), both of unit variance: Hartikainen and Sarkka 2010, section 4.
    `step` and `shape` as above.
    """
    *transition, first, cross, second = _matern_step(step)
    noise = torch.randn((2, frames, *shape), generator=generator, device=step.device)
    fresh_value, fresh_rate = first * noise[0], torch.addcmul(second * noise[1], cross, noise[0])
    value, rate = noise[:, 0]
    values = [value]
    rows = zip(*(entry.expand(frames, *entry.shape[1:])[1:] for entry in transition), strict=True)
    for (vv, vr, rv, rr), new_value, new_rate in zip(rows, fresh_value[1:], fresh_rate[1:], strict=True):
        value, rate = (
            torch.addcmul(torch.addcmul(new_value, vv, value), vr, rate),
            torch.addcmul(torch.addcmul(new_rate, rv, value), rr, rate),
        )
        values.append(value)
    return torch.stack(values)


def _matern_step(step: Tensor) -> tuple[Tensor, ...]:
    """Entries of the transition matrix F, then of the Cholesky factor of the fresh noise's covariance I - F F^T."""
    a = step.double()  # the covariance of a short step is of third order in it
    decay = torch.exp(-a)
    vv, vr, rv, rr = decay * (1 + a), decay * a, -decay * a, decay * (1 - a)
    first = (1 - vv.square() - vr.square()).clamp_min(1e-15).sqrt()
    cross = -(vv * rv + vr * rr) / first
    second = (1 - rv.square() - rr.square() - cross.square()).clamp_min(0).sqrt()
    return tuple(entry.to(step.dtype) for entry in (vv, vr, rv, rr, first, cross, second))
