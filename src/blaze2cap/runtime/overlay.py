"""Stick figures and text drawn onto an image, in place, anti-aliased; images are RGB, points are pixels.

OpenCV draws the lines, which it does to a sixteenth of a pixel; Pillow's own font writes the text.
"""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from blaze2cap.runtime.stick_figure import Lines

Colour = tuple[int, int, int]
Image = UInt8[np.ndarray, "H W 3"]
Place = tuple[int | float, int | float]

_SUBPIXEL_BITS = 4
# Beyond this many pixels OpenCV's fixed-point coordinates overflow; nothing out there is in any image.
_FARTHEST_PX = 30_000


def rgb(colour: str) -> Colour:
    """Red, green and blue of "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def paler(colour: Colour, share: float = 0.5) -> Colour:
    """A colour mixed with white."""
    red, green, blue = (round(value + share * (255 - value)) for value in colour)
    return red, green, blue


def draw_lines(
    image: Image,
    pixel: Float[np.ndarray, "points 2"],
    lines: Lines,
    colour: Colour,
    thickness: int = 3,
) -> None:
    """Draw the lines between points; one with an end that is not finite, or is far outside, is left out."""
    here, fixed = _fixed_point(pixel)
    for start, end in lines:
        if here[start] and here[end]:
            cv2.line(image, fixed[start], fixed[end], colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def draw_discs(image: Image, pixel: Float[np.ndarray, "points 2"], colours: Sequence[Colour], radius: int) -> None:
    """Draw a filled disc of each colour at its point; one that is not finite, or is far outside, is left out."""
    here, fixed = _fixed_point(pixel)
    for centre, shown, colour in zip(fixed, here, colours, strict=True):
        if shown:
            cv2.circle(image, centre, radius << _SUBPIXEL_BITS, colour, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed_point(pixel: Float[np.ndarray, "points 2"]) -> tuple[list[bool], list[list[int]]]:
    """Which points can be drawn, and all of them as OpenCV's fixed-point coordinates."""
    here = np.isfinite(pixel).all(1) & (np.abs(np.nan_to_num(pixel)) < _FARTHEST_PX).all(1)
    # OpenCV's pixel centres are whole numbers, ours lie at one half.
    fixed = np.rint((np.where(here[:, None], pixel, 0) - 0.5) * 2**_SUBPIXEL_BITS).astype(int)
    return here.tolist(), fixed.tolist()


def draw_figure(
    image: Image,
    pixel: Float[np.ndarray, "points 2"],
    lines: Lines,
    right: tuple[bool, ...],
    colour: Colour,
    thickness: int = 3,
    outline: Colour | None = None,
) -> None:
    """Draw a stick figure: the right side paler, and with an outline where the background is a picture."""
    if outline is not None:
        draw_lines(image, pixel, lines, outline, thickness + 2)
    for side, shade in ((True, paler(colour)), (False, colour)):
        draw_lines(
            image, pixel, tuple(line for line, r in zip(lines, right, strict=True) if r == side), shade, thickness
        )


def write_text(image: Image, text: str, place: Place, size: int, colour: Colour, align: str = "left") -> None:
    """Write a line of text; `place` is the left, centre or right end (`align`) of its middle height."""
    mask = _text_mask(text, size)
    height, width = mask.shape
    shift = {"left": 0.0, "centre": width / 2, "right": width}[align]
    left, top = round(place[0] - shift), round(place[1] - height / 2)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, image.shape[1]), min(top + height, image.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    alpha = mask[y0 - top : y1 - top, x0 - left : x1 - left, None]
    below = image[y0:y1, x0:x1]
    image[y0:y1, x0:x1] = (below + alpha * (np.array(colour) - below)).round().astype(np.uint8)


@lru_cache(maxsize=4096)
def _text_mask(text: str, size: int) -> Float[np.ndarray, "h w"]:
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    width = max(1, round(font.getlength(text)) + 2)
    picture = Pillow.new("L", (width, round(1.4 * size)))
    ImageDraw.Draw(picture).text((1, round(0.7 * size)), text, fill=255, font=font, anchor="lm")
    return np.asarray(picture, dtype=float) / 255
