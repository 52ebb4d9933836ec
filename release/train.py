"""Train the network that ships; the best checkpoint by the validation people is the output."""

from pathlib import Path

import typer
from changed import changed

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.report import write_report
from blaze2cap.errors import one_sentence
from blaze2cap.learning.batches import TrainParams
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.learning.curves import summary
from blaze2cap.learning.fit import fit
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.progress import training_progress
from blaze2cap.learning.resume import finish
from blaze2cap.params import read_yaml


def main(clips: Path, model: Path, metrics: Path) -> None:
    """Train on CLIPS but those of the validation people; write the checkpoint MODEL and the report METRICS."""
    with one_sentence("train"):
        sections = changed("model", ModelParams), changed("loss", LossParams), changed("train", TrainParams)
        runtime = changed("runtime", RuntimeParams)
        held_out = set(read_yaml(Path("params.yaml"))["validation"])
        parts: dict[str, list[str]] = {"train": [], "val": []}
        for take in ClipSet.load(clips).takes.index:
            parts["val" if take.split("/")[0] in held_out else "train"].append(take)
        with training_progress() as report:
            checkpoint, curves, folder = fit(clips, parts, *sections, runtime, report)
        save_checkpoint(model, checkpoint)
        write_report(metrics, summary(curves))
        finish(folder)


if __name__ == "__main__":
    typer.run(main)
