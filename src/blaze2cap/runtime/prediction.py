"""From landmarks to a person's motion: the checkpoint's network over the whole clip, and where the person stands."""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.inverse_kinematics import root_position
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.motion import Motion
from blaze2cap.body.proportions import estimated_offsets
from blaze2cap.body.skeleton import JOINT_INDEX, indices
from blaze2cap.learning.baseline import restarts
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.features import detected_frames
from blaze2cap.runtime.animation import Animation, animate, require_height, require_tilt, standing_height
from blaze2cap.runtime.camera_tilt import estimated_tilt_deg
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.retiming import Track, filled, filling, spread, thinned, thinning

THIGHS = indices("RightUpLeg", "LeftUpLeg")
"""Joints whose middle `root_position` finds, a little below the Hips."""

# Standard deviation [s] of the Gaussian that blends the two sources of the root's place, for the least spread of its
# error on real recordings: x, y, z 85, 45, 123 mm by the way alone, 65, 27, 159 by the image alone, 54, 28, 104 by
# both. Feet that stand slide by 4.8 mm/frame by the way alone, 4.9 by both, and 18.5 by the image alone.
_BLEND_S = 1.5


def predict(
    system: System,
    footage: Footage,
    *,
    field_of_view_deg: float | None = None,
    camera_tilt_deg: float | None = None,
    subject_height_m: float | None = None,
) -> Animation:
    """Motion of every frame of the footage, in a world with a floor.

    Bones are those of the mean skeleton, as large as the landmarks say, or as `subject_height_m`, which sizes the way
    of the root, too. Without `camera_tilt_deg` the camera's tilt is estimated from how the person stands, and 0 where
    the person hardly does. Frames with nobody in them hold the last pose; those before anybody is seen the first one.
    """
    if camera_tilt_deg is not None:
        require_tilt(camera_tilt_deg)
    if subject_height_m is not None:
        require_height(subject_height_m)
    landmarks, intrinsics = footage.landmarks, footage.intrinsics(field_of_view_deg)
    size = body_size(landmarks)
    keep, times = thinning(footage.fps), filling(footage.fps)
    seen = filled(thinned(landmarks, keep), times)
    fps = footage.fps * times / keep
    motion = system(seen, intrinsics, 60 / fps)
    if camera_tilt_deg is None:
        camera_tilt_deg = estimated_tilt_deg(motion.rotation, motion.valid, fps) or 0.0
    way = _root_path(motion, seen, intrinsics, size * mean_offset(), fps)
    track = Track(motion.rotation, way, motion.valid, _deviation(motion)).held()
    track = spread(track.at(slice(None, None, times)), keep, landmarks)
    if subject_height_m is not None:
        true_size = subject_height_m / standing_height()
        track = track._replace(root_position=track.root_position * (true_size / size))
        size = true_size
    return animate(track, size, footage.fps, camera_tilt_deg)


def body_size(landmarks: Float[Tensor, "N 25 7"]) -> float:
    """Size of the person relative to the mean skeleton, from all frames that saw somebody."""
    bones = estimated_offsets(landmarks, detected_frames(landmarks), mean_offset())[-1]
    shin = JOINT_INDEX["RightFoot"]
    return (bones[shin].norm() / mean_offset()[shin].norm()).item()


def _root_path(
    motion: Motion,
    landmarks: Float[Tensor, "N 25 7"],
    intrinsics: Float[Tensor, "4"],
    offset: Float[Tensor, "21 3"],
    fps: float,
) -> Float[Tensor, "N 3"]:
    """Position of the Hips in the camera's frame [m]; in frames that saw nobody, that of no use.

    The system says how the root moves, the landmarks' place and size in the image where it is (`root_position`). Their
    difference, smoothed over each stretch of tracking, is added to the way: what is faster than seconds is the
    system's, what is slower the image's.
    """
    from scipy.ndimage import gaussian_filter1d

    # The landmarks' place is that of the middle between the thighs, a little below the Hips.
    middle = motion.rotation[:, 0] @ offset[THIGHS].mean(0)
    moved = motion.delta_position.cumsum(0)
    apart = (root_position(landmarks, intrinsics) - middle - moved).numpy()
    stretch = (restarts(landmarks[None])[0].cumsum(0) * motion.valid).numpy()
    for number in range(1, stretch.max() + 1):
        frames = stretch == number
        apart[frames] = gaussian_filter1d(apart[frames], _BLEND_S * fps, axis=0, mode="nearest")
    return moved + torch.from_numpy(apart)


def _deviation(motion: Motion) -> Float[Tensor, "N 21"]:
    """The error to expect of each rotation, not a number where the system does not say."""
    if motion.deviation is None:
        return torch.full(motion.rotation.shape[:2], torch.nan)
    return motion.deviation
