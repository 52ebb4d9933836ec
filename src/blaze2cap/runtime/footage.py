"""Landmarks of one person in one video, and what is known of that video: what a prediction starts from.

It comes from a video or a folder of images, in which they are detected now, or from a file of landmarks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from blaze2cap.body.landmark import CHANNELS, LANDMARKS, RAW_CHANNELS, RAW_LANDMARKS, TRACKED
from blaze2cap.data.field_of_view import camera_intrinsics
from blaze2cap.data.raw import Sidecar, load_array, read_landmarks, read_sidecar, sound_landmarks
from blaze2cap.data.segment import to_model_layout
from blaze2cap.errors import UserError
from blaze2cap.runtime.frame_rate import at_constant_rate, require_few_gaps, usual_fps
from blaze2cap.runtime.landmark_csv import read_landmark_csv
from blaze2cap.runtime.landmark_json import read_landmark_json
from blaze2cap.runtime.landmark_table import LandmarkTable, as_number, require_rate
from blaze2cap.untrusted import read_json

if TYPE_CHECKING:
    from blaze2cap.runtime.video import Video

LANDMARK_SUFFIXES = (".npy", ".csv", ".json")
"""Of landmark files; anything else is taken for a video."""

_RAW, _MODEL = (len(RAW_LANDMARKS), RAW_CHANNELS), (len(LANDMARKS), CHANNELS)


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Landmarks in the model's layout, size [px] and frame rate of the video that they come from."""

    landmarks: Float32[np.ndarray, "N 25 7"]
    width: int
    height: int
    fps: float
    field_of_view_deg: float | None = None
    """Horizontal, where the sidecar says it."""
    video: "Video | None" = None
    """Where the landmarks were detected just now."""
    row_per_picture: bool = True
    """Whether the video's pictures came evenly, a row each; otherwise rows are at even times from the first picture."""
    notices: tuple[str, ...] = ()
    """What to know although the footage is used, a sentence each."""

    def intrinsics(self, field_of_view_deg: float | None = None) -> Float32[np.ndarray, "4"]:
        """`camera_intrinsics` with the given field of view, or that of the sidecar."""
        known = self.field_of_view_deg if field_of_view_deg is None else field_of_view_deg
        return camera_intrinsics(self.width, self.height, known)


def open_footage(path: Path, fps: float | None = None, pose_model: str = "full") -> Footage:
    """Landmarks of a landmark file, or of a video or folder of images, in which the pose model detects them now.

    `fps` stands for the rate, or the times, that the input has of its own. UserError as of what reads it.
    """
    if path.suffix.lower() in LANDMARK_SUFFIXES and not path.is_dir():
        return read_footage(path, fps)
    from blaze2cap.runtime.extraction import extract_landmarks
    from blaze2cap.runtime.pose_model import find_pose_model
    from blaze2cap.runtime.video import open_video

    require_rate(path, fps)
    model, video = find_pose_model(pose_model), open_video(path, fps)
    extraction = extract_landmarks(video, model)
    steady = extraction.at_constant_rate()
    return Footage(
        landmarks=to_model_layout(steady.landmarks),
        width=extraction.width,
        height=extraction.height,
        fps=steady.fps,
        video=video,
        row_per_picture=not steady.resampled,
        notices=tuple(extraction.notices),
    )


def read_footage(path: Path, fps: float | None = None) -> Footage:
    """Read a landmark file: an array of either layout, raw (frames, 33, 10) or the model's (frames, 25, 7), a table or
    a list of frames.

    Of an array, the sidecar beside it says size, frame rate and, if known, field of view; `fps` overrides the rate.
    Raises UserError for anything else, for values that are not finite, for a rate that no video has, for a file of
    which nothing says the rate, and where nobody is detected in any frame.
    """
    require_rate(path, fps)
    readers = {".npy": _read_array, ".csv": _read_csv, ".json": _read_json}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: expected a landmark file, {', '.join(LANDMARK_SUFFIXES)}")
    footage = reader(path, fps)
    if not footage.landmarks.any():
        raise UserError(f"{path}: nobody is detected in any of its {len(footage.landmarks)} frames")
    require_rate(path, footage.fps)
    return footage


def _read_array(path: Path, fps: float | None) -> Footage:
    shape = load_array(path, mmap_mode="r").shape
    if shape[1:] == _MODEL:
        landmarks = _read_model_layout(path)
        if fps is None and not path.with_suffix(".json").exists():
            raise UserError(f"{path}: nothing says its frame rate; give --fps, or a sidecar {path.stem}.json")
    elif shape[1:] == _RAW:
        landmarks = to_model_layout(read_landmarks(path))
    else:
        raise UserError(f"{path}: shape {shape}, expected landmarks of shape (frames, 33, 10) or (frames, 25, 7)")
    sidecar = read_sidecar(path)
    return Footage(
        landmarks=landmarks,
        width=sidecar.width,
        height=sidecar.height,
        fps=sidecar.fps if fps is None else fps,
        field_of_view_deg=_field_of_view(path),
        notices=_taken_for_granted(path, fps),
    )


def _taken_for_granted(path: Path, fps: float | None) -> tuple[str, ...]:
    """What stands for an array's sidecar where there is none, a sentence; the rate, too, unless it is given."""
    beside = path.with_suffix(".json")
    if beside.exists():
        return ()
    assumed = f"{Sidecar.width} x {Sidecar.height} pixels" + (f" at {Sidecar.fps:g} frames/s" if fps is None else "")
    return (f"{path}: no sidecar {beside.name} beside it, taken for {assumed}",)


def _read_csv(path: Path, fps: float | None) -> Footage:
    return _of_table(path, read_landmark_csv(path, fps))


def _read_json(path: Path, fps: float | None) -> Footage:
    return _of_table(path, read_landmark_json(path, fps))


def _of_table(path: Path, table: LandmarkTable) -> Footage:
    """At a constant rate: rows are frames where these come evenly."""
    if table.declared_fps is None and len(table.time_s) < 2:
        raise UserError(f"{path}: one frame alone has no rate; give --fps")
    rate = table.declared_fps or usual_fps(table.time_s)
    require_rate(path, rate)
    require_few_gaps(path, table.time_s)
    steady = at_constant_rate(table.landmarks, table.time_s, rate)
    notices, width, height = [], table.width, table.height
    if width is None or height is None:
        width, height = Sidecar.width, Sidecar.height
        notices.append(f"{path}: does not say the image's width and height, taken for {width} x {height} pixels")
    if table.several:
        notices.append(f"{path}: some frames hold several people, the first of each is taken")
    if steady.resampled:
        notices.append(f"{path}: {len(table.time_s)} uneven frames, resampled to {len(steady.landmarks)} even ones")
    return Footage(
        landmarks=to_model_layout(steady.landmarks),
        width=width,
        height=height,
        fps=steady.fps,
        field_of_view_deg=table.field_of_view_deg,
        notices=tuple(notices),
    )


def _field_of_view(path: Path) -> float | None:
    """What the sidecar says of the camera, if there is one and it does."""
    sidecar = path.with_suffix(".json")
    value = read_json(sidecar).get("field_of_view_deg") if sidecar.exists() else None
    return None if value is None else as_number(sidecar, "field_of_view_deg", value)


def _read_model_layout(path: Path) -> np.ndarray:
    landmarks = load_array(path)
    if not np.issubdtype(landmarks.dtype, np.floating) or not len(landmarks):
        raise UserError(f"{path}: {len(landmarks)} frames of {landmarks.dtype}, expected at least one, of float32")
    return sound_landmarks(path, landmarks, LANDMARKS, TRACKED)
