"""An animation for the viewer: the person and the landmarks in the world and in the image; joint graphs."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.landmark import SCREEN
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.features import detected_frames
from blaze2cap.learning.report_plots import COLOURS
from blaze2cap.learning.scoring import RAW
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.image_placement import camera_positions, figure_positions, landmark_positions, pixels
from blaze2cap.runtime.joint_graphs import expected_error_graph, rotation_graph
from blaze2cap.runtime.stick_figure import JOINT_LINES, StickFigure, landmark_figure, limb_radius, right_lines
from blaze2cap.runtime.viewer import Scene

NOBODY = "nobody in view: the last pose is held"
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
    if footage is not None:
        intrinsics, image = footage.intrinsics(field_of_view_deg), (footage.width, footage.height)
        seen = camera_positions(animation, footage.landmarks, intrinsics)
        # Before anybody was seen there is nobody to hold in the image.
        since = animation.valid.cummax(0).values
        figure = replace(figures[0], pixel=_array(pixels(seen, intrinsics, *image), since))
        figures = figure, _landmarks(animation, footage, intrinsics)
    return Scene(
        title=title,
        fps=animation.fps,
        figures=figures,
        view=(0.0, max(math.radians(animation.camera_tilt_deg), _LEAST_HEIGHT)),
        image=image,
        notes=tuple("" if valid else NOBODY for valid in animation.valid.tolist()),
        path=True,
    )


def animated_figure(animation: Animation) -> StickFigure:
    """The person of an animation; where nobody is in view its pose is held, and the graphs have a gap."""
    graphs = [rotation_graph(animation.rotation, animation.valid)]
    if animation.deviation.isfinite().any():
        graphs.append(expected_error_graph(animation.deviation, animation.valid))
    lines = (*JOINT_LINES, *_ENDS)
    radii = (
        *(limb_radius(JOINTS[child]) for _, child in JOINT_LINES),
        *(_END_TAPER * limb_radius(name) for name in END_JOINTS),
    )
    head = JOINT_INDEX["Head"]
    return StickFigure(
        name="skeleton",
        colour=COLOURS[MODEL],
        lines=lines,
        right=right_lines(lines, POINTS),
        position=_array(figure_positions(animation)),
        points=POINTS,
        radii_m=radii,
        head=(head, *_ENDS[END_JOINTS.index("Head")]),
        graphs=tuple(graphs),
    )


def _landmarks(animation: Animation, footage: Footage, intrinsics: Float[Tensor, "4"]) -> StickFigure:
    """The landmarks as detected, where somebody was."""
    landmarks, detected = footage.landmarks, detected_frames(footage.landmarks)
    size = landmarks.new_tensor([footage.width, footage.height])
    return landmark_figure(
        name="landmarks",
        colour=COLOURS[RAW],
        position=_array(landmark_positions(animation, landmarks, intrinsics), detected),
        pixel=_array(landmarks[..., SCREEN] * size, detected),
    )


def _array(value: Tensor, shown: Tensor | None = None) -> np.ndarray:
    """Float32 with NaN in the frames that are not shown."""
    array = value.numpy().astype(np.float32)
    if shown is not None:
        array[~shown.numpy()] = np.nan
    return array
