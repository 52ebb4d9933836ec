"""The root's absolute pose, with which figures compare, where it is known from each segment's start on only.

There the truth's root is turned, over all of a segment, by the one rotation that brings it closest to the root that it
is compared with: what is left is the error of the root's course, and no figure tells its orientation.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.rotation import nearest_rotation
from blaze2cap.data.clipset import ClipSet, Known
from blaze2cap.errors import UserError


def require_absolute_root(clipset: ClipSet, takes: Iterable[str]) -> None:
    """UserError where the absolute root of a take is not known, for what shows the truth where the camera saw it."""
    clipset.require_truth()
    takes = list(takes)
    known = clipset.takes_with(Known.ROOT, takes)
    unknown = [take for take in takes if take not in known]
    if unknown:
        raise UserError(
            f"{len(unknown)} takes have no absolute root ({unknown[0]}): the published form holds only its way from "
            "frame to frame, so the truth has no place before the camera; take recordings in the raw layout "
            "(dataset.source=totalcapture)"
        )


@torch.no_grad()
def turned_to(
    root: Float[Tensor, "*batch S 3 3"], other: Float[Tensor, "*batch S 3 3"], counted: Bool[Tensor, "*batch S"]
) -> Float[Tensor, "*batch S 3 3"]:
    """`root`, turned from the left by one rotation for all frames: that brings it closest to `other` where `counted`.

    In the chordal sense: the rotation nearest to the sum of other root^T (Hartley et al. 2013, 5.3).
    """
    between = torch.where(counted[..., None, None], other @ root.mT, 0).sum(-3, keepdim=True)
    return nearest_rotation(between) @ root


def turned_in_runs(
    root: Float[Tensor, "N 3 3"], other: Float[Tensor, "N 3 3"], counted: Bool[Tensor, "N"], start: Bool[Tensor, "N"]
) -> Float[Tensor, "N 3 3"]:
    """The same for the frames of a clip, from each `start` to the next by a rotation of its own."""
    starts = start.nonzero().flatten().tolist()
    parts = (torch.tensor_split(whole, starts) for whole in (root, other, counted))
    return torch.cat([turned_to(*run) for run in zip(*parts, strict=True)])
