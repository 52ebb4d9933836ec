"""An animation for the viewer: the person and the landmarks in the world and in the image; joint graphs."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from blaze2cap.body.landmark import SCREEN
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.image_placement import camera_positions, figure_positions, landmark_positions, pixels
from blaze2cap.runtime.joint_graphs import expected_error_graph, rotation_graph
from blaze2cap.runtime.stick_figure import JOINT_LINES, StickFigure, landmark_figure, limb_radius, right_lines
from blaze2cap.runtime.tracking import detected_frames
from blaze2cap.runtime.viewer import Scene

# Those of the pages of an evaluation (`learning.report_plots`), which needs torch.
MODEL_COLOUR, LANDMARK_COLOUR = "#0072B2", "#E69F00"

NOBODY = "nobody in view: the last pose is held"
NOBODY_YET = "nobody in view yet: the first pose is shown"
# Points of the figure are the joints and, after them, the ends of the last bones.
POINTS = (*JOINTS, *(f"{name}End" for name in END_JOINTS))
_ENDS = tuple((JOINT_INDEX[name], len(JOINTS) + place) for place, name in enumerate(END_JOINTS))
# The ends of the last bones are slimmer than the bones before them.
_END_TAPER = 0.8
# The eye is at least this high, so that the ground is seen as one [rad].
_LEAST_HEIGHT = 0.15


def scene_of_animation(
    animation: Animation, title: str, footage: Footage | None = None, field_of_view_deg: float | None = None
) -> Scene:
    """An animation in its own world, first seen from where its camera stood.

    With the footage that it was made of, a frame each, there are the landmarks as well, and the camera's image.
    """
    figures: tuple[StickFigure, ...] = (animated_figure(animation),)
    image = None
    since = np.maximum.accumulate(animation.valid)
    if footage is not None:
        intrinsics, image = footage.intrinsics(field_of_view_deg), (footage.width, footage.height)
        seen = camera_positions(animation, footage.landmarks, intrinsics)
        # Before anybody was seen there is nobody to hold in the image.
        figure = replace(figures[0], pixel=_array(pixels(seen, intrinsics, *image), since))
        figures = figure, _landmarks(animation, footage, intrinsics)
    return Scene(
        title=title,
        fps=animation.fps,
        figures=figures,
        view=(0.0, max(math.radians(animation.camera_tilt_deg), _LEAST_HEIGHT)),
        image=image,
        notes=tuple(_note(*frame) for frame in zip(animation.valid.tolist(), since.tolist(), strict=True)),
        path=True,
    )


def animated_figure(animation: Animation) -> StickFigure:
    """The person of an animation; where nobody is in view its pose is held, and the graphs have a gap."""
    graphs = [rotation_graph(animation.rotation, animation.valid)]
    if np.isfinite(animation.deviation).any():
        graphs.append(expected_error_graph(animation.deviation, animation.valid))
    lines = (*JOINT_LINES, *_ENDS)
    radii = (
        *(limb_radius(JOINTS[child]) for _, child in JOINT_LINES),
        *(_END_TAPER * limb_radius(name) for name in END_JOINTS),
    )
    head = JOINT_INDEX["Head"]
    return StickFigure(
        name="skeleton",
        colour=MODEL_COLOUR,
        lines=lines,
        right=right_lines(lines, POINTS),
        position=_array(figure_positions(animation)),
        points=POINTS,
        radii_m=radii,
        head=(head, *_ENDS[END_JOINTS.index("Head")]),
        graphs=tuple(graphs),
    )


def _note(valid: bool, since: bool) -> str:
    return "" if valid else NOBODY if since else NOBODY_YET


def _landmarks(animation: Animation, footage: Footage, intrinsics: Float[np.ndarray, "4"]) -> StickFigure:
    """The footage's landmarks, which `predict` guards without `--raw`, where somebody was."""
    landmarks, detected = footage.landmarks, detected_frames(footage.landmarks)
    size = np.array([footage.width, footage.height])
    return landmark_figure(
        name="landmarks",
        colour=LANDMARK_COLOUR,
        position=_array(landmark_positions(animation, landmarks, intrinsics), detected),
        pixel=_array(landmarks[..., SCREEN] * size, detected),
    )


def _array(value: np.ndarray, shown: np.ndarray | None = None) -> np.ndarray:
    """Float32 with NaN in the frames that are not shown."""
    array = value.astype(np.float32)
    if shown is not None:
        array[~shown] = np.nan
    return array
