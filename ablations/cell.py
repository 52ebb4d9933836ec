"""One cell of the study: a short training with one smoothness weight and one seed, scored on the test takes."""

from pathlib import Path

import typer
from changed import changed

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.report import write_report
from blaze2cap.data.split import read_parts
from blaze2cap.errors import one_sentence
from blaze2cap.learning.batches import TrainParams
from blaze2cap.learning.evaluation import EvaluateParams, evaluate, score_checkpoint
from blaze2cap.learning.fit import fit
from blaze2cap.learning.headline import HEADLINE
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.progress import training_progress
from blaze2cap.learning.resume import finish


def main(clips: Path, split: Path, smooth: float, seed: int, cell: Path) -> None:
    """Train on SPLIT of CLIPS with the weight SMOOTH and the SEED; write the headline of the test part to CELL."""
    with one_sentence("cell"):
        sections = (
            changed("model", ModelParams),
            changed("loss", LossParams, smooth=smooth),
            changed("train", TrainParams, seed=seed),
        )
        parts = read_parts(split)
        with training_progress() as report:
            checkpoint, _, folder = fit(clips, parts, *sections, RuntimeParams(device="cpu"), report)
        scores = score_checkpoint(ClipSet.load(clips), {"test": parts["test"]}, checkpoint)
        figures = evaluate(scores, checkpoint.provenance["subjects"], EvaluateParams(bootstrap_samples=100))["test"]
        cell.parent.mkdir(exist_ok=True)
        write_report(cell, {"smooth": smooth, "seed": seed} | {key: figures[key] for key in HEADLINE})
        finish(folder)


if __name__ == "__main__":
    typer.run(main)
