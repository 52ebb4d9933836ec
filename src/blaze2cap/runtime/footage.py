"""Landmarks of one person in one video, and what is known of that video: what a prediction starts from."""

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.landmark import CHANNELS, LANDMARKS, RAW_CHANNELS, RAW_LANDMARKS, TRACKED
from blaze2cap.data.raw import load_array, read_landmarks, read_sidecar
from blaze2cap.data.recordings import require_field_of_view
from blaze2cap.data.segment import to_model_layout
from blaze2cap.errors import UserError

ASSUMED_FIELD_OF_VIEW_DEG = 70.0
"""Along the longer side of the image, where nothing is known of a camera; TotalCapture's have 68-78 degrees."""

_RATES_FPS = (1.0, 1000.0)
_RAW, _MODEL = (len(RAW_LANDMARKS), RAW_CHANNELS), (len(LANDMARKS), CHANNELS)


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Landmarks in the model's layout, size [px] and frame rate of the video that they come from."""

    landmarks: Float[Tensor, "N 25 7"]
    width: int
    height: int
    fps: float
    field_of_view_deg: float | None = None
    """Horizontal, where the sidecar says it."""

    def intrinsics(self, field_of_view_deg: float | None = None) -> Float[Tensor, "4"]:
        """`camera_intrinsics` with the given field of view, or that of the sidecar."""
        known = self.field_of_view_deg if field_of_view_deg is None else field_of_view_deg
        return camera_intrinsics(self.width, self.height, known)


def camera_intrinsics(width: int, height: int, field_of_view_deg: float | None = None) -> Float[Tensor, "4"]:
    """(fx / width, fy / height, cx / width, cy / height) of a camera with square pixels and a centred image.

    `field_of_view_deg` is horizontal; without it the longer side is taken to span 70 degrees. UserError for what is no
    camera's field of view.
    """
    if field_of_view_deg is None:
        focal = 0.5 * max(width, height) / math.tan(math.radians(ASSUMED_FIELD_OF_VIEW_DEG) / 2)
    else:
        require_field_of_view(field_of_view_deg)
        focal = 0.5 * width / math.tan(math.radians(field_of_view_deg) / 2)
    return torch.tensor([focal / width, focal / height, 0.5, 0.5])


def read_footage(path: Path, fps: float | None = None) -> Footage:
    """Read a landmark file of either layout, raw (frames, 33, 10) or the model's (frames, 25, 7).

    The sidecar beside it says size, frame rate and, if known, field of view; `fps` overrides its rate. Raises UserError
    for anything else, for values that are not finite, for a rate that no video has, for a file in the model's layout of
    which nothing says the rate, and where nobody is detected in any frame.
    """
    if path.suffix.lower() != ".npy":
        raise UserError(f"{path}: expected a landmark file, .npy of shape (frames, 33, 10) or (frames, 25, 7)")
    shape = load_array(path, mmap_mode="r").shape
    if shape[1:] == _MODEL:
        landmarks = _read_model_layout(path)
        if fps is None and not path.with_suffix(".json").exists():
            raise UserError(f"{path}: nothing says its frame rate; give --fps, or a sidecar {path.stem}.json")
    elif shape[1:] == _RAW:
        landmarks = to_model_layout(read_landmarks(path))
    else:
        raise UserError(f"{path}: shape {shape}, expected landmarks of shape (frames, 33, 10) or (frames, 25, 7)")
    if not landmarks.any():
        raise UserError(f"{path}: nobody is detected in any of its {len(landmarks)} frames")
    sidecar = read_sidecar(path)
    if fps is not None:
        sidecar = dataclasses.replace(sidecar, fps=fps)
    low, high = _RATES_FPS
    if not low <= sidecar.fps <= high:
        raise UserError(f"{path}: {sidecar.fps:g} frames per second, expected {low:g} to {high:g}")
    return Footage(
        landmarks=torch.from_numpy(landmarks),
        width=sidecar.width,
        height=sidecar.height,
        fps=sidecar.fps,
        field_of_view_deg=_field_of_view(path),
    )


def _field_of_view(path: Path) -> float | None:
    """What the sidecar says of the camera, if there is one and it does."""
    sidecar = path.with_suffix(".json")
    value = json.loads(sidecar.read_text()).get("field_of_view_deg") if sidecar.exists() else None
    if value is not None and not isinstance(value, int | float):
        raise UserError(f"{sidecar}: field_of_view_deg is {value!r}, expected degrees, or null")
    return None if value is None else float(value)


def _read_model_layout(path: Path) -> np.ndarray:
    landmarks = load_array(path)
    if not np.issubdtype(landmarks.dtype, np.floating) or not len(landmarks):
        raise UserError(f"{path}: {len(landmarks)} frames of {landmarks.dtype}, expected at least one, of float32")
    finite = np.isfinite(landmarks).all(axis=(1, 2))
    if not finite.all():
        raise UserError(f"{path}: {(~finite).sum()} frames hold NaN or infinity, first frame {finite.argmin()}")
    flag = landmarks[..., TRACKED]
    if not np.isin(flag, (0, 1)).all() or (flag != flag[:, :1]).any():
        raise UserError(f"{path}: channel {TRACKED}, the tracking flag, must be 0 or 1, one value for a frame")
    return landmarks.astype(np.float32)
