"""Videos that tests write: of given pictures, in any container, with any time stamps."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage.data

QUADRANTS = np.zeros((48, 64, 3), np.uint8)
QUADRANTS[:24, :32] = 255  # white above left


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    rate: int = 30,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[float] | None = None,
    rotation: int = 0,
    hflip: bool = False,
    vflip: bool = False,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write RGB pictures of one size; `times` are their time stamps [s], even ones if left out."""
    with av.open(str(path), "w", options=options or {}) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.pix_fmt = pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation or hflip or vflip:
            stream.set_display_rotation(rotation, hflip=hflip, vflip=vflip)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[number] * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def noise(frames: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Pictures that compress badly, so that a file is long enough to be cut."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (height, width, 3), dtype=np.uint8) for _ in range(frames)]


def person(frames: int, start: int = 0) -> list[np.ndarray]:
    """A photograph of a person who drifts to the right, 256 x 256."""
    photograph = skimage.data.astronaut()[::2, ::2]
    return [np.roll(photograph, number, axis=1) for number in range(start, start + frames)]


def nobody(frames: int) -> list[np.ndarray]:
    """Grey pictures, 256 x 256."""
    return [np.full((256, 256, 3), 128, np.uint8)] * frames
