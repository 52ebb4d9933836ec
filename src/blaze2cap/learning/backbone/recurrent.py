"""A gated linear recurrence of unbounded memory and bounded state.

Each channel remembers the weighted mean of what it was shown since the anchor. The weight of a frame is the gate of a
minGRU (Feng et al. 2024, section 3.1), g = 1 - exp(-rate dt), its rate a function of the input; the mean is divided by
the sum of the weights, as in RWKV (Peng et al. 2023, section 3.1.2), so that a slow channel holds after one second what
it holds after a minute: windows are shorter than its memory. Rates start between a frame and ten seconds.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from blaze2cap.learning.backbone.feed_forward import feed_forward
from blaze2cap.learning.recurrence import linear_recurrence

# Time constants at the start, shortest and longest, and the longest that can be learned [1/60 s].
_SHORTEST, _LONGEST, _LIMIT = 1.0, 600.0, 10_000.0
# Below any sum of weights, which is at least 1 / _LIMIT once a frame was seen.
_NOTHING = 1e-6


class RecurrentMemory(NamedTuple):
    """What each layer keeps: weighted sums of what was shown, and the sums of the weights."""

    total: Float[Tensor, "layers B W"]
    weight: Float[Tensor, "layers B W"]


class Layer(nn.Module):
    """Pre-norm recurrence and feed-forward."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.value_rate_gate = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = feed_forward(width, hidden, dropout)
        with torch.no_grad():
            # Not on the device that this is made on: on "meta", torch imports 800 modules for it.
            constant = torch.logspace(math.log10(_SHORTEST), math.log10(_LONGEST), width, device="cpu")
            # The inverse of softplus.
            self.value_rate_gate.bias[width : 2 * width] = torch.log(torch.expm1(1 / constant))

    def forward(
        self,
        x: Float[Tensor, "B S W"],
        past: Float[Tensor, "B S 1"],
        goes_on: Float[Tensor, "B S 1"],
        total: Float[Tensor, "B W"],
        weight: Float[Tensor, "B W"],
    ) -> tuple[Float[Tensor, "B S W"], Tensor, Tensor]:
        """New activations, and the sums after each frame; `past` is minus the time since the frame before, 0 where
        nobody is detected, and `goes_on` 0 where all before is forgotten."""
        value, rate, gate = self.value_rate_gate(self.norm(x)).chunk(3, dim=-1)
        # Single precision: in bfloat16, 1 - g of a slow channel is 1.
        decay = (softplus(rate.float()) + 1 / _LIMIT) * past
        shown = -torch.expm1(decay)
        kept = torch.exp(decay) * goes_on
        total = linear_recurrence(kept, shown * value.float(), total)
        weight = linear_recurrence(kept, shown, weight)
        mean = total / weight.clamp_min(_NOTHING)
        x = x + self.dropout(self.out(mean * silu(gate)))
        return x + self.feed_forward(x), total, weight


class RecurrentNetwork(nn.Module):
    """[B, S, inputs] -> [B, S, width]; a frame sees all detected frames since the anchor."""

    def __init__(self, inputs: int, width: int, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(Layer(width, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def receptive_field(self) -> None:
        """No bound: an output depends on all frames since the anchor."""

    def start(self, batch: int) -> RecurrentMemory:
        """Memory of nothing."""
        nothing = self.embed.weight.new_zeros(len(self.layers), batch, self.embed.out_features)
        return RecurrentMemory(nothing, nothing)

    def forward(
        self,
        x: Float[Tensor, "B S inputs"],
        dt: Float[Tensor, "B S"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: RecurrentMemory,
    ) -> tuple[Float[Tensor, "B S W"], RecurrentMemory]:
        """Remember within segments; `dt` is the time since the frame before [1/60 s].

        Frames before an anchor are forgotten from it on; an undetected frame is not remembered.
        """
        totals, weights = [], []
        past, goes_on = (-dt * detected)[..., None], (~anchor)[..., None].to(dt.dtype)
        x = self.embed(x)
        for layer, total_before, weight_before in zip(self.layers, memory.total, memory.weight, strict=True):
            x, total, weight = layer(x, past, goes_on, total_before, weight_before)
            totals.append(total[:, -1])
            weights.append(weight[:, -1])
        return self.norm(x), RecurrentMemory(torch.stack(totals), torch.stack(weights))
