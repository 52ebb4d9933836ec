"""A causal transformer whose layers look back a fixed number of frames; whole clips and streams run the same code.

Keys and values of the last `look_back - 1` frames are the memory between calls. Positions are relative, in time
(units of 1/60 s): rotary angles (Su et al. 2021, section 3.2) of times counted from the start of each block, so that
nothing depends on how long a stream has run.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad

from blaze2cap.learning.backbone.feed_forward import feed_forward

# Frames whose attention is computed together; the cost per frame grows with it, the number of calls shrinks.
BLOCK = 64


class AttentionMemory(NamedTuple):
    """What the layers keep of the L - 1 frames before: keys and values by layer, age [1/60 s], and whether in use."""

    key: Float[Tensor, "layers B past heads D"]
    value: Float[Tensor, "layers B past heads D"]
    age: Float[Tensor, "B past"]
    alive: Bool[Tensor, "B past"]


class Band(NamedTuple):
    """Who attends to whom, for every block of frames: a mask, and the rotary angles of queries and keys."""

    mask: Bool[Tensor, "blocks 1 Q K"]
    query_angle: Float[Tensor, "blocks Q 1 half"]
    key_angle: Float[Tensor, "blocks K 1 half"]
    size: int


class Layer(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = feed_forward(width, hidden, dropout)

    def forward(
        self, x: Float[Tensor, "B S W"], past_key: Tensor, past_value: Tensor, band: Band
    ) -> tuple[Float[Tensor, "B S W"], Tensor, Tensor]:
        """New activations, and keys and values of past and new frames together."""
        batch, frames, _ = x.shape
        q, k, v = self.query_key_value(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1)).unbind(2)
        key = torch.cat((past_key.to(k), k), dim=1)
        value = torch.cat((past_value.to(v), v), dim=1)
        past = past_key.shape[1]
        query_blocks = rotate(_blocks(q, band.size, band.size), band.query_angle)
        key_blocks = rotate(_blocks(key, band.size, band.size + past), band.key_angle)
        value_blocks = _blocks(value, band.size, band.size + past)
        seen = attention(
            query_blocks.transpose(1, 2), key_blocks.transpose(1, 2), value_blocks.transpose(1, 2), band.mask
        )
        seen = seen.transpose(1, 2).flatten(2).unflatten(0, (batch, -1)).flatten(1, 2)[:, :frames]
        x = x + self.dropout(self.out(seen))
        return x + self.feed_forward(x), key, value


class MotionTransformer(nn.Module):
    """[B, S, inputs] -> [B, S, width]; each layer sees `look_back` frames, itself included."""

    frequency: Tensor

    def __init__(
        self, inputs: int, width: int, layers: int, heads: int, hidden: int, dropout: float, look_back: int
    ) -> None:
        super().__init__()
        self.look_back = look_back
        self.heads, self.head_width = heads, width // heads
        self.embed = nn.Linear(inputs, width)
        self.layers = nn.ModuleList(Layer(width, heads, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        # Periods from 2 pi frames, which tell neighbours apart, to ten seconds.
        half = self.head_width // 2
        self.register_buffer("frequency", 100.0 ** (-torch.arange(half) / half), persistent=False)

    def receptive_field(self) -> int:
        """Frames that an output depends on."""
        return len(self.layers) * (self.look_back - 1) + 1

    def start(self, batch: int) -> AttentionMemory:
        """Memory of nothing."""
        past = self.look_back - 1
        weight = self.embed.weight
        empty = weight.new_zeros(len(self.layers), batch, past, self.heads, self.head_width)
        return AttentionMemory(
            empty,
            empty,
            weight.new_zeros(batch, past),
            torch.zeros(batch, past, dtype=torch.bool, device=weight.device),
        )

    def forward(
        self,
        x: Float[Tensor, "B S inputs"],
        dt: Float[Tensor, "B S"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: AttentionMemory,
    ) -> tuple[Float[Tensor, "B S W"], AttentionMemory]:
        """Attend within segments; `dt` is the time since the frame before [1/60 s].

        Frames before an anchor are out of sight from it on; an undetected frame is seen by no other.
        """
        past = self.look_back - 1
        # Time of past and new frames, 0 at the last frame before; double, because streams are long and steps small.
        time = torch.cat((-memory.age.double(), dt.double().cumsum(1)), dim=1)
        alive = torch.cat((memory.alive, detected), dim=1)
        segment = pad(anchor.long().cumsum(1), (past, 0))
        band = self._band(time, alive, segment, frames=x.shape[1])

        keys, values = [], []
        x = self.embed(x)
        for layer, past_key, past_value in zip(self.layers, memory.key, memory.value, strict=True):
            x, key, value = layer(x, past_key, past_value, band)
            keys.append(key[:, key.shape[1] - past :])
            values.append(value[:, value.shape[1] - past :])
        kept = slice(time.shape[1] - past, None)
        memory = AttentionMemory(
            torch.stack(keys).float(),
            torch.stack(values).float(),
            (time[:, -1:] - time[:, kept]).float(),
            (alive & (segment == segment[:, -1:]))[:, kept],
        )
        return self.norm(x), memory

    def _band(self, time: Tensor, alive: Tensor, segment: Tensor, frames: int) -> Band:
        past = self.look_back - 1
        size = min(BLOCK, frames)
        key_time = _blocks(time, size, size + past)
        query_time = key_time[:, past:]
        key_segment = _blocks(segment, size, size + past)
        key_alive = _blocks(alive, size, size + past)
        query = torch.arange(size, device=time.device)[:, None] + past
        key = torch.arange(size + past, device=time.device)
        near = (key <= query) & (key > query - self.look_back)
        itself = key == query
        mask = near & (key_segment[:, past:, None] == key_segment[:, None]) & key_alive[:, None]
        start = query_time[:, :1]
        return Band(
            (mask | itself)[:, None],
            (query_time - start).float()[..., None, None] * self.frequency,
            (key_time - start).float()[..., None, None] * self.frequency,
            size,
        )


def attention(
    query: Float[Tensor, "N heads Q D"],
    key: Float[Tensor, "N heads K D"],
    value: Float[Tensor, "N heads K D"],
    mask: Bool[Tensor, "N 1 Q K"],
) -> Float[Tensor, "N heads Q D"]:
    """Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1) to the keys that the mask lets through."""
    # Written out: on a CPU, forward and backward take a third of the time of torch's fused kernel at these sizes.
    score = (query * query.shape[-1] ** -0.5) @ key.mT
    return score.masked_fill(~mask, float("-inf")).softmax(-1) @ value


def rotate(x: Float[Tensor, "N K heads D"], angle: Float[Tensor, "N K 1 half"]) -> Float[Tensor, "N K heads D"]:
    """Turn the pairs (first half, second half) of the channels by the rotary angles."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat((first * cosine - second * sine, first * sine + second * cosine), dim=-1)


def _blocks(x: Tensor, step: int, size: int) -> Tensor:
    # [B, frames, ...] -> [B * blocks, size, ...]: a block every `step` frames, the last one padded.
    frames = x.shape[1]
    count = -(-(frames - (size - step)) // step)
    missing = count * step + (size - step) - frames
    if missing:
        x = torch.cat((x, x.new_zeros(x.shape[0], missing, *x.shape[2:])), dim=1)
    if count == 1:
        return x
    return x.unfold(1, size, step).movedim(-1, 2).flatten(0, 1)
