"""Train the network that ships; the best checkpoint by the validation people is the output."""

from functools import partial
from pathlib import Path

import typer
from changed import changed

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.learning.batches import TrainParams
from blaze2cap.learning.data_parallel import in_processes
from blaze2cap.learning.fit import fit
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.training_run import train_and_write
from blaze2cap.params import read_yaml


def main(clips: Path, model: Path, metrics: Path) -> None:
    """Train on CLIPS but those of the validation people; write the checkpoint MODEL and the report METRICS."""
    with one_sentence("train"):
        sections = changed("model", ModelParams), changed("loss", LossParams), changed("train", TrainParams)
        runtime = changed("runtime", RuntimeParams)
        held_out = read_yaml(Path("params.yaml"))["validation"]
        parts: dict[str, list[str]] = {"train": [], "val": []}
        takes = ClipSet.load(clips).takes
        unknown = sorted(set(held_out) - set(takes["subject"]))
        if unknown:
            raise UserError(f"params.yaml: validation names {', '.join(unknown)}, who are not among the people here")
        for take in takes.index:
            parts["val" if take.split("/")[0] in held_out else "train"].append(take)
        work = partial(train_and_write, partial(fit, clips, parts, *sections, runtime), model, metrics, None)
        in_processes(runtime.devices, runtime.torch_device(), work)


if __name__ == "__main__":
    typer.run(main)
