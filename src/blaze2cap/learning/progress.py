"""How training shows itself: a bar with loss and time left in a terminal, a line now and then otherwise; on stderr."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from blaze2cap.learning.fit import Report
from blaze2cap.learning.training import Row

_SECONDS_BETWEEN_LINES = 15.0


@contextmanager
def training_progress(shown: bool = True) -> Iterator[Report]:
    """A function (step, steps, row) to call after each step; it may be silent."""
    if not shown:
        yield lambda step, steps, row: None
        return
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("train"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]:.4f}"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("train", loss=float("nan"))

        def report(step: int, steps: int, row: Row) -> None:
            bar.update(task, completed=step, total=steps, loss=row["loss"])

        yield report


def _lines() -> Report:
    began = time.monotonic()
    first = 0
    last = began

    def report(step: int, steps: int, row: Row) -> None:
        nonlocal first, last
        now = time.monotonic()
        first = first or step
        if step < steps and now - last < _SECONDS_BETWEEN_LINES:
            return
        left = (now - began) / (step - first + 1) * (steps - step)
        print(f"train: step {step} of {steps}, loss {row['loss']:.4f}, {left:.0f} s left", file=sys.stderr, flush=True)
        last = now

    return report
