"""Packed clips: all recordings of a data set in a few memory-mapped arrays with tables that say which rows are whose.

Folder, as preprocess writes it:
    landmarks.npy      (F, 25, 7)  all clips, one after another; undetected frames are zeros
    rotation.npy       (T, 21, 6)  all takes, one after another: local rotations as 6D; slot 0 the root's, world frame
    root_position.npy  (T, 3)      world [m]
    outlier.npy        (T, 21)     joints whose true rotation is not to be believed in that frame; root: none of them is
    offset.npy         (takes, 21, 3)  bone offsets in the parents' frames [m]
    cameras.json, takes.csv, clips.csv, samples.csv
    source.json        where the recordings come from: dataset.source
    parts.csv          only where the recordings come with parts of their own: part of each take
Truth is stored once a take, as all cameras share it; what a camera sees of it is derived here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Flag, auto
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.landmark import CHANNELS, LANDMARKS, TRACKED
from blaze2cap.body.motion import Motion, motion_to_slots, root_deltas
from blaze2cap.body.rotation import rotation_6d_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data import schema
from blaze2cap.data.calibration import read_cameras
from blaze2cap.data.raw import load_array
from blaze2cap.errors import UserError
from blaze2cap.untrusted import read_json, shown

if TYPE_CHECKING:
    import pandas as pd

_JOINTS = len(JOINTS)
ARRAYS = {
    "landmarks": (np.float32, (len(LANDMARKS), CHANNELS)),
    "rotation": (np.float32, (_JOINTS, 6)),
    "root_position": (np.float32, (3,)),
    "outlier": (np.bool_, (_JOINTS,)),
    "offset": (np.float32, (_JOINTS, 3)),
}
"""Type and shape of a row of each array."""
CAMERAS_FILE, SOURCE_FILE, GIVEN_PARTS_FILE = "cameras.json", "source.json", "parts.csv"
UNKNOWN = "unknown"
"""Source of clips that do not say where they come from."""
VIDEO = "video"
"""Source of people's own recordings: clips with landmarks, whose truth nobody knows."""


class Known(Flag):
    """What is known of a take's truth beside local rotations and the root's turn and way from frame to frame.

    ROOT: the root's absolute pose in the world, otherwise from each segment's start on (identity at the origin there,
    in a frame that is the camera's up to that start's rotation). BONES: the person's own, otherwise standard ones.
    """

    ROOT = auto()
    BONES = auto()


NOTHING, EVERYTHING = Known(0), ~Known(0)


class TakeMotion(NamedTuple):
    """True motion of a take in the world: local rotations (slot 0: the root's own), root position [m], offsets [m]."""

    rotation: Float[Tensor, "frames 21 3 3"]
    root_position: Float[Tensor, "frames 3"]
    offset: Float[Tensor, "21 3"]


class Truth(NamedTuple):
    """The same as one camera sees it, in the camera's frame, over the frames of a clip."""

    rotation: Float[Tensor, "frames 21 3 3"]
    root_position: Float[Tensor, "frames 3"]
    offset: Float[Tensor, "21 3"]


class Sample(NamedTuple):
    """One sample in the published form: landmarks, the 22 x 6 target, and the absolute root rotation as 6D."""

    landmarks: Float[Tensor, "frames 25 7"]
    slots: Float[Tensor, "frames 22 6"]
    root: Float[Tensor, "frames 6"]


