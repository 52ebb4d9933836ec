"""Gated linear recurrence: y[t] = (1 - g[t]) (y[t-1] + u[t]) + g[t] x[t], over all frames at once.

The output layer that makes motion smooth: `x` is where the network sees a joint now, `u` how it says the joint moved
since the frame before, and the gate how much it trusts the first over the second, as in a complementary filter.
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

    Composes the steps y -> a y + b by doubling (Hillis and Steele 1986): log2(S) passes over whole tensors.
    """
    b = torch.cat((b[:, :1] + a[:, :1] * start[:, None], b[:, 1:]), dim=1)
    reach = 1
    while reach < b.shape[1]:
        b = torch.cat((b[:, :reach], b[:, reach:] + a[:, reach:] * b[:, :-reach]), dim=1)
        a = torch.cat((a[:, :reach], a[:, reach:] * a[:, :-reach]), dim=1)
        reach *= 2
    return b
