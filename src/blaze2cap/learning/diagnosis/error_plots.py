"""Plots of an error study: where the error is, how slow it is, and what knowledge would buy."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blaze2cap.learning.diagnosis.ceiling import TITLES
from blaze2cap.learning.diagnosis.error_tables import ALL, AXES
from blaze2cap.learning.plot_file import new_plot, save_plot
from blaze2cap.learning.report_plots import COLOURS
from blaze2cap.learning.report_plots import TITLES as SYSTEMS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Groupings as they are drawn, with what their axis says.
_PANELS = {
    "pose": "pose class",
    "side": "side shown to the camera",
    "camera": "camera",
    "distance": "distance [m]",
    "mean_visibility": "mean visibility",
    "speed": "mean speed of the joints [m/s]",
    "since_anchor": "time since the anchor [s]",
}
# Simulated clips have a camera each, which says nothing.
_MOST_GROUPS = 20
_AXIS_COLOURS = ("#56B4E9", "#009E73", "#D55E00")


def write_error_plots(folder: Path, tables: dict[str, "pd.DataFrame"]) -> list[Path]:
    """Write groups, axes and ceilings.png; their paths."""
    plots = {
        "groups": plot_groups(tables["error_groups"]),
        "axes": plot_axes(tables["error_joints"], tables["error_spectrum"]),
        "ceilings": plot_ceilings(tables["ceilings"]),
    }
    paths = [folder / f"{name}.png" for name in plots]
    for path, plot in zip(paths, plots.values(), strict=True):
        save_plot(plot, path, colours=32)
    return paths


def plot_groups(groups: "pd.DataFrame") -> "Figure":
    """MPJPE over groups of frames, a panel per grouping, with the share of the frames behind."""
    plot = new_plot(12.5, 6.4)
    plot.suptitle("Position error by circumstances [mm]; grey, of the full height: share of the frames")
    for place, (grouping, label) in enumerate(_PANELS.items(), start=1):
        axes = plot.add_subplot(2, 4, place, xlabel=label)
        shown = groups[groups["grouping"] == grouping]
        names = list(dict.fromkeys(shown["group"]))
        if len(names) > _MOST_GROUPS:
            axes.set_axis_off()
            continue
        shares = axes.twinx()
        for number, (system, rows) in enumerate(shown.groupby("system", sort=False)):
            if number == 0:
                shares.bar(range(len(names)), rows["frame_share"], color="#DDDDDD", width=0.9)
            axes.plot(range(len(names)), rows["mpjpe_mm"], marker="o", **_look(str(system)))
        shares.set_ylim(0, 1)
        shares.set_yticks([])
        axes.set_zorder(shares.get_zorder() + 1)
        axes.patch.set_visible(False)
        axes.set_xticks(
            range(len(names)), [name.replace("_", " ") for name in names], rotation=40, ha="right", fontsize=8
        )
        _plain(axes)
        shares.spines[:].set_visible(False)
    key = plot.add_subplot(2, 4, len(_PANELS) + 1)
    key.set_axis_off()
    key.legend(*axes.get_legend_handles_labels(), loc="center")
    return plot


def plot_axes(joints: "pd.DataFrame", spectrum: "pd.DataFrame") -> "Figure":
    """Rms error along each axis of the ray frame by joint, the first system's, and the spectrum of all systems."""
    plot = new_plot(11, 4.6)
    system = str(joints["system"].iloc[0])
    shown = joints[(joints["system"] == system) & (joints["joint"] != ALL)]
    left, right = plot.subplots(1, 2, width_ratios=(3, 2))
    place = np.arange(len(shown))
    for number, (axis, colour) in enumerate(zip(AXES, _AXIS_COLOURS, strict=True)):
        left.bar(place + 0.27 * (number - 1), shown[f"rms_{axis}_mm"], 0.27, label=axis, color=colour)
    left.set_xticks(place, shown["joint"], rotation=60, ha="right", fontsize=8)
    left.set_title(f"{SYSTEMS.get(system, system)}: rms error along the axes of the ray frame [mm]", fontsize=10)
    left.legend()
    for name, rows in spectrum.groupby("system", sort=False):
        right.plot(rows["period"], 100 * rows["share"], marker="o", **_look(str(name)))
    right.set_title("power of the error by its period [%]", fontsize=10)
    right.tick_params(axis="x", rotation=60, labelsize=8)
    right.legend()
    for axes in (left, right):
        _plain(axes)
    return plot


def plot_ceilings(ceilings: "pd.DataFrame") -> "Figure":
    """How far the MPJPE over all frames falls with each piece of knowledge, systems side by side."""
    plot = new_plot(9, 6.2)
    axes = plot.add_subplot(title="How much knowledge lowers the position error [mm]")
    shown = ceilings[ceilings["pose"] == ALL]
    systems = list(dict.fromkeys(shown["system"]))
    order = shown[shown["system"] == systems[0]].sort_values("gain_mm")["ceiling"].tolist()
    height = 0.8 / len(systems)
    for number, system in enumerate(systems):
        gain = shown[shown["system"] == system].set_index("ceiling")["gain_mm"].reindex(order)
        place = np.arange(len(order)) - number * height
        bars = axes.barh(place, gain, height, **_look(system))
        axes.bar_label(bars, [f"{value:.1f}" for value in gain], padding=3, fontsize=8)
    axes.set_yticks(np.arange(len(order)) - 0.4 + height / 2, [TITLES[key] for key in order])
    axes.axvline(0, color="#222222", linewidth=0.8)
    axes.margins(x=0.12)
    axes.legend(loc="lower right")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return plot


def _look(system: str) -> dict[str, Any]:
    return {"label": SYSTEMS.get(system, system), "color": COLOURS.get(system)}


def _plain(axes: "Axes") -> None:
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
