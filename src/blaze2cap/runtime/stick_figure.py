"""Animated stick figures: what the viewer, the overlay and the movies draw, whatever they come from."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from blaze2cap.body import landmark, skeleton

Lines = tuple[tuple[int, int], ...]
"""Pairs of points that are joined."""

JOINT_LINES: Lines = tuple((parent, child) for child, parent in enumerate(skeleton.PARENTS) if parent >= 0)
LANDMARK_LINES: Lines = tuple(
    (landmark.LANDMARK_INDEX[start], landmark.LANDMARK_INDEX[end])
    for start, end in (
        *((parent, child) for child, parent in landmark.PARENT_OF.items()),
        ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
        ("nose", "left_ear"), ("nose", "right_ear"),
    )
)  # fmt: skip

# Radius of the limb that ends at a joint [m], for drawings with thickness.
_RADII_M = {
    "Spine": 0.066, "Spine1": 0.066, "Spine2": 0.070, "Spine3": 0.072, "Neck": 0.044, "Head": 0.038,
    "Shoulder": 0.046, "Arm": 0.044, "ForeArm": 0.042, "Hand": 0.034,
    "UpLeg": 0.060, "Leg": 0.058, "Foot": 0.044,
}  # fmt: skip
_HEAD = skeleton.JOINT_INDEX["Neck"], skeleton.JOINT_INDEX["Head"]


@dataclass(frozen=True, kw_only=True)
class JointGraph:
    """A number of each joint over the frames shown, such as the angle of its rotation."""

    name: str
    unit: str
    value: Float32[np.ndarray, "frames joints"]
    """Of the first points of the figure; not a number where it is not known."""


@dataclass(frozen=True, kw_only=True)
class StickFigure:
    """One figure over the frames shown; a frame in which it is not seen holds NaN."""

    name: str
    colour: str
    """#rrggbb, or "ink": the colour of text, whatever the background is."""
    lines: Lines
    right: tuple[bool, ...]
    """Which lines belong to the right side of the body; they are drawn paler."""
    position: Float32[np.ndarray, "frames points 3"]
    """Metres; in which frame (camera, world) is told by what holds the figure."""
    pixel: Float32[np.ndarray, "frames points 2"] | None = None
    """The same points in the image [px], where there is one."""
    error_mm: Float32[np.ndarray, "frames"] | None = None
    """Distance to the truth, mean over joints, where it is known."""
    error_name: str = ""
    points: tuple[str, ...] = ()
    """Names of the points; none if nobody asks for them."""
    radii_m: tuple[float, ...] = ()
    """Radius of each line, for drawings with thickness; thin sticks if left out."""
    head: tuple[int, int, int] | None = None
    """A head of usual size is drawn from the first point on, in the direction from the second to the third."""
    root: tuple[int, ...] = (0,)
    """Points in whose middle the root is."""
    graphs: tuple[JointGraph, ...] = ()
    """What can be drawn over time, joint by joint."""


def right_lines(lines: Lines, names: tuple[str, ...]) -> tuple[bool, ...]:
    """Lines that end at a point whose name starts with "right", in any case."""
    return tuple(names[end].lower().startswith("right") for _, end in lines)


def limb_radius(joint: str) -> float:
    """Radius of the limb that ends at a joint [m], for drawings; the same on both sides."""
    return _RADII_M[joint.removeprefix("Right").removeprefix("Left")]


def joint_figure(**values: object) -> StickFigure:
    """A figure whose points are the 21 joints; arguments as of `StickFigure`."""
    neck, head = _HEAD
    return StickFigure(
        lines=JOINT_LINES,
        right=right_lines(JOINT_LINES, skeleton.JOINTS),
        points=skeleton.JOINTS,
        radii_m=tuple(limb_radius(skeleton.JOINTS[end]) for _, end in JOINT_LINES),
        head=(head, neck, head),
        **values,  # type: ignore[arg-type]
    )


def landmark_figure(**values: object) -> StickFigure:
    """A figure whose points are the 25 landmarks; arguments as of `StickFigure`."""
    return StickFigure(
        lines=LANDMARK_LINES,
        right=right_lines(LANDMARK_LINES, landmark.LANDMARKS),
        points=landmark.LANDMARKS,
        root=(landmark.LANDMARK_INDEX["left_hip"], landmark.LANDMARK_INDEX["right_hip"]),
        **values,  # type: ignore[arg-type]
    )
