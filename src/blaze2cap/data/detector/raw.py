"""Whole clips in BlazePose's raw layout: the parametric model, lost tracking, and now and then another person."""

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.landmark import (
    KEPT_FROM_RAW,
    LANDMARK_INDEX,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_SCREEN,
    RAW_SCREEN_VISIBILITY,
    RAW_SCREEN_Z,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    RAW_WORLD,
    RAW_WORLD_VISIBILITY,
    SCREEN,
    VISIBILITY,
    WORLD,
)
from blaze2cap.data.detector.anatomy import landmark_places
from blaze2cap.data.detector.observation import project, ray_view
from blaze2cap.data.detector.parametric import ParametricDetector, draw_subjects
from blaze2cap.data.detector.tracking import Segment, TrackingFigures, track

_ALL = range(len(RAW_LANDMARKS))
_NOSE = RAW_LANDMARKS.index("nose")
_FACE = [index for index in _ALL if index not in KEPT_FROM_RAW]
_SCREEN_Z_M = 2.3  # relative screen depth of a metre in depth, seen from one metre (median of the real clips)
_STRANGER_DEPTH_M = 6.0
_STRANGER_MARGIN = 0.04  # of the image's width, from its edge


def simulate_raw(
    position: Float[Tensor, "frames 21 3"],
    rotation: Float[Tensor, "frames 21 3 3"],
    camera: Camera,
    *,
    seed: int,
    subject_seed: int,
    tracking: TrackingFigures | None = None,
) -> Float32[np.ndarray, "frames 33 10"]:
    """A clip at 60 fps as BlazePose would give it, in the raw layout.

    `position` [m] and `rotation` (global) are in the camera frame. All clips of a subject take the same
    `subject_seed`, which decides the subject's bias; `seed` is the clip's own. Equal seeds, equal clip.
    """
    position, rotation = position.float(), rotation.float()
    rng = np.random.default_rng([seed, 1])
    outside = _outside(position, rotation, camera).numpy()
    segments = track(outside, _tilt(rotation).numpy(), tracking or TrackingFigures(), rng)
    clip = np.zeros((len(position), len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
    detected = _detect(position, rotation, camera, seed, subject_seed)
    for number, segment in enumerate(segments):
        frames = slice(segment.start, segment.stop)
        if segment.stranger:
            other = _stranger(position, rotation, camera, segment)
            clip[frames] = _detect(*other, camera, seed + number, subject_seed + number).numpy()
        else:
            clip[frames] = detected[frames].numpy()
        for channel in (RAW_TRACKED, RAW_TRACKED_COPY):
            clip[frames, :, channel] = 1
            clip[segment.start, :, channel] = 0
    return clip


def _detect(
    position: Tensor, rotation: Tensor, camera: Camera, seed: int, subject_seed: int
) -> Float[Tensor, "frames 33 10"]:
    """One person, seen and tracked in every frame."""
    generator = torch.Generator().manual_seed(seed)
    subject = draw_subjects(1, torch.Generator().manual_seed(subject_seed))
    intrinsics = camera.intrinsics.float()
    seen = ParametricDetector().observe(
        position[None], rotation[None], intrinsics[None], torch.ones(1), subject, generator
    )[0]
    raw = seen.new_zeros((len(seen), len(RAW_LANDMARKS), RAW_CHANNELS))
    kept = list(KEPT_FROM_RAW)
    raw[:, kept, RAW_WORLD], raw[:, kept, RAW_SCREEN] = seen[..., WORLD], seen[..., SCREEN]
    raw[:, kept, RAW_SCREEN_VISIBILITY] = seen[..., VISIBILITY]
    # Eyes and mouth share the nose's errors.
    place = landmark_places(position, rotation, _ALL)
    turn = ray_view(position, rotation).turn
    from_nose = (place[:, _FACE] - place[:, _NOSE, None]) @ turn
    on_screen = project(place, intrinsics)
    raw[:, _FACE, RAW_WORLD] = raw[:, _NOSE, None, RAW_WORLD] + from_nose
    raw[:, _FACE, RAW_SCREEN] = raw[:, _NOSE, None, RAW_SCREEN] + on_screen[:, _FACE] - on_screen[:, _NOSE, None]
    raw[:, _FACE, RAW_SCREEN_VISIBILITY] = seen[:, LANDMARK_INDEX["nose"], None, VISIBILITY]
    raw[..., RAW_WORLD_VISIBILITY] = raw[..., RAW_SCREEN_VISIBILITY]
    distance = position[:, :1, 2].clamp_min(1.0)
    raw[..., RAW_SCREEN_Z] = raw[..., RAW_WORLD.stop - 1] * _SCREEN_Z_M / distance
    return raw


def _outside(position: Tensor, rotation: Tensor, camera: Camera) -> Float[Tensor, "frames"]:
    """Share of the 25 landmarks that are out of the image or behind the camera."""
    place = landmark_places(position, rotation)
    screen = project(place, camera.intrinsics.float())
    return (((screen < 0) | (screen > 1)).any(-1) | (place[..., 2] <= 0)).float().mean(-1)


def _tilt(rotation: Tensor) -> Float[Tensor, "frames"]:
    """Angle [rad] of the trunk (-z of the hips) to the image's upward direction."""
    return torch.arccos(rotation[:, 0, 1, 2].clamp(-1, 1))


def _stranger(position: Tensor, rotation: Tensor, camera: Camera, segment: Segment) -> tuple[Tensor, Tensor]:
    """Somebody on the far side of the image: the same motion backwards, on one spot, at the subject's height."""
    root = position[segment.start : segment.stop, 0]
    side = project(root.mean(0), camera.intrinsics.float())[0]
    fx, _, cx, _ = camera.intrinsics.tolist()
    x = ((1 - _STRANGER_MARGIN if side < 0.5 else _STRANGER_MARGIN) - cx) / fx * _STRANGER_DEPTH_M
    height = camera.to_world(root).mean(0)[1]
    up = camera.rotation[:, 1].to(root)
    spot = root.new_tensor([x, 0.0, _STRANGER_DEPTH_M])
    spot[1] = (height - up @ (spot - camera.translation.to(root))) / up[1]
    backwards = slice(segment.start, segment.stop)
    pose = position.flip(0)[backwards]
    return pose - pose[:, :1] + spot, rotation.flip(0)[backwards]
