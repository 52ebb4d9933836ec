"""One frame of a clip as a picture: all figures in the image, and each of them from the camera and from the side."""

import itertools

import numpy as np
from jaxtyping import Float, UInt8

from blaze2cap.runtime.clip_view import ClipView
from blaze2cap.runtime.overlay import Colour, draw_figure, draw_lines, rgb, write_text
from blaze2cap.runtime.stick_figure import StickFigure

Picture = UInt8[np.ndarray, "H W 3"]

PAPER: Colour = (255, 255, 255)
INK: Colour = (34, 34, 34)
GREY: Colour = (110, 110, 110)
_SHADOW: Colour = (205, 205, 205)
_PANEL: Colour = (246, 246, 246)
VIEWS = ("from the camera", "from the side")
# What a panel of a figure must hold around the hips [m]: a person with spread or raised arms.
_ACROSS_M, _DOWN_M = 1.9, 2.2


def blank(height: int, width: int, colour: Colour = PAPER) -> Picture:
    """An image of one colour."""
    return np.full((height, width, 3), colour, dtype=np.uint8)


def colour_of(figure: StickFigure) -> Colour:
    """A figure's colour on paper."""
    return INK if figure.colour == "ink" else rgb(figure.colour)


def image_panel(view: ClipView, frame: int, width: int) -> Picture:
    """The camera's image, empty but for the figures, at a smaller size."""
    scale = width / view.camera.width
    panel = blank(round(view.camera.height * scale), width, _PANEL)
    for figure in view.figures:
        if figure.pixel is not None:
            draw_figure(panel, figure.pixel[frame] * scale, figure.lines, figure.right, colour_of(figure), 2)
    return panel


def person_panel(view: ClipView, frame: int, size: int) -> Picture:
    """The part of the image around the person, enlarged: a square that holds all figures."""
    points = np.concatenate([figure.pixel[frame] for figure in view.figures if figure.pixel is not None])
    points = points[np.isfinite(points).all(1)]
    panel = blank(size, size, _PANEL)
    if len(points) == 0:
        return panel
    low, high = points.min(0), points.max(0)
    scale = size / (1.15 * max((high - low).max(), 1))
    for figure in view.figures:
        if figure.pixel is not None:
            place = (figure.pixel[frame] - (low + high) / 2) * scale + size / 2
            draw_figure(panel, place, figure.lines, figure.right, colour_of(figure), 3)
    return panel


def view_axes(view: ClipView, name: str) -> Float[np.ndarray, "3 2"]:
    """Directions in the camera's frame that run across and down a panel.

    From the side, the camera is to the left and looks level, so that an upright person stands upright.
    """
    if name == "from the camera":
        return np.eye(3)[:, :2]
    up = view.camera.rotation.numpy()[:, 1]
    ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up
    return np.stack((ahead / max(np.linalg.norm(ahead), 1e-6), -up), axis=1)


def figure_panel(
    view: ClipView,
    figure: StickFigure,
    frame: int,
    axes: Float[np.ndarray, "3 2"],
    height: int,
    width: int,
    behind: Colour = _SHADOW,
) -> Picture:
    """A figure around the true hips, parallel projection; behind any other the truth in grey, or that colour."""
    panel = blank(height, width)
    truth = view.figures[0]
    scale = min(height / _DOWN_M, width / _ACROSS_M)
    layers = [(truth, colour_of(truth))] if figure is truth else [(truth, behind), (figure, colour_of(figure))]
    for drawn, colour in layers:
        place = _around_hips(drawn, truth, frame) @ axes * scale + np.array([width / 2, 0.48 * height])
        draw_figure(panel, place, drawn.lines, drawn.right, colour, 3)
    return panel


def readout(figure: StickFigure, frame: int) -> str:
    """The error of a figure in a frame, in words; empty where there is none."""
    if figure.error_mm is None or not np.isfinite(figure.error_mm[frame]):
        return ""
    return f"{figure.error_mm[frame]:.0f} mm"


def _around_hips(figure: StickFigure, truth: StickFigure, frame: int) -> Float[np.ndarray, "points 3"]:
    return figure.position[frame] - truth.position[frame, 0]


