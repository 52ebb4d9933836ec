"""What only a GPU can show of training: time and memory of a step in each precision, feeding it, and agreement.

    python benchmarks/gpu.py data/clips data/split

`data/clips` may be any packed data set; params.yaml gives the sizes, but for what the tables vary. On a machine without
a GPU, `--device cpu` runs what a CPU can do of it, which is good for trying the script only.
"""

import copy
import dataclasses
import gc
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.split import read_parts
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.device_memory import refuse_too_large
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.prefetch import on_device
from blaze2cap.learning.training import Trainer
from blaze2cap.params import load_params

BATCHES = 64, 512
PRECISIONS = "fp32", "tf32", "bf16", "fp16"
WORKERS = 0, 2, 4, 8
_WARM_UP, _STEPS = 5, 20
_FED_STEPS = 12
_CURVE, _CURVE_STEPS = 64, 100
_GIB = 2.0**30


class Bench:
    """Trainers of one data set, each with its own parameters."""

    def __init__(self, clips: Path, split: Path, device: torch.device, steps: int) -> None:
        self.device, self.steps = device, steps
        takes = read_parts(split)["train"]
        self.params = load_params("train", TrainParams)
        self.model, self.loss = load_params("model", ModelParams), load_params("loss", LossParams)
        largest = dataclasses.replace(self.params, batch=max(BATCHES))
        self.data = TrainingData(ClipSet.load(clips), takes, largest)

    def trainer(self, **changes: object) -> Trainer:
        """A run's beginning; the clips are shared, the weights are not."""
        torch.compiler.reset()
        params = dataclasses.replace(self.params, **changes)  # type: ignore[arg-type]
        data = copy.copy(self.data)
        data.params = params
        trainer = Trainer(data, None, self.model, self.loss, params, self.device)
        if params.compile:
            trainer.objective.compile()
        return trainer

    def seconds(self, trainer: Trainer, steps: int) -> list[float]:
        """Time of each step on one batch that lies on the device."""
        batch = trainer.data.batch(0).to(self.device)
        found = []
        for step in range(steps):
            start = perf_counter()
            trainer.step(step, batch)  # ends with the losses, so the device has finished
            found.append(perf_counter() - start)
        return found


def table(head: str, rows: Iterator[list[object]]) -> None:
    """Print a table of Markdown, each row when it is there."""
    names = head.split(" | ")
    print(f"\n| {head} |\n|{'---|' * len(names)}", flush=True)
    for row in rows:
        print(
            "| " + " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row) + " |",
            flush=True,
        )


def each_precision(bench: Bench) -> Iterator[list[object]]:
    """Time and memory of a step in each."""
    for batch in BATCHES:
        for precision in PRECISIONS:
            try:
                yield [batch, precision, *_step(bench, batch=batch, precision=precision)]
            except UserError as error:
                yield [batch, precision, str(error), "", "", "", ""]


def each_compiled(bench: Bench) -> Iterator[list[object]]:
    """The same of compiled networks; the first step compiles."""
    for batch in BATCHES:
        yield [batch, "auto", *_step(bench, batch=batch, precision="auto", compile=True)]


def _step(bench: Bench, **changes: object) -> list[object]:
    """First step [s], a step [ms], frames a second, memory told and memory taken [GiB]."""
    trainer = bench.trainer(**changes)
    batch = trainer.params.batch
    need = bench.trainer(**changes | {"compile": False}).memory().of(batch)
    _forget(bench.device)
    first, *_ = bench.seconds(trainer, _WARM_UP)
    seconds = median(bench.seconds(trainer, bench.steps))
    return [first, 1000 * seconds, batch * trainer.params.window / seconds, need / _GIB, _peak(bench.device)]


def each_feed(bench: Bench) -> Iterator[list[object]]:
    """Steps a second with the batches made meanwhile, against the step alone."""
    batch = max(BATCHES)
    trainer = bench.trainer(batch=batch, precision="auto")
    alone = 1 / median(bench.seconds(trainer, _WARM_UP))
    for workers in WORKERS:
        coming = on_device(
            islice(trainer.data.batches(0, workers, pin=bench.device.type == "cuda"), _FED_STEPS + 1), bench.device
        )
        trainer.step(0, next(coming))
        start = perf_counter()
        for step, windows in enumerate(coming, start=1):
            trainer.step(step, windows)
        fed = _FED_STEPS / (perf_counter() - start)
        yield [workers, fed, alone, fed / alone]


def each_curve(bench: Bench) -> Iterator[list[object]]:
    """How far the losses of the first steps are from those in fp32."""
    curves: dict[str, torch.Tensor] = {}
    for precision, compiled in [*((precision, False) for precision in PRECISIONS), ("bf16", True)]:
        try:
            trainer = bench.trainer(batch=_CURVE, precision=precision, compile=compiled)
        except UserError:
            continue
        trainer.data.steps = _CURVE_STEPS
        losses = [trainer.step(step, trainer.data.batch(step).to(bench.device))["loss"] for step in range(_CURVE_STEPS)]
        name = f"{precision}, compiled" if compiled else precision
        curves[name] = torch.tensor(losses)
        off = (curves[name] / curves["fp32"] - 1).abs()
        skipped = trainer.scaler.is_enabled() and trainer.scaler.get_scale() < 2.0**16
        yield [name, float(curves[name][-10:].mean()), float(off.mean()), float(off.max()), skipped]


def _forget(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> float | str:
    return torch.cuda.max_memory_allocated(device) / _GIB if device.type == "cuda" else "-"


def main(
    clips: Annotated[Path, typer.Argument(help="Packed clips, of the preprocess stage.")],
    split: Annotated[Path, typer.Argument(help="Parts, of the split stage.")],
    device: Annotated[str, typer.Option(help="cuda or cpu.")] = "cuda",
    steps: Annotated[int, typer.Option(min=1, help="Steps that are timed.")] = _STEPS,
) -> None:
    """Print the tables of docs/gpu.md."""
    with one_sentence("gpu"):
        if device == "cuda" and not torch.cuda.is_available():
            raise UserError("no GPU here; --device cpu tries the script")
        bench = Bench(clips, split, torch.device(device), steps)
        print(f"{torch.cuda.get_device_name() if device == 'cuda' else 'CPU'}, torch {torch.__version__}")
        columns = "batch | precision | first step [s] | step [ms] | frames/s | memory told [GiB] | taken [GiB]"
        table(columns, each_precision(bench))
        table("workers | steps/s | steps/s, batch at hand | share", each_feed(bench))
        table("precision | loss of the last 10 steps | mean off fp32 | most off | overflowed", each_curve(bench))
        table(columns, each_compiled(bench))
        trainer = bench.trainer(batch=max(BATCHES), precision="auto")
        try:
            print("\n" + refuse_too_large(trainer.memory(), 2**17, 1, bench.device))
        except UserError as error:
            print(f"\n{error}")


if __name__ == "__main__":
    typer.run(main)
