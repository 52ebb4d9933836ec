"""The table that an evaluation ends with: systems in rows, headline figures in columns, one block per part.

Below all frames, the bent poses alone; what is not worked out for them has a dash.
"""

import sys
from typing import Any

from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.headline import BASELINE, HARD
from blaze2cap.learning.measure import STAND_INS
from blaze2cap.learning.report_plots import TITLES

COLUMNS = {
    "mpjpe_mm": ("MPJPE", "mm"),
    "mpjpe_local_mm": ("local", "mm"),
    "pa_mpjpe_mm": ("PA", "mm"),
    "mpjpe_12_mm": ("12 joints", "mm"),
    "mare_rad": ("MARE", "rad"),
    "mare_global_rad": ("global", "rad"),
    "mare_root_rad": ("root", "rad"),
    "acceleration_error_mm_per_frame2": ("accel", "mm/f2"),
    "jitter_ratio": ("jitter", "ratio"),
    "root_drift_1s_mm": ("drift 1s", "mm"),
}
STAND_IN_COLUMNS = {
    "mpjpe_local_standard_bones_mm": ("local, std bones", "mm"),
    "mare_root_delta_rad": ("root turns", "rad"),
    "acceleration_error_standard_bones_mm_per_frame2": ("accel, std bones", "mm/f2"),
    "jitter_standard_bones_ratio": ("jitter, std bones", "ratio"),
}
"""Columns for what stands in for a figure that the truth is not known well enough for."""

_NOTED = ("mpjpe_mm", "mpjpe_local_mm", "mare_rad", STAND_INS["mpjpe_mm"])
_DECIMALS = {"mm": 1, "rad": 3, "mm/f2": 1, "ratio": 2}


def print_summary(report: dict[str, Any]) -> None:
    """Print the headline figures of every part: a drawn table in a terminal, aligned columns otherwise."""
    for part, figures in report.items():
        if sys.stdout.isatty():
            _draw(part, figures)
        else:
            print("\n" + plain_table(part, figures))


def plain_table(part: str, figures: dict[str, Any]) -> str:
    """The table of one part as aligned text."""
    names, units = zip(*_columns(figures).values(), strict=True)
    header = [("", *names), ("", *units)]
    rows = [*header, *_rows(figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join([_title(part, figures), *lines, _note(figures)])


def _draw(part: str, figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=_title(part, figures), caption=_note(figures), title_justify="left", caption_justify="left")
    table.add_column("")
    for name, unit in _columns(figures).values():
        table.add_column(f"{name}\n[dim]{unit}[/dim]", justify="right")
    for row in _rows(figures):
        table.add_row(*row, style="bold" if row[0] == TITLES[MODEL] else None)
    Console().print(table)


def _rows(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    systems = {MODEL: figures, **figures["baseline"]}
    rows = [(TITLES.get(name, name), values) for name, values in systems.items()]
    rows += [
        (f"{TITLES[name]}, {HARD}", systems[name]["by_pose"][HARD])
        for name in (MODEL, BASELINE)
        if HARD in systems.get(name, {}).get("by_pose", {})
    ]
    columns = _columns(figures)
    return [(title, *(_cell(values.get(key), unit) for key, (_, unit) in columns.items())) for title, values in rows]


def _columns(figures: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Columns of a part: figures that are left out give way to what stands in for them."""
    left_out = figures.get("left_out", {})
    shown = dict.fromkeys(STAND_INS.get(key) if key in left_out else key for key in COLUMNS)
    return {key: (COLUMNS | STAND_IN_COLUMNS)[key] for key in shown if key is not None}


def _cell(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.{_DECIMALS[unit]}f}"


def _title(part: str, figures: dict[str, Any]) -> str:
    share = f"{100 * figures['detected_share']:.0f} % of frames with a detection"
    counts = [f"{figures[key]} {key if figures[key] > 1 else key[:-1]}" for key in ("takes", "clips", "frames")]
    return f"{part}: {', '.join(counts)} scored, {share}"


def _note(figures: dict[str, Any]) -> str:
    interval = figures["interval"]
    ends = [
        f"{name} {low:.{_DECIMALS[unit]}f} to {high:.{_DECIMALS[unit]}f}"
        for key, (name, unit) in _columns(figures).items()
        if key in _NOTED and key in interval
        for low, high in [interval[key]]
    ]
    note = f"model, {100 * interval['level']:.0f} % intervals ({interval['method']}): {', '.join(ends) or 'none'}"
    left_out = [COLUMNS[key][0] for key in figures.get("left_out", {}) if key in COLUMNS]
    if not left_out:
        return note
    return f"{note}\nleft out, as the root's absolute pose or the bones are not known: {', '.join(left_out)}"
