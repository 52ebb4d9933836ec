"""What there is to see of a clip: truth, raw landmarks and, if asked, a prediction, as figures in the camera's frame.

All stand at the true root, so that what differs is the pose: the middle of the landmarks' hips and the prediction's
Hips are put where the true Hips are, as the metrics do.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import SCREEN, WORLD
from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.evaluation import MODEL
from blaze2cap.learning.metric import mpjpe_mm
from blaze2cap.learning.report_plots import COLOURS, TITLES
from blaze2cap.learning.scoring import RAW
from blaze2cap.runtime.joint_graphs import (
    expected_error_graph,
    position_error_graph,
    rotation_error_graph,
    rotation_graph,
)
from blaze2cap.runtime.stick_figure import StickFigure, joint_figure, landmark_figure
from blaze2cap.runtime.viewer import Scene, view_towards

NOBODY = "nobody detected"
SOMEBODY_ELSE = "another person was detected"

_LIMB_LANDMARKS = landmark.indices(*landmark.LIMB_LANDMARKS)
_LIMBS = skeleton.indices(*map(skeleton.joint_of_landmark, landmark.LIMB_LANDMARKS))
_HIPS = landmark.indices("left_hip", "right_hip")
# The lowest joints of a take are ankles; the lowest hundredth of the frames is left to glitches.
_FLOOR_PERCENTILE = 0.01


@dataclass(frozen=True, kw_only=True)
class ClipView:
    """Some frames of a clip; the first figure is the truth, positions are in the camera's frame [m]."""

    title: str
    camera: Camera
    fps: float
    first_frame: int
    floor: float
    """Height of the lowest joints of the take in the world [m]."""
    figures: tuple[StickFigure, ...]
    notes: tuple[str, ...]
    """A note on each frame that does not count, otherwise empty."""

    @property
    def frames(self) -> int:
        """Number of frames shown."""
        return len(self.notes)


def view_clip(clipset: ClipSet, clip: str, frames: slice, system: System | None = None) -> ClipView:
    """The frames of a clip as figures; the system runs over the whole clip, as it does when it is scored."""
    camera, fps = clipset.camera_of(clip), float(clipset.clips.fps[clip])
    landmarks, truth = clipset.clip_landmarks(clip), clipset.clip_truth(clip)
    motion = None if system is None else system(landmarks, camera.intrinsics, 60 / fps)
    detected, scored = clipset.clip_detected(clip)[frames], clipset.scored_frames(clip)[frames]
    landmarks, root = landmarks[frames], truth.root_position[frames, None]
    true, _ = forward_kinematics(truth.rotation[frames], truth.offset)
    size = landmarks.new_tensor([camera.width, camera.height])
    raw = landmarks[..., WORLD] - landmarks[:, _HIPS, WORLD].mean(1, keepdim=True)
    raw_error = mpjpe_mm(raw[:, _LIMB_LANDMARKS], true[:, _LIMBS]).mean(1)
    figures = [
        joint_figure(
            name="truth",
            colour="ink",
            position=_array(root + true),
            pixel=_pixels(camera, root + true),
            graphs=(rotation_graph(truth.rotation[frames].numpy(), np.ones(len(detected), bool)),),
        ),
        landmark_figure(
            name=TITLES[RAW],
            colour=COLOURS[RAW],
            position=_array(root + raw, detected),
            pixel=_array(landmarks[..., SCREEN] * size, detected),
            error_mm=_array(raw_error, scored),
            error_name="MPJPE, 12 joints",
        ),
    ]
    if motion is not None:
        posed, _ = forward_kinematics(motion.rotation[frames], truth.offset)
        valid = detected & motion.valid[frames]
        error = mpjpe_mm(posed, true)
        turned, seen, counted = motion.rotation[frames].numpy(), valid.numpy(), (scored & valid).numpy()
        graphs = [
            rotation_graph(turned, seen),
            rotation_error_graph(turned, truth.rotation[frames].numpy(), counted),
            position_error_graph(error.numpy(), counted),
        ]
        if motion.deviation is not None:
            graphs.append(expected_error_graph(motion.deviation[frames].numpy(), seen))
        figures.append(
            joint_figure(
                name=TITLES[MODEL],
                colour=COLOURS[MODEL],
                position=_array(root + posed, valid),
                pixel=_pixels(camera, root + posed, valid),
                error_mm=_array(error.mean(1), scored & valid),
                error_name="MPJPE",
                graphs=tuple(graphs),
            )
        )
    notes = ("" if counts else SOMEBODY_ELSE if seen else NOBODY for seen, counts in zip(detected, scored, strict=True))
    return ClipView(
        title=clip,
        camera=camera,
        fps=fps,
        first_frame=frames.start or 0,
        floor=floor_height(clipset, str(clipset.clips["take"][clip])),
        figures=tuple(figures),
        notes=tuple(notes),
    )


def scene_of(view: ClipView, stride: int = 1, **settings: Any) -> Scene:
    """A clip for the viewer: in the world, y up, first seen from where its camera stands; every `stride`-th frame.

    `settings` are further fields of `Scene`.
    """
    figures = []
    for figure in view.figures:
        world = view.camera.to_world(torch.from_numpy(figure.position[::stride])).numpy()
        pixel, error = figure.pixel, figure.error_mm
        figures.append(
            replace(
                figure,
                position=world,
                pixel=None if pixel is None else pixel[::stride],
                error_mm=None if error is None else error[::stride],
                graphs=tuple(replace(graph, value=graph.value[::stride]) for graph in figure.graphs),
            )
        )
    eye = view.camera.to_world(torch.zeros(3)).numpy()
    return Scene(
        title=view.title,
        fps=view.fps / stride,
        figures=tuple(figures),
        view=view_towards(eye, figures[0].position[:, 0].mean(0)),
        floor=view.floor,
        notes=view.notes[::stride],
        first_frame=view.first_frame,
        stride=stride,
        **settings,
    )


def floor_height(clipset: ClipSet, take: str) -> float:
    """Height of the lowest joint of a take in the world [m], where a floor is drawn."""
    motion = clipset.take_motion(take)
    position, _ = forward_kinematics(motion.rotation, motion.offset, motion.root_position)
    return position[..., 1].amin(1).quantile(_FLOOR_PERCENTILE).item()


def _pixels(
    camera: Camera, position: Float[Tensor, "frames points 3"], shown: Bool[Tensor, "frames"] | None = None
) -> np.ndarray:
    ahead = position[..., 2:] > 0
    return _array(torch.where(ahead, camera.project(position), torch.nan), shown)


def _array(value: Tensor, shown: Tensor | None = None) -> np.ndarray:
    """Float32 with NaN in the frames that are not shown."""
    array = value.numpy().astype(np.float32)
    if shown is not None:
        array[~shown.numpy()] = np.nan
    return array
