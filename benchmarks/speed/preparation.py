"""Real recordings on their way to a batch: packing beside a loop over samples, loading beside files of windows."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from blaze2cap.body.landmark import KEPT_FROM_RAW, KEPT_RAW_CHANNELS, TRACKED
from blaze2cap.body.skeleton import PARENTS
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.packed import packed_array
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.raw import CALIBRATION_FILE, scan, vicon_folder
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE
from blaze2cap.data.windows import Windows
from speed.claim import HotPath, megabytes, rate, ratio, seconds, share
from speed.memory import cost
from speed.rounds import Case, Seconds, in_turns
from speed.workplace import Workplace

TAKES = ("S2/acting1", "S1/freestyle2")
_WINDOW, _BATCH = 64, 64


class PlainSample(NamedTuple):
    """A sample as the published data set holds it: landmarks (frames, 25, 7), motion (frames, 22, 6)."""

    name: str
    landmarks: np.ndarray
    slots: np.ndarray


def measure_preprocess(workplace: Workplace) -> Seconds:
    """A frame of a clip; reference and pipeline give the same samples."""
    raw, packed, plain = workplace.recorded_takes(*TAKES), workplace.scratch / "packed", workplace.scratch / "plain"
    preprocess(raw, packed, PreprocessParams(), workers=1)
    clips = ClipSet.load(packed)
    frames = len(clips.landmarks)

    def write() -> None:
        shutil.rmtree(plain, ignore_errors=True)
        plain.mkdir()
        for sample in plain_samples(raw):
            np.save(plain / f"{sample.name}.npy", sample.landmarks)
            np.save(plain / f"gt_{sample.name}.npy", sample.slots)

    write()
    _require_same(clips, plain)
    figures = in_turns(
        {
            "packed": Case(lambda: preprocess(raw, packed, PreprocessParams(), workers=1), frames),
            "loop": Case(write, frames),
        },
        workplace.rounds(3),
    )
    return figures | {
        "packed_bytes": [_bytes(packed)],
        "loop_bytes": [_bytes(plain)],
        # As float32: landmarks of every clip and its own copy of the truth.
        "copy_bytes": [4.0 * frames * (25 * 7 + 22 * 6)],
    }


def plain_samples(raw: Path) -> Iterator[PlainSample]:
    """Every sample of the recordings, worked out by itself: clip by clip, segment by segment, each stride and offset a
    copy whose root deltas are made anew, frame by frame."""
    cameras = read_calibration(raw / CALIBRATION_FILE)
    for clip in scan(raw)[1]:
        landmarks = np.load(raw / clip.landmark_file)[:, KEPT_FROM_RAW][:, :, KEPT_RAW_CHANNELS]
        folder = raw / vicon_folder(clip.take)
        inches = np.loadtxt(folder / POSITION_FILE, skiprows=1).reshape(-1, len(PARENTS), 3)
        quaternion = np.loadtxt(folder / ROTATION_FILE, skiprows=1).reshape(-1, len(PARENTS), 4)
        camera = cameras[clip.camera]
        turn, shift = camera.rotation.numpy(), camera.translation.numpy()
        for number, segment in enumerate(_segments(landmarks[: len(inches)])):
            for stride in (1, 2, 3):
                for offset in range(min(stride, len(segment))):
                    yield _plain_sample(
                        f"{clip.subject}_{clip.action}_{clip.camera}_{number}_{stride}_{offset}",
                        segment[offset::stride],
                        landmarks,
                        inches,
                        quaternion,
                        turn,
                        shift,
                    )


def _segments(landmarks: np.ndarray) -> list[list[int]]:
    segments: list[list[int]] = []
    tracking = False
    for frame, row in enumerate(landmarks):
        seen = bool((row != 0).any())
        if seen and (not tracking or row[0, TRACKED] == 0):
            segments.append([])
        tracking = seen
        if seen:
            segments[-1].append(frame)
    return segments


def _plain_sample(
    name: str,
    frames: list[int],
    landmarks: np.ndarray,
    inches: np.ndarray,
    quaternion: np.ndarray,
    turn: np.ndarray,
    shift: np.ndarray,
) -> PlainSample:
    chosen = landmarks[frames].copy()
    chosen[:, :, TRACKED] = 1
    chosen[0, :, TRACKED] = 0
    slots = np.zeros((len(frames), 22, 6), np.float32)
    before = None
    for row, frame in enumerate(frames):
        place = turn @ (0.0254 * inches[frame, 0]) + shift
        world = Rotation.from_quat(quaternion[frame]).as_matrix()
        root = turn @ world[0]
        if before is not None:
            slots[row, 0, :3] = place - before[0]
        delta = np.eye(3) if before is None else before[1].T @ root
        slots[row, 1] = delta[:, :2].T.ravel()
        for joint, parent in enumerate(PARENTS[1:], start=1):
            slots[row, joint + 1] = (world[parent].T @ world[joint])[:, :2].T.ravel()
        before = place, root
    return PlainSample(name, chosen, slots)


def _require_same(clips: ClipSet, plain: Path) -> None:
    """Every sample of the pipeline equals the reference's; AssertionError where one does not."""
    for source, row in clips.samples.iterrows():
        clip = clips.clips.loc[row["clip"]]
        sample = clips.sample(source)
        name = "_".join(map(str, (clip.subject, clip.action, clip.camera, row.segment, row.stride, row.offset)))
        np.testing.assert_allclose(np.load(plain / f"{name}.npy"), sample.landmarks, err_msg=name)
        np.testing.assert_allclose(np.load(plain / f"gt_{name}.npy"), sample.slots, atol=2e-4, err_msg=name)
    assert len(list(plain.glob("gt_*.npy"))) == len(clips.samples)


