"""Ctrl-C while something is half done: it is noted, and heard when the step is over."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """Whether there has been one; a second one is not waited with."""

    def __init__(self) -> None:
        self.noted = False

    def note(self, *_: object) -> None:
        """A handler of signals; KeyboardInterrupt at the second."""
        if self.noted:
            raise KeyboardInterrupt
        self.noted = True


@contextmanager
def noted_interrupt() -> Iterator[Interrupt]:
    """Inside, the first Ctrl-C raises nothing and is `noted`; outside of the main thread signals are not ours."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt.note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
