"""Section `model` of params.yaml."""

from dataclasses import dataclass
from typing import Literal

# Larger ones are no network of poses, but a damaged description that would fill the memory.
_MOST = {
    "width": 8192, "layers": 128, "heads": 256, "feed_forward": 65536, "look_back": 4096, "smoother_stages": 64,
}  # fmt: skip
_MOST_DELAY = 600


@dataclass(frozen=True, kw_only=True)
class ModelParams:
    """Section `model` of params.yaml: sizes of the network and what it stands on.

    With `delay_frames`, the last frames before an anchor are answered when the network already sees the new segment.
    """

    backbone: Literal["transformer", "tcn", "recurrent", "frame", "none"] = "recurrent"
    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 512
    dropout: float = 0.1
    look_back: int = 16
    delay_frames: int = 0
    base: Literal["analytic", "none"] = "analytic"
    ray: bool = True
    smoother: Literal["gated", "window", "none"] = "gated"
    smoother_stages: int = 3

    def __post_init__(self) -> None:
        for key, most in _MOST.items():
            if getattr(self, key) < 1:
                raise ValueError(f"{key} is {getattr(self, key)}, expected 1 or more")
            if getattr(self, key) > most:
                raise ValueError(f"{key} is {getattr(self, key)}, expected {most} at most")
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}, expected a multiple of 2 x heads = {2 * self.heads}")
        if self.look_back < 2:
            raise ValueError(f"look_back is {self.look_back}, expected 2 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, expected at least 0 and below 1")
        if self.delay_frames < 0:
            raise ValueError(f"delay_frames is {self.delay_frames}, expected 0 or more")
        if self.delay_frames > _MOST_DELAY:
            raise ValueError(f"delay_frames is {self.delay_frames}, expected {_MOST_DELAY} at most")
