"""From landmarks to a person's motion: the checkpoint's network over the whole clip, and where the person stands."""

import itertools

import numpy as np
from jaxtyping import Float

from blaze2cap.body import landmark
from blaze2cap.body.landmark import WORLD
from blaze2cap.body.skeleton import indices, joint_of_landmark
from blaze2cap.runtime.animation import Animation, animate, require_height, require_tilt, standing_height
from blaze2cap.runtime.camera_tilt import estimated_tilt_deg
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.kinematics import mean_offset
from blaze2cap.runtime.network import Answer, Solver
from blaze2cap.runtime.retiming import Track, filled, filling, spread, thinned, thinning
from blaze2cap.runtime.tracking import detected_frames, restarts

THIGHS = indices("RightUpLeg", "LeftUpLeg")
"""Joints whose middle is where the image says the person is, a little below the Hips."""
# Limb bones only, as in `body.proportions`.
_BONES = [
    (f"{side}_{start}", f"{side}_{end}")
    for side in ("left", "right")
    for start, end in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]
_STARTS, _ENDS = (landmark.indices(*names) for names in zip(*_BONES, strict=True))
_BONE_JOINTS = indices(*(joint_of_landmark(end) for _, end in _BONES))

# What is smaller is no person, but landmarks that lie upon each other.
_LEAST_SIZE = 0.01

# Standard deviation [s] of the Gaussian that blends the two sources of the root's place, for the least spread of its
# error on real recordings: x, y, z 85, 45, 123 mm by the way alone, 65, 27, 159 by the image alone, 54, 28, 104 by
# both. Feet that stand slide by 4.8 mm/frame by the way alone, 4.9 by both, and 18.5 by the image alone.
_BLEND_S = 1.5


def predict(
    solve: Solver,
    footage: Footage,
    *,
    field_of_view_deg: float | None = None,
    camera_tilt_deg: float | None = None,
    subject_height_m: float | None = None,
) -> Animation:
    """Motion of every frame of the footage, in a world with a floor.

    Bones are those of the mean skeleton, as large as the landmarks say, or as `subject_height_m`, which sizes the way
    of the root, too. Without `camera_tilt_deg` the camera's tilt is estimated from how the person stands; where the
    person hardly does it is unknown, and taken for 0. Frames with nobody in them hold the last pose; those before
    anybody is seen the first one.
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
    motion = solve(seen, intrinsics, 60 / fps)
    if camera_tilt_deg is None:
        camera_tilt_deg = estimated_tilt_deg(motion.rotation, motion.valid, fps)
    way = _root_path(motion, seen, size * mean_offset(), fps)
    track = Track(motion.rotation, way, motion.valid, motion.deviation).held()
    track = spread(track.at(slice(None, None, times)), keep, landmarks)
    if subject_height_m is not None:
        true_size = subject_height_m / standing_height()
        track = track._replace(root_position=track.root_position * (true_size / size))
        size = true_size
    return animate(track, size, footage.fps, camera_tilt_deg)


def body_size(landmarks: Float[np.ndarray, "N 25 7"]) -> float:
    """Size of the person relative to the mean skeleton: mean summed length of eight limb bones over all frames that saw
    somebody; 1 where none did, or their limbs have no length."""
    world = landmarks[detected_frames(landmarks)][..., WORLD]
    if not len(world):
        return 1.0
    length = np.linalg.norm(world[:, _ENDS] - world[:, _STARTS], axis=-1).sum(-1)
    size = float(length.mean() / np.linalg.norm(mean_offset()[_BONE_JOINTS], axis=-1).sum())
    return size if size > _LEAST_SIZE else 1.0


def _root_path(
    motion: Answer, landmarks: Float[np.ndarray, "N 25 7"], offset: Float[np.ndarray, "21 3"], fps: float
) -> Float[np.ndarray, "N 3"]:
    """Position of the Hips in the camera's frame [m]; in frames that saw nobody, that of no use.

    The network says how the root moves, the landmarks' place and size in the image where it is. Their difference,
    smoothed over each stretch of tracking, is added to the way: what is faster than seconds is the network's, what is
    slower the image's.
    """
    from scipy.ndimage import gaussian_filter1d

    # The landmarks' place is that of the middle between the thighs, a little below the Hips.
    middle = motion.rotation[:, 0] @ offset[THIGHS].mean(0)
    moved = motion.delta_position.cumsum(0, np.float64)
    apart = motion.image_position - middle - moved
    starts = np.flatnonzero(restarts(landmarks))
    for start, end in itertools.pairwise([*starts, len(landmarks)]):
        frames = start + np.flatnonzero(motion.valid[start:end])
        apart[frames] = gaussian_filter1d(apart[frames], _BLEND_S * fps, axis=0, mode="nearest")
    return moved + apart
