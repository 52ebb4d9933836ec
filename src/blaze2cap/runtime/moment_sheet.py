"""The worst moments as one picture: each in the image, from the camera and from the side, with its error."""

from collections.abc import Sequence

from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.diagnosis.worst_moment import Moment
from blaze2cap.runtime.clip_picture import (
    GREY,
    INK,
    VIEWS,
    Picture,
    blank,
    colour_of,
    figure_panel,
    person_panel,
    view_axes,
)
from blaze2cap.runtime.clip_view import view_clip
from blaze2cap.runtime.overlay import write_text

_ACROSS, _TILE, _GAP, _CAPTION = 5, 230, 8, 44
_PANEL_HEIGHT = 225


def moment_sheet(clipset: ClipSet, system: System, moments: Sequence[Moment], title: str) -> Picture:
    """Moments in rows of five, each a column: the person in the image, then the prediction from the camera and from
    the side, with the truth in grey behind it."""
    height = _CAPTION + _TILE + len(VIEWS) * (_PANEL_HEIGHT + _GAP) + 2 * _GAP
    rows = -(-len(moments) // _ACROSS)
    across = min(_ACROSS, len(moments))
    sheet = blank(72 + rows * height, max(across * (_TILE + _GAP) + _GAP, 760))
    write_text(sheet, title, (_GAP, 20), 20, INK)
    about = (
        "top: in the image, truth black, landmarks orange, prediction blue; below: prediction from the camera and from "
        "the side, truth grey; right limbs paler"
    )
    write_text(sheet, about, (_GAP, 48), 13, GREY)
    for number, moment in enumerate(moments):
        left, top = _GAP + number % _ACROSS * (_TILE + _GAP), 72 + number // _ACROSS * height
        picture = moment_picture(clipset, system, moment, number + 1)
        sheet[top : top + len(picture), left : left + _TILE] = picture
    return sheet


def moment_picture(clipset: ClipSet, system: System, moment: Moment, rank: int) -> Picture:
    """One moment as a column of panels under a caption."""
    view = view_clip(clipset, moment.clip, slice(moment.frame, moment.frame + 1), system)
    predicted = view.figures[-1]
    panels = [person_panel(view, 0, _TILE)]
    for name in VIEWS:
        panel = figure_panel(view, predicted, 0, view_axes(view, name), _PANEL_HEIGHT, _TILE, behind=GREY)
        write_text(panel, name, (_TILE / 2, _PANEL_HEIGHT - 8), 11, GREY, "centre")
        panels.append(panel)
    picture = blank(_CAPTION + sum(len(panel) + _GAP for panel in panels), _TILE)
    write_text(picture, f"{rank}: {moment.mpjpe_mm:.0f} mm", (4, 12), 16, colour_of(predicted))
    write_text(picture, f"{moment.clip}  {moment.second:.2f} s", (4, 32), 12, INK)
    top = _CAPTION
    for panel in panels:
        picture[top : top + len(panel)] = panel
        top += len(panel) + _GAP
    return picture
