"""The raw layout in which every source ends, TotalCapture's own, and its landmark files.

    calibration.cal
    landmarks/S1/freestyle1/blaze_S1_freestyle1_cam1.npy   (frames, 33, 10), one file a clip; a sidecar .json may lie beside it
    vicon/S1/freestyle1/gt_skel_gbl_{pos,ori}.txt          one folder a take
    manifest.json

A take is one subject doing one action, named "S1/freestyle1"; a clip is one camera's view of it, "S1/freestyle1/cam1".
"""  # noqa: E501

import dataclasses
import glob
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from tokenize import TokenError
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32
from numpy.lib.format import open_memmap

from blaze2cap.body.landmark import (
    CHANNELS,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_SCREEN,
    RAW_SCREEN_VISIBILITY,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    RAW_WORLD_VISIBILITY,
    SCREEN,
    VISIBILITY,
)
from blaze2cap.errors import UserError
from blaze2cap.untrusted import read_json, regular_file

CALIBRATION_FILE = "calibration.cal"
LANDMARK_FOLDER = "landmarks"
VICON_FOLDER = "vicon"
_TAKE = re.compile(r"S\d+/[a-z]+\d+")
MOST_PIXELS = 100_000
"""Along a side of any image."""
# Of what NumPy says of a header, which may be all of it.
_LONGEST_REASON = 200
# Metres, shares of an image, visibilities: nothing is as large as this.
_MOST = 1000.0
# Widths and heights of the image. Real recordings hold -0.24 to 1.33 of them, the sample -0.41 to 1.41; of somebody's
# pixels some lie further from the corner, unless all of the person is in the image's first 20.
_MOST_SHARE = 20.0
# By as much a visibility may be outside 0 to 1 that was interpolated in half precision.
_VISIBILITY_ROUNDING = 1e-3
# By the number of channels, which tells the two layouts apart: where the screen positions and the visibilities are.
_SCREEN = {RAW_CHANNELS: RAW_SCREEN, CHANNELS: SCREEN}
_VISIBILITIES = {RAW_CHANNELS: [RAW_WORLD_VISIBILITY, RAW_SCREEN_VISIBILITY], CHANNELS: [VISIBILITY]}
_CLIP_FILE = re.compile(r"blaze_(?P<subject>S\d+)_(?P<action>[a-z]+\d+)_cam(?P<camera>\d+)\.npy")


@dataclass(frozen=True)
class ClipName:
    """Subject "S1", action "freestyle1" and camera "1" of a clip."""

    subject: str
    action: str
    camera: str

    @property
    def take(self) -> str:
        """Name of the take: "S1/freestyle1"."""
        return f"{self.subject}/{self.action}"

    def __str__(self) -> str:
        return f"{self.take}/cam{self.camera}"

    @property
    def landmark_file(self) -> Path:
        """Path of the landmark file in the raw layout."""
        return Path(LANDMARK_FOLDER, self.take, f"blaze_{self.subject}_{self.action}_cam{self.camera}.npy")

    @classmethod
    def parse(cls, landmark_file: Path) -> "ClipName":
        """Inverse of `landmark_file`, for any path that ends like one; ValueError where the name does not parse."""
        match = _CLIP_FILE.fullmatch(landmark_file.name)
        if match is None:
            raise ValueError("its name is not blaze_{subject}_{action}_cam{N}.npy")
        clip = cls(**match.groupdict())
        if landmark_file.parts[-3:] != clip.landmark_file.parts[-3:]:
            raise ValueError(f"its name says take {clip.take} but its folder {'/'.join(landmark_file.parts[-3:-1])}")
        return clip


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What is known of the video behind a landmark file; the defaults hold where no sidecar lies beside it."""

    width: int = 1920
    height: int = 1080
    fps: float = 60.0


def is_take_name(name: str) -> bool:
    """Whether a text has the form "S1/freestyle1"."""
    return _TAKE.fullmatch(name) is not None


def scan(folder: Path) -> tuple[list[str], list[ClipName], list[str]]:
    """Takes with a Vicon folder, clips with a landmark file, and one sentence for each name that does not parse.

    Takes and clips are in the order of subject, action and camera number.
    """
    faults, clips, takes = [], [], []
    # glob's own ** follows linked folders, pathlib's does not.
    for name in sorted(glob.glob(f"{LANDMARK_FOLDER}/**/*.npy", root_dir=folder, recursive=True)):
        try:
            clip = ClipName.parse(Path(name))
            if Path(name) != clip.landmark_file:
                raise ValueError(f"expected at {clip.landmark_file}")
            clips.append(clip)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    for path in sorted(folder.glob(f"{VICON_FOLDER}/*/*/")):
        take = "/".join(path.parts[-2:])
        if is_take_name(take):
            takes.append(take)
        else:
            faults.append(f"{path.relative_to(folder)}: not a take's folder like {VICON_FOLDER}/S1/freestyle1")
    return takes, sorted(clips, key=lambda clip: (clip.take, int(clip.camera))), faults


def vicon_folder(take: str) -> Path:
    """Folder of a take's Vicon files in the raw layout."""
    return Path(VICON_FOLDER, take)


def read_landmarks(path: Path) -> Float32[np.ndarray, "frames 33 10"]:
    """Read one landmark file.

    Raises UserError for a missing, unreadable or truncated file, a wrong shape or type, no frames, and what
    `sound_landmarks` refuses.
    """
    landmarks = load_array(path)
    if landmarks.shape[1:] != (len(RAW_LANDMARKS), RAW_CHANNELS) or not np.issubdtype(landmarks.dtype, np.floating):
        raise UserError(
            f"{path}: shape {landmarks.shape} of {landmarks.dtype}, "
            f"expected (frames, {len(RAW_LANDMARKS)}, {RAW_CHANNELS}) of float32"
        )
    if not len(landmarks):
        raise UserError(f"{path}: no frames")
    return sound_landmarks(path, landmarks, RAW_LANDMARKS, RAW_TRACKED, RAW_TRACKED_COPY)


