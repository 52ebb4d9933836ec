"""An animation for the viewer: the person on the floor, with hands and feet; joint graphs; landmarks in the image."""

import math

import numpy as np
import torch

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import SCREEN
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.features import detected_frames
from blaze2cap.learning.report_plots import COLOURS, TITLES
from blaze2cap.learning.scoring import RAW
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.joint_graphs import expected_error_graph, rotation_graph
from blaze2cap.runtime.stick_figure import JOINT_LINES, StickFigure, landmark_figure, limb_radius, right_lines
from blaze2cap.runtime.viewer import Scene

NOBODY = "nobody in view: the last pose is held"
# Points of the figure are the joints and, after them, the ends of the last bones.
POINTS = (*JOINTS, *(f"{name}End" for name in END_JOINTS))
_ENDS = tuple((JOINT_INDEX[name], len(JOINTS) + place) for place, name in enumerate(END_JOINTS))
# The ends of the last bones are slimmer than the bones before them.
_END_TAPER = 0.8


def scene_of_animation(animation: Animation, title: str, footage: Footage | None = None) -> Scene:
    """An animation in its own world, first seen from where its camera stood; the footage shows its landmarks, too.

    The footage is the one that the animation was made of: one frame each.
    """
    figures = (animated_figure(animation),) + (() if footage is None else (_landmarks(footage),))
    return Scene(
        title=title,
        fps=animation.fps,
        figures=figures,
        view=(0.0, math.radians(animation.camera_tilt_deg)),
        image=None if footage is None else (footage.width, footage.height),
        notes=tuple("" if seen else NOBODY for seen in animation.valid.tolist()),
        path=True,
    )


def animated_figure(animation: Animation) -> StickFigure:
    """The person of an animation; where nobody is in view its pose is held, and the graphs have a gap."""
    joint, turn = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    last = [JOINT_INDEX[name] for name in END_JOINTS]
    end = joint[:, last] + (turn[:, last] @ animation.end[..., None])[..., 0]
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
        name=TITLES[MODEL],
        colour=COLOURS[MODEL],
        lines=lines,
        right=right_lines(lines, POINTS),
        position=torch.cat((joint, end), dim=1).numpy().astype(np.float32),
        points=POINTS,
        radii_m=radii,
        head=(head, *_ENDS[END_JOINTS.index("Head")]),
        graphs=tuple(graphs),
    )


def _landmarks(footage: Footage) -> StickFigure:
    """The landmarks in the image; in the world they have no place."""
    seen = detected_frames(footage.landmarks)
    pixel = footage.landmarks[..., SCREEN] * torch.tensor([footage.width, footage.height])
    pixel[~seen] = torch.nan
    nowhere = np.full((*pixel.shape[:2], 3), np.nan, np.float32)
    shown = pixel.numpy().astype(np.float32)
    return landmark_figure(name="landmarks", colour=COLOURS[RAW], position=nowhere, pixel=shown)
