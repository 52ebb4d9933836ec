"""Linear recurrences over all frames at once: the recurrent backbone's, and the gated one that smooths the output.

The output layer that makes motion smooth is y[t] = (1 - g[t]) (y[t-1] + u[t]) + g[t] x[t]: `x` is where the network
sees a joint now, `u` how it says the joint moved since the frame before, and the gate how much it trusts the first over
the second, as in a complementary filter.

Stages in a row attenuate noise by a power of its frequency: two with gates of a quarter leave as little of what
trembles as one with a gate of a sixteenth, and follow what the network sees twice as fast.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def gated_recurrence(
    x: Float[Tensor, "B S J D"],
    u: Float[Tensor, "B S J D"],
    gate: Float[Tensor, "B S J 1"],
    start: Float[Tensor, "B J D"],
) -> Float[Tensor, "B S J D"]:
    """All y of the recurrence above, y[-1] = `start`; a gate of 1 forgets everything before."""
    keep = 1 - gate
    return linear_recurrence(keep, keep * u + gate * x, start)


def linear_recurrence(
    a: Float[Tensor, "B S *cell"], b: Float[Tensor, "B S *state"], start: Float[Tensor, "B *state"]
) -> Float[Tensor, "B S *state"]:
    """All y[t] = a[t] y[t-1] + b[t], y[-1] = `start`; `a` may be 1 wide where `b` is wider.

    Solves for every second frame, two steps composed into one, and fills in the others (Brent and Kung 1982): as much
    work as a loop over the frames, in 2 log2(S) passes.
    """
    if b.shape[1] == 1:
        return b + a * start[:, None]
    return _scan(a, torch.cat((b[:, :1] + a[:, :1] * start[:, None], b[:, 1:]), dim=1))


def _scan(a: Tensor, b: Tensor) -> Tensor:
    # The first step's `a` is spent: its y is b.
    frames = b.shape[1]
    if frames == 1:
        return b
    even, odd = slice(0, frames - 1, 2), slice(1, None, 2)
    second = _scan(a[:, odd] * a[:, even], a[:, odd] * b[:, even] + b[:, odd])
    first = torch.cat((b[:, :1], a[:, 2::2] * second[:, : (frames - 1) // 2] + b[:, 2::2]), dim=1)
    pairs = torch.stack((first[:, : frames // 2], second), dim=2).flatten(1, 2)
    return torch.cat((pairs, first[:, frames // 2 :]), dim=1)


def gated_cascade(
    x: Float[Tensor, "B S J D"],
    u: Float[Tensor, "B S J D"],
    gate: Float[Tensor, "B S stages J"],
    start: Float[Tensor, "B stages J D"],
) -> Float[Tensor, "B S stages J D"]:
    """Recurrences in a row, each taking the one before for what is seen; y of every stage, the last one's last."""
    levels = []
    for trust, before in zip(gate[..., None].unbind(2), start.unbind(1), strict=True):
        x = gated_recurrence(x, u, trust, before)
        levels.append(x)
    return torch.stack(levels, dim=2)
