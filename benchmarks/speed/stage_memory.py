"""Memory of each stage on the recordings, and on ten times as many: takes that are links to the same files."""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml
from dvc.utils.hydra import apply_overrides

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, scan, vicon_folder
from blaze2cap.data.split import published_samples, split_map, write_split
from speed.claim import three_digits
from speed.process_tree import Use, watched
from speed.start import cloned
from speed.workplace import RECORDINGS, Workplace, folder_of

HEAD = "| stage | recordings | passed | of the processor | memory | without mapped files |\n|---|---|---|---|---|---|"
_TIMES = (1, 10)
_VALIDATION = re.compile(r"S2/freestyle2(\d\d)?")


def stage_memory(workplace: Workplace) -> Iterable[str]:
    """A line of the table for each stage, on the recordings once and ten times; RuntimeError where one fails.

    Training takes as many steps of both, some forty: more of them keep nothing more.
    """
    for times in _TIMES:
        clone = cloned(workplace.scratch / f"clone-{times}")
        recordings = multiplied(folder_of(RECORDINGS), workplace.scratch / f"recordings-{times}", times)
        (clone / "data").mkdir(exist_ok=True)
        changed = ("source=totalcapture", f"path={recordings}")
        apply_overrides(
            clone / "params.yaml",
            [*(f"dataset.{change}" for change in changed), "train.detector=bootstrap", f"train.epochs={1 / times}"],
        )
        for stage in ("download", "preprocess", "train", "evaluate"):
            if stage == "train":
                _split(clone / "data")
            yield _row(f"{stage} | {times} x", _run(clone, stage))
        for folder in (clone, recordings):
            shutil.rmtree(folder)


def multiplied(recordings: Path, target: Path, times: int) -> Path:
    """Recordings in the raw layout that have each take so many times, by links, under numbers of its own."""
    takes, clips, _ = scan(recordings)
    for take in takes:
        for name in _names(take, times):
            _link(recordings / vicon_folder(take), target / vicon_folder(name))
    for clip in clips:
        for name in _names(clip.take, times):
            _link(recordings / clip.landmark_file, target / ClipName(*name.split("/"), clip.camera).landmark_file)
    _link(recordings / CALIBRATION_FILE, target / CALIBRATION_FILE)
    return target


def _names(take: str, times: int) -> list[str]:
    return [take, *(f"{take}{number:02}" for number in range(1, times))]


def _link(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    new.symlink_to(old)


def _split(data: Path) -> None:
    """What `split` does, for takes of names that no protocol knows."""
    clipset = ClipSet.load(data / "clips")
    parts = {take: "val" if _VALIDATION.fullmatch(take) else "train" for take in clipset.takes.index}
    (data / "split").mkdir()
    write_split(data / "split", split_map(published_samples(clipset), parts), parts)


def _run(clone: Path, stage: str) -> Use:
    command = yaml.safe_load((clone / "dvc.yaml").read_text())["stages"][stage]["cmd"].split()
    variables = {"PYTHONPATH": str(clone / "src"), "BLAZE2CAP_CACHE": str(clone.parent / "cache")}
    with (clone / "log").open("w+") as log:
        use, code = watched([sys.executable, *command[1:]], clone, os.environ | variables, log)
        if code:
            log.seek(0)
            raise RuntimeError(f"{stage}: {log.read()[-2000:]}")
    return use


def _row(name: str, use: Use) -> str:
    return (
        f"| {name} | {three_digits(use.passed)} s | {three_digits(use.worked)} s "
        f"| {three_digits(use.memory / 1e6)} MB | {three_digits(use.anonymous / 1e6)} MB |"
    )
