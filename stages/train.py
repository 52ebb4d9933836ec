"""Train the network on the training takes; the best checkpoint by validation is the output."""

from functools import partial
from pathlib import Path

import typer

from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.split import read_parts
from blaze2cap.errors import one_sentence
from blaze2cap.learning.batches import TrainParams
from blaze2cap.learning.data_parallel import in_processes
from blaze2cap.learning.fit import fit
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.training_run import train_and_write
from blaze2cap.params import load_params


def main(clips: Path, split: Path, model: Path, metrics: Path, plots: Path) -> None:
    """Train on the parts SPLIT of CLIPS; write the checkpoint MODEL, the report METRICS and the folder PLOTS."""
    with one_sentence("train"):
        sections = load_params("model", ModelParams), load_params("loss", LossParams), load_params("train", TrainParams)
        runtime = load_params("runtime", RuntimeParams)
        fitted = partial(fit, clips, read_parts(split), *sections, runtime)
        work = partial(train_and_write, fitted, model, metrics, plots)
        in_processes(runtime.devices, runtime.torch_device(), work)


if __name__ == "__main__":
    typer.run(main)