def sound_landmarks(
    path: Path, landmarks: Float[np.ndarray, "frames L C"], names: Sequence[str], *tracked: int
) -> Float32[np.ndarray, "frames L C"]:
    """Landmarks of these names, in either layout; visibilities that rounding left outside 0 to 1 are taken for these.

    Raises UserError for numbers that measure nothing, positions on the screen that are no shares of an image,
    visibilities further outside, channels `tracked` that are not copies of one flag, and frames that hold nothing but
    this flag.
    """
    screen, visibilities = landmarks[:, :, _SCREEN[landmarks.shape[-1]]], _VISIBILITIES[landmarks.shape[-1]]
    # Before numbers too large for anything, as pixels may be both.
    far = (np.abs(screen) > _MOST_SHARE) & np.isfinite(screen)
    _refuse(path, screen, far, names, "a screen position that is no share of the image's width or height (pixels?)")
    require_finite(path, landmarks, names)
    visibility = landmarks[:, :, visibilities]
    outside = (visibility < -_VISIBILITY_ROUNDING) | (visibility > 1 + _VISIBILITY_ROUNDING)
    _refuse(path, visibility, outside, names, "a visibility outside 0 to 1")
    _require_flag(path, landmarks, tracked)
    landmarks = landmarks.astype(np.float32, copy=False)
    landmarks[:, :, visibilities] = landmarks[:, :, visibilities].clip(0, 1)
    return landmarks


def require_finite(path: Path, values: Float[np.ndarray, "frames L C"], names: Sequence[str]) -> None:
    """UserError naming the first frame, and what of it, that holds NaN, infinity, or a number that measures nothing."""
    _refuse(path, values, ~np.isfinite(values), names, "NaN or infinity")
    _refuse(path, values, np.abs(values) > _MOST, names, f"a number beyond {_MOST:g}")


def _refuse(
    path: Path,
    values: Float[np.ndarray, "frames L C"],
    broken: Bool[np.ndarray, "frames L C"],
    names: Sequence[str],
    what: str,
) -> None:
    """UserError naming the first frame, landmark and value that is broken, if any is."""
    if broken.any():
        frames = broken.any(axis=(1, 2)).sum()
        frame, landmark, channel = (int(index) for index in np.unravel_index(broken.argmax(), broken.shape))
        value = values[frame, landmark, channel]
        raise UserError(f"{path}: {frames} frames hold {what}, first frame {frame}, {names[landmark]}: {value:g}")


def _require_flag(path: Path, landmarks: Float[np.ndarray, "frames L C"], tracked: tuple[int, ...]) -> None:
    flag = landmarks[:, :, tracked]
    broken = (~np.isin(flag, (0, 1)) | (flag != flag[:, :1, :1])).any(axis=(1, 2))
    if broken.any():
        channels = " and ".join(f"channel {channel}" for channel in tracked)
        raise UserError(
            f"{path}: frame {broken.argmax()}: the tracking flag, {channels}, must be 0 or 1, one value for a frame"
        )
    alone = (flag[:, 0, 0] == 1) & (np.count_nonzero(landmarks, axis=(1, 2)) == flag[0].size)
    if alone.any():
        raise UserError(
            f"{path}: {alone.sum()} frames are all zeros but for the tracking flag, first frame {alone.argmax()}; "
            "where nobody is detected it must be 0, too"
        )


def write_landmarks(path: Path, landmarks: Float32[np.ndarray, "frames 33 10"], sidecar: Sidecar | None = None) -> None:
    """Write one landmark file, and its sidecar where given; inverse of `read_landmarks` and `read_sidecar`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, landmarks, allow_pickle=False)
    if sidecar is not None:
        path.with_suffix(".json").write_text(json.dumps(dataclasses.asdict(sidecar), indent=2) + "\n")


def read_sidecar(landmark_file: Path) -> Sidecar:
    """Read the sidecar of a landmark file, or the defaults; further keys (backend, model, ...) are left to others."""
    path = landmark_file.with_suffix(".json")
    try:
        values = read_json(path)
    except FileNotFoundError:
        return Sidecar()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from None
    try:
        sidecar = Sidecar(width=int(values["width"]), height=int(values["height"]), fps=float(values["fps"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(f"{path}: must hold the numbers width, height [px] and fps") from None
    if not (0 < sidecar.width <= MOST_PIXELS and 0 < sidecar.height <= MOST_PIXELS and 0 < sidecar.fps < math.inf):
        raise UserError(
            f"{path}: width, height and fps must be above 0 and no more than any video has, found "
            f"{sidecar.width:g} x {sidecar.height:g} at {sidecar.fps:g}"
        )
    return sidecar


def count_landmark_frames(path: Path) -> int:
    """Frames of a landmark file from its header alone; UserError where there is none to read."""
    return len(load_array(path, mmap_mode="r"))


def load_array(path: Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    """Read an .npy array with at least one axis; UserError where the file is missing, damaged or pickled."""
    try:
        # A file that is shorter than its header says cannot be mapped: only after that is memory asked for.
        with np.errstate(over="raise"):
            array = open_memmap(regular_file(path), mode="r")
        if mmap_mode is None:
            array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError, TypeError, EOFError, ArithmeticError, SyntaxError, TokenError) as error:
        reason = shorten(" ".join(str(error).split()), _LONGEST_REASON)
        raise UserError(f"{path}: not a readable .npy array, it is truncated, damaged or pickled ({reason})") from None
    if array.ndim == 0:
        raise UserError(f"{path}: not a single .npy array of frames")
    return array
