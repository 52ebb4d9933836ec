"""Whole clips in BlazePose's raw layout: the parametric model, lost tracking, and now and then another person."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

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
from blaze2cap.data.detector.observation import RayView, project, ray_view
from blaze2cap.data.detector.parametric import clock, draw_noise, draw_subjects, observed
from blaze2cap.data.detector.tracking import Segment, TrackingFigures, track

_ALL = range(len(RAW_LANDMARKS))
_NOSE = RAW_LANDMARKS.index("nose")
_FACE = [index for index in _ALL if index not in KEPT_FROM_RAW]
_SCREEN_Z_M = 2.3  # relative screen depth of a metre in depth, seen from one metre (median of the real clips)
_STRANGER_DEPTH_M = 6.0
_STRANGER_MARGIN = 0.04  # of the image's width, from its edge


def simulate_raw(
    position: Float[Tensor, "clips frames 21 3"],
    rotation: Float[Tensor, "clips frames 21 3 3"],
    cameras: Sequence[Camera],
    *,
    seeds: Sequence[int],
    subject_seed: int,
    tracking: TrackingFigures | None = None,
) -> Iterator[Float32[np.ndarray, "frames 33 10"]]:
    """Clips of one subject at 60 fps, a camera each, as BlazePose would give them, in the raw layout.

    `position` [m] and `rotation` (global) are in the frames of the cameras. All clips of a subject take the same
    `subject_seed`, which decides the subject's bias; a clip has a seed of its own. Equal seeds, equal clip, whatever
    other clips come with it.
    """
    position, rotation = position.float(), rotation.float()
    views = [_View.of(*pose) for pose in zip(position, rotation, cameras, strict=True)]
    for index, (view, detected) in enumerate(zip(views, _detect(views, seeds, subject_seed), strict=True)):
        rng = np.random.default_rng([seeds[index], 1])
        segments = track(view.outside().numpy(), _tilt(rotation[index]).numpy(), tracking or TrackingFigures(), rng)
        clip = np.zeros(detected.shape, np.float32)
        for number, segment in enumerate(segments):
            frames = slice(segment.start, segment.stop)
            if segment.stranger:
                other = _stranger(position[index], rotation[index], cameras[index], segment)
                stranger = [_View.of(*other, cameras[index])]
                clip[frames] = next(_detect(stranger, [seeds[index] + number], subject_seed + number)).numpy()
            else:
                clip[frames] = detected[frames].numpy()
            for channel in (RAW_TRACKED, RAW_TRACKED_COPY):
                clip[frames, :, channel] = 1
                clip[segment.start, :, channel] = 0
        yield clip


class _View(NamedTuple):
    """A clip as it truly is before its camera: what the model needs of it, as a batch of one, and the rest.

    `face` holds places of the landmarks that the model leaves out and `hips` those of the root, camera frame [m].
    """

    model: RayView
    face: Float[Tensor, "frames 8 3"]
    hips: Float[Tensor, "frames 3"]
    intrinsics: Float[Tensor, "4"]

    @classmethod
    def of(
        cls, position: Float[Tensor, "frames 21 3"], rotation: Float[Tensor, "frames 21 3 3"], camera: Camera
    ) -> "_View":
        face = landmark_places(position, rotation, _FACE)
        return cls(ray_view(position[None], rotation[None]), face, position[:, 0], camera.intrinsics.float())

    def outside(self) -> Float[Tensor, "frames"]:
        """Share of the 25 landmarks that are out of the image or behind the camera."""
        place = self.model.place[0]
        screen = project(place, self.intrinsics)
        return (((screen < 0) | (screen > 1)).any(-1) | (place[..., 2] <= 0)).float().mean(-1)


def _detect(views: Sequence[_View], seeds: Sequence[int], subject_seed: int) -> Iterator[Float[Tensor, "frames 33 10"]]:
    """One person, seen and tracked in every frame.

    The noise of all clips is drawn at once, as its steps from frame to frame cost the same for many numbers as for few;
    the rest clip by clip, so that no clip's last digits depend on another.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    subject = draw_subjects(1, torch.Generator().manual_seed(subject_seed))
    one = torch.ones(1)
    noise = draw_noise(torch.cat([clock(view.model, one) for view in views]), one.expand(len(views)), generators)
    for index, view in enumerate(views):
        seen = observed(view.model, view.intrinsics[None], subject, noise.window(index))[0]
        yield _raw_layout(view, seen)


def _raw_layout(view: _View, seen: Float[Tensor, "frames 25 7"]) -> Float[Tensor, "frames 33 10"]:
    raw = seen.new_zeros((len(seen), len(RAW_LANDMARKS), RAW_CHANNELS))
    kept = list(KEPT_FROM_RAW)
    raw[:, kept, RAW_WORLD], raw[:, kept, RAW_SCREEN] = seen[..., WORLD], seen[..., SCREEN]
    raw[:, kept, RAW_SCREEN_VISIBILITY] = seen[..., VISIBILITY]
    # Eyes and mouth share the nose's errors.
    nose = view.model.place[0, :, LANDMARK_INDEX["nose"], None]
    from_nose = (view.face - nose) @ view.model.turn[0]
    on_screen, nose_on_screen = project(view.face, view.intrinsics), project(nose, view.intrinsics)
    raw[:, _FACE, RAW_WORLD] = raw[:, _NOSE, None, RAW_WORLD] + from_nose
    raw[:, _FACE, RAW_SCREEN] = raw[:, _NOSE, None, RAW_SCREEN] + on_screen - nose_on_screen
    raw[:, _FACE, RAW_SCREEN_VISIBILITY] = seen[:, LANDMARK_INDEX["nose"], None, VISIBILITY]
    raw[..., RAW_WORLD_VISIBILITY] = raw[..., RAW_SCREEN_VISIBILITY]
    distance = view.hips[:, None, 2].clamp_min(1.0)
    raw[..., RAW_SCREEN_Z] = raw[..., RAW_WORLD.stop - 1] * _SCREEN_Z_M / distance
    return raw


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
