"""Laws of the command line: what it prints, what it refuses, and how fast it starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from import_graph import ROOT
from recordings import write_recordings
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.checkpoint import Checkpoint, save_checkpoint
from blaze2cap.learning.model import ModelParams, PoseModel

PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    params = ModelParams(width=16, layers=1, heads=2, feed_forward=16, look_back=4)
    turns = torch.eye(3).expand(21, 3, 3).clone()
    offset = 0.2 * torch.randn(21, 3)
    baselines = Baselines(filter=torch.tensor([1.0, 1.0]), correction=turns, mean_pose=turns.clone(), offset=offset)
    takes = {"train": ["S1/walking1"], "val": ["S2/freestyle2", "S3/rom3"], "test": [], "none": []}
    provenance = {"takes": takes, "subjects": ["S1"], "parameters": {"train": {"detector": "bootstrap"}}}
    folder = tmp_path_factory.mktemp("model")
    save_checkpoint(folder, Checkpoint(PoseModel(params), baselines, provenance))
    return folder


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    takes = {"S1/walking2": 130, "S4/acting3": 100, "S2/freestyle2": 90, "S1/walking1": 80, "S3/rom3": 70}
    unseen = ("S3/rom3",)
    return write_recordings(tmp_path_factory.mktemp("recordings"), takes, unseen=unseen)


@pytest.fixture(autouse=True)
def _no_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_evaluate_scores_the_standard_test_takes_of_a_folder(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "figures.json"
    code, printed, said = run("evaluate", checkpoint, "--path", recordings, "--out", out, "--plots", tmp_path / "plots")
    assert code == 0, said
    report = json.loads(out.read_text())
    assert list(report) == ["test"]
    assert report["test"]["frames"] == 2 * (130 + 100)
    assert sorted(report["test"]["by_subject"]) == ["S1", "S4"]
    assert report["test"]["unseen"]["frames"] == 2 * 100
    assert list(report["test"]["baseline"]) == ["one_euro_ik", "constant_pose", "raw"]
    assert "One-Euro + IK" in printed
    files = ["figures.png", "joints.csv", "joints.png", "since_anchor.png", "smoothness.png"]
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == files
    assert "trained on" not in said


def test_evaluate_on_all_takes_names_those_it_was_trained_on(
    checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    code, _, said = run("evaluate", checkpoint, "--path", recordings, "--split", "all", "--out", tmp_path / "all.json")
    assert code == 0, said
    assert json.loads((tmp_path / "all.json").read_text())["all"]["takes"] == 4
    assert "trained on 1 of these takes: S1/walking1" in said


def test_evaluate_takes_validation_from_the_checkpoint(checkpoint: Path, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "val.json"
    code, printed, said = run("evaluate", checkpoint, "--path", recordings, "--split", "val", "--out", out)
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
    code, _, said = run("evaluate", checkpoint, "--path", tmp_path, "--out", tmp_path / "o.json", "--correct-lag")
    assert code == 1
    assert "packed with the lag they have" in said


@pytest.mark.parametrize("wrong", ["checkpoint", "recordings"])
def test_evaluate_says_in_one_sentence_what_is_not_there(
    wrong: str, checkpoint: Path, recordings: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere"
    model, path = (nowhere, recordings) if wrong == "checkpoint" else (checkpoint, nowhere)
    code, _, said = run("evaluate", model, "--path", path, "--out", tmp_path / "out.json")
    assert code == 1
    assert said.startswith("blaze2cap evaluate: ")
    assert str(nowhere) in said
    assert len(said.splitlines()) == 1


def test_evaluate_refuses_what_it_could_not_write_before_it_works(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out, expected in ((tmp_path, "is a folder"), (tmp_path / "file" / "out.json", "no folder can be made")):
        code, _, said = run("evaluate", checkpoint, "--path", tmp_path / "nowhere", "--out", out)
        assert code == 1
        assert expected in said


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_printed_as_words_that_say_what_the_file_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, printed, said = run("preset", name)
    assert code == 0, said
    words = printed.split()
    assert words[::2] == ["-S"] * (len(words) // 2)
    read: dict = {}
    for setting in words[1::2]:
        keys, value = setting.split("=", 1)
        *sections, key = keys.split(".")
        place = read
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = yaml.safe_load(value)
    assert read == yaml.safe_load((ROOT / "presets" / f"{name}.yaml").read_text())


def test_an_unknown_preset_is_answered_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, printed, said = run("preset", "l5")
    assert (code, printed) == (1, "")
    assert said == f"blaze2cap preset: no preset 'l5'; there are {', '.join(PRESETS)}\n"


def test_presets_elsewhere_ask_for_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = run("preset", "l4")
    assert code == 1
    assert "top of the repository" in said


@pytest.mark.parametrize(
    ("value", "written"),
    [("[a, b/c]", "[a,b/c]"), ("null", "null"), ("true", "true"), ("1.0e-4", "0.0001"), ("[]", "[]"), ("3", "3")],
)
def test_values_are_written_without_blanks(
    value: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "own.yaml").write_text(f"a:\n  b:\n    c: {value}\n")
    assert run("preset", "own")[:2] == (0, f"-S a.b.c={written}\n")


def test_text_that_a_shell_would_split_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "own.yaml").write_text("dataset:\n  path: my recordings\n")
    code, _, said = run("preset", "own")
    assert code == 1
    assert "dataset.path is 'my recordings'" in said


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, blaze2cap.cli\n"
        "try: blaze2cap.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'matplotlib', 'yaml') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "evaluate" in printed
    assert "preset" in printed
    assert printed.splitlines()[-1] == "[]"
