"""An evaluation as one page: figures, joints, groups, poses, curves, clips that move, faults, provenance."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.headline import BASELINE
from blaze2cap.learning.report_plots import COLOURS, TITLES
from blaze2cap.learning.table import COLUMNS
from blaze2cap.runtime.charts import Series, bars, body_map, grouped_bars, line_chart
from blaze2cap.runtime.page import page
from blaze2cap.runtime.report_tables import POSES, definitions, fault_list, pose_table, systems_table
from blaze2cap.runtime.viewer import Scene, viewer

_TRAIN_COLOUR, _VAL_COLOUR = "#999999", COLOURS[MODEL]
# The figures drawn for groups of frames, with their decimals.
_GROUP_FIGURES = (("mpjpe_mm", 1), ("mare_rad", 3))
_GROUPS = {"by_subject": "subject", "by_action": "action", "by_camera": "camera"}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that a page on one part of an evaluation shows."""

    part: str
    figures: Mapping[str, Any]
    """The part of metrics/evaluate.json."""
    curves: Sequence[Mapping[str, float]]
    """Rows of metrics/train/curves.csv."""
    preprocessing: Mapping[str, Any]
    """metrics/preprocess.json."""
    clips: Mapping[str, Sequence[tuple[str, Scene]]]
    """Clips to look at, under headings, each with a caption."""
    provenance: Mapping[str, str]
    notes: Sequence[str] = ()
    """Sentences that a reader must know before the figures."""


def report_page(evaluation: Evaluation) -> str:
    """The page, with everything in it."""
    title = f"Evaluation: {evaluation.part} part"
    notes = "".join(f"<p><strong>{html.escape(note)}</strong></p>" for note in evaluation.notes)
    sections = (
        _section("figures", "Figures", _figures(evaluation)),
        _section("clips", "Best, median and worst clips", _clips(evaluation)),
        _section("joints", "Error by joint", _joints(evaluation.figures["by_joint"])),
        _section("groups", "Error by subject, action and camera", _groups(evaluation.figures)),
        _section("poses", "Error by pose", _poses(evaluation.figures)),
        _section("curves", "Learning curves", _curves(evaluation.curves)),
        _section("faults", "Faults found in the data", fault_list(evaluation.preprocessing)),
        _section("provenance", "Where this comes from", definitions(evaluation.provenance)),
    )
    body = f'<main class="report">\n<header><h1>{html.escape(title)}</h1>\n{_summary(evaluation)}{notes}</header>\n'
    return page(title, body + "\n".join(sections) + "\n</main>", style="report.css")


def _section(name: str, title: str, content: str) -> str:
    return f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>\n{content}\n</section>'


def _summary(evaluation: Evaluation) -> str:
    figures = evaluation.figures
    counted = f"{figures['frames']:,} frames of {figures['clips']} clips of {figures['takes']} takes"
    shares = f"a person was detected in {100 * figures['detected_share']:.0f} % of all frames"
    if figures["rejected_share"] > 0:
        shares += f", and was somebody else in {100 * figures['rejected_share']:.1f} %"
    return f"<p>{counted}; {shares}.</p>"


def _figures(evaluation: Evaluation) -> str:
    note = (
        "Lower is better, but for jitter, where the truth has 1. Small: intervals of "
        f"{100 * evaluation.figures['interval']['level']:.0f} % ({evaluation.figures['interval']['method']})."
    )
    return f'{systems_table(evaluation.figures)}<p class="note">{html.escape(note)}</p>'


def _joints(by_joint: Mapping[str, Mapping[str, float]]) -> str:
    maps = "".join(
        body_map(title, {joint: values[key] for joint, values in by_joint.items() if key in values}, unit, decimals)
        for key, title, unit, decimals in (
            ("mpjpe_mm", "MPJPE [mm]", "mm", 0),
            ("mare_rad", "MARE [rad]", "rad", 2),
        )
    )
    about = (
        "The model's body seen from the front, so its right side is on the left. MPJPE: distance to the true position, "
        "with the hips, hollow, in one place. MARE: angle between predicted and true rotation in the parent's frame."
    )
    rows = "".join(
        f"<tr><th scope=row>{html.escape(joint)}</th>"
        + "".join(
            f"<td>{values[key]:.{decimals}f}</td>" if key in values else "<td>-</td>"
            for key, decimals in (("mpjpe_mm", 1), ("mpjpe_local_mm", 1), ("mare_rad", 3), ("mare_global_rad", 3))
        )
        + "</tr>"
        for joint, values in by_joint.items()
    )
    heads = "".join(
        f"<th scope=col>{name}<small>{unit}</small></th>"
        for name, unit in (("MPJPE", "mm"), ("root aligned", "mm"), ("MARE", "rad"), ("global", "rad"))
    )
    table = f"<table><thead><tr><th scope=col>joint</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return (
        f'<div class="grid maps">{maps}</div><p class="note">{about}</p>'
        f'<details><summary>As a table</summary><div class="scroll">{table}</div></details>'
    )


