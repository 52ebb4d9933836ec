"""Learning curves: a table, a plot, and the figures that stand in git."""

from pathlib import Path
from typing import Any

from blaze2cap.data.schema import write_table
from blaze2cap.learning.plot_file import new_plot, save_plot
from blaze2cap.learning.training import Row


def write_curves(folder: Path, curves: list[Row]) -> None:
    """Write curves.csv (a row per validation) and curves.png (training against validation, a panel per loss)."""
    import pandas as pd

    table = pd.DataFrame(curves).astype({"step": int})
    write_table(table, folder / "curves.csv", "curves")
    losses = [name.removeprefix("train_") for name in curves[0] if name.startswith("train_")]
    _plot(folder / "curves.png", curves, losses)


def summary(curves: list[Row]) -> dict[str, Any]:
    """Figures for metrics/train.json: the loss at the end, and the step and loss where validation was best.

    The terms of the loss stand in curves.csv.
    """
    report: dict[str, Any] = {"steps": int(curves[-1]["step"]), "last": _losses(curves[-1])}
    validated = [row for row in curves if "val_loss" in row]
    if validated:
        best = min(validated, key=lambda row: row["val_loss"])
        report |= {"best_step": int(best["step"]), "best": _losses(best)}
    return report


def _losses(row: Row) -> Row:
    return {name: row[name] for name in ("train_loss", "val_loss") if name in row}


def _plot(path: Path, curves: list[Row], names: list[str]) -> None:
    rows = -(-len(names) // 4)
    figure = new_plot(12, 2.7 * rows)
    for place, name in enumerate(names, start=1):
        # A log-likelihood falls below 0.
        positive = all(row.get(f"{part}_{name}", 1.0) > 0 for part in ("train", "val") for row in curves)
        scale = "log" if positive else "linear"
        axes = figure.add_subplot(rows, 4, place, title=name, xlabel="step", yscale=scale)
        for part, label in (("train", "training (augmented)"), ("val", "validation")):
            points = [(row["step"], row[f"{part}_{name}"]) for row in curves if f"{part}_{name}" in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=label)
        if place == 1:
            axes.legend()
    save_plot(figure, path)
