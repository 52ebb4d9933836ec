"""The commands of docs/data.md run as they stand there; what needs recordings skips where there are none."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from dvc_clone import UP_TO_DATE, Clone, committed_clone
from finished_run import write_run
from import_graph import ROOT
from published_files import write_published
from test_video_source import LANDMARKS
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.data.raw import write_landmarks

BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "data.md").read_text(), re.DOTALL)
LINES = [line.split("  #")[0].strip() for block in BLOCKS for line in block.split("python - ")[0].splitlines()]
OWN = [line for line in LINES if line.startswith("blaze2cap ")]
EXPERIMENTS = [line for line in LINES if line.startswith("dvc ")]


def test_every_kind_of_line_is_known() -> None:
    assert len(OWN) == 3
    assert len(EXPERIMENTS) == 4
    rest = {line for line in LINES if line} - set(OWN) - set(EXPERIMENTS)
    assert all(line.split()[0] in ("pytest", "python") for line in rest)
    files = [word for line in rest for word in shlex.split(line)[1:] if "/" in word]
    assert files
    assert all((ROOT / file).is_file() for file in files)


@pytest.mark.parametrize("line", OWN)
def test_the_published_form_is_mapped_and_exported(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_run(tmp_path))
    folder = tmp_path / "published"
    if " map " in line:
        write_published(folder, {"S1/acting1/cam5": [12], "S1/walking2/cam1": [20]})
    result = CliRunner().invoke(app, shlex.split(line.replace("DIR", str(folder)))[1:])
    assert result.exit_code == 0, result.output
    assert (folder / "dataset_map.json").is_file()


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    committed_clone().back_to_commit()
    return committed_clone().copy(tmp_path / "clone")


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_the_published_form_is_a_source(clone: Clone, tmp_path: Path) -> None:
    (line,) = [line for line in EXPERIMENTS if "source=published" in line]
    clone.run("blaze2cap", "export-dataset", str(tmp_path / "published"))
    clone.run("bash", "-ec", line.replace("/absolute/DIR", str(tmp_path / "published")))
    assert clone.metrics("download")["source"] == "published"
    recorded = clone.run("git", "show", "HEAD:metrics/split.json")
    for part in ("train", "val", "test"):
        recorded_clips = json.loads(recorded)[part]["clips"]
        assert clone.metrics("split")[part]["clips"] == recorded_clips, "the map of the form has the same parts"
    assert clone.metrics("train")["steps"] > 0
    figures = clone.metrics("summary")["test"]
    assert {"mare_rad", "mare_root_delta_rad", "mpjpe_local_standard_bones_mm"} <= figures.keys()
    assert not {"mpjpe_mm", "mpjpe_local_mm", "mare_root_rad"} & figures.keys()
    left_out = clone.metrics("evaluate")["test"]["left_out"]
    assert {"mpjpe_mm", "mare_root_rad", "baseline.raw"} <= left_out.keys()
    clone.dvc("metrics", "show")
    assert UP_TO_DATE in clone.dvc("status")


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_own_recordings_end_at_preprocess(clone: Clone, tmp_path: Path) -> None:
    (line,) = [line for line in EXPERIMENTS if "source=video" in line]
    write_landmarks(tmp_path / "own" / "dance.npy", LANDMARKS)
    clone.run("bash", "-ec", line.replace("/absolute/FOLDER", str(tmp_path / "own")))
    assert clone.metrics("download")["recordings"] == {"S0/video1/cam1": "dance.npy"}
    assert clone.metrics("preprocess")["takes_without_truth"] == 1
    refused = clone.dvc("repro", expect=None)
    assert "split: the 1 clips here are recordings of your own" in refused
    assert "Traceback" not in refused


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_all_alarms_of_the_recordings_are_told(clone: Clone, totalcapture_root: Path) -> None:
    clone.environment["BLAZE2CAP_TOTALCAPTURE"] = str(totalcapture_root)
    (line,) = [line for line in EXPERIMENTS if "totalcapture" in line]
    clone.run("bash", "-ec", line)
    assert clone.metrics("preprocess")["data_faults"]["count"] == 11


@pytest.mark.slow
def test_what_a_lag_costs_is_printed(totalcapture_root: Path) -> None:
    (script,) = [block.split("<<'EOF'\n")[1].split("\nEOF")[0] for block in BLOCKS if "<<'EOF'" in block]
    command = [sys.executable, "-", str(totalcapture_root)]
    printed = subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout
    lines = printed.splitlines()
    assert [line.split()[:2] for line in lines[::2]] == [
        ["False", "fitted"], ["False", "unseen"], ["True", "fitted"], ["True", "unseen"]
    ]  # fmt: skip
    assert "'mpjpe_mm': 85.8" in lines[2]
    assert "'mpjpe_mm': 80.4" in lines[6]
