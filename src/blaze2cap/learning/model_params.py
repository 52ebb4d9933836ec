"""Section `model` of params.yaml."""

from dataclasses import dataclass
from typing import Literal


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
        for key in ("width", "layers", "heads", "feed_forward", "look_back", "smoother_stages"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} is {getattr(self, key)}, expected 1 or more")
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}, expected a multiple of 2 x heads = {2 * self.heads}")
        if self.look_back < 2:
            raise ValueError(f"look_back is {self.look_back}, expected 2 or more")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, expected at least 0 and below 1")
        if self.delay_frames < 0:
            raise ValueError(f"delay_frames is {self.delay_frames}, expected 0 or more")
