"""A camera of this machine, by its number, through OpenCV."""

import os
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from blaze2cap.errors import UserError
from blaze2cap.runtime.live_capture import Clock, Shot, Wait

ASSUMED_FPS = 30.0
"""Rate of a camera that says none that a camera has [frames/s]."""
_RATES_FPS = (1.0, 240.0)
_DEVICES = Path("/dev")


class Camera:
    """An opened camera. UserError where there is none of that number, or it gives no picture, as when it is in use."""

    def __init__(self, number: int, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self.name = f"camera {number}"
        self.notices: list[str] = []
        self._damaged = 0
        self._device = _opened(number)
        first = self._read() if self._device.grab() else None
        if first is None:
            self.close()
            raise UserError(f"{self.name}: gives no picture; end other programs that use it, or plug it in again")
        self.height, self.width = first.shape[:2]
        low, high = _RATES_FPS
        said = self._device.get(cv2.CAP_PROP_FPS)
        self.fps = said if low <= said <= high else ASSUMED_FPS

    def shots(self, wait: Wait) -> Generator[Shot]:
        """Pictures as the camera takes them; the time is that at which one has come in, before it is decoded."""
        first_s = last_s = None
        while True:
            grabbed = self._device.grab()
            now = self._clock()
            if not grabbed:
                raise UserError(f"{self.name}: gives no pictures any more; was it unplugged?")
            image = self._read()
            if image is None:
                self._damaged += 1
                self.notices = [f"{self.name}: {self._damaged} pictures came in damaged and were left out"]
            elif last_s is None or now > last_s:
                first_s, last_s = now if first_s is None else first_s, now
                yield Shot(now - first_s, image, now)

    def close(self) -> None:
        """Give the camera back."""
        self._device.release()

    def _read(self) -> UInt8[np.ndarray, "H W 3"] | None:
        """The picture grabbed last, RGB; None where it cannot be decoded."""
        whole, image = self._device.retrieve()
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if whole else None


def _opened(number: int) -> Any:
    """An open cv2.VideoCapture."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)  # what it tries and cannot open is told here, in one sentence
    try:
        device = cv2.VideoCapture(number)
    finally:
        log.setLogLevel(level)
    if device.isOpened():
        # Of what the driver keeps, the newest: drivers that know no such setting keep a few.
        device.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return device
    raise UserError(f"camera {number}: {_reason(number)}")


def _reason(number: int) -> str:
    """Why a camera cannot be opened, as far as it can be told."""
    if sys.platform != "linux":
        return (
            "cannot be opened; is there one of that number, does another program use it, and may this one, by the "
            "system's privacy settings?"
        )
    wanted = _DEVICES / f"video{number}"
    there = sorted(path.name for path in _DEVICES.glob("video[0-9]*"))
    if wanted.name not in there:
        others = f"there are {', '.join(there)}" if there else "this machine has no camera"
        return f"{wanted} is not there, {others}; --video FILE plays a video instead"
    if not os.access(wanted, os.R_OK | os.W_OK):
        return f"you may not use {wanted}; become a member of the group `video`"
    return f"{wanted} cannot be opened; end other programs that use it, or take another --camera"
