"""The table that an evaluation ends with: systems in rows, headline figures in columns, one block per part.

Below all frames, the bent poses alone; what is not worked out for them has a dash.
"""

import sys
from typing import Any

from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.headline import BASELINE, HARD
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
    header = [("", *(name for name, _ in COLUMNS.values())), ("", *(unit for _, unit in COLUMNS.values()))]
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
    for name, unit in COLUMNS.values():
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
    return [(title, *(_cell(values.get(key), unit) for key, (_, unit) in COLUMNS.items())) for title, values in rows]


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
        for key, (name, unit) in COLUMNS.items()
        if key in ("mpjpe_mm", "mpjpe_local_mm", "mare_rad") and key in interval
        for low, high in [interval[key]]
    ]
    return f"model, {100 * interval['level']:.0f} % intervals ({interval['method']}): {', '.join(ends)}"
