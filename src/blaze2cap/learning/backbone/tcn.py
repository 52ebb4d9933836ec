"""A causal temporal convolutional network (Bai et al. 2018; for poses Pavllo et al. 2019).

Each layer is a residual block of two convolutions, the second dilated by the first one's size (as in the stacks of
WaveNet, van den Oord et al. 2016), so that a layer sees exactly `look_back` frames. At 16 these are 4 taps each, and a
layer has the transformer's 8 width^2 weights.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from blaze2cap.learning.look_back import in_sight


class ConvolutionMemory(NamedTuple):
    """What the convolutions of each layer keep of the L - 1 frames before, and which of these are in use."""

    past: Float[Tensor, "layers B past W"]
    alive: Bool[Tensor, "B past"]


class CausalConvolution(nn.Module):
    """Weighted sum over frames t - tap; taps that point at frames out of sight count as zero."""

    def __init__(self, width: int, taps: list[int]) -> None:
        super().__init__()
        self.taps, self.reach = taps, max(taps)
        self.weigh = nn.Linear(len(taps) * width, width)

    def forward(self, x: Float[Tensor, "B entered W"], seen: Bool[Tensor, "B S reach"]) -> Float[Tensor, "B S W"]:
        """`x` starts `reach` frames before the first one answered; `seen` tells by tap what is in sight."""
        frames = x.shape[1] - self.reach
        shifted = [
            x[:, self.reach - tap : self.reach - tap + frames] * seen[..., tap, None].to(x.dtype) for tap in self.taps
        ]
        return self.weigh(torch.cat(shifted, dim=-1))


class Layer(nn.Module):
    """Pre-norm residual block that sees `look_back` frames."""

    def __init__(self, width: int, dropout: float, look_back: int) -> None:
        super().__init__()
        near = math.ceil(math.sqrt(look_back))
        self.norm = nn.LayerNorm(width)
        self.near = CausalConvolution(width, list(range(near)))
        # The last tap stands where the block's reach ends, dilation or not.
        self.far = CausalConvolution(width, [*range(0, look_back - near, near), look_back - near])
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Float[Tensor, "B S W"], past: Float[Tensor, "B past W"], seen: Bool[Tensor, "B S look_back"]
    ) -> tuple[Float[Tensor, "B S W"], Float[Tensor, "B past W"]]:
        """New activations, and what both convolutions keep: inputs of the first, then of the second."""
        before, hidden_before = past.split((self.near.reach, self.far.reach), dim=1)
        entered = torch.cat((before, self.norm(x)), dim=1)
        hidden = gelu(self.near(entered, seen))
        hidden = torch.cat((hidden_before, hidden.to(hidden_before)), dim=1)
        x = x + self.dropout(self.far(self.dropout(hidden), seen))
        kept = (entered[:, entered.shape[1] - self.near.reach :], hidden[:, hidden.shape[1] - self.far.reach :])
        return x, torch.cat(kept, dim=1)


class TemporalConvolution(nn.Module):
    """[B, S, inputs] -> [B, S, width]; each layer sees `look_back` frames, itself included."""

    def __init__(self, inputs: int, width: int, layers: int, dropout: float, look_back: int) -> None:
        super().__init__()
        self.look_back = look_back
        self.embed = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(Layer(width, dropout, look_back) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def receptive_field(self) -> int:
        """Frames that an output depends on."""
        return len(self.layers) * (self.look_back - 1) + 1

    def start(self, batch: int) -> ConvolutionMemory:
        """Memory of nothing."""
        past = self.look_back - 1
        weight = self.embed.weight
        return ConvolutionMemory(
            weight.new_zeros(len(self.layers), batch, past, weight.shape[0]),
            torch.zeros(batch, past, dtype=torch.bool, device=weight.device),
        )

    def forward(
        self,
        x: Float[Tensor, "B S inputs"],
        dt: Float[Tensor, "B S"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: ConvolutionMemory,
    ) -> tuple[Float[Tensor, "B S W"], ConvolutionMemory]:
        """Convolve within segments; taps count frames, whatever time `dt` [1/60 s] has passed between them.

        Frames before an anchor are out of sight from it on; an undetected frame is seen by no other.
        """
        seen, alive = in_sight(memory.alive, detected, anchor)
        kept = []
        x = self.embed(x)
        for layer, before in zip(self.layers, memory.past, strict=True):
            x, now = layer(x, before, seen)
            kept.append(now)
        return self.norm(x), ConvolutionMemory(torch.stack(kept).float(), alive)
