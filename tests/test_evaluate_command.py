"""Laws of `blaze2cap evaluate`: which takes it scores, what it tells of them, and what it refuses."""

import errno
import json
from pathlib import Path

import pytest
import torch
from recordings import write_recordings
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.data.atomic import replace_text
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from blaze2cap.learning.model import ModelParams, PoseModel


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    params = ModelParams(width=16, layers=1, heads=2, feed_forward=16, look_back=4)
    turns = torch.eye(3).expand(21, 3, 3).clone()
    offset = 0.2 * torch.randn(21, 3)
    baselines = Baselines(filter=torch.tensor([1.0, 1.0]), correction=turns, mean_pose=turns.clone(), offset=offset)
    takes = {"train": ["S1/walking1"], "val": ["S2/freestyle2", "S3/rom3"], "test": [], "none": []}
    provenance = {
        "source": "totalcapture",
        "takes": takes,
        "recorded": takes["train"],
        "subjects": ["S1"],
        "parameters": {"train": {"detector": "bootstrap"}},
    }
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(folder, Checkpoint(PoseModel(params), baselines, provenance))
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    takes = {
        "S1/walking2": 130,
        "S4/acting3": 100,
        "S2/freestyle2": 90,
        "S1/walking1": 80,
        "S1/rom1": 60,
        "S3/rom3": 70,
    }
    unseen = ("S3/rom3",)
    return write_recordings(tmp_path_factory.mktemp("recordings"), takes, unseen=unseen)


