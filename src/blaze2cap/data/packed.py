"""Writing a folder of packed clips (`clipset`): arrays made in full size and filled by rows, tables, cameras."""

import fcntl
import json
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import ArrayLike

from blaze2cap.body.camera import Camera
from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data import schema
from blaze2cap.data.calibration import camera_to_json
from blaze2cap.data.clipset import CAMERAS_FILE, GIVEN_PARTS_FILE, SOURCE_FILE

Key = TypeVar("Key", bound=Hashable)
Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Span:
    """Rows of a packed array."""

    first_row: int
    frames: int

    @property
    def rows(self) -> slice:
        """The rows as an index."""
        return slice(self.first_row, self.first_row + self.frames)


def consecutive(frames: Mapping[Key, int], first_row: int = 0) -> dict[Key, Span]:
    """Spans one after another, from numbers of frames."""
    spans = {}
    for key, count in frames.items():
        spans[key] = Span(first_row=first_row, frames=count)
        first_row += count
    return spans


def allocate(folder: Path, takes: int, truth_frames: int, landmark_frames: int) -> None:
    """Make the arrays, filled with zeros."""
    for name, dtype, shape in (
        ("rotation", "float32", (truth_frames, len(JOINTS), 6)),
        ("root_position", "float32", (truth_frames, 3)),
        ("outlier", "bool", (truth_frames, len(JOINTS))),
        ("offset", "float32", (takes, len(JOINTS), 3)),
        ("landmarks", "float32", (landmark_frames, len(LANDMARKS), CHANNELS)),
    ):
        open_memmap(folder / f"{name}.npy", mode="w+", dtype=dtype, shape=shape)


@contextmanager
def scratch_array(folder: Path, name: str, shape: tuple[int, ...]) -> Iterator[None]:
    """An array of float32 zeros beside the others, gone at the end."""
    path = folder / f"{name}.npy"
    open_memmap(path, mode="w+", dtype="float32", shape=shape)
    try:
        yield
    finally:
        path.unlink()


def packed_array(folder: Path, name: str, mode: Literal["r", "r+"] = "r") -> np.ndarray:
    """One of the arrays, mapped into memory."""
    return np.load(folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False)


def take_row(
    take: str,
    span: Span,
    *,
    bone_residual_mm: float = 0.0,
    has_landmarks: bool = True,
    root_known: bool = False,
    bones_known: bool = False,
) -> dict[str, Any]:
    """A take's row of takes.csv."""
    subject, action = take.split("/")
    return {
        "take": take,
        "subject": subject,
        "action": action,
        "first_row": span.first_row,
        "frames": span.frames,
        "bone_residual_mm": bone_residual_mm,
        "has_landmarks": has_landmarks,
        "root_known": root_known,
        "bones_known": bones_known,
    }


def write_rows(folder: Path, name: str, span: Span, values: ArrayLike) -> None:
    """Write rows of one of the arrays.

    Under a lock: rows of two clips meet within a page of memory, and network file systems write whole pages, so one of
    two machines could take back what the other has written.
    """
    array = open_memmap(folder / f"{name}.npy", mode="r")
    rows = np.ascontiguousarray(np.broadcast_to(np.asarray(values, array.dtype), array[span.rows].shape))
    with (folder / f"{name}.npy").open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        file.seek(array.offset + span.first_row * array.strides[0])
        file.write(rows.data)


def write_tables(folder: Path, takes: Rows, clips: Rows, samples: Rows) -> None:
    """Hold the tables against their contracts and against each other, then write them."""
    import pandas as pd

    tables = {"takes": pd.DataFrame(takes), "clips": pd.DataFrame(clips), "samples": pd.DataFrame(samples)}
    schema.check_index(**tables, where=folder)
    for name, table in tables.items():
        schema.write_table(table, folder / f"{name}.csv", name)


def write_cameras(folder: Path, cameras: Mapping[str, Camera]) -> None:
    """Write the cameras by their names."""
    text = json.dumps({name: camera_to_json(camera) for name, camera in cameras.items()}, indent=2)
    (folder / CAMERAS_FILE).write_text(text + "\n")


def write_source(folder: Path, source: str) -> None:
    """Write where the recordings come from."""
    (folder / SOURCE_FILE).write_text(json.dumps({"source": source}) + "\n")


def write_given_parts(folder: Path, parts: Mapping[str, str]) -> None:
    """Write the part of each take that the recordings' own split map gives it."""
    import pandas as pd

    table = pd.DataFrame({"take": list(parts), "part": list(parts.values())})
    schema.write_table(table, folder / GIVEN_PARTS_FILE, "parts")