@dataclass(frozen=True)
class ClipSet:
    """A data set of packed clips. `takes` is indexed by take, `clips` by clip, `samples` by the published source."""

    takes: "pd.DataFrame"
    clips: "pd.DataFrame"
    samples: "pd.DataFrame"
    landmarks: Float32[np.ndarray, "F 25 7"]
    rotation: Float32[np.ndarray, "T 21 6"]
    root_position: Float32[np.ndarray, "T 3"]
    outlier: Bool[np.ndarray, "T 21"]
    offset: Float32[np.ndarray, "takes 21 3"]
    cameras: dict[str, Camera]
    source: str = UNKNOWN
    """Where the recordings come from, as `dataset.source` has it: takes of the same name elsewhere are others."""
    parts: dict[str, str] | None = None
    """Part of each take where the recordings come with a split map of their own."""

    @classmethod
    def load(cls, folder: Path) -> "ClipSet":
        """Open a folder that preprocess wrote; UserError where a file is missing, damaged or contradicts another."""
        arrays = {name: _open_array(folder / f"{name}.npy", *ARRAYS[name]) for name in ARRAYS}
        tables = {name: schema.read_table(folder / f"{name}.csv", name) for name in ("takes", "clips", "samples")}
        schema.check_index(**tables, where=folder)
        rows = {"landmarks": tables["clips"].frames.sum(), "offset": len(tables["takes"])}
        rows["rotation"] = rows["root_position"] = rows["outlier"] = tables["takes"].frames.sum()
        for name, array in arrays.items():
            if len(array) != rows[name]:
                raise UserError(
                    f"{folder / name}.npy: {len(array)} rows, but the tables beside it count {rows[name]}; "
                    "run `dvc repro preprocess`"
                )
        keys = {"takes": "take", "clips": "clip", "samples": "source"}
        indexed = {name: table.set_index(keys[name], drop=False).rename_axis(None) for name, table in tables.items()}
        cameras = read_cameras(folder / CAMERAS_FILE)
        about = {"cameras": cameras, "source": _read_source(folder), "parts": _read_parts(folder)}
        return cls(**about, **indexed, **arrays)  # type: ignore[arg-type]

    def known(self, take: str) -> Known:
        """What is known of a take's truth."""
        row = self.takes.loc[take]
        return (Known.ROOT if row.root_known else NOTHING) | (Known.BONES if row.bones_known else NOTHING)

    def takes_with(self, known: Known, takes: Iterable[str]) -> list[str]:
        """Those of the takes of which so much is known."""
        return [take for take in takes if known in self.known(take)]

    def require_truth(self) -> None:
        """UserError for people's own recordings: what stands in their arrays of truth is no motion."""
        if self.source == VIDEO:
            raise UserError(
                f"the {len(self.clips)} clips here are recordings of your own (dataset.source=video), whose true "
                "motion nobody knows: they can be neither split nor trained on nor scored; `blaze2cap predict VIDEO "
                "-o FILE` turns each into motion, and training takes dataset.source=sample or totalcapture"
            )

    def clip_landmarks(self, clip: str) -> Float[Tensor, "frames 25 7"]:
        """Landmarks of a whole clip; zeros where nobody was detected."""
        return _tensor(self.landmarks, *self._clip_rows[clip])

    def take_motion(self, take: str) -> TakeMotion:
        """True motion of a whole take, in the world; UserError where there is none."""
        self.require_truth()
        number, first, frames = self._take_rows[take]
        return TakeMotion(
            rotation_6d_to_matrix(_tensor(self.rotation, first, frames)),
            _tensor(self.root_position, first, frames),
            torch.from_numpy(self.offset[number].copy()),
        )

    def clip_truth(self, clip: str) -> Truth:
        """True motion over a clip's frames, in the frame of its camera; UserError where there is none."""
        self.require_truth()
        number, first_row, _ = self._take_rows[str(self.clips.at[clip, "take"])]
        shown = self.take_frames(clip)
        first, frames = first_row + shown.start, shown.stop - shown.start
        return camera_truth(
            rotation_6d_to_matrix(_tensor(self.rotation, first, frames)),
            _tensor(self.root_position, first, frames),
            torch.from_numpy(self.offset[number].copy()),
            self.camera_of(clip),
        )

    def clip_outliers(self, clip: str) -> Bool[Tensor, "frames 21"]:
        """Joints whose true rotation is not to be believed, over a clip's frames; positions are."""
        outlier = _tensor(self.outlier, int(self.clips.truth_row[clip]), self._clip_rows[clip][1])
        return outlier | outlier[:, :1]

    def take_frames(self, clip: str) -> slice:
        """Frames of its take that a clip shows."""
        _, frames = self._clip_rows[clip]
        _, first_row, _ = self._take_rows[str(self.clips.at[clip, "take"])]
        first = int(self.clips.truth_row[clip]) - first_row
        return slice(first, first + frames)

    def camera_of(self, clip: str) -> Camera:
        """The calibrated camera that a clip was seen with."""
        return self.cameras[str(self.clips.at[clip, "camera"])]

    def clip_detected(self, clip: str) -> Bool[Tensor, "frames"]:
        """Frames in which a person was detected."""
        return (self.clip_landmarks(clip) != 0).flatten(1).any(1)

    def clip_anchors(self, clip: str) -> Bool[Tensor, "frames"]:
        """First frames of segments: detected and not tracked on from the frame before."""
        return self.clip_detected(clip) & (self.clip_landmarks(clip)[:, 0, TRACKED] == 0)

    def scored_frames(self, clip: str) -> Bool[Tensor, "frames"]:
        """Frames that count: detected, and not in a segment that followed another person."""
        scored = self.clip_detected(clip)
        for first, frames in self._rejected.get(clip, ()):
            scored[first : first + frames] = False
        return scored

    def sample(self, source: str) -> Sample:
        """A sample of the index in the published form; it starts at an anchor, root deltas are between its frames."""
        row = self.samples.loc[source]
        clip = str(row["clip"])
        rows = slice(row.first_frame, row.first_frame + row.stride * row.frames, row.stride)
        landmarks = self.clip_landmarks(clip)[rows].clone()
        landmarks[:, :, TRACKED] = 1
        landmarks[0, :, TRACKED] = 0
        truth = self.clip_truth(clip)
        anchor = landmarks[:, 0, TRACKED] == 0
        # The root turns alike in every frame, and calibrated cameras are rotations to six digits only.
        in_world = _tensor(self.rotation, int(self.clips.truth_row[clip]), len(truth.rotation))[rows, 0]
        turning = rotation_6d_to_matrix(in_world)
        delta_position, delta_rotation = root_deltas(truth.root_position[rows], turning, anchor)
        motion = Motion(truth.rotation[rows], delta_position, delta_rotation, torch.ones_like(anchor))
        return Sample(landmarks, *motion_to_slots(motion))

    @cached_property
    def _clip_rows(self) -> dict[str, tuple[int, int]]:
        return dict(zip(self.clips["clip"], zip(self.clips.first_row, self.clips.frames, strict=True), strict=True))

    @cached_property
    def _take_rows(self) -> dict[str, tuple[int, int, int]]:
        rows = zip(range(len(self.takes)), self.takes.first_row, self.takes.frames, strict=True)
        return dict(zip(self.takes["take"], rows, strict=True))

    @cached_property
    def _rejected(self) -> dict[str, list[tuple[int, int]]]:
        whole = self.samples[self.samples.rejected & (self.samples.stride == 1)]
        spans: dict[str, list[tuple[int, int]]] = {}
        for clip, first, frames in zip(whole["clip"], whole.first_frame, whole.frames, strict=True):
            spans.setdefault(clip, []).append((first, frames))
        return spans


