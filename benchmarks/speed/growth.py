"""How time and memory grow: each point in a process of its own, until one would take too long or too much memory."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import torch
from streaming import swaying

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, scan, vicon_folder
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.precision import autocast_dtype
from blaze2cap.params import load_params
from blaze2cap.runtime.default_checkpoint import chosen_checkpoint
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.torch_network import TorchNetwork, solver
from speed.claim import three_digits
from speed.memory import Cost, cost
from speed.training import DefaultStep
from speed.workplace import ROOT, Workplace

_FPS = 60.0
_INTRINSICS = np.array(ASSUMED_INTRINSICS, np.float32)
# Of the memory that is free, a point may take so much.
_SPARED = 0.7


class Curve(NamedTuple):
    """Cost against size; `left_out` says why larger sizes were not tried."""

    what: str
    unit: str
    costs: dict[int, Cost]
    left_out: str

    def rows(self) -> Iterable[str]:
        """Lines of the table: what a unit costs at each size."""
        for size, (spent, grown) in self.costs.items():
            yield (
                f"| {self.what} | {size:,} {self.unit} | {three_digits(spent)} s "
                f"| {three_digits(1e3 * spent / size)} ms | {three_digits(grown / 1e6)} MB |"
            )
        if self.left_out:
            yield f"| {self.what} | {self.left_out} | | | |"


def curves(workplace: Workplace, most_seconds: float) -> Iterable[Curve]:
    """Every curve, as it comes."""
    seconds = (10, 100, 1000, 3600, 36_000)
    yield _curve("network over a whole clip", "s", seconds, most_seconds, whole_clip)
    yield _curve("the same as a stream", "s", seconds, most_seconds, stream)
    yield _curve("preprocess, clips of 4 s", "clips", (10, 100, 1000, 10_000), most_seconds, packing, workplace.scratch)
    samples = workplace.sample_packed
    yield _curve("training step, width", "channels", (64, 128, 256, 512, 1024), most_seconds, wide_step, samples)
    yield _curve("training step, look-back", "frames", (4, 8, 16, 32, 64), most_seconds, far_step, samples)


def _curve(
    what: str, unit: str, sizes: Iterable[int], most_seconds: float, prepare: Callable[..., Any], *arguments: object
) -> Curve:
    costs: dict[int, Cost] = {}
    for size in sizes:
        expected = _expected(size, costs)
        if expected.seconds > most_seconds or expected.bytes > _SPARED * psutil.virtual_memory().available:
            reason = f"{expected.seconds:,.0f} s, {expected.bytes / 1e9:.1f} GB expected"
            return Curve(what, unit, costs, f"from {size:,} {unit} on not tried: {reason}")
        costs[size] = cost(prepare, size, *arguments)
    return Curve(what, unit, costs, "")


def _expected(size: int, costs: dict[int, Cost]) -> Cost:
    """By the line through the last two sizes; with fewer, nothing."""
    if len(costs) < 2:
        return Cost(0, 0)
    (near, low), (far, high) = list(costs.items())[-2:]
    steps = (size - far) / (far - near)
    return Cost(
        high.seconds + steps * (high.seconds - low.seconds), high.bytes + round(steps * (high.bytes - low.bytes))
    )


def whole_clip(seconds: int) -> Callable[[], object]:
    """The shipped network over one clip, at 60 frames a second."""
    solve, landmarks = solver(load_checkpoint(chosen_checkpoint(None)).system()), swaying(round(seconds * _FPS))
    return lambda: solve(landmarks, _INTRINSICS, 60 / _FPS)


def stream(seconds: int) -> Callable[[], object]:
    """The same frame by frame."""
    streamer = Streamer(TorchNetwork(load_checkpoint(chosen_checkpoint(None)).model), _INTRINSICS, fps=_FPS)
    some = swaying(600)

    def run() -> None:
        for frame in range(round(seconds * _FPS)):
            streamer.push(some[frame % len(some)], frame / _FPS)

    return run


def packing(clips: int, scratch: Path) -> Callable[[], object]:
    """Preprocess of many takes with four cameras each, all of them links to one."""
    one, many = scratch / "one-take", scratch / f"{clips}-clips"
    if not one.exists():
        write_sample(one, SampleParams(seconds=4.0), ["S1/freestyle1"], workers=1)
    takes, seen, _ = scan(one)
    many.mkdir()
    os.link(one / CALIBRATION_FILE, many / CALIBRATION_FILE)
    for number in range(-(-clips // len(seen))):
        subject, action = f"S{1 + number % 5}", f"rom{number + 1}"
        shutil.copytree(one / vicon_folder(takes[0]), many / vicon_folder(f"{subject}/{action}"), copy_function=os.link)
        for clip in seen:
            linked = many / ClipName(subject, action, clip.camera).landmark_file
            linked.parent.mkdir(parents=True, exist_ok=True)
            os.link(one / clip.landmark_file, linked)
    write_manifest(many, "sample", [], None, workers=1)
    return lambda: preprocess(many, scratch / "packed-many", PreprocessParams(), workers=1)


def wide_step(width: int, clips: Path) -> Callable[[], object]:
    """A step of the default model with so many channels."""
    return _step(clips, 64, width=width)


def far_step(look_back: int, clips: Path) -> Callable[[], object]:
    """A step of the transformer, over windows that its look-back fits, as many frames in all."""
    return _step(clips, max(64, 4 * look_back), backbone="transformer", look_back=look_back)


def _step(clips: Path, window: int, **model_params: object) -> Callable[[], object]:
    params = load_params("train", TrainParams, ROOT / "params.yaml")
    params = dataclasses.replace(params, window=window, batch=params.batch * params.window // window)
    clipset = ClipSet.load(clips)
    data = TrainingData(clipset, list(clipset.takes.index), params)
    step = DefaultStep(data.batch(0), autocast_dtype("auto", torch.device("cpu")), **model_params)
    step.again()
    return step.again
