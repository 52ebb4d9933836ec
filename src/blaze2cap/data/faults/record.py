"""A fault of the data as a record, and how many there are of each kind."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn.functional import max_pool1d

KINDS = (
    "wrong_person",
    "another_camera",
    "mirrored",
    "axes",
    "bones_differ",
    "bones_implausible",
    "calibration",
    "twisted_hand",
    "glitch",
    "lag",
    "uncorrelated",
    "left_right_swapped",
    "landmark_bones",
)


@dataclass(frozen=True, kw_only=True)
class DataFault:
    """One fault: its kind, the take or clip, and the value that passed its threshold, both in `unit`.

    `segment` is the number of the clip's segment, `frames` holds (first frame, number of frames) of each run, both in
    the take or clip; None where the fault is of the whole.
    """

    kind: str
    where: str
    segment: int | None = None
    frames: tuple[tuple[int, int], ...] | None = None
    value: float
    unit: str
    threshold: float
    sentence: str


def fault_report(faults: Sequence[DataFault]) -> dict[str, Any]:
    """Number of faults in all and of every kind, and the faults in the order of the kinds."""
    ordered = sorted(faults, key=lambda fault: KINDS.index(fault.kind))
    return {
        "count": len(ordered),
        "by_kind": {kind: sum(fault.kind == kind for fault in ordered) for kind in KINDS},
        "list": [asdict(fault) for fault in ordered],
    }


def widened(frames: Bool[Tensor, "N"], margin: int) -> Bool[Tensor, "N"]:
    """Frames that lie at most `margin` frames from a marked one."""
    return max_pool1d(frames[None].float(), 2 * margin + 1, stride=1, padding=margin)[0] > 0


def runs(frames: Bool[Tensor, "N"]) -> tuple[tuple[int, int], ...]:
    """Unbroken runs of marked frames: (first frame, number of frames) of each."""
    edge = frames.new_zeros(1)
    change = torch.cat((edge, frames, edge)).int().diff()
    first, end = (change == 1).nonzero()[:, 0], (change == -1).nonzero()[:, 0]
    return tuple(zip(first.tolist(), (end - first).tolist(), strict=True))
