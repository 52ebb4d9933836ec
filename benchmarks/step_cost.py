"""What a training step asks of a machine: arithmetic, operations that are started one by one, and time on this one.

    python benchmarks/step_cost.py data/clips data/split --batch 64

Floating-point operations are those of matrix products, forward and backward, as torch counts them. Kernels are calls
into torch that compute something, without those that make the batch: on a GPU each is a launch or more, which takes the
processor some microseconds to hand out.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.split import read_parts
from blaze2cap.errors import one_sentence
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.training import Trainer
from blaze2cap.params import load_params


class _Calls(TorchDispatchMode):
    """Counts calls of kernels; views and the like compute nothing."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def counted(work: Callable[[], object]) -> tuple[int, int]:
    """Floating-point operations of some work, and its kernels."""
    with FlopCounterMode(display=False) as operations, _Calls() as calls:
        work()
    return operations.get_total_flops(), calls.count


def main(
    clips: Annotated[Path, typer.Argument(help="Packed clips.")],
    split: Annotated[Path, typer.Argument(help="Their split.")],
    batch: Annotated[int, typer.Option(min=1, help="Windows a step.")] = 64,
    steps: Annotated[int, typer.Option(min=2, help="Steps of which the mean is told.")] = 10,
) -> None:
    """Print one line for the recipe of params.yaml."""
    with one_sentence("step_cost"), tempfile.TemporaryDirectory() as scratch:
        params = load_params("train", TrainParams)
        often = {"validate_every": 10**9, "save_every": 10**9, "epochs": 1e-9}
        params = dataclasses.replace(params, batch=batch, **often)
        data = TrainingData(ClipSet.load(clips), read_parts(split)["train"], params)
        sections = load_params("model", ModelParams), load_params("loss", LossParams)

        def run(count: int) -> None:
            data.steps = count
            trainer = Trainer(data, None, *sections, params, torch.device("cpu"))
            trainer.run(Path(scratch), 0, lambda *_: None)

        operations, kernels = (
            after - before for before, after in zip(counted(lambda: run(1)), counted(lambda: run(2)), strict=True)
        )
        kernels -= counted(lambda: data.batch(1))[1]
        ends = []
        for count in (1, 1 + steps):
            began = time.process_time()
            run(count)
            ends.append(time.process_time() - began)
        began = time.process_time()
        for step in range(steps):
            data.batch(step)
        feeding = (time.process_time() - began) / steps
    seconds = (ends[1] - ends[0]) / steps
    print(
        "| windows | 10^9 operations | kernels | processor [s] | of that, making the batch [s] |\n|---|---|---|---|---|"
    )
    print(f"| {batch} | {operations / 1e9:.0f} | {kernels:,} | {seconds:.2f} | {feeding:.2f} |")


if __name__ == "__main__":
    typer.run(main)
