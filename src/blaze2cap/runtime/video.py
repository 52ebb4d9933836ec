"""Videos, whatever they are kept in: frames one after another, upright, with square pixels and true time stamps."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

from blaze2cap.errors import UserError

MAX_PIXELS = 8192 * 8192
"""Larger pictures are taken for a damaged header, or would fill the memory."""


class Frame(NamedTuple):
    """One picture, RGB, and when it was taken, counted from the first [s]."""

    time_s: float
    image: UInt8[np.ndarray, "H W 3"]


@runtime_checkable
class Video(Protocol):
    """What is known of a video before it is read; `frames` reads it from the start, all pictures of one size.

    expected_frames   how many there should be; None where that is not known
    declared_fps      the rate that it is said to have [frames/s]; time stamps may differ
    notices           what to know although the video is used, one sentence each; complete once all frames are read
    """

    path: Path
    expected_frames: int | None
    declared_fps: float
    notices: list[str]

    def frames(self) -> Iterator[Frame]:
        """All frames in order, times increasing; UserError where the rest cannot be read."""
        ...


def open_video(path: Path, fps: float | None = None) -> Video:
    """A video file or a folder of images; `fps`, where given, stands for the video's own time stamps [frames/s].

    UserError where there is nothing at the path, or nothing that can be read as pictures.
    """
    from blaze2cap.runtime.image_folder import ImageFolder
    from blaze2cap.runtime.video_file import VideoFile

    try:
        if path.is_dir():
            return ImageFolder(path, fps)
        if not path.exists():
            raise UserError(f"{path}: no such file; expected a video or a folder of images")
        if not path.is_file():
            raise UserError(f"{path}: neither a file nor a folder; expected a video or a folder of images")
        if not path.stat().st_size:
            raise UserError(f"{path}: the file is empty; expected a video")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return VideoFile(path, fps)
