"""Clips of takes that no camera recorded: windows of their motion seen from random places by a simulated detector."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import SimulatedDetector
from blaze2cap.data.detector.view import random_views
from blaze2cap.data.vicon import FPS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class SimulatedParams:
    """Section `evaluate.simulated` of params.yaml: how takes without landmarks are seen."""

    views: int = 4
    seconds: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.views < 0:
            raise ValueError(f"views is {self.views}, expected 0 or more")
        if not 1 / FPS <= self.seconds < math.inf:
            raise ValueError(f"seconds is {self.seconds}, expected at least a frame of {1 / FPS:.3f} s, and finite")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")


def with_simulated_clips(
    clipset: ClipSet, takes: Sequence[str], detector: SimulatedDetector, params: SimulatedParams
) -> ClipSet:
    """The data set and, for each of the given takes, a clip of every window and view.

    Windows cover a take evenly; they overlap by what a whole number of them exceeds it. Each is seen by a camera of its
    own, numbered on from the real ones, which stands still in the take's world, and starts at an anchor. Detections of
    a take depend on its name and the seed, not on the other takes.
    """
    import pandas as pd

    names = map(str, count(1 + max(int(name) for name in clipset.cameras)))
    cameras, landmarks = dict(clipset.cameras), [clipset.landmarks]
    tables = [clipset.clips]
    first_row = len(clipset.landmarks)
    for take in takes:
        starts, frames = _windows(int(clipset.takes.frames[take]), params)
        seen, views = _simulate(clipset, take, starts[:, None] + torch.arange(frames), detector, params.seed)
        own = {next(names): view for view in views}
        tables.append(_clips(clipset, take, list(own.items()), starts, frames, first_row))
        cameras |= own
        landmarks.append(seen.flatten(0, 1).numpy())
        first_row += len(starts) * frames
    return dataclasses.replace(clipset, clips=pd.concat(tables), landmarks=np.concatenate(landmarks), cameras=cameras)


def _windows(frames: int, params: SimulatedParams) -> tuple[Int[Tensor, "B"], int]:
    """First frames of all windows, each as often as there are views, and their length."""
    length = min(round(params.seconds * FPS), frames)
    starts = torch.linspace(0, frames - length, math.ceil(frames / length)).round().long()
    return starts.repeat(params.views), length


def _simulate(
    clipset: ClipSet, take: str, frame: Int[Tensor, "B S"], detector: SimulatedDetector, seed: int
) -> tuple[Float[Tensor, "B S 25 7"], list[Camera]]:
    """Landmarks of windows of a take, and the camera of each."""
    rng = np.random.default_rng([seed, *take.encode()])
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    motion, cameras = clipset.take_motion(take), list(clipset.cameras.values())
    joints, turns = forward_kinematics(motion.rotation, motion.offset, motion.root_position)
    position, rotation = joints[frame], turns[frame]
    seen, turned, intrinsics = random_views(position, rotation, cameras, generator)
    landmarks = detector.simulate(seen, turned, intrinsics, torch.ones(len(frame)), generator)
    landmarks[:, 0, :, TRACKED] = 0
    # The view moved the person before a camera; the same view moves the camera about the person.
    camera_rotation = turned[:, 0, 0] @ rotation[:, 0, 0].mT
    translation = seen[:, 0, 0] - (camera_rotation @ position[:, 0, 0, :, None]).squeeze(-1)
    width, height = cameras[0].width, cameras[0].height
    size = torch.tensor([width, height, width, height])
    return landmarks, [
        Camera(fx=fx, fy=fy, cx=cx, cy=cy, width=width, height=height, rotation=turn, translation=way)
        for (fx, fy, cx, cy), turn, way in zip((intrinsics * size).tolist(), camera_rotation, translation, strict=True)
    ]


def _clips(
    clipset: ClipSet,
    take: str,
    cameras: Sequence[tuple[str, Camera]],
    starts: Int[Tensor, "B"],
    frames: int,
    first_row: int,
) -> "pd.DataFrame":
    import pandas as pd

    subject, action = take.split("/")
    take_row = int(clipset.takes.first_row[take])
    rows = [
        {
            "clip": f"{take}/cam{name}",
            "take": take,
            "subject": subject,
            "action": action,
            "camera": name,
            "first_row": first_row + number * frames,
            "truth_row": take_row + start,
            "frames": frames,
            "detected": frames,
            "anchors": 1,
            "segments": 1,
            "rejected_frames": 0,
            "width": camera.width,
            "height": camera.height,
            "fps": FPS,
        }
        for number, ((name, camera), start) in enumerate(zip(cameras, starts.tolist(), strict=True))
    ]
    return pd.DataFrame(rows, columns=clipset.clips.columns).set_index("clip", drop=False).rename_axis(None)
