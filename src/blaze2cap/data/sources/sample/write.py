"""Writes the sample as raw recordings: calibration, Vicon text and landmark files, take by take on all cores."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from blaze2cap.body.rotation import matrix_to_quaternion
from blaze2cap.data.calibration import write_calibration
from blaze2cap.data.detector.raw import simulate_raw
from blaze2cap.data.parallel import one_thread, parallel_map
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, vicon_folder, write_landmarks
from blaze2cap.data.sources.sample.params import SampleParams
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject
from blaze2cap.data.vicon import write_vicon

WATCHED_ACTIONS = ("walking1", "freestyle1", "freestyle2", "acting1", "rom1")
MOTION_ONLY_ACTIONS = ("walking3", "acting2", "rom2", "rom3")
"""Training actions that no camera watched: motion for simulated detections, as there is in the real folder."""
TEST_ACTIONS = ("walking2", "freestyle3", "acting3")
SAMPLE_TAKES = tuple(
    f"{subject}/{action}"
    for subjects, actions in ((SUBJECTS[:3], WATCHED_ACTIONS + MOTION_ONLY_ACTIONS), (SUBJECTS, TEST_ACTIONS))
    for subject in subjects
    for action in actions
)
"""All takes, by the subjects and actions that the standard split puts into train and test."""

# Clips of a take are simulated together, which costs memory: a hundred MB for 20 s and four cameras.
_FRAMES_AT_ONCE = 10_000


class _Job(NamedTuple):
    folder: Path
    take: str
    params: SampleParams


def write_sample(
    folder: Path, params: SampleParams, takes: Sequence[str] = SAMPLE_TAKES, workers: int | None = None
) -> None:
    """Write the sample, or some of its takes, in the raw layout (`data.raw`); equal parameters give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    write_calibration(folder / CALIBRATION_FILE, make_cameras(params.cameras, params.seed))
    parallel_map(_write_take, [_Job(folder, take, params) for take in takes], workers, "sample")


@one_thread()
def _write_take(job: _Job) -> None:
    subject, action = job.take.split("/")
    take = perform(make_subject(subject, job.params.seed), action, job.params.seconds, job.params.seed)
    quaternion = matrix_to_quaternion(take.rotation)
    write_vicon(job.folder / vicon_folder(job.take), take.position.numpy(), quaternion.numpy())
    if action in MOTION_ONLY_ACTIONS:
        return
    cameras = make_cameras(job.params.cameras, job.params.seed)
    at_once = max(1, _FRAMES_AT_ONCE // len(take.position))
    for first in range(0, len(cameras), at_once):
        names = list(cameras)[first : first + at_once]
        views = [cameras[name] for name in names]
        files = [ClipName(subject, action, name) for name in names]
        clips = simulate_raw(
            torch.stack([camera.to_camera(take.position) for camera in views]),
            torch.stack([camera.rotation @ take.rotation for camera in views]),
            views,
            seeds=[_clip_seed(job.params.seed, str(clip)) for clip in files],
            subject_seed=_clip_seed(job.params.seed, subject),
        )
        for clip, landmarks in zip(files, clips, strict=True):
            write_landmarks(job.folder / clip.landmark_file, landmarks)


def _clip_seed(seed: int, name: str) -> int:
    return zlib.crc32(f"{seed} {name}".encode())
