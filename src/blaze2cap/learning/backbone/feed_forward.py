"""The feed-forward half of a layer, as all encoders but the convolution have it."""

from torch import nn


def feed_forward(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """[..., width] -> [..., width], pre-norm; what is added to the activations."""
    return nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, hidden),
        nn.GELU(),
        nn.Linear(hidden, width),
        nn.Dropout(dropout),
    )
