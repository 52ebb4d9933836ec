"""Stride augmentation as rows of an index: every s-th frame of a segment, at each of its s offsets.

No frame is copied: a sample with `first_frame` f, `stride` s and `frames` n stands for rows f, f + s, ...,
f + s (n - 1) of its clip. Its first frame is an anchor, and root deltas are those between the frames that are left.
Samples carry the paths under which they are published, in one of two layouts.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blaze2cap.data.segment import Segment
from blaze2cap.errors import UserError


class Layout(NamedTuple):
    """Folders and file prefixes of a published data set: `source` for landmarks, `target` for motion."""

    source_folder: str
    source_prefix: str
    target_folder: str
    target_prefix: str


AUGMENTED = Layout("blaze_augmented", "blaze_", "gt_augmented", "gt_")
LAYOUTS = {"augmented": AUGMENTED, "final": Layout("blazepose_final", "blazepose_", "gt_final", "gt_")}
"""The first release and the later one by the words in their folders."""


class StridedSegment(NamedTuple):
    """One sample: `first_frame` counts in the clip and includes the offset; `frames` are those after striding."""

    stride: int
    offset: int
    first_frame: int
    frames: int


def strided(segment: Segment, strides: Iterable[int]) -> Iterator[StridedSegment]:
    """All strides at all offsets; a segment shorter than a stride has fewer samples, as none of them is empty."""
    for stride in strides:
        for offset in range(min(stride, segment.frames)):
            frames = -(-(segment.frames - offset) // stride)
            yield StridedSegment(stride, offset, segment.first_frame + offset, frames)


def source_name(
    subject: str, action: str, camera: str, segment: int, stride: int, offset: int, layout: Layout = AUGMENTED
) -> str:
    """Published relative path of a sample's landmarks."""
    stem = f"{subject}_{action}_cam{camera}_seg{segment}_s{stride}_o{offset}"
    return f"{layout.source_folder}/{subject}/{action}/cam{camera}/{layout.source_prefix}{stem}.npy"


def target_name(source: str) -> str:
    """Published relative path of the motion that belongs to a sample's landmarks; UserError in neither layout."""
    for layout in LAYOUTS.values():
        if source.startswith(f"{layout.source_folder}/"):
            folder, name = source.removeprefix(layout.source_folder).rsplit("/", 1)
            return f"{layout.target_folder}{folder}/{layout.target_prefix}{name.removeprefix(layout.source_prefix)}"
    expected = " or ".join(layout.source_folder for layout in LAYOUTS.values())
    raise UserError(f"{source}: not a sample's published path, expected one in {expected}")
