"""A made-up data set of the published size: 10,328 arrays under the published names, 6.89 GB, and their map.

    python benchmarks/published_size.py /absolute/NEW_FOLDER

What is true to the published one: takes of the standard split, eight cameras, names, shapes, float32, the number of
samples in train, test and neither, with and without the views that camera 5 lost, those of the four takes whose number
is known, and that samples at strides 2 and 3 repeat the frames of stride 1. What is not: who moves (the sample's
generator, another performance in every take; no stranger before camera 5), where tracking breaks (anywhere, without a
gap), takes all of one length, and which takes of S4 and S5 are in neither part (some that the protocol leaves).
"""

from itertools import product
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import typer

from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.motion import Motion, motion_to_slots, root_deltas
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.augment import LAYOUTS, Layout, strided
from blaze2cap.data.detector.raw import simulate_raw
from blaze2cap.data.detector.tracking import TrackingFigures
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published import DATASET_MAP_FILE, SampleName, count_parts, dataset_map, write_dataset_map
from blaze2cap.data.raw import ClipName
from blaze2cap.data.segment import Segment, to_model_layout
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import make_subject
from blaze2cap.data.split import TEST_ACTIONS, TEST_SUBJECTS, TRAIN_ACTIONS, TRAIN_SUBJECTS, SplitParams
from blaze2cap.data.vicon import FPS
from blaze2cap.errors import one_sentence

STRIDES = (1, 2, 3)
CAMERAS = 8
SEED = 42
TAKE_FRAMES = 4971
"""Of each clip, at 60 fps: what makes up 6.89 GB at the three strides."""
NEVER_LOST = TrackingFigures(blink=0.0, leave=0.0, hard=0.0, hard_tilt=np.inf, outside_clear=np.inf)
FEWEST_FRAMES = 30


class _Part(NamedTuple):
    """Takes of a part; segments that have all six samples; further ones of so few frames that they have fewer; segments
    of each view that camera 5 lost."""

    takes: tuple[str, ...]
    segments: int
    short: tuple[int, ...]
    lost: int


PARTS = (
    _Part(tuple(map("/".join, product(TRAIN_SUBJECTS, TRAIN_ACTIONS))), 462, (1,), 2),
    _Part(tuple(map("/".join, product(TEST_SUBJECTS, TEST_ACTIONS))), 343, (2, 2), 2),
    _Part(("S4/freestyle1", "S4/rom3", "S5/freestyle1", "S5/rom3", "S5/walking3"), 53, (1,), 1),
)
SEGMENTS_OF_TAKE = {"S1/freestyle1": 13, "S1/freestyle2": 13, "S2/freestyle1": 11, "S2/freestyle2": 10}


class TakeJob(NamedTuple):
    """A take to write into a folder: frames of the segments of each of its clips."""

    folder: Path
    layout: Layout
    take: str
    segments: dict[ClipName, list[int]]


def main(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    layout: Annotated[str, typer.Option(help=f"Names: {' or '.join(LAYOUTS)}.")] = "augmented",
    frames: Annotated[int, typer.Option(min=500, help="Frames of each take; fewer for a try.")] = TAKE_FRAMES,
) -> None:
    """Write the data set, and print what it holds."""
    names: list[SampleName] = []
    with one_sentence("published_size"), replaced_folder(folder) as partial:
        jobs = [TakeJob(partial, LAYOUTS[layout], take, clips) for take, clips in segments(frames).items()]
        for written in parallel_map(write_take, jobs, None, "takes"):
            names += written
        table = dataset_map(names, LAYOUTS[layout], SplitParams())
        write_dataset_map(partial / DATASET_MAP_FILE, table, LAYOUTS[layout])
    without = [name for name in names if not name.is_of_another_person]
    arrays = [path.stat().st_size for path in folder.rglob("*.npy")]
    print(f"{len(arrays):,} arrays, {sum(arrays):,} bytes")
    print(count_parts(table))
    print(f"without views that camera 5 lost: {count_parts(dataset_map(without, LAYOUTS[layout], SplitParams()))}")


