"""A table of MediaPipe's landmarks, one row a frame (.csv); docs/predict.md has the columns."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from blaze2cap.body.landmark import RAW_LANDMARKS
from blaze2cap.errors import UserError
from blaze2cap.runtime.landmark_table import (
    COLUMNS,
    SCREEN_COLUMNS,
    WORLD_COLUMNS,
    LandmarkTable,
    SeenFrame,
    as_number,
    landmark_table,
)
from blaze2cap.untrusted import regular_file

_POINT_COLUMNS = [f"{name}_{column}" for name in RAW_LANDMARKS for column in COLUMNS]


def csv_columns() -> list[str]:
    """Names of the columns; the first four may be missing."""
    return ["frame", "time_s", "width", "height", *_POINT_COLUMNS]


def read_landmark_csv(path: Path, fps: float | None = None) -> LandmarkTable:
    """Read a table; UserError names the row, and column or landmark, of what is wrong."""
    try:
        with regular_file(path).open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file)
            header = [name.strip() for name in next(table, [])]
            _require_columns(path, header)
            rows = [(f"row {table.line_num}", row) for row in table if row]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not readable as a table of comma-separated values ({error})") from None
    frames, sizes = [], set()
    for place, row in rows:
        if len(row) != len(header):
            raise UserError(f"{path}: {place} has {len(row)} values, the header row {len(header)}")
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        number, time_s, width, height = (
            as_number(path, f"{place}, {name}", cells[name]) if name in cells else None for name in csv_columns()[:4]
        )
        sizes.add((width, height))
        frames.append(SeenFrame(place, number, time_s, _person(path, place, cells)))
    if len(sizes) > 1:
        raise UserError(f"{path}: width and height change from row to row, expected one size of image")
    width, height = sizes.pop() if sizes else (None, None)
    return landmark_table(path, frames, fps=fps, width=width, height=height)


def _require_columns(path: Path, header: Sequence[str]) -> None:
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UserError(f"{path}: column {twice!r} is there twice")
    missing = [name for name in _POINT_COLUMNS if name not in header]
    if not missing:
        return
    for columns, what in ((WORLD_COLUMNS, "world landmarks [m]"), (SCREEN_COLUMNS, "landmarks in the image")):
        if {f"{name}_{column}" for name in RAW_LANDMARKS for column in columns} <= set(missing):
            raise UserError(
                f"{path}: holds no {what}, columns {RAW_LANDMARKS[0]}_{columns[0]} and so on; both are needed"
            )
    raise UserError(f"{path}: column {missing[0]} is missing, and {len(missing) - 1} others; see docs/predict.md")


def _person(path: Path, place: str, cells: dict[str, str]) -> Float[np.ndarray, "33 8"] | None:
    """Numbers of the landmarks, None where all their cells are empty."""
    if not any(cells[name] for name in _POINT_COLUMNS):
        return None
    numbers = [as_number(path, f"{place}, {name}", cells[name]) for name in _POINT_COLUMNS]
    return np.array(numbers).reshape(len(RAW_LANDMARKS), len(COLUMNS))