@pytest.fixture(autouse=True)
def _no_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_evaluate_scores_the_standard_test_takes_of_a_folder(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "figures.json"
    code, printed, said = run(checkpoint, "--path", recordings, "--out", out, "--plots", tmp_path / "plots")
    assert code == 0, said
    report = json.loads(out.read_text())
    assert list(report) == ["test"]
    assert report["test"]["frames"] == 2 * (130 + 100)
    assert sorted(report["test"]["by_subject"]) == ["S1", "S4"]
    assert report["test"]["unseen"]["frames"] == 2 * 100
    assert list(report["test"]["baseline"]) == ["one_euro_ik", "constant_pose", "raw"]
    assert "One-Euro + IK" in printed
    files = ["figures.png", "joints.csv", "joints.png", "reliability.png", "since_anchor.png", "smoothness.png"]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == files
    assert "trained on" not in said


def test_without_a_report_to_write_the_table_is_printed(
    checkpoint: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, said = run(checkpoint, "--path", recordings, "--split", "train")
    assert code == 0, said
    assert "One-Euro + IK" in printed
    assert not any(path.suffix == ".json" for path in tmp_path.iterdir())


def test_evaluate_on_all_takes_names_those_it_was_trained_on(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    code, _, said = run(checkpoint, "--path", recordings, "--split", "all", "--out", tmp_path / "all.json")
    assert code == 0, said
    assert json.loads((tmp_path / "all.json").read_text())["all"]["takes"] == 5
    assert "trained on 1 of these takes: S1/walking1" in said
    assert "chosen by 2 of these takes: S2/freestyle2, S3/rom3" in said
    assert "left out, as they have no landmarks: S3/rom3" in said


def test_evaluate_on_training_takes_means_the_checkpoints_own_and_names_those_it_did_without(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "train.json"
    code, _, said = run(checkpoint, "--path", recordings, "--split", "train", "--out", out)
    assert code == 0, said
    assert list(json.loads(out.read_text())["train"]["by_action"]) == ["walking1"]
    assert "left out, as the checkpoint was not trained on them: S1/rom1\n" in said
    assert "trained on 1" not in said


def test_takes_of_the_same_name_from_another_source_are_others(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    of_the_sample = load_checkpoint(checkpoint)
    of_the_sample.provenance["source"] = "sample"
    save_checkpoint(tmp_path / "model", of_the_sample)
    out = tmp_path / "all.json"
    code, _, said = run(tmp_path / "model", "--path", recordings, "--split", "all", "--out", out)
    assert code == 0, said
    assert "the checkpoint was trained on sample, these recordings are totalcapture" in said
    assert "of these takes" not in said
    report = json.loads(out.read_text())["all"]
    assert "seen" not in report
    assert report["unseen"]["frames"] == report["frames"]
    for part, role in (("val", "chosen by"), ("train", "trained on")):
        code, _, said = run(tmp_path / "model", "--path", recordings, "--split", part, "--out", out)
        assert code == 1
        assert f"none of the 6 takes here is one that the checkpoint was {role}" in said


def test_views_are_refused_where_nothing_is_simulated(checkpoint: Path, tmp_path: Path) -> None:
    for part in ("all", "train"):
        code, _, said = run(checkpoint, "--path", tmp_path, "--out", tmp_path / "o.json", "--split", part, "--views", 4)
        assert code == 1
        expected = f"--views is for held-out takes, with --split test or val; {part} has no simulated takes"
        assert said == f"blaze2cap evaluate: {expected}\n"


def test_a_field_of_view_is_told_to_the_systems(checkpoint: Path, recordings: Path, tmp_path: Path) -> None:
    arguments = (checkpoint, "--path", recordings, "--split", "train", "--out", tmp_path / "out.json")
    figures = []
    for words in ((), ("--field-of-view", 100)):
        code, _, said = run(*arguments, *words)
        assert code == 0, said
        figures.append(json.loads((tmp_path / "out.json").read_text())["train"])
    calibrated, wide = figures
    assert wide["mpjpe_mm"] != calibrated["mpjpe_mm"]
    assert wide["baseline"]["raw"] == calibrated["baseline"]["raw"]
    code, _, said = run(*arguments, "--field-of-view", 200)
    assert code == 1
    assert said == "blaze2cap evaluate: the field of view is 200 degrees, expected 20 to 150, horizontal\n"


@pytest.mark.parametrize("full", ["manifest.json", "out.json", "joints.csv", "plots"])
def test_a_full_disk_is_one_sentence(
    full: str, checkpoint: Path, recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the packed copy goes, and where the report, the table and the plots go."""

    def write(target: Path, text: str) -> None:
        if target.name == full:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace_text(target, text)

    def draw(_: object, path: Path, **__: object) -> None:
        if full == "plots":
            raise OSError(errno.ENOSPC, "No space left on device")
        path.touch()

    monkeypatch.setattr("blaze2cap.data.report.replace_text", write)
    monkeypatch.setattr("blaze2cap.data.schema.replace_text", write)
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", draw)
    out, plots = tmp_path / "out.json", tmp_path / "plots"
    code, _, said = run(checkpoint, "--path", recordings, "--split", "train", "--out", out, "--plots", plots)
    assert code == 1
    place = out if full == "out.json" else plots
    expected = f"{place}: cannot be written (No space left on device); choose another place"
    if full == "manifest.json":
        expected = "no room to pack the recordings in "
    assert said.splitlines()[-1].startswith(f"blaze2cap evaluate: {expected}")


def test_evaluate_takes_validation_from_the_checkpoint(checkpoint: Path, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "val.json"
    code, printed, said = run(checkpoint, "--path", recordings, "--split", "val", "--out", out)
    assert code == 0, said
    report = json.loads((tmp_path / "val.json").read_text())
    assert {part: list(figures["by_action"]) for part, figures in report.items()} == {
        "val": ["freestyle2"],
        "val_simulated": ["rom3"],
    }
    assert report["val_simulated"]["frames"] == 4 * 70
    assert "val_simulated: 1 take, 4 clips" in printed


def test_evaluate_corrects_the_lag_of_recordings_not_of_packed_clips(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "cameras.json").write_text("{}")
    code, _, said = run(checkpoint, "--path", tmp_path, "--out", tmp_path / "o.json", "--correct-lag")
    assert code == 1
    assert "packed with the lag they have" in said


@pytest.mark.parametrize("wrong", ["checkpoint", "recordings"])
def test_evaluate_says_in_one_sentence_what_is_not_there(
    wrong: str, checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    model, path = (nowhere, recordings) if wrong == "checkpoint" else (checkpoint, nowhere)
    code, _, said = run(model, "--path", path, "--out", tmp_path / "out.json")
    assert code == 1
    assert said.startswith("blaze2cap evaluate: ")
    assert str(nowhere) in said
    assert len(said.splitlines()) == 1


def test_evaluate_refuses_what_it_could_not_write_before_it_works(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out, expected in ((tmp_path, "is a folder"), (tmp_path / "file" / "out.json", "no folder can be made")):
        code, _, said = run(checkpoint, "--path", tmp_path / "nowhere", "--out", out)
        assert code == 1
        assert expected in said
