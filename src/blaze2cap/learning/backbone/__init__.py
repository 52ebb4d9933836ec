"""Sequence encoders of one interface, one of which is the network's memory: `model.backbone`.

All are causal, forget at anchors, do not see undetected frames, and hand on state of fixed size: whole clips, windows
and streams give the same. At the default sizes the linear layers of all but "none" have the same number of weights.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.learning.backbone.frame import FrameNetwork
from blaze2cap.learning.backbone.nothing import NoNetwork
from blaze2cap.learning.backbone.recurrent import RecurrentNetwork
from blaze2cap.learning.backbone.tcn import TemporalConvolution
from blaze2cap.learning.backbone.transformer import MotionTransformer
from blaze2cap.learning.model_params import ModelParams

Memory = tuple[Tensor, ...]
"""What an encoder keeps of the frames before; the sizes of its tensors depend on the batch only."""


@runtime_checkable
class Backbone(Protocol):
    """A module [B, S, inputs] -> [B, S, width]."""

    def start(self, batch: int) -> Memory:
        """Memory of nothing."""

    def receptive_field(self) -> int | None:
        """Frames that an output depends on; None: all since the anchor."""

    def __call__(
        self,
        x: Float[Tensor, "B S inputs"],
        dt: Float[Tensor, "B S"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: Memory,
    ) -> tuple[Float[Tensor, "B S width"], Memory]:
        """Encode frames that follow those in `memory`; `dt` is the time since the frame before [1/60 s]."""


_BACKBONES: dict[str, Callable[[int, ModelParams], Backbone]] = {
    "transformer": lambda inputs, p: MotionTransformer(
        inputs, p.width, p.layers, p.heads, p.feed_forward, p.dropout, p.look_back
    ),
    "tcn": lambda inputs, p: TemporalConvolution(inputs, p.width, p.layers, p.dropout, p.look_back),
    "recurrent": lambda inputs, p: RecurrentNetwork(inputs, p.width, p.layers, p.feed_forward, p.dropout),
    "frame": lambda inputs, p: FrameNetwork(inputs, p.width, p.layers, p.feed_forward, p.dropout),
    "none": lambda inputs, p: NoNetwork(p.width),
}


def make_backbone(inputs: int, params: ModelParams) -> Backbone:
    """The encoder that `model.backbone` names, its weights drawn from torch's generator."""
    return _BACKBONES[params.backbone](inputs, params)
