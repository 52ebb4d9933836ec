"""An animation as one picture: evenly spaced moments, each from the camera and from the side, over the floor."""

import numpy as np
from jaxtyping import Float

from blaze2cap.runtime.clip_picture import GREY, INK, VIEWS, Picture, blank, colour_of
from blaze2cap.runtime.overlay import Colour, draw_figure, paler, write_text
from blaze2cap.runtime.viewer import Scene

MOMENTS = 16
_ACROSS, _TILE, _GAP, _LEFT, _TOP, _CAPTION = 8, 168, 6, 92, 58, 20
_PANEL_HEIGHT, _FLOOR = 200, 10
_FLOOR_COLOUR: Colour = (190, 190, 190)
_HELD = 0.55
"""How much paler a pose is that is only held."""
# A panel holds at least this height over the floor [m].
_LEAST_HEIGHT_M = 2.0
# In the world y points up and the camera looks along -z; from the side the camera is to the left, as in `clip_picture`.
_AXES = {
    "from the camera": np.array([[1.0, 0.0], [0.0, -1.0], [0.0, 0.0]]),
    "from the side": np.array([[0.0, 0.0], [0.0, -1.0], [-1.0, 0.0]]),
}


def animation_sheet(scene: Scene, moments: int = MOMENTS) -> Picture:
    """Moments of an animation's scene in rows of eight: its figures around the first one's hips, the first in front.

    The line is the floor, y = 0. All panels have one scale; where nobody is in view, the pose that is held is paler.
    """
    frames = np.linspace(0, scene.frames - 1, min(moments, scene.frames)).round().astype(int).tolist()
    rows = -(-len(frames) // _ACROSS)
    band = _CAPTION + len(VIEWS) * (_PANEL_HEIGHT + _GAP) + _GAP
    sheet = blank(_TOP + rows * band, _LEFT + min(_ACROSS, len(frames)) * (_TILE + _GAP))
    write_text(sheet, scene.title, (_GAP, 18), 20, INK)
    x = _GAP
    for figure in scene.figures:
        write_text(sheet, figure.name, (x, 42), 14, colour_of(figure))
        x += _LEFT
    write_text(sheet, "right limbs paler; the line is the floor", (x, 42), 13, GREY)
    highest = max(float(np.nanmax(scene.figures[0].position[frames, :, 1])) + 0.1, _LEAST_HEIGHT_M)
    scale = (_PANEL_HEIGHT - _FLOOR - 4) / highest
    for number, frame in enumerate(frames):
        top, left = _TOP + number // _ACROSS * band, _LEFT + number % _ACROSS * (_TILE + _GAP)
        when = f"{frame / scene.fps:.2f} s" + (", nobody" if scene.notes[frame] else "")
        write_text(sheet, when, (left + _TILE / 2, top + _CAPTION / 2), 13, INK, "centre")
        for row, view in enumerate(VIEWS):
            y = top + _CAPTION + row * (_PANEL_HEIGHT + _GAP)
            sheet[y : y + _PANEL_HEIGHT, left : left + _TILE] = _panel(scene, frame, _AXES[view], scale)
            if number % _ACROSS == 0:
                for line, words in enumerate(view.rsplit(" ", 1)):
                    write_text(sheet, words, (_GAP, y + _PANEL_HEIGHT / 2 + 16 * line), 13, GREY)
    return sheet


def _panel(scene: Scene, frame: int, axes: Float[np.ndarray, "3 2"], scale: float) -> Picture:
    panel = blank(_PANEL_HEIGHT, _TILE)
    floor = _PANEL_HEIGHT - _FLOOR + 0.5  # the middle of a row of pixels
    panel[_PANEL_HEIGHT - _FLOOR] = _FLOOR_COLOUR
    hips = scene.figures[0].position[frame, 0] * (1.0, 0.0, 1.0)
    for figure in reversed(scene.figures):
        place = (figure.position[frame] - hips) @ axes * scale + (_TILE / 2, floor)
        colour = paler(colour_of(figure), _HELD if scene.notes[frame] else 0.0)
        draw_figure(panel, place, figure.lines, figure.right, colour, 3 if figure is scene.figures[0] else 2)
    return panel
