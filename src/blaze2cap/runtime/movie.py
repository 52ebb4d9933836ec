"""Movies as H.264 in MP4, which browsers and players open."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from blaze2cap.runtime.whole_file import whole_file

# Constant quality: 18 looks lossless, 23 is x264's default.
_QUALITY = "20"


def write_movie(path: Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], fps: float) -> None:
    """Write RGB frames of one size, whole or not at all; an odd row or column at the edge is cut off.

    UserError where the file cannot be written.
    """
    with whole_file(path) as partial:
        encode_movie(partial, frames, fps)


def encode_movie(path: Path, frames: Iterable[UInt8[np.ndarray, "H W 3"]], fps: float) -> None:
    """`write_movie` to a file that nobody misses after an error; one frame at a time is held."""
    import av

    rate = Fraction(fps).limit_denominator(1001)
    # The prefix keeps a colon in the name from being taken for a protocol.
    with av.open(f"file:{path}", "w", format="mp4", options={"movflags": "faststart"}) as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": _QUALITY, "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for number, image in enumerate(frames):
            # 4:2:0 colour needs even sizes.
            even = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
            if number == 0:
                stream.height, stream.width = even.shape[:2]
            file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        file.mux(stream.encode())
