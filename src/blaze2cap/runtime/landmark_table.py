"""MediaPipe's landmarks as other programs keep them, frame by frame, with times: what tables and JSON files become.

docs/predict.md has the columns and keys. Who is seen after nobody was starts anew: those frames are anchors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from blaze2cap.body.landmark import RAW_CHANNELS, RAW_LANDMARKS, RAW_TRACKED, RAW_TRACKED_COPY
from blaze2cap.data.raw import MOST_PIXELS
from blaze2cap.errors import UserError
from blaze2cap.untrusted import shown

COLUMNS = ("x_m", "y_m", "z_m", "visibility", "screen_x", "screen_y", "screen_z", "screen_visibility")
"""Numbers of a landmark: place in the world [m], in the image [fractions of width and height], visibility of each."""
WORLD_COLUMNS, SCREEN_COLUMNS = COLUMNS[:4], COLUMNS[4:]

# Where they stand in the raw layout.
_CHANNELS = [channel for channel in range(RAW_CHANNELS) if channel not in (RAW_TRACKED, RAW_TRACKED_COPY)]
# Numbers beyond these are of another unit: further from the hips [m], from the image in its own widths and heights.
_LIMITS = np.array([10.0, 10.0, 10.0, 1.0, 20.0, 20.0, 20.0, 1.0])
_RATES_FPS = (1.0, 1000.0)
_EXPECTED = ("metres from the hips", "a visibility from 0 to 1", "a fraction of the image", "a visibility from 0 to 1")


class SeenFrame(NamedTuple):
    """A frame of a file: where it stands there, its numbers where it says them, and the person in it, if any."""

    place: str
    frame: float | None
    time_s: float | None
    person: Float[np.ndarray, "33 8"] | None


@dataclass(frozen=True, kw_only=True)
class LandmarkTable:
    """Landmarks of frames at increasing times; of the video what the file says, None where it does not."""

    landmarks: Float32[np.ndarray, "frames 33 10"]
    time_s: Float[np.ndarray, "frames"]
    declared_fps: float | None
    """None where the times are the file's own and it names no rate."""
    width: int | None
    height: int | None
    field_of_view_deg: float | None
    several: bool
    """Some frame holds several people; the first one is taken."""


def landmark_table(
    path: Path,
    frames: Sequence[SeenFrame],
    *,
    fps: float | None,
    declared_fps: float | None = None,
    width: float | None = None,
    height: float | None = None,
    field_of_view_deg: float | None = None,
    several: bool = False,
) -> LandmarkTable:
    """Check and gather the frames of a file, which names a rate at most; `fps`, where given, stands for its own times.

    UserError for no frames, numbers that are no landmarks, times or frame numbers that do not increase, and where
    neither times nor a rate say when frames were taken.
    """
    if not frames:
        raise UserError(f"{path}: no frames")
    for frame in frames:
        _require_landmarks(path, frame)
    # Where a rate is given, the file's own times are not looked at; numbers of frames are, for some may be missing.
    number = _increasing(path, _numbered(path, frames), "frame", "number all that show somebody, or none")
    evenly = "where frames come evenly, give --fps"
    time_s = None if fps is not None else _increasing(path, frames, "time_s", evenly)
    declared_fps = declared_fps if fps is None else fps
    require_rate(path, declared_fps)
    if time_s is None:
        if declared_fps is None:
            raise UserError(f"{path}: nothing says when its frames were taken; give --fps, or their times as time_s")
        time_s = (np.arange(len(frames)) if number is None else number) / declared_fps
    for name, value in (("width", width), ("height", height)):
        if value is not None and not (1 <= value <= MOST_PIXELS and value == int(value)):
            raise UserError(f"{path}: {name} is {value:g}, expected a whole number of pixels, {MOST_PIXELS} at most")
    return LandmarkTable(
        landmarks=_raw([frame.person for frame in frames]),
        time_s=time_s - time_s[0],
        declared_fps=declared_fps,
        width=None if width is None else int(width),
        height=None if height is None else int(height),
        field_of_view_deg=field_of_view_deg,
        several=several,
    )


def require_rate(path: Path, fps: float | None) -> None:
    """UserError where a known frame rate is one that no video has."""
    low, high = _RATES_FPS
    if fps is not None and not low <= fps <= high:
        raise UserError(f"{path}: {fps:g} frames per second, expected {low:g} to {high:g}")


def as_number(path: Path, what: str, value: object) -> float:
    """A number out of a file; UserError that says what it was to be where it is none, or not finite."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        raise UserError(f"{path}: {what} is {shown(value)}, expected a number") from None
    if not np.isfinite(number):
        raise UserError(f"{path}: {what} is {number:g}, expected a finite number")
    return number


def _require_landmarks(path: Path, frame: SeenFrame) -> None:
    if frame.person is None:
        return
    low = np.where(_LIMITS == 1, 0, -_LIMITS)
    wrong = ~((frame.person >= low) & (frame.person <= _LIMITS))
    if wrong.any():
        point, column = (int(index) for index in np.argwhere(wrong)[0])
        expected = _EXPECTED[(column % 4 == 3) + 2 * (column // 4)]
        raise UserError(
            f"{path}: {frame.place}, {RAW_LANDMARKS[point]}: {COLUMNS[column]} is {frame.person[point, column]:g}, "
            f"expected {expected}"
        )


def _numbered(path: Path, frames: Sequence[SeenFrame]) -> Sequence[SeenFrame]:
    """The frames; those with nobody and no number, among others with one, are given the number that fits.

    It is that after the frame before, or before the frame after. UserError where the next frame has it already.
    """
    known = [(place, frame.frame) for place, frame in enumerate(frames) if frame.frame is not None]
    if not known:
        return frames
    numbered: list[SeenFrame] = []
    fitting, filled = known[0][1] - known[0][0], False
    for frame in frames:
        if filled and frame.frame is not None and frame.frame < fitting:
            raise UserError(
                f"{path}: {frame.place}: frame is {frame.frame:g}, expected {fitting:g} at least, as those with nobody "
                "before it have no number and follow the one before; number them, too"
            )
        filled = frame.frame is None and frame.person is None
        numbered.append(frame._replace(frame=fitting) if filled else frame)
        fitting = 1 + (fitting if frame.frame is None else frame.frame)
    return numbered


def _increasing(path: Path, frames: Sequence[SeenFrame], name: str, remedy: str) -> Float[np.ndarray, "frames"] | None:
    """Numbers or times of all frames, None where none has one."""
    values = [getattr(frame, name) for frame in frames]
    if all(value is None for value in values):
        return None
    before = None
    for frame, value in zip(frames, values, strict=True):
        if value is None:
            raise UserError(f"{path}: {frame.place} has no {name}, others have; {remedy}")
        if before is not None and value <= before:
            raise UserError(f"{path}: {frame.place}: {name} is {value:g} after {before:g}, expected it to increase")
        before = value
    return np.array(values, dtype=float)


def _raw(people: Sequence[np.ndarray | None]) -> Float32[np.ndarray, "frames 33 10"]:
    raw = np.zeros((len(people), len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
    followed = False
    for row, person in zip(raw, people, strict=True):
        if person is not None:
            row[:, _CHANNELS] = person
            row[:, [RAW_TRACKED, RAW_TRACKED_COPY]] = followed
        followed = person is not None
    return raw
