"""The clips that the shipped weights are trained on: the sample's generator with many people and many rooms.

Each seed makes five people and a room with cameras of its own. Here they become one data set: people are numbered on,
S1 to S5 of the first seed, S6 to S10 of the second, and so are cameras.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import typer
from changed import changed

from blaze2cap.data.calibration import read_calibration, write_calibration
from blaze2cap.data.inspection import inspect
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, scan, vicon_folder
from blaze2cap.data.sources.sample.params import SampleParams
from blaze2cap.data.sources.sample.subject import SUBJECTS
from blaze2cap.data.sources.sample.write import write_sample
from blaze2cap.errors import one_sentence
from blaze2cap.params import load_params

# What the manifest calls these recordings: none of these people is one of the default sample's, of another seed.
SOURCE = "release"


@dataclass(frozen=True, kw_only=True)
class PeopleParams:
    """Section `people`: seeds of five people each, what they do, for how long [s], and the cameras of each room."""

    seeds: tuple[int, ...]
    actions: tuple[str, ...]
    seconds: float
    cameras: int

    def __post_init__(self) -> None:
        for key in ("seeds", "actions"):
            values = getattr(self, key)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{key} is {list(values)}, expected one or more, each once")
        for seed in self.seeds:
            self.of(seed)

    def of(self, seed: int) -> SampleParams:
        """The five people of a seed; ValueError for what is no sample."""
        return SampleParams(seed=seed, seconds=self.seconds, cameras=self.cameras)


def main(clips: Path) -> None:
    """Write the folder CLIPS."""
    with one_sentence("clips"), tempfile.TemporaryDirectory(prefix="blaze2cap-") as scratch:
        people = load_params("people", PeopleParams)
        raw = Path(scratch, "raw")
        cameras = {}
        for generation, seed in enumerate(people.seeds):
            room = Path(scratch, str(seed))
            takes = [f"{subject}/{action}" for subject in SUBJECTS for action in people.actions]
            write_sample(room, people.of(seed), takes)
            _move(room, raw, generation * len(SUBJECTS), len(cameras))
            cameras |= {
                str(int(name) + len(cameras)): camera
                for name, camera in read_calibration(room / CALIBRATION_FILE).items()
            }
        write_calibration(raw / CALIBRATION_FILE, cameras)
        write_manifest(raw, SOURCE, inspect(raw).faults, None)
        preprocess(raw, clips, changed("preprocess", PreprocessParams))


def _move(room: Path, raw: Path, people: int, cameras: int) -> None:
    """Move the recordings of one room into the common folder, after so many people and cameras of earlier rooms."""

    def later(take: str) -> str:
        subject, action = take.split("/")
        return f"S{int(subject[1:]) + people}/{action}"

    takes, clips, _ = scan(room)
    for take in takes:
        target = raw / vicon_folder(later(take))
        target.parent.mkdir(parents=True, exist_ok=True)
        (room / vicon_folder(take)).rename(target)
    for clip in clips:
        subject, action = later(clip.take).split("/")
        target = raw / ClipName(subject, action, str(int(clip.camera) + cameras)).landmark_file
        target.parent.mkdir(parents=True, exist_ok=True)
        (room / clip.landmark_file).rename(target)


if __name__ == "__main__":
    typer.run(main)
