"""A training as a stage runs it: with its progress shown, and its outputs written by the first of its processes."""

from collections.abc import Callable
from pathlib import Path

from blaze2cap.data.report import write_report
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.learning.curves import summary, write_curves
from blaze2cap.learning.data_parallel import ALONE, Group
from blaze2cap.learning.fit import Fitted, Report
from blaze2cap.learning.progress import training_progress
from blaze2cap.learning.resume import finish


def train_and_write(
    fitted: Callable[[Report, Group], Fitted], model: Path, metrics: Path, plots: Path | None, group: Group = ALONE
) -> None:
    """Train by `fitted`, a `fit` that lacks only its last two arguments; write checkpoint, report and learning curves.

    Raises UserError as `fit` does.
    """
    with training_progress(shown=group.first) as report:
        checkpoint, curves, folder = fitted(report, group)
    if not group.first:
        return
    save_checkpoint(model, checkpoint)
    if plots:
        write_curves(plots, curves)
    write_report(metrics, summary(curves))
    # What a kill before this would have lost, the next run finds again.
    finish(folder)
