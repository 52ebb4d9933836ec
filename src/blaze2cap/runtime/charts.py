"""Small charts as inline SVG: lines, bars and the body map. Colours of text and grid come from the page's style."""

import html
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from blaze2cap.body.skeleton import JOINTS, PARENTS, ROOT, mirrored

# Low to high error; readable on light and dark paper, and in order of lightness for those who see no colour.
_SCALE = ((255, 245, 196), (254, 196, 79), (236, 112, 20), (166, 30, 30), (84, 8, 40))
# Where joints stand on the schematic body, seen from the front; the left side is the mirror image of the right.
_BODY = {
    "Hips": (110, 172), "Spine": (110, 153), "Spine1": (110, 134), "Spine2": (110, 115), "Spine3": (110, 99),
    "Neck": (110, 64), "Head": (110, 40), "RightShoulder": (93, 86), "RightArm": (72, 92), "RightForeArm": (54, 134),
    "RightHand": (40, 176), "RightUpLeg": (93, 186), "RightLeg": (89, 238), "RightFoot": (85, 290),
}  # fmt: skip
_MIDDLE = _BODY["Hips"][0]
_FLESH = {"Arm": 20, "ForeArm": 17, "Hand": 14, "UpLeg": 30, "Leg": 26, "Foot": 20, "Shoulder": 26, "Neck": 20}

Point = tuple[int | float, int | float]


class Series(NamedTuple):
    """A line of a chart: its name, colour (#rrggbb), and points."""

    name: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]


def line_chart(title: str, series: Sequence[Series], x_label: str, width: int = 300, height: int = 190) -> str:
    """Lines over a common x, y logarithmic where all values are above zero; nothing to draw gives an empty string."""
    series = [line for line in series if len(line.x)]
    if not series:
        return ""
    logarithmic = min(min(line.y) for line in series) > 0
    scale = math.log10 if logarithmic else float
    x_low, x_high = min(min(line.x) for line in series), max(max(line.x) for line in series)
    y_low, y_high = _widened(min(scale(min(line.y)) for line in series), max(scale(max(line.y)) for line in series))
    left, right, top, bottom = 52, width - 10, 30, height - 34

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low or 1)
        return left + (right - left) * across, bottom - (bottom - top) * (scale(y) - y_low) / (y_high - y_low)

    parts = [f'<text class="title" x="{left - 44}" y="16">{html.escape(title)}</text>']
    for level in (y_low + (y_high - y_low) * step / 3 for step in range(4)):
        value = 10**level if logarithmic else level
        y = place(x_low, value)[1]
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>')
        parts.append(f'<text class="tick end" x="{left - 5}" y="{y + 4:.1f}">{value:.2g}</text>')
    for value, anchor in ((x_low, "start"), (x_high, "end")):
        x = place(value, series[0].y[0])[0]
        parts.append(f'<text class="tick {anchor}" x="{x:.1f}" y="{bottom + 15}">{value:g}</text>')
    parts.append(f'<text class="tick middle" x="{(left + right) / 2}" y="{bottom + 28}">{html.escape(x_label)}</text>')
    for line in series:
        points = [place(x, y) for x, y in zip(line.x, line.y, strict=True)]
        way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line" stroke="{line.colour}" d="{way}"/>')
    said = f"{title}: " + ", ".join(f"{line.name} ends at {line.y[-1]:.3g}" for line in series)
    return _svg(width, height, said, parts)


def bars(values: Mapping[str, float], unit: str, decimals: int, colour: str, width: int = 300) -> str:
    """Horizontal bars from zero with their values written behind them."""
    most, row, left = max(values.values()) or 1, 22, 76
    parts = []
    for number, (name, value) in enumerate(values.items()):
        y, length = number * row + 4, (width - left - 58) * value / most
        parts.append(f'<text class="tick end" x="{left - 6}" y="{y + 13}">{html.escape(name)}</text>')
        parts += _bar(left, y, length, row - 6, f"{value:.{decimals}f}", colour)
    said = ", ".join(f"{name} {value:.{decimals}f} {unit}" for name, value in values.items())
    return _svg(width, len(values) * row + 4, said, parts)


def grouped_bars(
    groups: Mapping[str, Mapping[str, float]], unit: str, decimals: int, colours: Mapping[str, str], width: int = 300
) -> str:
    """As `bars`, with several of them side by side in each group, told apart by the colour of their name."""
    most, row, left = max(value for values in groups.values() for value in values.values()) or 1, 18, 76
    parts, y = [], 4
    for group, values in groups.items():
        middle = y + row * len(values) / 2
        parts.append(f'<text class="tick end" x="{left - 6}" y="{middle + 3:g}">{html.escape(group)}</text>')
        for name, value in values.items():
            length = (width - left - 58) * value / most
            parts += _bar(left, y, length, row - 3, f"{value:.{decimals}f}", colours[name])
            y += row
        y += 9
    said = "; ".join(
        f"{group}: " + ", ".join(f"{name} {value:.{decimals}f} {unit}" for name, value in values.items())
        for group, values in groups.items()
    )
    return _svg(width, y - 5, said, parts)


