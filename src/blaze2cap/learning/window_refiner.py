"""A refiner of finished poses over a window of frames, causal: SmoothNet's idea (Zeng et al. 2022, section 3).

Fully connected over time, the same for every channel. The window counts from its last frame and there are no biases,
so that what stands still stays as it is, and the size of a channel's unit does not matter.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from blaze2cap.learning.look_back import in_sight

_HIDDEN, _INNER, _BLOCKS, _SLOPE = 32, 16, 2, 0.1


class WindowMemory(NamedTuple):
    """The frames before, and which of them are in use."""

    past: Float[Tensor, "B past C"]
    alive: Bool[Tensor, "B past"]


class WindowRefiner(nn.Module):
    """[B, S, C] -> [B, S, C], each frame from the last `window` ones; untrained, what comes in goes out."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.past = window - 1
        self.enter = nn.Linear(self.past, _HIDDEN, bias=False)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(_HIDDEN, _INNER, bias=False), nn.LeakyReLU(_SLOPE), nn.Linear(_INNER, _HIDDEN, bias=False)
            )
            for _ in range(_BLOCKS)
        )
        self.leave = nn.Linear(_HIDDEN, 1, bias=False)
        nn.init.zeros_(self.leave.weight)

    def start(self, batch: int, channels: int) -> WindowMemory:
        """Memory of nothing."""
        weight = self.enter.weight
        return WindowMemory(
            weight.new_zeros(batch, self.past, channels),
            torch.zeros(batch, self.past, dtype=torch.bool, device=weight.device),
        )

    def forward(
        self,
        x: Float[Tensor, "B S C"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: WindowMemory,
    ) -> tuple[Float[Tensor, "B S C"], WindowMemory]:
        """Refine within segments: a frame out of sight counts as one that was like the last."""
        seen, alive = in_sight(memory.alive, detected, anchor)
        known = torch.cat((memory.past, x), dim=1)
        before = known.unfold(1, self.past + 1, 1)[..., :-1].flip(-1) - x[..., None]
        hidden = leaky_relu(self.enter(before * seen[..., None, 1:]), _SLOPE)
        for block in self.blocks:
            hidden = hidden + leaky_relu(block(hidden), _SLOPE)
        return x + self.leave(hidden).squeeze(-1), WindowMemory(known[:, known.shape[1] - self.past :], alive)
