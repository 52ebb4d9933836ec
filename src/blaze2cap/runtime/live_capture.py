"""Pictures as they come, taken on a thread of their own; only the newest counts, so that nothing ever queues."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from blaze2cap.runtime.video import open_video

Clock = Callable[[], float]
"""Seconds from any start, never backwards."""
Wait = Callable[[float], bool]
"""Waits for so many seconds, or until there is nothing to wait for any more: then True."""

# Files declare any rate; what is recorded of a session has the source's, at most this [frames/s].
_MOST_FPS = 240.0
# A video that is decoded later than this [s] is played slower from there on, instead of in bursts.
_LATEST_S = 0.25
# A camera that was pulled out may keep its thread for seconds; the end of a session does not wait longer [s].
_PATIENCE_S = 3.0


class Shot(NamedTuple):
    """One picture, RGB: when it was taken, from the first one [s], and when it came in by the clock [s]."""

    time_s: float
    image: UInt8[np.ndarray, "H W 3"]
    arrived_s: float


@runtime_checkable
class Source(Protocol):
    """What gives pictures in real time, all of one size."""

    name: str
    width: int
    height: int
    fps: float

    @property
    def notices(self) -> list[str]:
        """What to tell at the end, one sentence each."""
        ...

    def shots(self, wait: Wait) -> Generator[Shot]:
        """Pictures when they come, times increasing; ends with the source, UserError where it breaks off."""
        ...

    def close(self) -> None:
        """Give back what the source holds."""
        ...


class PlayedVideo:
    """A video file or a folder of images, played in real time: time stamps are the video's own.

    UserError where it cannot be opened. A machine that decodes slower than that plays it slower, and says so.
    """

    def __init__(self, path: Path, clock: Clock = time.perf_counter) -> None:
        self._video, self._clock = open_video(path), clock
        self.name, self.fps = str(path), min(self._video.declared_fps, _MOST_FPS)
        self.height, self.width = next(self._video.frames()).image.shape[:2]
        self._slower_s = 0.0

    @property
    def notices(self) -> list[str]:
        """What the video says of itself, and whether it was played slower."""
        if not self._slower_s:
            return self._video.notices
        slow = f"{self.name}: played {self._slower_s:.1f} s slower than it is, this machine decodes no faster"
        return [*self._video.notices, slow]

    def shots(self, wait: Wait) -> Generator[Shot]:
        """Frames when they are due."""
        began = self._clock()
        for frame in self._video.frames():
            late_s = self._clock() - began - frame.time_s
            if late_s > _LATEST_S:
                began += late_s
                self._slower_s += late_s
            elif late_s < 0 and wait(-late_s):
                return
            yield Shot(frame.time_s, frame.image, self._clock())

    def close(self) -> None:
        """Files are closed where their frames end."""


class NewestShot:
    """Room for one picture: a newer one takes the place of one that nobody has taken, which is counted as dropped."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shot: Shot | None = None
        self._ended = False
        self._error: BaseException | None = None
        self.dropped = 0

    def put(self, shot: Shot) -> None:
        """A new picture is there."""
        with self._changed:
            self.dropped += self._shot is not None
            self._shot = shot
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """There will be no more, because of an error or not; the last one can still be taken."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify()

    @property
    def ended(self) -> bool:
        """Whether there is nothing to take any more."""
        with self._changed:
            return self._ended and self._shot is None

    def take(self, patience_s: float) -> Shot | None:
        """The newest picture, as soon as there is one; None where none has come in that time, or none will come.

        Raises the error that ended the source, once its last picture was taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._shot is not None or self._ended, patience_s)
            shot, self._shot = self._shot, None
            if shot is None and self._error is not None:
                raise self._error
            return shot


@contextmanager
def capturing(source: Source) -> Iterator[NewestShot]:
    """While a thread takes the pictures of a source, which is closed at the end."""
    newest, stop = NewestShot(), threading.Event()

    def capture() -> None:
        try:
            with closing(source), closing(source.shots(stop.wait)) as shots:
                for shot in shots:
                    if stop.is_set():
                        break
                    newest.put(shot)
        except BaseException as error:  # handed to whoever takes the pictures
            newest.end(error)
        else:
            newest.end()

    thread = threading.Thread(target=capture, name="capture", daemon=True)
    thread.start()
    try:
        yield newest
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
