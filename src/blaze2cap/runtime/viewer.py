"""The interactive viewer: named figures moving in 3D, and in a camera's image, in a page that works from disk.

Positions travel as 16-bit whole numbers with one step per figure, position = middle + number * step: a person who walks
over six metres is rounded to a tenth of a millimetre. A point that is not seen is NOT_SEEN.
"""

import base64
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from jaxtyping import Float

from blaze2cap.runtime.page import data_block, page
from blaze2cap.runtime.stick_figure import StickFigure

NOT_SEEN = -32768
_LARGEST = 32767


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Figures whose positions are in a world with y up [m], and how they are first looked at."""

    title: str
    fps: float
    figures: tuple[StickFigure, ...]
    """The camera follows the first one."""
    view: tuple[float, float]
    """Where the eye is, seen from the figures: turn about the vertical, from +z towards +x, and height [rad]."""
    floor: float = 0.0
    """Height of the ground [m]."""
    image: tuple[int, int] | None = None
    """Width and height of the image in which the figures' pixels are; without one no image is shown."""
    notes: tuple[str, ...] = ()
    """A text on each frame, none if left out; frames with a text are shown dimmed."""
    first_frame: int = 0
    stride: int = 1
    """Of the recording's frames, every so-manieth is shown: numbers of frames are the recording's own."""
    apart: bool = False
    """Each figure in a panel of its own, rather than all in one."""
    path: bool = False
    """The way of each figure's root over the ground is shown from the start."""
    height: int | None = None
    """Most height of the 3D picture in the page [px]; as much as the window has if left out."""

    @property
    def frames(self) -> int:
        """Number of frames shown."""
        return len(self.figures[0].position)


def viewer_page(scene: Scene) -> str:
    """A whole page with one viewer, which fills the window, and its keys."""
    keys = (
        ("space", "play or pause"), ("&larr; &rarr;", "a frame; with shift a second"),
        ("Home End", "first, last frame"),
        ("[ ]", "slower, faster"), ("l", "loop"), ("a d w s", "turn"), ("+ -", "nearer, farther"), ("r", "first view"),
        ("f", "follow the person"), ("p", "path"), ("1 2 3", "show or hide a figure"),
        ("o", "side by side or in one place"), ("g", "graph"), ("j", "next joint; with shift the one before"),
    )  # fmt: skip
    caps = ((key.replace(" ", "</kbd> <kbd>"), meaning) for key, meaning in keys)
    shown = "".join(f"<dt><kbd>{key}</kbd></dt><dd>{meaning}</dd>" for key, meaning in caps)
    hands = "Drag to turn, with the right button or two fingers to move; wheel or pinch to come nearer. Click a joint."
    help_text = f'<details class="keys"><summary>Keys</summary><div><p>{hands}</p><dl>{shown}</dl></div></details>'
    header = f"<header><h1>{html.escape(scene.title)}</h1>{help_text}</header>"
    return page(scene.title, f'<main class="window">\n{header}\n{viewer(scene)}\n</main>')


def viewer(scene: Scene, caption: str = "") -> str:
    """One viewer as an element of a page; the page's script brings it to life."""
    said = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="viewer">{said}{data_block(_scene_values(scene))}</figure>'


def view_towards(eye: Float[np.ndarray, "3"], target: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """The view [rad] from an eye at one place of the world on a target at another."""
    x, y, z = (eye - target).tolist()
    return math.atan2(x, z), math.atan2(y, math.hypot(x, z))


def encode_points(points: Float[np.ndarray, "frames points dimensions"]) -> dict[str, Any]:
    """Points as whole numbers in base64, with the step and the middle per dimension; NaN is NOT_SEEN."""
    seen = np.isfinite(points).all(-1)
    chosen = points[seen].astype(float)
    middle = (chosen.min(0) + chosen.max(0)) / 2 if len(chosen) else np.zeros(points.shape[-1])
    reach = float(np.abs(chosen - middle).max()) if len(chosen) else 0.0
    step = max(reach / _LARGEST, 1e-9)
    number = np.full(points.shape, NOT_SEEN, dtype="<i2")
    number[seen] = np.rint((chosen - middle) / step)
    return {"step": step, "middle": middle.tolist(), "data": base64.b64encode(number.tobytes()).decode()}


def decode_points(packed: dict[str, Any], points: int) -> Float[np.ndarray, "frames points dimensions"]:
    """Inverse of `encode_points`, to within half a step; what the page's script does."""
    middle = np.array(packed["middle"])
    number = np.frombuffer(base64.b64decode(packed["data"]), dtype="<i2").reshape(-1, points, len(middle))
    return np.where(number == NOT_SEEN, np.nan, middle + number * packed["step"])


def _scene_values(scene: Scene) -> dict[str, Any]:
    return {
        "title": scene.title,
        "fps": scene.fps,
        "frames": scene.frames,
        "first_frame": scene.first_frame,
        "first_second": scene.first_frame / (scene.fps * scene.stride),
        "stride": scene.stride,
        "view": list(scene.view),
        "floor": scene.floor,
        "image": scene.image,
        "apart": scene.apart,
        "path": scene.path,
        "height": scene.height,
        "notes": _runs(scene.notes),
        "figures": [_figure_values(figure, scene.image is not None) for figure in scene.figures],
    }


def _runs(notes: Sequence[str]) -> list[tuple[int, int, str]]:
    """First frame, the frame after the last, and the text of every stretch of frames that have the same one."""
    runs, start = [], 0
    for text, group in groupby(notes):
        end = start + sum(1 for _ in group)
        if text:
            runs.append((start, end, text))
        start = end
    return runs


def _figure_values(figure: StickFigure, with_image: bool) -> dict[str, Any]:
    errors = None if figure.error_mm is None else [round(e) if math.isfinite(e) else None for e in figure.error_mm]
    graphs = [
        {
            "name": graph.name,
            "unit": graph.unit,
            "joints": graph.value.shape[1],
            "value": encode_points(graph.value[..., None]),
        }
        for graph in figure.graphs
    ]
    return {
        "name": figure.name,
        "colour": figure.colour,
        "lines": figure.lines,
        "right": [int(right) for right in figure.right],
        "radii": list(figure.radii_m) or None,
        "head": figure.head,
        "root": figure.root,
        "points": figure.position.shape[1],
        "names": list(figure.points),
        "position": encode_points(figure.position),
        "pixel": encode_points(figure.pixel) if with_image and figure.pixel is not None else None,
        "error_mm": errors,
        "error_name": figure.error_name,
        "graphs": graphs,
    }
