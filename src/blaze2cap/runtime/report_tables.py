"""Tables and lists of an evaluation's page."""

import html
from collections.abc import Mapping
from typing import Any

from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.report_plots import TITLES
from blaze2cap.learning.table import COLUMNS

POSES = {"upright": "upright", "bent": "bent", "back": "from behind", "arms_hidden": "arms hidden"}
# The figures of pose classes in the table below their charts.
_POSE_FIGURES = ("mpjpe_mm", "mpjpe_local_mm", "mare_rad")
_DECIMALS = {"mm": 1, "rad": 3, "mm/f2": 2, "ratio": 2}
_UNITS = {"mm/f2": "mm/frame²", "ratio": "truth = 1"}
# So many faults are shown at once; more are folded away.
_OPEN = 12


def systems_table(figures: Mapping[str, Any]) -> str:
    """The model, the model on people it has and has not seen in training, and the baselines, with intervals."""
    rows = [(TITLES[MODEL], figures, True)]
    for group, name in (("seen", "people seen in training"), ("unseen", "people not seen")):
        if "seen" in figures and "unseen" in figures:
            rows.append((f"{TITLES[MODEL]}, {name}", figures[group], False))
    rows += [(TITLES.get(name, name), values, False) for name, values in figures["baseline"].items()]
    heads = "".join(
        f"<th scope=col>{html.escape(name)}<small>{html.escape(_UNITS.get(unit, unit))}</small></th>"
        for name, unit in COLUMNS.values()
    )
    body = "".join(
        f"<tr{' class=own' if own else ''}><th scope=row>{html.escape(name)}</th>"
        + "".join(_cell(values, key, unit) for key, (_, unit) in COLUMNS.items())
        + "</tr>"
        for name, values, own in rows
    )
    return (
        '<div class="scroll" tabindex=0 role=region aria-label="Figures of all systems"><table class="figures">'
        f"<thead><tr><th scope=col>system</th>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def pose_table(figures: Mapping[str, Any], baseline: str) -> str:
    """Pose classes in rows, the model beside a baseline in columns, the model's intervals below its figures."""
    systems = {MODEL: figures["by_pose"], baseline: figures["baseline"][baseline]["by_pose"]}
    columns = [(*COLUMNS[key], TITLES[system]) for key in _POSE_FIGURES for system in systems]
    heads = "".join(
        f"<th scope=col>{html.escape(name)}, {html.escape(system)}<small>{unit}</small></th>"
        for name, unit, system in columns
    )
    body = "".join(
        f"<tr><th scope=row>{html.escape(POSES.get(pose, pose))}</th><td>{found['frames']:,}</td>"
        f"<td>{100 * found['share']:.1f} %</td>"
        + "".join(_cell(poses[pose], key, COLUMNS[key][1]) for key in _POSE_FIGURES for poses in systems.values())
        + "</tr>"
        for pose, found in figures["by_pose"].items()
    )
    return (
        '<div class="scroll"><table><thead><tr><th scope=col>pose</th><th scope=col>frames</th><th scope=col>share</th>'
        f"{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def fault_list(preprocessing: Mapping[str, Any]) -> str:
    """What was left out and what is suspicious, each in a sentence; none of a kind is said as well."""
    left_out = "".join(f"<li>{html.escape(fault['sentence'])}</li>" for fault in preprocessing["faults"]["left_out"])
    return (
        "<h3>Recordings left out</h3>"
        + (f"<ul>{left_out}</ul>" if left_out else "<p>Every recording could be read.</p>")
        + f"<h3>Suspicious data</h3>{_fault_table(preprocessing['data_faults'])}"
    )


def definitions(values: Mapping[str, str]) -> str:
    """Names and what they stand for."""
    entries = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in values.items())
    return f"<dl>{entries}</dl>"


def _cell(values: Mapping[str, Any], key: str, unit: str) -> str:
    if key not in values:
        return "<td>-</td>"
    decimals = _DECIMALS[unit]
    low, high = values.get("interval", {}).get(key, (None, None))
    interval = "" if low is None else f"<small>{low:.{decimals}f} to {high:.{decimals}f}</small>"
    return f"<td>{values[key]:.{decimals}f}{interval}</td>"


def _fault_table(faults: Mapping[str, Any]) -> str:
    if not faults["list"]:
        return "<p>None.</p>"
    counts = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in faults["by_kind"].items() if count)
    rows = "".join(
        f"<tr><td>{html.escape(fault['kind'].replace('_', ' '))}</td><td>{html.escape(fault['where'])}</td>"
        f"<td>{fault['value']:.4g} {html.escape(fault['unit'])}</td><td>{fault['threshold']:.4g}</td>"
        f"<td>{html.escape(fault['sentence'])}</td></tr>"
        for fault in faults["list"]
    )
    heads = "".join(f"<th scope=col>{name}</th>" for name in ("kind", "where", "value", "threshold", "what it is"))
    opened = " open" if faults["count"] <= _OPEN else ""
    return (
        f"<details{opened}><summary>{faults['count']}: {html.escape(counts)}</summary>"
        f'<div class="scroll"><table class="words"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</details>"
    )
