"""Tables of an error study: by circumstances, by joint, by axis and period, and what knowledge would buy."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from blaze2cap.body.pose_class import POSE_CLASSES
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.body.viewpoint import SIDES
from blaze2cap.learning.diagnosis.ceiling import CEILINGS
from blaze2cap.learning.diagnosis.error_analysis import KEYS, ErrorStudy
from blaze2cap.learning.diagnosis.error_spectrum import BAND_NAMES
from blaze2cap.learning.evaluation import figure
from blaze2cap.learning.measure import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

ALL = "all"
POSE = "pose"
PARTITIONS = ("side", "camera", "distance", "mean_visibility", "speed", "since_anchor", "take")
"""Groupings in which every frame is in exactly one group. Pose classes overlap but for `upright` and `bent`."""

AXES = ("across", "down", "depth")
"""Axes of the ray frame: x, y and z."""


def grouped_errors(study: ErrorStudy) -> "pd.DataFrame":
    """Figures of each system over groups of frames: system, grouping, group, frames, frame_share, error_share, figures.

    `error_share` is the group's share of the summed position error. A group without frames has no row.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for system, figures in study.figures.items():
        error = figures["mpjpe_mm"].value.sum()
        for grouping, group, inside in groups(study):
            rows.append(
                {
                    "system": system,
                    "grouping": grouping,
                    "group": group,
                    "frames": int(inside.sum()),
                    "frame_share": float(inside.mean()),
                    "error_share": float(figures["mpjpe_mm"].value[inside].sum() / error) if error > 0 else 0.0,
                    **{key: figure(figures[key], inside) for key in KEYS},
                }
            )
    return pd.DataFrame(rows)


def groups(study: ErrorStudy) -> list[tuple[str, str, np.ndarray]]:
    """Grouping, group and its frames: all of them, pose classes, and the partitions, each in its natural order."""
    frames = study.frames
    found = [(ALL, ALL, np.ones(len(frames), dtype=bool))]
    found += [(POSE, name, frames[name].to_numpy()) for name in POSE_CLASSES]
    for grouping in PARTITIONS:
        column = frames[grouping].to_numpy()
        found += [(grouping, group, column == group) for group in sorted(set(column), key=_place)]
    return [entry for entry in found if entry[2].any()]


def joint_errors(study: ErrorStudy) -> "pd.DataFrame":
    """Position errors of each system's joints: system, joint, figures, and on each axis of the ray frame bias and rms.

    A joint is "all" for the mean over joints; biases of "all" are means over frames and joints.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for system, figures in study.figures.items():
        every = np.ones(len(study.frames), dtype=bool)
        for joint in (ALL, *JOINTS):
            columns = slice(None) if joint == ALL else JOINTS.index(joint)
            error = study.ray_error[system][:, columns].reshape(-1, 3).astype(float)
            known = {
                key: figure(figures[key], every, columns if joint == ALL else COLUMNS[key].index(joint))
                for key in KEYS[:-1]
                if joint == ALL or joint in COLUMNS[key]
            }
            bias, rms = error.mean(0), np.sqrt(np.square(error).mean(0))
            rows.append(
                {
                    "system": system,
                    "joint": joint,
                    **{key: known.get(key, float("nan")) for key in KEYS[:-1]},
                    **{f"bias_{axis}_mm": value for axis, value in zip(AXES, bias.tolist(), strict=True)},
                    **{f"rms_{axis}_mm": value for axis, value in zip(AXES, rms.tolist(), strict=True)},
                }
            )
    return pd.DataFrame(rows)


def spectrum_table(study: ErrorStudy) -> "pd.DataFrame":
    """Share of the error's power in each band of periods: system, period, share."""
    import pandas as pd

    rows = [
        {"system": system, "period": name, "share": float(value / max(power.sum(), 1e-12))}
        for system, power in study.power.items()
        for name, value in zip(BAND_NAMES, power, strict=True)
    ]
    return pd.DataFrame(rows)


def ceiling_table(study: ErrorStudy) -> "pd.DataFrame":
    """What each ceiling leaves, over all frames and each pose class: system, pose, ceiling, frames, mpjpe_mm, gain_mm.

    `gain_mm` is how much less that is than the system's own MPJPE over the same frames.
    """
    import pandas as pd

    rows = []
    for system, left in study.ceilings.items():
        for grouping, group, inside in groups(study):
            if grouping in (ALL, POSE):
                own = figure(study.figures[system]["mpjpe_mm"], inside)
                for key in CEILINGS:
                    value = float(left[key][inside].mean(dtype=float))
                    rows.append((system, group, key, int(inside.sum()), value, own - value))
    return pd.DataFrame(rows, columns=["system", "pose", "ceiling", "frames", "mpjpe_mm", "gain_mm"])


def _place(group: str) -> tuple[float, str]:
    """Sides in their order around the person, numbers and bins by where they begin, other names by letter."""
    if group in SIDES:
        return float(SIDES.index(group)), ""
    start = re.match(r"\d+\.?\d*", group)
    return (float(start[0]), "") if start else (0.0, group)
