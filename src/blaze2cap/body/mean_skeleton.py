"""Bones of a person of usual proportions, where nothing is known of a person's own."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.skeleton import MEAN_BONES_MM


def mean_offset() -> Float[Tensor, "21 3"]:
    """Bone offsets in the parents' frames [m], left and right mirror images of each other."""
    return torch.tensor(MEAN_BONES_MM, dtype=torch.float32) / 1000