def measure_loading(workplace: Workplace) -> Seconds:
    """From the files of one clip to its first batch of 64 windows."""
    raw, packed = workplace.recorded_takes(TAKES[0]), workplace.scratch / "one"
    preprocess(raw, packed, PreprocessParams(strides=(1,)), workers=1)
    windows = write_windows(ClipSet.load(packed), workplace.scratch / "windows")
    arrays = sum(packed_array(packed, name).nbytes for name in ("landmarks", "rotation", "root_position", "outlier"))
    return in_turns(
        {
            "packed": Case(lambda: first_batch(packed)),
            "files": Case(lambda: first_batch_of_files(windows)),
        },
        workplace.rounds(5),
    ) | {
        "packed_memory": [float(cost(partial, first_batch, packed).bytes)],
        "files_memory": [float(cost(partial, first_batch_of_files, windows).bytes)],
        "array_bytes": [float(arrays)],
    }


def first_batch(packed: Path) -> object:
    """Open packed clips and draw a batch."""
    clips = ClipSet.load(packed)
    return Windows(clips, list(clips.takes.index), _WINDOW).draw(_BATCH, 0.0, np.random.default_rng(0))


def first_batch_of_files(folder: Path) -> object:
    """Load every window of the published form and take some."""
    names = sorted(path for path in folder.glob("w*.npy"))
    landmarks = np.stack([np.load(path) for path in names])
    slots = np.stack([np.load(path.with_name(f"gt_{path.name}")) for path in names])
    chosen = np.random.default_rng(0).integers(0, len(names), _BATCH)
    return landmarks[chosen], slots[chosen]


def write_windows(clips: ClipSet, folder: Path) -> Path:
    """Every window of 64 frames as two files, with hop 1."""
    folder.mkdir()
    number = 0
    for source in clips.samples.index:
        sample = clips.sample(source)
        for first in range(len(sample.landmarks) - _WINDOW + 1):
            rows = slice(first, first + _WINDOW)
            np.save(folder / f"w{number:06}.npy", sample.landmarks[rows].numpy())
            np.save(folder / f"gt_w{number:06}.npy", sample.slots[rows].numpy())
            number += 1
    return folder


def _bytes(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


PREPROCESS = HotPath(
    f"preprocess, {' and '.join(TAKES)}",
    measure_preprocess,
    (
        rate("packed, all faults looked for", "packed", "frames/s a core"),
        rate("a loop over samples, with copies", "loop", "frames/s a core"),
        ratio("**packing against the loop**", "loop", "packed", least=20),
        megabytes("packed", "packed_bytes"),
        megabytes("copies at every stride and offset", "loop_bytes"),
        share("**disk, of one copy at stride 1**", "packed_bytes", "copy_bytes", most=1.2),
    ),
)
LOADING = HotPath(
    "loading, a clip of 2,421 frames to the first batch",
    measure_loading,
    (
        seconds("packed clips, mapped into memory", "packed"),
        seconds("`np.load` of every window", "files"),
        ratio("**packed clips against files of windows**", "files", "packed", least=10),
        megabytes("memory: packed clips and the batch", "packed_memory"),
        megabytes("memory: files of windows", "files_memory"),
        megabytes("the packed arrays", "array_bytes"),
    ),
)
