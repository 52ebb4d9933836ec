"""How a live session goes: frames per second, latency and its parts, dropped frames, somebody in view or not."""

import sys
from collections.abc import Callable
from contextlib import suppress
from io import TextIOBase
from typing import NamedTuple, TextIO

import numpy as np

_EVERY_S = 1.0
# Latencies are kept of so many frames, the newest: the summary is over the last minutes of a long session.
_KEPT = 10_000


class Spent(NamedTuple):
    """Where the time of one frame went [s]: from when its picture came in to when the last message was sent.

    waiting    for the frame before to be done
    detector   picture to landmarks
    motion     landmarks to a pose in the world
    sending    messages made and sent
    late       how much older the answered frame is than the newest one: of models that look ahead
    """

    waiting: float
    detector: float
    motion: float
    sending: float
    late: float = 0.0

    @property
    def latency(self) -> float:
        """All of it."""
        return sum(self)


class LiveStatus:
    """A line about once a second, in a terminal always the same one, and the figures of the whole session."""

    def __init__(self, clock: Callable[[], float], out: TextIOBase | None = None) -> None:
        self._clock = clock
        self._out: TextIOBase | TextIO = out or sys.stderr
        self._began_s = self._told_s = clock()
        self._spent = np.empty((_KEPT, len(Spent._fields)))
        self.frames = self.seen = self._frames_told = 0
        self._dropped_told = 0
        self._valid = False
        self._open = False

    def frame(self, spent: Spent, valid: bool) -> None:
        """A frame is done."""
        self._spent[self.frames % _KEPT] = spent
        self.frames += 1
        self.seen += valid
        self._valid = valid

    def tell(self, dropped: int, trouble: str = "") -> None:
        """Write the line where it is time for one; `dropped` counts from the start, `trouble` is added."""
        now = self._clock()
        if now - self._told_s < _EVERY_S:
            return
        frames = self.frames - self._frames_told
        parts = [f"{frames / (now - self._told_s):.1f} frames/s"]
        if frames:
            spent = self._last(min(frames, _KEPT))
            latency_s = np.median(spent.sum(1))
            detector = spent[:, Spent._fields.index("detector")]
            share = detector.sum() / spent.sum()
            parts.append(f"latency {1e3 * latency_s:.0f} ms (detector {share:.0%})")
        parts.append(f"{dropped - self._dropped_told} dropped")
        parts.append("somebody in view" if self._valid else "nobody in view")
        if trouble:
            parts.append(trouble)
        self._line("live: " + ", ".join(parts))
        self._told_s, self._frames_told, self._dropped_told = now, self.frames, dropped

    def summary(self, dropped: int) -> str:
        """The whole session in one line; medians of each part, so that they need not add up."""
        self.end_line()
        seconds = self._clock() - self._began_s
        said = f"{self.frames} frames in {seconds:.1f} s, {dropped} dropped, somebody in view in {self.seen}"
        if not self.frames:
            return said
        spent = 1e3 * self._last(min(self.frames, _KEPT))
        middle, most = np.percentile(spent.sum(1), [50, 95])
        medians = ", ".join(
            f"{name} {value:.1f}" for name, value in zip(Spent._fields, np.median(spent, axis=0), strict=True) if value
        )
        return f"{said}; latency {middle:.0f} ms, 95 % below {most:.0f} (medians: {medians} ms)"

    def end_line(self) -> None:
        """Whatever is written next begins a line of its own."""
        if self._open:
            self._write("\n")
            self._open = False

    def _last(self, frames: int) -> np.ndarray:
        return self._spent[[number % _KEPT for number in range(self.frames - frames, self.frames)]]

    def _line(self, text: str) -> None:
        if self._out.isatty():
            self._write(f"\r\x1b[2K{text}")
            self._open = True
        else:
            self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a terminal that has been closed ends no session
            self._out.write(text)
            self._out.flush()
