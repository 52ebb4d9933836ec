"""A folder as the pipeline leaves it, made from small recordings and an untrained model: for what looks at results."""

from pathlib import Path

import torch
from recordings import write_recordings

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.report import write_report
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.checkpoint import Checkpoint, save_checkpoint
from blaze2cap.learning.curves import write_curves
from blaze2cap.learning.evaluation import EvaluateParams, evaluate, score_checkpoint
from blaze2cap.learning.model import ModelParams, PoseModel

TAKES = {"S1/walking2": 130, "S4/acting3": 70}


def write_clips(folder: Path, takes: dict[str, int] = TAKES) -> Path:
    """Packed clips of small recordings, and metrics/preprocess.json; two cameras, 60 frames/s."""
    raw = write_recordings(folder / "data" / "raw", takes)
    write_manifest(raw, "totalcapture", [], None, workers=1)
    write_report(
        folder / "metrics" / "preprocess.json", preprocess(raw, folder / "data" / "clips", PreprocessParams(), 1)
    )
    return folder / "data" / "clips"


def write_checkpoint(folder: Path) -> Checkpoint:
    """A tiny network with random weights, and baselines that do nothing."""
    torch.manual_seed(0)
    turns = torch.eye(3).expand(21, 3, 3).clone()
    offset = 0.2 * torch.randn(21, 3)
    baselines = Baselines(filter=torch.tensor([1.0, 1.0]), correction=turns, mean_pose=turns.clone(), offset=offset)
    takes = {"train": ["S1/walking1"], "val": ["S2/freestyle2"], "test": [], "none": []}
    model = PoseModel(ModelParams(width=16, layers=1, heads=2, feed_forward=16, look_back=4))
    provenance = {"source": "totalcapture", "takes": takes, "subjects": ["S1"], "version": "0.0"}
    checkpoint = Checkpoint(model.eval(), baselines, provenance)
    save_checkpoint(folder, checkpoint)
    return checkpoint


def write_run(folder: Path) -> Path:
    """Clips, split, models and metrics of a whole run, all takes in the test part."""
    clipset, checkpoint = ClipSet.load(write_clips(folder)), write_checkpoint(folder / "models")
    (folder / "data" / "split").mkdir()
    (folder / "data" / "split" / "takes.csv").write_text("take,part\n" + "".join(f"{take},test\n" for take in TAKES))
    scores = score_checkpoint(clipset, {"test": list(TAKES)}, checkpoint)
    figures = evaluate(scores, ["S1"], EvaluateParams(bootstrap_samples=100))
    write_report(folder / "metrics" / "evaluate.json", figures)
    losses = {"learning_rate": 0.001, "train_loss": 0.5, "train_rot": 0.02, "val_loss": 0.4, "val_rot": 0.03}
    curves = [{"step": step, **losses} for step in (10.0, 20.0)]
    write_curves(folder / "metrics" / "train", curves)
    return folder
