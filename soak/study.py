"""A small pipeline in one folder, whose stages and commands run in this process: what kills are tried on."""

import importlib
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import yaml

from soak import ROOT
from soak.forked import Work, forked

STAGES: dict[str, tuple[list[str], list[str]]] = {
    "download": (["data/raw"], ["metrics/download.json"]),
    "preprocess": (["data/raw", "data/clips"], ["metrics/preprocess.json"]),
    "split": (["data/clips", "data/split"], ["metrics/split.json"]),
    "train": (["data/clips", "data/split", "models"], ["metrics/train.json", "metrics/train"]),
    "evaluate": (
        ["data/clips", "data/split", "models"],
        ["metrics/evaluate.json", "metrics/evaluate", "metrics/summary.json"],
    ),
}
"""Arguments of each stage: folders, of which the last is its output (evaluate has none), and metrics."""
WHOLE = {"data/raw", "data/clips"}
"""Folders that are there as one or not at all; of the others, each file is."""

_SMALL = {
    "dataset": {"sample": {"seconds": 4.0, "cameras": 1}},
    "train": {"generated": {"takes": 1, "seconds": 6.0}},
}


def outputs(stage: str) -> list[str]:
    """Paths that a stage writes."""
    folders, metrics = STAGES[stage]
    return [*([] if stage == "evaluate" else folders[-1:]), *metrics]


def inputs(stage: str) -> list[str]:
    """Paths that a stage reads."""
    folders, _ = STAGES[stage]
    return folders if stage == "evaluate" else folders[:-1]


def stage_work(stage: str) -> Work:
    """The stage as its command runs it."""

    def run() -> None:
        sys.argv = arguments(stage)
        runpy.run_path(sys.argv[0], run_name="__main__")

    return run


def arguments(stage: str) -> list[str]:
    """The stage's script and what dvc.yaml gives it."""
    folders, metrics = STAGES[stage]
    return [str(ROOT / "stages" / f"{stage}.py"), *folders, *metrics]


def import_everything() -> None:
    """Import here what the children would import each by itself."""
    for stage in STAGES:
        runpy.run_path(str(ROOT / "stages" / f"{stage}.py"), run_name="imported")
    ours = ("cli.predict", "runtime.bvh", "runtime.footage", "runtime.live_session", "runtime.pose_detector")
    others = ("matplotlib.pyplot", "pandas", "pandera.pandas", "scipy.ndimage", "av")
    for module in (*(f"blaze2cap.{name}" for name in ours), *others):
        importlib.import_module(module)


def write_params(folder: Path, seed: int) -> None:
    """The tiny preset, smaller still; everything random from a seed."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for changed in (yaml.safe_load((ROOT / "presets" / "tiny.yaml").read_text()), _SMALL):
        _merge(params, changed)
    params["dataset"]["sample"]["seed"] = params["train"]["seed"] = seed
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def run(work: Work, folder: Path) -> str:
    """What some work prints that ends well in a child of its own."""
    log = folder.with_suffix(".log")
    code = forked(work, folder, log, environment(folder)).wait()
    if code:
        raise RuntimeError(f"exit code {code}: {log.read_text()}")
    return log.read_text()


def environment(folder: Path) -> dict[str, str]:
    """Of a process that works in a folder: its own place for training's state."""
    return {"BLAZE2CAP_CACHE": str(folder.with_suffix(".cache"))}


def contents(path: Path) -> dict[str, bytes]:
    """Bytes of a file, or of every file under a folder, by name; nothing where there is nothing."""
    return {str(file.relative_to(path)): file.read_bytes() for file in files(path)}


def files(path: Path) -> list[Path]:
    """A file itself, or every file under a folder."""
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def copied(source: Path, target: Path, paths: list[str]) -> None:
    """Copy files and folders from one study into another; what is not there is left out."""
    for name in paths:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        elif (source / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def landmark_file(study: Path) -> Path:
    """Raw landmarks of one of its clips."""
    return next(iter(sorted((study / "data" / "raw").rglob("*.npy"))))


def looped_landmarks(study: Path) -> np.ndarray:
    """Raw landmarks [N, 33, 10] of a clip, forwards and backwards: they can be played over and over."""
    clip = np.load(landmark_file(study))
    return np.concatenate([clip, clip[-2:0:-1]])


def run_stage_alone(folder: Path, stage: str) -> Path:
    """A study in which one stage has run."""
    write_params(folder, 1)
    run(stage_work(stage), folder)
    return folder


def _merge(params: dict, changed: dict) -> None:
    for key, value in changed.items():
        if isinstance(value, dict):
            _merge(params[key], value)
        else:
            params[key] = value