def _groups(figures: Mapping[str, Any]) -> str:
    charts = []
    for group, name in _GROUPS.items():
        for key, decimals in _GROUP_FIGURES:
            values = {entry: found[key] for entry, found in figures[group].items() if key in found}
            if values:
                title, unit = COLUMNS[key]
                drawn = bars(values, unit, decimals, COLOURS[MODEL])
                charts.append(f"<div><h3>{title} by {name} [{unit}]</h3>{drawn}</div>")
    return f'<div class="grid">{"".join(charts)}</div>'


def _poses(figures: Mapping[str, Any]) -> str:
    found = {MODEL: figures["by_pose"], BASELINE: figures["baseline"][BASELINE]["by_pose"]}
    colours = {TITLES[system]: COLOURS[system] for system in found}
    charts = []
    for key, decimals in _GROUP_FIGURES:
        # A class whose rotations are all not to be believed has no angle.
        groups = {
            POSES.get(pose, pose): {TITLES[system]: poses[pose][key] for system, poses in found.items()}
            for pose, values in figures["by_pose"].items()
            if key in values
        }
        if not groups:
            continue
        title, unit = COLUMNS[key]
        charts.append(f"<div><h3>{title} [{unit}]</h3>{grouped_bars(groups, unit, decimals, colours)}</div>")
    about = (
        "Upright and bent (trunk tilted by more than 45 degrees, or hips below 0.6 m) make up all frames; seen from "
        "behind, and with an elbow and wrist of one arm hidden, can be either. A class that no frame shows is not here."
    )
    return (
        f'<p>{_key(colours)}</p><div class="grid">{"".join(charts)}</div><p class="note">{about}</p>'
        f"<details><summary>As a table, with intervals</summary>{pose_table(figures, BASELINE)}</details>"
    )


def _key(colours: Mapping[str, str]) -> str:
    return "".join(
        f'<span class="key"><i style="background:{colour}"></i>{html.escape(label)}</span>'
        for label, colour in colours.items()
    )


def _curves(rows: Sequence[Mapping[str, float]]) -> str:
    names = list(dict.fromkeys(key.removeprefix("train_") for row in rows for key in row if key.startswith("train_")))
    charts = [line_chart(name, _lines(rows, name), "step") for name in names]
    key = _key({"training (augmented)": _TRAIN_COLOUR, "validation": _VAL_COLOUR})
    return f'<p>{key}</p><div class="grid">{"".join(charts)}</div>'


def _lines(rows: Iterable[Mapping[str, float]], name: str) -> list[Series]:
    lines = []
    for part, label, colour in (("train", "training", _TRAIN_COLOUR), ("val", "validation", _VAL_COLOUR)):
        points = [
            (row["step"], row[f"{part}_{name}"])
            for row in rows
            if f"{part}_{name}" in row and math.isfinite(row[f"{part}_{name}"])
        ]
        lines.append(Series(label, colour, [x for x, _ in points], [y for _, y in points]))
    return lines


def _clips(evaluation: Evaluation) -> str:
    about = (
        "<p>All clips are ranked by the model's MPJPE; of each of these, a stretch is shown whose error "
        "is close to the whole clip's, first seen from its camera. Drag to turn; the space bar plays and pauses.</p>"
    )
    groups = "".join(
        f'<h3>{html.escape(heading)}</h3><div class="grid viewers">'
        + "".join(viewer(scene, caption) for caption, scene in scenes)
        + "</div>"
        for heading, scenes in evaluation.clips.items()
    )
    return about + groups