def camera_truth(
    rotation: Float[Tensor, "frames 21 3 3"],
    root_position: Float[Tensor, "frames 3"],
    offset: Float[Tensor, "21 3"],
    camera: Camera,
) -> Truth:
    """World motion in a camera's frame: the root turns with the camera, local rotations stay as they are."""
    root = camera.rotation.to(rotation) @ rotation[:, :1]
    return Truth(torch.cat((root, rotation[:, 1:]), dim=1), camera.to_camera(root_position), offset)


def _tensor(array: np.ndarray, first: int, frames: int) -> Tensor:
    return torch.from_numpy(np.array(array[first : first + frames]))


def _open_array(path: Path, dtype: type, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = load_array(path, mmap_mode="r")
    except UserError as error:
        raise UserError(f"{error}; run `dvc repro -f preprocess`") from None
    if array.dtype != dtype or array.shape[1:] != shape:
        raise UserError(
            f"{path}: rows of shape {array.shape[1:]} of {array.dtype}, expected {shape} of {np.dtype(dtype)}; "
            "run `dvc repro -f preprocess`"
        )
    return array


def _read_source(folder: Path) -> str:
    path = folder / SOURCE_FILE
    if not path.exists():
        return UNKNOWN
    source = _read_json(path).get("source")
    if not isinstance(source, str):
        raise UserError(f"{path}: must hold the source of the recordings; run `dvc repro -f preprocess`")
    return source


def _read_parts(folder: Path) -> dict[str, str] | None:
    path = folder / GIVEN_PARTS_FILE
    if not path.exists():
        return None
    table = schema.read_table(path, "parts")
    return dict(zip(table["take"], table["part"], strict=True))


def _read_json(path: Path) -> dict:
    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); run `dvc repro -f preprocess`") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: {shown(values)}, expected an object; run `dvc repro -f preprocess`")
    return values