class MoviePicture:
    """Frames of a movie, 1280 x 720: the image and the errors over time to the left, the figures to the right."""

    _HEIGHT, _WIDTH, _TOP, _LEFT = 720, 1280, 48, 560

    def __init__(self, view: ClipView) -> None:
        self._view = view
        self._axes = [view_axes(view, name) for name in VIEWS]
        self._ground = self._unchanging()

    def __call__(self, frame: int) -> Picture:
        """The picture of a frame, counted from the first one shown."""
        view, picture = self._view, self._ground.copy()
        number = view.first_frame + frame
        counter = f"frame {number}   {number / view.fps:.2f} s"
        write_text(picture, counter, (self._WIDTH - 16, 24), 18, INK, "right")
        panel = image_panel(view, frame, self._image_width())
        picture[self._TOP + 24 : self._TOP + 24 + len(panel), 16 : 16 + panel.shape[1]] = panel
        if view.notes[frame]:
            write_text(picture, view.notes[frame], (28, self._TOP + 40), 15, GREY)
        columns = self._columns()
        height = (self._HEIGHT - self._TOP - 64) // len(VIEWS)
        for column, figure in enumerate(view.figures):
            left = self._LEFT + column * columns
            for row, axes in enumerate(self._axes):
                top = self._TOP + 56 + row * height
                picture[top : top + height, left : left + columns] = figure_panel(
                    view, figure, frame, axes, height, columns
                )
            write_text(
                picture, readout(figure, frame), (left + columns / 2, self._TOP + 40), 17, colour_of(figure), "centre"
            )
        for row, name in enumerate(VIEWS):
            write_text(picture, name, (self._LEFT + 8, self._TOP + 70 + row * height), 13, GREY)
        if self._charted:
            top, bottom, left, right = self._chart()
            x = round(left + (right - left) * frame / max(view.frames - 1, 1))
            picture[top:bottom, x] = INK
        return picture

    def _columns(self) -> int:
        return (self._WIDTH - self._LEFT - 8) // len(self._view.figures)

    def _image_width(self) -> int:
        """As wide as the left side is, or less where an upright image would be higher than the picture."""
        camera, highest = self._view.camera, self._HEIGHT - self._TOP - 32
        return min(self._LEFT - 32, int(highest * camera.width / camera.height))

    def _chart(self) -> tuple[int, int, int, int]:
        image = round(self._view.camera.height / self._view.camera.width * self._image_width())
        return self._TOP + image + 76, self._HEIGHT - 40, 56, self._LEFT - 16

    def _unchanging(self) -> Picture:
        view = self._view
        picture = blank(self._HEIGHT, self._WIDTH)
        write_text(picture, view.title, (16, 24), 22, INK)
        write_text(picture, "in the image", (16, self._TOP + 10), 14, GREY)
        for column, figure in enumerate(view.figures):
            middle = self._LEFT + (column + 0.5) * self._columns()
            write_text(picture, figure.name, (middle, self._TOP + 14), 18, colour_of(figure), "centre")
        self._charted = self._draw_errors(picture)
        return picture

    def _draw_errors(self, picture: Picture) -> bool:
        """The errors over time; False where there are none, or no room for them."""
        top, bottom, left, right = self._chart()
        known = [figure for figure in self._view.figures if figure.error_mm is not None]
        peaks = [np.nanmax(f.error_mm) for f in known if np.isfinite(f.error_mm).any()]  # type: ignore[arg-type]
        if bottom - top < 40 or not peaks:
            return False
        most = 50 * np.ceil(max(peaks) / 50)
        step = 50 if most <= 250 else 100 if most <= 500 else 50 * np.ceil(most / 250)
        for value in np.arange(0, most + 1, step):
            y = bottom - (bottom - top) * value / most
            picture[min(round(y), bottom - 1), left:right] = _SHADOW
            write_text(picture, f"{value:.0f}", (left - 6, y), 12, GREY, "right")
        # One point a pixel at most, or the line's round ends make a string of beads of it.
        shown = slice(None, None, -(-self._view.frames // (right - left)))
        x = np.linspace(left, right, self._view.frames)[shown]
        for figure in known:
            points = np.stack((x, bottom - (bottom - top) * figure.error_mm[shown] / most), axis=1)  # type: ignore[index]
            draw_lines(picture, points, tuple(itertools.pairwise(range(len(points)))), colour_of(figure), 1)
        words = "; ".join(f"{figure.name}: {figure.error_name}" for figure in known)
        write_text(picture, f"error [mm] over time ({words})", (16, top - 18), 13, GREY)
        return True


def contact_sheet(view: ClipView, moments: int = 6, tile: int = 280) -> Picture:
    """Evenly spaced moments in columns: the image, the person in it, and each figure from the camera and the side."""
    views = [view_axes(view, name) for name in VIEWS]
    frames = np.linspace(0, view.frames - 1, 2 * moments + 1)[1::2].round().astype(int).tolist()
    left, top, low = 150, 84, 220
    image = round(tile * view.camera.height / view.camera.width)
    rows = [("in the image", image), ("the person in it", tile)]
    rows += [(f"{figure.name}\n{name}", low) for name in VIEWS for figure in view.figures]
    sheet = blank(top + sum(height + 8 for _, height in rows) + 8, left + moments * (tile + 8) + 8)
    write_text(sheet, view.title, (16, 24), 24, INK)
    about = "right limbs paler; the truth in grey behind the others; numbers are mean distances of joints to the truth"
    write_text(sheet, about, (16, 54), 14, GREY)
    for column, frame in enumerate(frames):
        x, y = left + column * (tile + 8), top
        number = view.first_frame + frame
        when = f"{number / view.fps:.2f} s   frame {number}   {view.notes[frame]}"
        write_text(sheet, when, (x + tile / 2, top - 10), 13, INK, "centre")
        panels = [image_panel(view, frame, tile), person_panel(view, frame, tile)]
        for axes in views:
            for figure in view.figures:
                panel = figure_panel(view, figure, frame, axes, low, tile)
                write_text(panel, readout(figure, frame), (tile - 8, 14), 15, colour_of(figure), "right")
                panels.append(panel)
        for panel in panels:
            sheet[y : y + len(panel), x : x + tile] = panel
            y += len(panel) + 8
    y = top
    for label, height in rows:
        for line, words in enumerate(label.split("\n")):
            write_text(sheet, words, (16, y + height / 2 + 18 * line), 15, GREY if line else INK)
        y += height + 8
    return sheet
