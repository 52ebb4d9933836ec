"""The predicted skeleton drawn over the pictures of its own video, picture by picture."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from blaze2cap.body.skeleton import JOINTS, indices
from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.frame_progress import frame_progress
from blaze2cap.runtime.image_placement import camera_positions, pixels
from blaze2cap.runtime.movie import encode_movie
from blaze2cap.runtime.overlay import Colour, draw_discs, draw_lines, rgb
from blaze2cap.runtime.stick_figure import JOINT_LINES, Lines
from blaze2cap.runtime.video import Video

# Okabe and Ito's palette, which colour-blind people can tell apart.
RIGHT, LEFT, MIDDLE, OUTLINE = rgb("#E69F00"), rgb("#56B4E9"), rgb("#FFFFFF"), rgb("#101010")
# Joints, then the ends of the last bones.
_NAMES = (*JOINTS, *END_JOINTS)
_LINES: Lines = (*JOINT_LINES, *((joint, len(JOINTS) + end) for end, joint in enumerate(indices(*END_JOINTS))))
# Width of a bone in shares of the shorter side of the picture, radius of a joint in widths of a bone, and how much a
# figure is seen of whom nobody sees now.
_BONE, _JOINT, _DIMMED = 1 / 130, 0.9, 0.35

Picture = UInt8[np.ndarray, "H W 3"]


def write_overlay(path: Path, animation: Animation, footage: Footage, field_of_view_deg: float | None = None) -> None:
    """Write the video with the skeleton over it, as H.264 in MP4; progress on stderr, one picture at a time is held.

    UserError where the footage comes from no video.
    """
    encode_movie(path, overlay_pictures(animation, footage, field_of_view_deg), footage.fps)


def overlay_pictures(
    animation: Animation, footage: Footage, field_of_view_deg: float | None = None
) -> Iterator[Picture]:
    """The pictures of the footage's video, one for each row of landmarks, with the skeleton drawn in."""
    if footage.video is None:
        raise UserError("an overlay needs the pictures of a video, and landmarks have none; give the video itself")
    intrinsics = footage.intrinsics(field_of_view_deg)
    position = camera_positions(animation, footage.landmarks, intrinsics)
    place = pixels(position, intrinsics, footage.width, footage.height)
    valid = animation.valid
    # Before anybody was seen there is nobody to hold.
    place[: valid.argmax()] = np.nan
    pictures = _pictures(footage.video, len(place), footage.fps, footage.row_per_picture)
    for number, picture in enumerate(frame_progress(pictures, len(place), "overlay")):
        yield drawn_over(picture, place[number], bool(valid[number]))


def drawn_over(picture: Picture, place: Float[np.ndarray, "26 2"], valid: bool = True) -> Picture:
    """A copy of a picture with a skeleton over it: orange right, blue left; pale where nobody is seen now."""
    drawn = picture.copy()
    width = max(2, round(min(picture.shape[:2]) * _BONE))
    outline = max(1, width // 3)
    draw_lines(drawn, place, _LINES, OUTLINE, width + 2 * outline)
    joint = round(_JOINT * width)
    colours = [_colour(name) for name in _NAMES]
    draw_discs(drawn, place, [OUTLINE] * len(place), joint + outline)
    for colour in (MIDDLE, RIGHT, LEFT):
        draw_lines(drawn, place, tuple(line for line in _LINES if colours[line[1]] == colour), colour, width)
    draw_discs(drawn, place, colours, joint)
    return drawn if valid else cv2.addWeighted(drawn, _DIMMED, picture, 1 - _DIMMED, 0)


def _colour(name: str) -> Colour:
    return RIGHT if name.startswith("Right") else LEFT if name.startswith("Left") else MIDDLE


def _pictures(video: Video, rows: int, fps: float, row_per_picture: bool) -> Iterator[Picture]:
    """The picture of each row: the next one where they came evenly, otherwise the one nearest in time."""
    frames = video.frames()
    if row_per_picture:
        for frame in frames:
            yield frame.image
        return
    shown = next(frames)
    after = next(frames, None)
    for row in range(rows):
        while after is not None and abs(after.time_s - row / fps) <= abs(shown.time_s - row / fps):
            shown, after = after, next(frames, None)
        yield shown.image
