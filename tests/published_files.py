"""A made-up data set in the published form: swaying people, landmarks that mean nothing but are told apart."""

from pathlib import Path

import numpy as np
import torch
from tiny import swaying

from blaze2cap.body.landmark import TRACKED, VISIBILITY
from blaze2cap.body.motion import Motion, motion_to_slots, root_deltas
from blaze2cap.data.augment import AUGMENTED, Layout, strided
from blaze2cap.data.published import SampleName
from blaze2cap.data.segment import Segment

STRIDES = (1, 2, 3)


def write_arrays(folder: Path, source: str, target: str, landmarks: np.ndarray, slots: np.ndarray) -> None:
    """One pair of files."""
    for name, array in ((source, landmarks), (target, slots)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, array)


def write_segment(folder: Path, clip: str, segment: int, frames: int, layout: Layout = AUGMENTED) -> None:
    """All samples of a segment of a clip "S1/acting1/cam1", which hold the same motion."""
    subject, action, camera = clip.split("/")
    seed = sum(clip.encode()) + segment
    rotation, position = swaying(frames, seed)
    rng = np.random.default_rng(seed)
    landmarks = rng.normal(size=(frames, 25, 7)).astype(np.float32)
    landmarks[:, :, VISIBILITY] = rng.random((frames, 25))
    for part in strided(Segment(0, frames), STRIDES):
        name = SampleName(subject, action, camera.removeprefix("cam"), segment, part.stride, part.offset)
        rows = slice(part.offset, None, part.stride)
        seen = landmarks[rows].copy()
        seen[:, :, TRACKED] = 1
        seen[0, :, TRACKED] = 0
        anchor = torch.zeros(part.frames, dtype=torch.bool)
        way, turn = root_deltas(position[rows], rotation[rows, 0], anchor)
        slots, _ = motion_to_slots(Motion(rotation[rows], way, turn, ~anchor))
        write_arrays(folder, name.source(layout), name.target(layout), seen, slots.numpy())


def write_published(folder: Path, clips: dict[str, list[int]], layout: Layout = AUGMENTED) -> Path:
    """Clips by name with the frames of their segments."""
    for clip, segments in clips.items():
        for number, frames in enumerate(segments):
            write_segment(folder, clip, number, frames, layout)
    return folder
