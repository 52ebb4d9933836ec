"""An error study as a page of Markdown: every table with what it says in a sentence, the plots, the worst moments."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from blaze2cap.learning.diagnosis.error_tables import ALL, AXES, POSE
from blaze2cap.learning.report_plots import TITLES as SYSTEMS

if TYPE_CHECKING:
    import pandas as pd

_GROUPINGS = {
    POSE: "Pose class",
    "side": "Side shown to the camera",
    "camera": "Camera",
    "distance": "Distance [m]",
    "mean_visibility": "Mean visibility of the landmarks",
    "speed": "Mean speed of the true joints around the Hips [m/s]",
    "since_anchor": "Time since the anchor [s]",
    "take": "Take",
}
# Simulated clips have a camera each, which says nothing.
_MOST_GROUPS = 20
_DECIMALS = {"mpjpe_mm": 1, "mpjpe_local_mm": 1, "mare_rad": 3, "mare_root_rad": 3}


def errors_page(report: Mapping[str, Any], tables: "Mapping[str, pd.DataFrame]", pictures: Path, folder: Path) -> str:
    """The page as a file in `folder`, which shows the pictures in `pictures`.

    `report` and `tables` are those of `error_report`; the first system is the one that the page is about.
    """
    place = quote(Path(os.path.relpath(pictures, folder)).as_posix())
    sections = (
        "# Errors in figures",
        "Written by `blaze2cap errors`: changes by hand are lost. The same tables lie beside this page as CSV.",
        _about(report, tables["error_groups"]),
        "## By circumstances",
        f"![Position error by circumstances]({place}/groups.png)",
        *_groups(tables["error_groups"]),
        "## By joint, axis and period",
        f"![Errors by joint and axis, and their spectrum]({place}/axes.png)",
        *_joints(tables["error_joints"]),
        *_spectrum(tables["error_spectrum"], report),
        "## What knowledge would buy",
        f"![How much knowledge lowers the position error]({place}/ceilings.png)",
        *_ceilings(tables["ceilings"], report),
        "## The worst moments",
        f"![The worst moments]({place}/worst_moments.png)",
        *_moments(tables["worst_moments"]),
    )
    return "\n\n".join(sections) + "\n"


def _about(report: Mapping[str, Any], groups: "pd.DataFrame") -> str:
    whole = groups[groups["grouping"] == ALL].to_dict("records")
    errors = ", ".join(f"{_system(row['system'])} {row['mpjpe_mm']:.1f} mm" for row in whole)
    takes = ", ".join(report["takes"]) + (", seen by simulated detections" if report["simulated"] else "")
    trained = ", ".join(report["trained_on"])
    return (
        f"{report['frames']:,} scored frames of {report['clips']} clips of {takes}. The model was trained on {trained} "
        f"({report['steps']} steps). MPJPE: {errors}."
    )


def _groups(groups: "pd.DataFrame") -> list[str]:
    own, *others = list(dict.fromkeys(groups["system"]))
    found = [
        "Pose classes overlap, but for upright and bent; in every other table each frame counts once. Groupings of one "
        f"group or more than {_MOST_GROUPS} stand in error_groups.csv alone. *Frames* and "
        "*error* are shares of all frames and of the summed position error."
    ]
    for grouping, title in _GROUPINGS.items():
        shown = groups[groups["grouping"] == grouping]
        rows = shown[shown["system"] == own]
        if grouping != POSE and not 2 <= len(rows) <= _MOST_GROUPS:
            continue
        beside = [shown[shown["system"] == other]["mpjpe_mm"] for other in others]
        header = [title, "frames", "error", "MPJPE", "local", "MARE", "root"]
        header += [f"{_system(other)}, MPJPE" for other in others]
        cells = [
            [
                str(row["group"]).replace("_", " "),
                f"{100 * row['frame_share']:.1f} %",
                f"{100 * row['error_share']:.1f} %",
                *(_number(row[key], decimals) for key, decimals in _DECIMALS.items()),
                *(f"{column.iloc[place]:.1f}" for column in beside),
            ]
            for place, row in enumerate(rows.to_dict("records"))
        ]
        found.append(_table(header, cells))
    return found


def _joints(joints: "pd.DataFrame") -> list[str]:
    own, *others = list(dict.fromkeys(joints["system"]))
    rows = joints[joints["system"] == own]
    beside = [joints[joints["system"] == other]["mpjpe_mm"] for other in others]
    whole = rows[rows["joint"] == ALL].iloc[0]
    depth = whole["rms_depth_mm"] ** 2 / sum(whole[f"rms_{axis}_mm"] ** 2 for axis in AXES)
    header = ["joint", "MPJPE", "local", "MARE", *(f"rms {axis}" for axis in AXES), *(f"bias {axis}" for axis in AXES)]
    header += [f"{_system(other)}, MPJPE" for other in others]
    cells = [
        [
            row["joint"],
            f"{row['mpjpe_mm']:.1f}",
            f"{row['mpjpe_local_mm']:.1f}",
            _number(row["mare_rad"], 3),
            *(f"{row[f'rms_{axis}_mm']:.0f}" for axis in AXES),
            *(f"{round(row[f'bias_{axis}_mm']):+d}" for axis in AXES),
            *(f"{column.iloc[place]:.1f}" for column in beside),
        ]
        for place, row in enumerate(rows.to_dict("records"))
    ]
    told = (
        f"Depth holds {100 * depth:.0f} % of the squared error. Axes are those of the ray frame, whose z goes through "
        "the true Hips: across and down the image, and depth; bias is the mean error, rms its root mean square [mm]."
    )
    return [told, _table(header, cells)]


def _spectrum(spectrum: "pd.DataFrame", report: Mapping[str, Any]) -> list[str]:
    systems = list(dict.fromkeys(spectrum["system"]))
    shares = {(row["system"], row["period"]): row["share"] for row in spectrum.to_dict("records")}
    periods = list(dict.fromkeys(spectrum["period"]))
    cells = [[period, *(f"{100 * shares[system, period]:.1f} %" for system in systems)] for period in periods]
    slow = ", ".join(f"{_system(system)} {100 * share:.0f} %" for system, share in report["slow_share"].items())
    lag = ", ".join(
        f"{_system(system)} {min(found)} to {max(found)}"
        for system, lags in report["lag_frames"].items()
        for found in [list(lags.values())]
    )
    told = (
        f"Share of the error's power that is slower than 1 s: {slow}. Frames by which the motion comes late, the best "
        f"shift of each clip: {lag}."
    )
    return [told, _table(["period", *map(_system, systems)], cells)]


def _ceilings(ceilings: "pd.DataFrame", report: Mapping[str, Any]) -> list[str]:
    systems, keys = list(dict.fromkeys(ceilings["system"])), list(dict.fromkeys(ceilings["ceiling"]))
    values = {(row["system"], row["pose"], row["ceiling"]): row for row in ceilings.to_dict("records")}
    header = ["what is known", *(f"{_system(system)}, {what}" for system in systems for what in ("MPJPE", "gain"))]
    order = sorted(keys, key=lambda key: -values[systems[0], ALL, key]["gain_mm"])
    cells = [
        [
            report["ceilings"][key]["known"],
            *(f"{values[system, ALL, key][column]:.1f}" for system in systems for column in ("mpjpe_mm", "gain_mm")),
        ]
        for key in order
    ]
    poses = [pose for pose in dict.fromkeys(ceilings["pose"]) if pose != ALL]
    by_pose = [
        [
            report["ceilings"][key]["known"],
            *(f"{values[systems[0], pose, key]['gain_mm']:.1f}" for pose in poses),
        ]
        for key in order
    ]
    definitions = [f"- **{entry['known']}**: {entry['definition']}" for entry in report["ceilings"].values()]
    return [
        "Each row puts one part of the truth into what a system answered; *MPJPE* is what is left over all frames "
        "[mm], *gain* how much less that is. Gains do not add up.",
        _table(header, cells),
        f"Gains of {_system(systems[0])} by pose class [mm]:",
        _table(["what is known", *(pose.replace("_", " ") for pose in poses)], by_pose),
        "\n".join(definitions),
    ]


def _moments(moments: "pd.DataFrame") -> list[str]:
    cells = [
        [
            str(rank),
            f"{row['clip']}, frame {row['frame']} ({row['second']:.2f} s)",
            f"{row['mpjpe_mm']:.0f}",
            f"{row['detector_mm']:.0f}",
            row["pose"].replace("_", " ").replace("+", ", "),
            f"{row['visibility']:.2f}",
            row["cause"],
        ]
        for rank, row in enumerate(moments.to_dict("records"), start=1)
    ]
    told = (
        "Distinct moments: at least 3 s apart in a clip, and none more than twice from several cameras. *Raw* is the "
        "MPJPE of the 12 raw limb landmarks with their viewing ray undone, and in brackets that of a limb's three."
    )
    return [told, _table(["", "moment", "MPJPE", "raw", "pose", "visibility", "what the facts say"], cells)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float, decimals: int) -> str:
    return "-" if value != value else f"{value:.{decimals}f}"


def _system(name: str) -> str:
    return SYSTEMS.get(name, name)
