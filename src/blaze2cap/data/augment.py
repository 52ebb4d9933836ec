"""Stride augmentation as rows of an index: every s-th frame of a segment, at each of its s offsets.

No frame is copied: a sample with `first_frame` f, `stride` s and `frames` n stands for rows f, f + s, ...,
f + s (n - 1) of its clip. Its first frame is an anchor, and root deltas are those between the frames that are left.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blaze2cap.data.segment import Segment

SOURCE_FOLDER, SOURCE_PREFIX = "blaze_augmented", "blaze_"
TARGET_FOLDER, TARGET_PREFIX = "gt_augmented", "gt_"


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


def source_name(subject: str, action: str, camera: str, segment: int, stride: int, offset: int) -> str:
    """Published relative path of a sample's landmarks."""
    stem = f"{subject}_{action}_cam{camera}_seg{segment}_s{stride}_o{offset}"
    return f"{SOURCE_FOLDER}/{subject}/{action}/cam{camera}/{SOURCE_PREFIX}{stem}.npy"


def target_name(source: str) -> str:
    """Published relative path of the motion that belongs to a sample's landmarks."""
    folder, name = source.rsplit("/", 1)
    return f"{folder.replace(SOURCE_FOLDER, TARGET_FOLDER, 1)}/{name.replace(SOURCE_PREFIX, TARGET_PREFIX, 1)}"
