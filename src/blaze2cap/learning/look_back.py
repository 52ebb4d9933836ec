"""Which of the frames before a frame may see: detected ones of its own segment, so many back."""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import pad


def in_sight(
    alive: Bool[Tensor, "B past"], detected: Bool[Tensor, "B S"], anchor: Bool[Tensor, "B S"]
) -> tuple[Bool[Tensor, "B S past+1"], Bool[Tensor, "B past"]]:
    """What each frame sees of itself (first, always True), of the frame before, and so on; and `alive` after the last.

    `alive` tells which of the `past` frames before are in use: detected, and of the segment that goes on.
    """
    past = alive.shape[1]
    known = torch.cat((alive, detected), dim=1)
    segment = pad(anchor.long().cumsum(1), (past, 0))
    seen = known.unfold(1, past + 1, 1) & (segment.unfold(1, past + 1, 1) == segment[:, past:, None])
    seen = torch.cat((torch.ones_like(detected)[..., None], seen.flip(-1)[..., 1:]), dim=-1)
    return seen, (known & (segment == segment[:, -1:]))[:, known.shape[1] - past :]
