"""A residual network of each frame by itself: what can be told without memory."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from blaze2cap.learning.backbone.feed_forward import feed_forward


class FrameNetwork(nn.Module):
    """[B, S, inputs] -> [B, S, width]; no frame sees another."""

    def __init__(self, inputs: int, width: int, layers: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        # The weights that attention would have, 4 width^2, go to the feed-forward.
        self.layers = nn.ModuleList(feed_forward(width, hidden + 2 * width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def receptive_field(self) -> int:
        """Frames that an output depends on."""
        return 1

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
        """Encode each frame."""
        x = self.embed(x)
        for layer in self.layers:
            x = x + layer(x)
        return self.norm(x), memory
