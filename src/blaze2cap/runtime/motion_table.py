"""An animation as numbers for one's own programs: arrays in an .npz, or one row a frame in a .csv.

Lengths in metres, angles in radians, quaternions x y z w; axes as in `animation`. docs/predict.md names every array
and column.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from blaze2cap.body.skeleton import JOINTS, PARENTS
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.continuous_quaternion import continuous_quaternions


def write_npz(path: Path, animation: Animation) -> None:
    """Write an animation as named arrays, none of them pickled."""
    arrays: dict[str, Any] = {
        "joint_names": np.array(JOINTS),
        "parents": np.array(PARENTS, np.int64),
        "fps": np.float64(animation.fps),
        "offset": animation.offset.astype(np.float32),
        "end_names": np.array(END_JOINTS),
        "end_offset": animation.end.astype(np.float32),
        "local_quaternion": continuous_quaternions(animation.rotation).astype(np.float32),
        "root_position": animation.root_position.astype(np.float32),
        "joint_position": animation.joint_positions().astype(np.float32),
        "valid": animation.valid,
        "deviation_rad": animation.deviation.astype(np.float32),
        "camera_tilt_deg": np.float64(animation.camera_tilt_deg),
    }
    # An open file: given a name, numpy would append a suffix of its own.
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def write_csv(path: Path, animation: Animation) -> None:
    """Write an animation as a table: frame, time, valid, then of each joint position, quaternion and deviation."""
    frames = len(animation.valid)
    known = (
        animation.joint_positions(), continuous_quaternions(animation.rotation), animation.deviation[..., None]
    )  # fmt: skip
    numbers = np.concatenate(known, axis=-1).reshape(frames, -1)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(csv_columns())
        for frame, valid, row in zip(range(frames), animation.valid.tolist(), numbers, strict=True):
            rows.writerow((frame, f"{frame / animation.fps:.6f}", int(valid), *(f"{number:.6f}" for number in row)))


def csv_columns() -> list[str]:
    """Names of the columns, in their order."""
    of_joint = [f"{part}_m" for part in "xyz"] + [f"q{part}" for part in "xyzw"] + ["deviation_rad"]
    return ["frame", "time_s", "valid", *(f"{joint}_{column}" for joint in JOINTS for column in of_joint)]
