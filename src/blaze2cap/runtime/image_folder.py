"""A folder of images as a video: in the order of their names, numbers counted as numbers."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from blaze2cap.errors import UserError
from blaze2cap.runtime.video import MAX_PIXELS, Frame
from blaze2cap.untrusted import regular_file

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
# What these are by their content: Pillow would hand other formats, such as PostScript, to programs that run them.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
ASSUMED_FPS = 30.0
"""Rate of images that nothing is said about [frames/s]."""


class ImageFolder:
    """A video whose frames are files of one size; hidden files do not count, others than images are told."""

    def __init__(self, path: Path, fps: float | None = None) -> None:
        self.path = path
        self.declared_fps = ASSUMED_FPS if fps is None else fps
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        self._files = sorted((e for e in entries if e.suffix.lower() in SUFFIXES), key=lambda e: _natural(e.name))
        if not self._files:
            raise UserError(f"{path}: no images in the folder; expected files ending in {', '.join(SUFFIXES)}")
        self.expected_frames: int | None = len(self._files)
        others = len(entries) - len(self._files)
        self.notices = [f"{path}: {others} entries are no images and left out"] if others else []

    def frames(self) -> Iterator[Frame]:
        """The images, turned upright by their EXIF orientation; UserError names one that cannot be read."""
        from PIL import Image, ImageOps

        size = None
        for number, file in enumerate(self._files):
            try:
                with Image.open(regular_file(file), formats=_FORMATS) as opened:
                    if opened.width * opened.height > MAX_PIXELS:
                        raise ValueError(f"{opened.width} x {opened.height} pixels, expected {MAX_PIXELS} at most")
                    image = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                reason = " ".join(str(error).replace(str(file), "it").split())
                raise UserError(f"{file}: not a readable image ({reason}); mend it or take it away") from None
            size = size or image.shape
            if image.shape != size:
                raise UserError(
                    f"{file}: {image.shape[1]} x {image.shape[0]} pixels, expected {size[1]} x {size[0]} "
                    f"as in {self._files[0].name}"
                )
            yield Frame(number / self.declared_fps, image)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sorting key in which frame9 comes before frame10."""
    return [(int(part or 0), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
