"""The examples of docs/extending.md, put where they say they belong in a copy of the source, and run there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from import_graph import ROOT
from recordings import write_recordings

DOCUMENT = ROOT / "docs" / "extending.md"
# First line of a block -> file, and the text before which the block stands; none: at the end of the file.
PLACES: dict[str, tuple[str, str | None]] = {
    "at the end of src/blaze2cap/data/sources/registry.py": ("src/blaze2cap/data/sources/registry.py", None),
    "above _weight in src/blaze2cap/learning/loss.py": ("src/blaze2cap/learning/loss.py", "def _weight("),
    "the last field of LossParams in src/blaze2cap/learning/loss.py: its name, its weight, its function": (
        "src/blaze2cap/learning/loss.py",
        "\n    def __post_init__",
    ),
    "the last line of the section loss in params.yaml": ("params.yaml", "\ntrain:"),
    "at the end of src/blaze2cap/learning/measure.py": ("src/blaze2cap/learning/measure.py", None),
}


def blocks() -> dict[str, str]:
    """Every Python and YAML block of the document by its first line, which says where it belongs."""
    found = re.findall(r"^```(?:python|yaml)\n# (.+?)\n(.+?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of source, stages and parameters with every example in its place."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "params.yaml", folder)
    for place, block in blocks().items():
        name, before = PLACES[place]
        text = (folder / name).read_text()
        if before is None:
            text = f"{text}\n\n{block}"
        else:
            assert text.count(before) == 1, f"{name} has no one place before {before!r}"
            gap = "\n\n" if block.startswith("def ") else ""
            text = text.replace(before, f"{block}{gap}{before}")
        (folder / name).write_text(text)
    return folder


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, (project / "src", ROOT / "tests"))),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def said(project: Path, code: str) -> dict:
    """What a program prints as JSON."""
    result = run(project, "-c", code)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_every_example_has_a_place_and_is_short() -> None:
    assert blocks().keys() == PLACES.keys()
    assert max(len(block.splitlines()) for block in blocks().values()) <= 20


def test_the_source_takes_an_archive_through_the_stage(project: Path, tmp_path: Path) -> None:
    recordings = write_recordings(tmp_path / "recordings", {"S1/rom1": 9, "S4/acting3": 7})
    archive = shutil.make_archive(str(tmp_path / "recordings"), "zip", recordings)
    params = tmp_path / "params.yaml"
    stage = ("stages/download.py", str(tmp_path / "raw"), str(tmp_path / "download.json"), "--params-file", str(params))
    params.write_text(f"dataset: {{source: archive, path: {archive}}}\n")
    result = run(project, *stage)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "download.json").read_text())
    assert (report["source"], report["takes"], report["clips"]) == ("archive", 2, 4)
    params.write_text(f"dataset: {{source: archive, path: {params}}}\n")
    refused = run(project, *stage)
    assert refused.returncode == 1
    assert refused.stderr.startswith("download: dataset.path is ")
    assert len(refused.stderr.strip().splitlines()) == 1


LOSS = """
import json, tempfile
from dataclasses import replace
from pathlib import Path
import torch
from tiny import tiny_clipset
from blaze2cap.errors import UserError
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.training import Trainer
from blaze2cap.params import load_params, params_from

weights = load_params("loss", LossParams)
try:
    params_from({"wurst": 2.0}, "loss", LossParams, "params.yaml")
except UserError as error:
    refused = str(error)
sizes = dict(epochs=0.1, batch=4, window=16, validate_every=1, simulated_share=0.0)
train = replace(load_params("train", TrainParams), **sizes)
model = ModelParams(width=16, layers=1, heads=2, feed_forward=16, look_back=4)
data = TrainingData(tiny_clipset(), ["S1/freestyle1"], train)
rows = []
for params in (weights, replace(weights, worst=0.0)):
    trainer = Trainer(data, None, model, params, train, torch.device("cpu"))
    trainer.run(Path(tempfile.mkdtemp()), 0, lambda step, steps, row: None)
    rows.append(trainer.curves[0])
print(json.dumps({"weight": weights.worst, "refused": refused, "rows": rows}))
"""


def test_the_loss_is_weighted_trained_on_and_drawn(project: Path) -> None:
    told = said(project, LOSS)
    assert told["weight"] == 0.5
    assert told["refused"].startswith("params.yaml: unknown key loss.wurst; known keys are rot, smooth")
    assert told["refused"].endswith(", worst")
    with_it, without = told["rows"]
    assert with_it["train_worst"] > with_it["train_position"], "the worst joint is farther off than the mean one"
    assert with_it["train_loss"] - without["train_loss"] == pytest.approx(0.5 * with_it["train_worst"], rel=1e-3)


METRIC = """
import json
import torch
from tiny import bones, tiny_clipset
from blaze2cap.body.motion import Motion
from blaze2cap.learning.evaluation import EvaluateParams, evaluate
from blaze2cap.learning.scoring import score

def still(landmarks, intrinsics, dt):
    unit, frames = torch.eye(3).expand(len(landmarks), 21, 3, 3), len(landmarks)
    return Motion(unit, torch.zeros(frames, 3), unit[:, 0], torch.ones(frames, dtype=torch.bool))

takes = ["S1/walking2", "S2/walking2"]
scores = score(tiny_clipset(tuple(takes)), {"test": takes}, {"model": still, "other": still}, bones())
print(json.dumps(evaluate(scores, {"S1"}, EvaluateParams(parts=("test",), bootstrap_samples=100))["test"]))
"""


def test_the_metric_stands_in_the_report_its_groups_baselines_and_intervals(project: Path) -> None:
    report = said(project, METRIC)
    hands = report["by_joint"]["RightHand"]["mpjpe_mm"] + report["by_joint"]["LeftHand"]["mpjpe_mm"]
    assert report["mpjpe_hands_mm"] == pytest.approx(hands / 2, rel=1e-4)
    for group in (report["by_camera"]["1"], report["baseline"]["other"], report["interval"]):
        assert "mpjpe_hands_mm" in group
    assert list(report).index("mpjpe_hands_mm") > list(report).index("mpjpe_mm")