def body_map(title: str, values: Mapping[str, float], unit: str, decimals: int) -> str:
    """A body seen from the front, its joints coloured by their values from 0 to the highest one; with a legend.

    Joints without a value, and the root where its value is 0 by definition, are hollow.
    """
    width, height = 220, 356
    most = max(values.values(), default=0.0) or 1.0
    places = {joint: _place(joint) for joint in JOINTS}
    parts = [f'<text class="title middle" x="{_MIDDLE}" y="10">{html.escape(title)}</text>']
    parts += _flesh(places)
    for joint, (x, y) in places.items():
        value = values.get(joint)
        hollow = value is None or (joint == ROOT and value == 0)
        fill = "var(--paper)" if hollow else _colour(value / most)  # type: ignore[operator]
        said = f"{joint}: no value" if hollow else f"{joint}: {value:.{decimals}f} {unit}"
        parts.append(
            f'<circle class="joint" cx="{x}" cy="{y}" r="7" fill="{fill}"><title>{html.escape(said)}</title></circle>'
        )
        if not hollow:
            left, dx, dy = joint.startswith("Right"), 11, 4
            if joint.endswith("Shoulder"):
                dx, dy = 4, -9
            end, at = ("end", x - dx) if left else ("start", x + dx)
            parts.append(f'<text class="value {end}" x="{at}" y="{y + dy}">{value:.{decimals}f}</text>')
    parts += _legend(most, unit, decimals, height - 26, width)
    said = f"{title}: " + ", ".join(f"{joint} {value:.{decimals}f}" for joint, value in values.items())
    return _svg(width, height, said, parts)


def _bar(left: int, y: int, length: float, thickness: int, value: str, colour: str) -> list[str]:
    return [
        f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{thickness}" fill="{colour}"/>',
        f'<text class="tick" x="{left + length + 5:.1f}" y="{y + thickness / 2 + 5:g}">{value}</text>',
    ]


def _place(joint: str) -> Point:
    if joint in _BODY:
        return _BODY[joint]
    x, y = _BODY[mirrored(joint)]
    return 2 * _MIDDLE - x, y


def _flesh(places: dict[str, Point]) -> list[str]:
    """The drawing behind the joints: a limb is a thick line with round ends."""
    (hip, _), (shoulder, y) = _BODY["RightUpLeg"], _BODY["RightArm"]
    head, low = _BODY["Head"], _BODY["RightUpLeg"][1]
    torso = f"M{shoulder} {y - 8}H{2 * _MIDDLE - shoulder}L{2 * _MIDDLE - hip + 8} {low}H{hip - 8}Z"
    drawn = [f'<path class="flesh torso" d="{torso}"/>']
    drawn.append(f'<circle class="flesh" cx="{head[0]}" cy="{head[1] - 2}" r="22"/>')
    for child, parent in enumerate(PARENTS):
        thickness = _FLESH.get(JOINTS[child].removeprefix("Right").removeprefix("Left"))
        if parent >= 0 and thickness:
            (x0, y0), (x1, y1) = places[JOINTS[parent]], places[JOINTS[child]]
            drawn.append(f'<path class="flesh" stroke-width="{thickness}" d="M{x0} {y0}L{x1} {y1}"/>')
    return drawn


def _legend(most: float, unit: str, decimals: int, y: int, width: int) -> list[str]:
    steps, left, right = 40, 30, width - 30
    step = (right - left) / steps
    shades = [(left + n * step, _colour(n / (steps - 1))) for n in range(steps)]
    parts = [f'<rect x="{x:.2f}" y="{y}" width="{step + 0.8:.2f}" height="8" fill="{fill}"/>' for x, fill in shades]
    parts.append(f'<text class="tick start" x="{left}" y="{y + 21}">0</text>')
    parts.append(f'<text class="tick end" x="{right}" y="{y + 21}">{most:.{decimals}f} {html.escape(unit)}</text>')
    return parts


def _colour(share: float) -> str:
    place = min(max(share, 0.0), 1.0) * (len(_SCALE) - 1)
    below = min(int(place), len(_SCALE) - 2)
    mixed = (round(a + (place - below) * (b - a)) for a, b in zip(_SCALE[below], _SCALE[below + 1], strict=True))
    return "#" + "".join(f"{value:02x}" for value in mixed)


def _widened(low: float, high: float) -> tuple[float, float]:
    room = 0.05 * (high - low) or 0.5
    return low - room, high + room


def _svg(width: int, height: int, said: str, parts: list[str]) -> str:
    label = html.escape(said, quote=True)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
