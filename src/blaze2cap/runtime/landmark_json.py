"""Results of MediaPipe's Pose, dumped frame by frame (.json) by Python or JavaScript; docs/predict.md has the keys."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from blaze2cap.body.landmark import RAW_LANDMARKS
from blaze2cap.errors import UserError
from blaze2cap.runtime.landmark_table import LandmarkTable, SeenFrame, as_number, landmark_table
from blaze2cap.untrusted import read_json

# Names that programs give to the two lists of a frame: Python, JavaScript, MediaPipe's newer tasks.
_SCREEN = ("pose_landmarks", "poseLandmarks", "landmarks")
_WORLD = ("pose_world_landmarks", "poseWorldLandmarks", "world_landmarks", "worldLandmarks")
_ABOUT = ("fps", "width", "height", "field_of_view_deg")
_POINT = ("x", "y", "z", "visibility")


def read_landmark_json(path: Path, fps: float | None = None) -> LandmarkTable:
    """Read a list of frames, or an object with `frames`; UserError names the frame and landmark of what is wrong."""
    try:
        values = read_json(path, None)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from None
    about: dict[str, Any] = values if isinstance(values, dict) else {}
    listed = about.get("frames") if isinstance(values, dict) else values
    if not isinstance(listed, list):
        raise UserError(
            f"{path}: expected a landmark file, a list of frames or an object with a list `frames`; "
            "if it is the sidecar of an .npy file, give that one"
        )
    known = {name: as_number(path, name, about[name]) for name in _ABOUT if about.get(name) is not None}
    frames, several = [], False
    for number, frame in enumerate(listed):
        place = f"frame {number}"
        values = {} if frame is None else frame
        if not isinstance(values, dict):
            raise UserError(f"{path}: {place} is no object with {_SCREEN[0]} and {_WORLD[0]}")
        person, company = _person(path, place, values)
        several |= company
        frames.append(SeenFrame(place, _named(path, place, values, "frame"), _time_s(path, place, values), person))
    return landmark_table(
        path,
        frames,
        fps=fps,
        declared_fps=known.get("fps"),
        width=known.get("width"),
        height=known.get("height"),
        field_of_view_deg=known.get("field_of_view_deg"),
        several=several,
    )


def _named(path: Path, place: str, values: dict[str, Any], name: str) -> float | None:
    return None if values.get(name) is None else as_number(path, f"{place}, {name}", values[name])


def _time_s(path: Path, place: str, values: dict[str, Any]) -> float | None:
    milliseconds = _named(path, place, values, "timestamp_ms")
    return _named(path, place, values, "time_s") if milliseconds is None else milliseconds / 1000


def _person(path: Path, place: str, values: dict[str, Any]) -> tuple[Float[np.ndarray, "33 8"] | None, bool]:
    """Numbers of the landmarks, None where nobody is seen; and whether there are several people."""
    (world, several), (screen, _) = (_people(values, names) for names in (_WORLD, _SCREEN))
    if not world and not screen:
        return None, False
    for points, key in ((world, _WORLD[0]), (screen, _SCREEN[0])):
        if not points:
            raise UserError(f"{path}: {place} holds no {key}, the other list alone is not enough; both are needed")
        if len(points) != len(RAW_LANDMARKS):
            raise UserError(f"{path}: {place}, {key} has {len(points)} landmarks, expected {len(RAW_LANDMARKS)}")
    numbers = np.empty((len(RAW_LANDMARKS), 2 * len(_POINT)))
    for row, name, world_point, screen_point in zip(numbers, RAW_LANDMARKS, world, screen, strict=True):
        pair = [_coordinates(point) for point in (world_point, screen_point)]
        for own, other, key in ((pair[0], pair[1], _WORLD[0]), (pair[1], pair[0], _SCREEN[0])):
            # Where one list has no visibilities, the other's hold for both: they are the same numbers.
            own.setdefault("visibility", other.get("visibility"))
            missing = [part for part in _POINT if own.get(part) is None]
            if missing:
                raise UserError(f"{path}: {place}, {name} in {key} has no {missing[0]}")
        row[:] = [as_number(path, f"{place}, {name}, {part}", one[part]) for one in pair for part in _POINT]
    return numbers, several


def _people(values: dict[str, Any], names: tuple[str, ...]) -> tuple[list[Any], bool]:
    """The first person's points, under whatever name, and whether there is a second."""
    points: Any = next((values[name] for name in names if values.get(name) is not None), [])
    people = points if isinstance(points, list) and points and _is_points(points[0]) else [points]
    first = people[0].get("landmark", []) if isinstance(people[0], dict) else people[0]
    return first if isinstance(first, list) else [], len(people) > 1


def _is_points(value: object) -> bool:
    """Whether an element of a list is a list of points itself, rather than a point."""
    return (isinstance(value, dict) and "landmark" in value) or (
        isinstance(value, list) and (not value or isinstance(value[0], dict | list))
    )


def _coordinates(point: object) -> dict[str, Any]:
    if isinstance(point, dict):
        return dict(point)
    return dict(zip(_POINT, point, strict=False)) if isinstance(point, list) else {}
