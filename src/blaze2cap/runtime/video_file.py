"""A video file as a video, in any container and codec that FFmpeg's libraries decode (PyAV).

Quarter turns and mirroring of the file's display matrix and pixels that are not square are undone, so that every
picture is as a player shows it. Decoding is streamed: one frame at a time is held.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from jaxtyping import UInt8

from blaze2cap.errors import UserError
from blaze2cap.runtime.video import MAX_PIXELS, Frame

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

ASSUMED_FPS = 30.0
"""Rate of a video that says none and has no time stamps [frames/s]."""
# Playlists, which name other files, and text drawn as pictures are no recordings.
_NO_VIDEO = {"hls", "concat", "dash", "tty", "ffmetadata"}
# A file may end this much before its declared end and still be whole: rounding, a last frame without a duration [s].
_END_TOLERANCE_S = 0.15
# How many times as wide as high, or as high as wide, a pixel may be; anamorphic film has 2.
_MOST_ASPECT = 10


class VideoFile:
    """A video in a file: its first video stream, frames in order of time."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self.path = path
        self._fps = fps
        self.notices: list[str] = []
        with self._opened() as (_, stream):
            declared = float(stream.average_rate or stream.guessed_rate or 0)
            self.declared_fps = fps or (declared if 0 < declared <= 1000 else ASSUMED_FPS)
            self._duration_s = _declared_duration_s(stream)
            guessed = None if self._duration_s is None else round(self._duration_s * declared)
            self.expected_frames: int | None = stream.frames or guessed or None

    def frames(self) -> Iterator[Frame]:
        """All frames that decode, times from the first; those without a later time than the one before are left out.

        UserError where no frame decodes, or where the video breaks off before the end that it declares.
        """
        damaged = unordered = given = decoded = 0
        shape: tuple[int, int] | None = None
        start = time = 0.0
        with self._opened() as (container, stream):
            for frame in _decode(container, stream):
                if frame is None:
                    damaged += 1
                    continue
                stamp = decoded / self.declared_fps if self._fps or frame.time is None else frame.time
                decoded += 1
                start = stamp if given == 0 else start
                if given and stamp - start <= time:
                    unordered += 1
                    continue
                time = stamp - start
                given += 1
                shape = shape or _square_size(frame.width, frame.height, stream)
                yield Frame(time, _upright(frame, shape))
            self._require_whole(stream, decoded, damaged, time)
            if damaged or decoded < stream.frames:
                of = f" of {stream.frames}" if stream.frames else ""
                self.notices.append(
                    f"{self.path}: {decoded}{of} frames are shown; others lie before its start or are damaged"
                )
        if unordered:
            self.notices.append(
                f"{self.path}: {unordered} frames have no later time than the one before and are left out"
            )

    def _require_whole(self, stream: "VideoStream", decoded: int, damaged: int, time: float) -> None:
        if not decoded:
            why = "they are damaged or encrypted" if damaged else "it has none, or is truncated"
            raise UserError(f"{self.path}: not one frame can be decoded, {why}")
        missing_s = 0.0 if self._duration_s is None or self._fps else self._duration_s - time - 1 / self.declared_fps
        # By count alone, a video cut without re-encoding would look truncated: frames before the cut are not shown.
        if missing_s > _END_TOLERANCE_S + 2 / self.declared_fps and (not stream.frames or decoded < stream.frames):
            raise UserError(
                f"{self.path}: breaks off after {time:.2f} of {self._duration_s:.2f} s, it is truncated or damaged; "
                "copy it again, or save its sound part with `ffmpeg -i FILE -c copy NEW`"
            )

    @contextmanager
    def _opened(self) -> Iterator[tuple["InputContainer", "VideoStream"]]:
        import av

        try:
            # The prefix keeps a colon in the name from being taken for a protocol, and no file may name an address.
            container = av.open(f"file:{self.path}", options={"protocol_whitelist": "file"})
        except av.error.PermissionError:
            raise UserError(f"{self.path}: may not be read; check its permissions") from None
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"{self.path}: not a video that can be opened ({reason})") from None
        with container:
            streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
            if not streams or container.format.name in _NO_VIDEO:
                raise UserError(f"{self.path}: holds no video (it is {container.format.long_name or 'unknown'})")
            stream = streams[0]
            width, height = _square_size(stream.width, stream.height, stream)
            if stream.width * stream.height > MAX_PIXELS or width * height > MAX_PIXELS:
                raise UserError(f"{self.path}: {width} x {height} pixels, expected {MAX_PIXELS} at most")
            aspect = float(stream.sample_aspect_ratio or 1)
            if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
                raise UserError(f"{self.path}: pixels {aspect:g} times as wide as high, expected up to {_MOST_ASPECT}")
            stream.thread_type = "AUTO"
            yield container, stream


def _decode(container: "InputContainer", stream: "VideoStream") -> Iterator["VideoFrame | None"]:
    """Frames, None in the place of a packet that cannot be decoded; ends where the file can be read no further."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        try:
            frames = packet.decode()
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            yield None
            continue
        yield from frames


def _declared_duration_s(stream: "VideoStream") -> float | None:
    """Length that the file gives for the video stream [s]: its own, or Matroska's tag; None where it gives none."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return tag and 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])


def _square_size(width: int, height: int, stream: "VideoStream") -> tuple[int, int]:
    """(width, height) of a stored picture once its pixels are square [px]."""
    return max(1, round(width * (stream.sample_aspect_ratio or 1))), height


def _upright(frame: "VideoFrame", size: tuple[int, int]) -> UInt8[np.ndarray, "H W 3"]:
    """RGB picture of the given stored size, mirrored and turned as the display matrix says (counter-clockwise)."""
    image = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
    mirrored = _is_mirrored(frame)
    # FFmpeg's rotation is that of the matrix' first column, which points the other way where the picture is mirrored.
    degrees = frame.rotation + (180 if mirrored else 0)
    return np.ascontiguousarray(np.rot90(image[:, ::-1] if mirrored else image, round(degrees / 90)))


def _is_mirrored(frame: "VideoFrame") -> bool:
    """Whether the frame's display matrix, where it has one, has a negative determinant."""
    from av.sidedata.sidedata import SideDataContainer, Type

    # PyAV's stubs take the container for one of its members.
    stored = cast(SideDataContainer, frame.side_data).get(Type.DISPLAYMATRIX)
    if stored is None:
        return False
    # Fixed-point numbers, row by row; the third of each row has to do with perspective.
    a, b, _, c, d = np.frombuffer(stored, np.int32, count=5).tolist()
    return bool(a * d < b * c)
