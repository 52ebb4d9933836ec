"""Progress over frames with frames per second: a bar in a terminal, a line now and then otherwise, on stderr."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_SECONDS_BETWEEN_LINES = 15.0


def frame_progress(frames: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    """Pass frames on while showing how many are done, of how many if that is known, and how many come a second."""
    began = time.monotonic()
    done = 0
    for frame in _bar(frames, total, label) if sys.stderr.isatty() else _lines(frames, total, label):
        yield frame
        done += 1
    seconds = time.monotonic() - began
    print(f"{label}: {done} frames in {seconds:.1f} s, {done / seconds:.1f} frames/s", file=sys.stderr, flush=True)


def _lines(frames: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    began = last = time.monotonic()
    for done, frame in enumerate(frames):
        now = time.monotonic()
        if done and now - last >= _SECONDS_BETWEEN_LINES:
            of = f" of {total}" if total else ""
            print(f"{label}: {done}{of} frames, {done / (now - began):.1f} frames/s", file=sys.stderr, flush=True)
            last = now
        yield frame


def _bar(frames: Iterable[Item], total: int | None, label: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(label, total=total, rate="")
        began = time.monotonic()
        for done, frame in enumerate(frames):
            rate = f"{done / (time.monotonic() - began):.1f} frames/s" if done else ""
            bar.update(task, completed=done, rate=rate)
            yield frame
