"""Vicon truth as TotalCapture publishes it: two text files a take, one row a frame at 60 fps.

`gt_skel_gbl_pos.txt` holds global positions in inches, `gt_skel_gbl_ori.txt` global quaternions x y z w; world y is up.
A header row names the joints; joints are separated by tabs, numbers by spaces, and every row ends in a tab.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Real

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.untrusted import regular_file

FPS = 60.0
POSITION_FILE = "gt_skel_gbl_pos.txt"
ROTATION_FILE = "gt_skel_gbl_ori.txt"
_METRES_PER_INCH = 0.0254
_QUATERNION_TOLERANCE = 1e-3
# Inches; nobody walks further from the middle of the room.
_MOST = 1e6


class ViconTake(NamedTuple):
    """World positions [m] and unit quaternions x y z w of the 21 joints, in the order of `skeleton.JOINTS`."""

    position: Float64[np.ndarray, "frames 21 3"]
    quaternion: Float64[np.ndarray, "frames 21 4"]


def read_vicon(folder: Path) -> ViconTake:
    """Read both files of one take.

    Raises UserError for a missing, truncated or malformed file, other joints than the 21, values that are not finite,
    quaternions that are not of unit length, and two files that differ in their number of rows.
    """
    position = _read_table(folder / POSITION_FILE, 3) * _METRES_PER_INCH
    quaternion = _read_table(folder / ROTATION_FILE, 4)
    if len(position) != len(quaternion):
        raise UserError(
            f"{folder}: {POSITION_FILE} has {len(position)} rows but {ROTATION_FILE} has {len(quaternion)}; "
            "expected one row a frame in both"
        )
    excess = np.abs(np.linalg.norm(quaternion, axis=-1) - 1)
    if excess.max() > _QUATERNION_TOLERANCE:
        row, joint = np.unravel_index(excess.argmax(), excess.shape)
        length = np.linalg.norm(quaternion[row, joint])
        raise UserError(
            f"{folder / ROTATION_FILE}: the quaternion of {JOINTS[joint]} in row {row + 2} has length {length:.4g}, "
            "expected 1"
        )
    return ViconTake(position, quaternion)


def write_vicon(
    folder: Path, position: Real[np.ndarray, "frames 21 3"], quaternion: Real[np.ndarray, "frames 21 4"]
) -> None:
    """Write both files of one take (positions [m], quaternions x y z w), in six digits; inverse of `read_vicon`."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_table(folder / POSITION_FILE, position / _METRES_PER_INCH)
    _write_table(folder / ROTATION_FILE, quaternion)


def count_frames(folder: Path) -> int:
    """Frames of a take from its position file's lines alone, empty ones aside, without reading numbers."""
    return sum(not line.isspace() for line in (folder / POSITION_FILE).read_bytes().splitlines(keepends=True)) - 1


def _read_table(path: Path, width: int) -> Float64[np.ndarray, "frames 21 width"]:
    import pandas as pd

    try:
        with regular_file(path).open(encoding="utf-8-sig") as file:
            header = file.readline().split()
            columns = len(header) * width
            if sorted(header) != sorted(JOINTS):
                odd = sorted(set(header) ^ set(JOINTS)) or sorted({n for n in header if header.count(n) > 1})
                raise UserError(
                    f"{path}: the first row must name the 21 joints once each; look at {', '.join(odd)[:80]}"
                )
            table = pd.read_csv(file, sep=r"\s+", header=None, dtype=np.float64).to_numpy()
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: no rows after the joint names; expected one a frame") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; a take needs {POSITION_FILE} and {ROTATION_FILE}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    except ValueError as error:  # pandas' own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a table of {columns} numbers a row ({reason})") from None
    numbers = (np.abs(table) < _MOST).sum(1)  # NaN is below nothing
    wrong = numbers != columns
    if wrong.any() or table.shape[1] != columns:
        row = int(wrong.argmax())
        raise UserError(
            f"{path}: row {row + 2} has {numbers[row]} finite numbers, expected {columns}; "
            "the file is truncated or damaged"
        )
    by_name = [header.index(name) for name in JOINTS]
    return table.reshape(-1, len(JOINTS), width)[:, by_name]


def _write_table(path: Path, values: Real[np.ndarray, "frames 21 width"]) -> None:
    row = "".join(["%g " * (values.shape[-1] - 1) + "%g\t"] * len(JOINTS)) + "\n"
    header = "".join(f"{name}\t" for name in JOINTS) + "\n"
    rows = values.reshape(len(values), -1).tolist()
    path.write_text(header + "".join([row % tuple(numbers) for numbers in rows]))
