"""The study's result: every cell in one table, and accuracy against smoothness with the spread over seeds."""

import json
from pathlib import Path

import pandas as pd
import typer

from blaze2cap.params import read_yaml

TITLES = {
    "mpjpe_mm": "MPJPE [mm]",
    "mare_rad": "MARE [rad]",
    "acceleration_error_mm_per_frame2": "acceleration error [mm/frame²]",
    "jitter_ratio": "jitter, truth = 1",
}


def main(cells: Path, table: Path, plot: Path, params_file: Path = Path("params.yaml")) -> None:
    """Collect the study's CELLS into TABLE, a row each, and draw PLOT; cells of an earlier matrix may lie beside."""
    study = read_yaml(params_file)["study"]
    names = [f"smooth{smooth}_seed{seed}.json" for smooth in study["smooth"] for seed in study["seed"]]
    results = pd.DataFrame([json.loads((cells / name).read_text()) for name in names])
    results.to_csv(table, index=False, lineterminator="\n")
    draw(results, plot)
    print(summary(results).to_string())


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over seeds for every weight."""
    return results.groupby("smooth")[list(TITLES)].agg(["mean", "std"]).round(4)


def draw(results: pd.DataFrame, path: Path) -> None:
    """Left: accuracy against smoothness, a cross for each weight. Right: each figure against the weight."""
    from matplotlib.figure import Figure

    by_weight = results.groupby("smooth")
    mean, spread = by_weight.mean(), by_weight.std()
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    figure.suptitle(f"Weight of loss.smooth: mean and standard deviation over {results.seed.nunique()} seeds")
    panels = figure.subplot_mosaic([["against", "mpjpe_mm"], ["against", "jitter_ratio"]])
    x, y = "jitter_ratio", "mpjpe_mm"
    panels["against"].set(xlabel=TITLES[x], ylabel=TITLES[y])
    panels["against"].scatter(results[x], results[y], s=12, color="#999999", label="one seed")
    panels["against"].errorbar(
        mean[x], mean[y], spread[y], spread[x], fmt="o", color="#0072B2", capsize=3, label="mean"
    )
    for weight, at in mean.iterrows():
        panels["against"].annotate(f"{weight:g}", (at[x], at[y]), xytext=(6, 6), textcoords="offset points")
    panels["against"].legend()
    for key in (y, x):
        panels[key].errorbar(range(len(mean)), mean[key], spread[key], fmt="o-", color="#0072B2", capsize=3)
        panels[key].set_xticks(range(len(mean)), [f"{weight:g}" for weight in mean.index])
        panels[key].set(xlabel="loss.smooth", ylabel=TITLES[key])
    for axes in panels.values():
        axes.grid(alpha=0.3)
    # No software version or date, so that the same figures give the same bytes.
    figure.savefig(path, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    typer.run(main)
