"""A whole training run through `fit`: killed and started again, it ends in the same checkpoint; code counts too."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from finished_run import write_checkpoint
from test_training import SMALL, Killed, silent, train_params
from tiny import tiny_clipset

from blaze2cap.data.calibration import camera_to_json
from blaze2cap.data.clipset import ARRAYS, CAMERAS_FILE, ClipSet
from blaze2cap.data.packed import write_source
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.schema import write_table
from blaze2cap.learning import resume
from blaze2cap.learning.checkpoint import load_checkpoint, save_checkpoint
from blaze2cap.learning.evaluation import score_checkpoint
from blaze2cap.learning.fit import Report, fit
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.training import Trainer

PARTS = {"train": ["S1/freestyle1"], "val": ["S2/freestyle2"]}
STEPS = 14  # one epoch of 290 frames at three strides in batches of 4 windows of 16 frames


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"), tiny_clipset())


def write_clips(folder: Path, clipset: ClipSet) -> Path:
    for name in ARRAYS:
        np.save(folder / f"{name}.npy", getattr(clipset, name))
    for name in ("takes", "clips", "samples"):
        write_table(getattr(clipset, name).reset_index(drop=True), folder / f"{name}.csv", name)
    cameras = {name: camera_to_json(camera) for name, camera in clipset.cameras.items()}
    (folder / CAMERAS_FILE).write_text(json.dumps(cameras))
    write_source(folder, "sample")
    return folder


def run(clips: Path, out: Path, report: Report = silent, **changes: object) -> Path:
    params = train_params(**changes)
    checkpoint, _, folder = fit(clips, PARTS, SMALL, LossParams(), params, RuntimeParams(device="cpu"), report)
    save_checkpoint(out, checkpoint)
    return folder


def test_a_killed_fit_ends_in_the_same_checkpoint(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path / "undisturbed"))
    folder = run(clips, tmp_path / "a")
    assert {path.name for path in folder.iterdir()} >= {"best", "last"}
    provenance = json.loads((folder / "best" / "model.json").read_text())["provenance"]
    assert (provenance["source"], provenance["recorded"]) == ("sample", PARTS["train"])

    def kill(step: int, steps: int, row: dict[str, float]) -> None:
        assert steps == STEPS
        if step == 8:
            raise Killed

    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path / "killed"))
    with pytest.raises(Killed):
        run(clips, tmp_path / "b", kill)
    begun: list[int] = []
    run(clips, tmp_path / "b", lambda step, steps, row: begun.append(step))
    assert begun[0] == 7
    for file in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_more_processes_than_cores_are_told_and_not_started(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def remember(trainer: Trainer, folder: Path, workers: int, report: Report) -> None:
        asked.append(workers)
        raise Killed

    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr("blaze2cap.learning.fit.cores_here", lambda: 3)
    monkeypatch.setattr(Trainer, "run", remember)
    for workers in (2, 8):
        sections = SMALL, LossParams(), train_params(), RuntimeParams(device="cpu", workers=workers)
        with pytest.raises(Killed):
            fit(clips, PARTS, *sections, silent)
    assert asked == [2, 3]
    told = [line for line in capsys.readouterr().err.splitlines() if "runtime.workers" in line]
    assert told == ["train: runtime.workers is 8; 3 processes, one a core, make batches"]


def test_a_validation_part_whose_samples_are_all_rejected_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def end(trainer: Trainer, folder: Path, workers: int, report: Report) -> None:
        assert trainer.validation is None
        raise Killed

    clipset = tiny_clipset()
    of_another = clipset.samples["clip"].str.startswith("S2/freestyle2")
    clipset.samples.loc[of_another, ["rejected", "reason"]] = [True, "another person"]
    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path))
    monkeypatch.setattr(Trainer, "run", end)
    (tmp_path / "clips").mkdir()
    with pytest.raises(Killed):
        run(write_clips(tmp_path / "clips", clipset), tmp_path / "out")
    told = [line for line in capsys.readouterr().err.splitlines() if "validate" in line]
    assert told == [
        "train: no frame to validate on in S2/freestyle2, so the last weights are kept; look at what preprocess "
        "says of them"
    ]
    write_checkpoint(tmp_path / "model")
    parts = {"val": ["S2/freestyle2", "S3/rom3"], "train": ["S1/freestyle1"]}
    scores = score_checkpoint(ClipSet.load(tmp_path / "clips"), parts, load_checkpoint(tmp_path / "model"))
    assert set(scores.blocks["part"]) == {"train"}
    assert "left out, as they have no frame to score: S2/freestyle2\n" in capsys.readouterr().err


def test_training_computes_on_one_thread_whoever_calls_it(clips: Path, tmp_path: Path) -> None:
    threads = set[int]()
    torch.set_num_threads(2)
    try:
        run(clips, tmp_path, lambda *_: threads.add(torch.get_num_threads()))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert threads == {1}


def test_the_simulator_counts_among_the_code_that_shapes_a_run(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path))
    hashed: list[str] = []

    def remember(parameters: dict, files: list[Path]) -> str:
        hashed.extend(resume.source_files())
        raise Killed

    monkeypatch.setattr("blaze2cap.learning.fit.fingerprint", remember)
    with pytest.raises(Killed):
        run(clips, tmp_path / "c")
    names = {Path(path).name for path in hashed}
    assert {"parametric.py", "figures.py", "noise.py", "model.py", "loss.py"} <= names


def test_every_section_and_the_takes_make_another_run(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(resume.CACHE_VARIABLE, str(tmp_path))
    folders: list[Path] = []

    def remember(name: str) -> Path:
        folders.append(resume.run_folder(name))
        raise Killed

    monkeypatch.setattr("blaze2cap.learning.fit.run_folder", remember)
    model, loss, train, parts = SMALL, LossParams(), train_params(), PARTS
    for changed in (
        (model, loss, train, parts),
        (dataclasses.replace(model, dropout=0.4), loss, train, parts),
        (model, dataclasses.replace(loss, smooth=1.0), train, parts),
        (model, loss, dataclasses.replace(train, seed=7), parts),
        (model, loss, dataclasses.replace(train, learning_rate=2e-3), parts),
        (model, loss, train, {"train": ["S1/freestyle1"], "val": []}),
    ):
        sections, takes = changed[:3], changed[3]
        with pytest.raises(Killed):
            fit(clips, takes, *sections, RuntimeParams(device="cpu"), silent)
    assert len(set(folders)) == 6
