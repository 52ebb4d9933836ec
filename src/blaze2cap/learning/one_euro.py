"""The One-Euro filter: a low-pass whose cutoff rises with speed (Casiez, Roussel and Vogel 2012), a whole clip at once.

Speed comes from the raw signal, as in the authors' own code; then both of the filter's recurrences are linear in what
they remember, and a doubling scan replaces the loop over frames.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.learning.recurrence import gated_recurrence

FPS = 60.0
DERIVATIVE_CUTOFF_HZ = 1.0


def one_euro(
    value: Float[Tensor, "B S J D"],
    restart: Bool[Tensor, "B S"],
    dt: float | Float[Tensor, "B"],
    min_cutoff: float | Float[Tensor, ""],
    beta: float | Float[Tensor, ""],
) -> Float[Tensor, "B S J D"]:
    """Causally filtered points; the filter starts anew from the raw value where `restart` holds, and at frame 0.

    `dt` is the time between frames in units of 1/60 s, `min_cutoff` in Hz, `beta` in Hz per unit of speed (the length
    of the smoothed velocity of a whole point, so that turning the axes turns the output).
    """
    seconds = torch.as_tensor(dt, dtype=value.dtype, device=value.device).reshape(-1, 1, 1, 1) / FPS
    first = torch.zeros_like(restart)
    first[:, 0] = True
    start = (restart | first)[..., None, None]
    step = torch.cat((torch.zeros_like(value[:, :1]), value.diff(dim=1)), dim=1) / seconds
    smooth = _low_pass(
        torch.where(start, 0, step), torch.full_like(value[..., :1], DERIVATIVE_CUTOFF_HZ), start, seconds
    )
    return _low_pass(value, min_cutoff + beta * smooth.norm(dim=-1, keepdim=True), start, seconds)


def _low_pass(value: Tensor, cutoff: Tensor, start: Tensor, seconds: Tensor) -> Tensor:
    """First-order low-pass with a cutoff [Hz] of its own at every point and frame."""
    gate = 1 / (1 + 1 / (2 * math.pi * cutoff * seconds))
    gate = torch.where(start, 1, gate)
    return gated_recurrence(value, torch.zeros_like(value), gate, value[:, 0])