def segments(frames: int) -> dict[str, dict[ClipName, list[int]]]:
    """Frames of every segment, by take and clip; those of a clip are `frames` together."""
    rng = np.random.default_rng(SEED)
    takes: dict[str, dict[ClipName, list[int]]] = {}
    for part in PARTS:
        counts = _segment_counts(part)
        short = dict(zip(counts, part.short, strict=False))
        for clip, count in counts.items():
            last = [short[clip]] if clip in short else []
            takes.setdefault(clip.take, {})[clip] = [*_cut(frames - sum(last), count - len(last), rng), *last]
    return takes


def _segment_counts(part: _Part) -> dict[ClipName, int]:
    """Segments of every clip: one, more in turn while there are any, a fixed number where camera 5 lost the person."""
    names = product(part.takes, range(1, CAMERAS + 1))
    clips = [ClipName(*take.split("/", 1), camera=str(camera)) for take, camera in names]
    lost = {clip for clip in clips if _sample(clip, 0, 1, 0).is_of_another_person}
    counts = {clip: part.lost if clip in lost else 1 for clip in clips}

    def share_out(among: list[ClipName], more: int) -> None:
        open_ones = [clip for clip in among if clip not in lost]
        for turn in range(more):
            counts[open_ones[turn % len(open_ones)]] += 1

    for take, count in SEGMENTS_OF_TAKE.items():
        own = [clip for clip in clips if clip.take == take]
        share_out(own, count - sum(counts[clip] for clip in own) if own else 0)
    others = [clip for clip in clips if clip.take not in SEGMENTS_OF_TAKE]
    share_out(others, part.segments + len(part.short) - sum(counts.values()))
    return counts


def _sample(clip: ClipName, *numbers: int) -> SampleName:
    return SampleName(clip.subject, clip.action, clip.camera, *numbers)


def _cut(frames: int, count: int, rng: np.random.Generator) -> list[int]:
    """`frames` in `count` pieces of FEWEST_FRAMES or more."""
    free = frames - count * FEWEST_FRAMES
    cuts = np.sort(rng.integers(0, free + 1, count - 1))
    return [FEWEST_FRAMES + int(piece) for piece in np.diff([0, *cuts, free])]


def write_take(job: TakeJob) -> list[SampleName]:
    """All samples of a take; their names."""
    subject, action = job.take.split("/")
    frames = sum(next(iter(job.segments.values())))
    take = perform(make_subject(subject, SEED), action, frames / FPS, SEED)
    position, rotation = take.position[:frames], take.rotation[:frames]
    local = global_to_local(rotation)
    cameras = make_cameras(CAMERAS, SEED)
    names = []
    for number, (clip, lengths) in enumerate(job.segments.items()):
        camera = cameras[clip.camera]
        seen = camera.to_camera(position), camera.rotation @ rotation
        one = (part[None] for part in seen)
        raw = next(
            simulate_raw(*one, [camera], seeds=[SEED + number], subject_seed=int(subject[1:]), tracking=NEVER_LOST)
        )
        motion = torch.cat((seen[1][:, :1], local[:, 1:]), dim=1)
        first = 0
        for segment, length in enumerate(lengths):
            for part in strided(Segment(first, length), STRIDES):
                name = _sample(clip, segment, part.stride, part.offset)
                rows = slice(part.first_frame, first + length, part.stride)
                _write_sample(job, name, to_model_layout(raw[rows]), seen[0][rows, 0], motion[rows])
                names.append(name)
            first += length
    return names


def _write_sample(
    job: TakeJob, name: SampleName, landmarks: np.ndarray, position: torch.Tensor, rotation: torch.Tensor
) -> None:
    landmarks[..., TRACKED] = (np.arange(len(landmarks)) > 0)[:, None]
    anchor = torch.zeros(len(landmarks), dtype=torch.bool)
    slots, _ = motion_to_slots(Motion(rotation, *root_deltas(position, rotation[:, 0], anchor), ~anchor))
    for path, array in ((name.source(job.layout), landmarks), (name.target(job.layout), slots.float().numpy())):
        (job.folder / path).parent.mkdir(parents=True, exist_ok=True)
        np.save(job.folder / path, array)


if __name__ == "__main__":
    typer.run(main)
