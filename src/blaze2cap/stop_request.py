"""A signal that asks for the end while something is half done: it is noted, and heard when that is over."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

# A second signal within this time of the first is the same wish [s]; later it is impatience.
_SAME_WISH_S = 1.0

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, what `kill` and schedulers send, and what a terminal sends that is closed."""


class StopRequest:
    """Whether the end has been asked for. A signal asks; a later one, while files are written, is an interrupt."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.requested = False
        self._clock, self._asked_s = clock, 0.0

    def ask(self, *_: object) -> None:
        """End soon; asked again a second later or more, KeyboardInterrupt."""
        if not self.requested:
            self.requested, self._asked_s = True, self._clock()
        elif self._clock() - self._asked_s >= _SAME_WISH_S:
            raise KeyboardInterrupt


@contextmanager
def stopped_by_signals(numbers: Sequence[signal.Signals] = ENDING) -> Iterator[StopRequest]:
    """Inside, these signals ask for a clean end; under `nohup`, a terminal that is closed does not.

    Only in the main thread: in others signals are not ours, and nothing asks.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    asking = [number for number in numbers if number.name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop.ask) for number in asking}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
