"""A prediction as a page to look at: the skeleton and the landmarks in the world, and both in the camera's image."""

import math
from pathlib import Path

import numpy as np
from torch import Tensor

from blaze2cap.body.landmark import SCREEN
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.learning.features import detected_frames
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.image_placement import camera_positions, landmark_positions, pixels
from blaze2cap.runtime.stick_figure import joint_figure, landmark_figure
from blaze2cap.runtime.viewer import Scene, viewer_page

NOBODY = "nobody in view, the last pose is held"
# Okabe and Ito's palette, which colour-blind people can tell apart; as in reports.
_SKELETON, _LANDMARKS = "#0072B2", "#E69F00"
# The eye is at least this high, so that the ground is seen as one [rad].
_LEAST_HEIGHT = 0.15


def write_page(path: Path, animation: Animation, footage: Footage, field_of_view_deg: float | None, title: str) -> None:
    """Write the page of a prediction, self-contained."""
    path.write_text(viewer_page(scene_of(animation, footage, field_of_view_deg, title)), encoding="utf-8")


def scene_of(animation: Animation, footage: Footage, field_of_view_deg: float | None, title: str) -> Scene:
    """The skeleton in its world, seen from where the camera stands, and the landmarks it was predicted from."""
    landmarks, intrinsics = footage.landmarks, footage.intrinsics(field_of_view_deg)
    size = landmarks.new_tensor([footage.width, footage.height])
    detected = detected_frames(landmarks)
    seen = camera_positions(animation, landmarks, intrinsics)[:, : len(JOINTS)]
    # Before anybody was seen there is nobody to hold in the image.
    since = animation.valid.cummax(0).values
    return Scene(
        title=title,
        fps=animation.fps,
        figures=(
            joint_figure(
                name="skeleton",
                colour=_SKELETON,
                position=_array(animation.joint_positions()),
                pixel=_array(pixels(seen, intrinsics, footage.width, footage.height), since),
            ),
            landmark_figure(
                name="landmarks",
                colour=_LANDMARKS,
                position=_array(landmark_positions(animation, landmarks, intrinsics), detected),
                pixel=_array(landmarks[..., SCREEN] * size, detected),
            ),
        ),
        view=(0.0, max(math.radians(animation.camera_tilt_deg), _LEAST_HEIGHT)),
        image=(footage.width, footage.height),
        notes=tuple("" if valid else NOBODY for valid in animation.valid.tolist()),
    )


def _array(value: Tensor, shown: Tensor | None = None) -> np.ndarray:
    """Float32 with NaN in the frames that are not shown."""
    array = value.numpy().astype(np.float32)
    if shown is not None:
        array[~shown.numpy()] = np.nan
    return array
