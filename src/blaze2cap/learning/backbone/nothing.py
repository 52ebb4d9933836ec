"""No encoder: the heads say the same of every frame, a constant correction of each joint."""

from jaxtyping import Bool, Float
from torch import Tensor, nn


class NoNetwork(nn.Module):
    """[B, S, inputs] -> zeros [B, S, width]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def receptive_field(self) -> int:
        """Frames that an output depends on."""
        return 0

    def start(self, batch: int) -> tuple[Tensor, ...]:
        """Memory of nothing, the only one there is."""
        return ()

    def forward(
        self,
        x: Float[Tensor, "B S inputs"],
        dt: Float[Tensor, "B S"],
        detected: Bool[Tensor, "B S"],
        anchor: Bool[Tensor, "B S"],
        memory: tuple[Tensor, ...],
    ) -> tuple[Float[Tensor, "B S W"], tuple[Tensor, ...]]:
        """Say nothing of any frame."""
        return x.new_zeros(*x.shape[:2], self.width), memory
