"""What DVC runs again and what it answers from its cache, on the tiny preset in a temporary clone."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml
from dvc_clone import STAGES, UP_TO_DATE, Clone, committed_clone, make_clone, ran, wait_until
from import_graph import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]


@pytest.fixture
def clone() -> Clone:
    """The clone that all these tests share, put back to its commit."""
    clone = committed_clone()
    clone.back_to_commit()
    return clone


@pytest.fixture
def fresh(clone, tmp_path) -> Clone:
    """A clone of the clone: no cache, no data, no finished training anywhere."""
    return make_clone(clone.folder, tmp_path / "fresh", tmp_path / "checkpoints")


def test_a_run_leaves_every_output_and_nothing_else(clone):
    assert clone.run("git", "status", "--porcelain") == ""
    assert clone.dvc("status").strip() == UP_TO_DATE
    assert all(clone.metrics(stage) for stage in STAGES)


def test_a_fresh_clone_gives_the_same_bytes(fresh):
    assert ran(fresh.dvc("repro")) == STAGES
    assert fresh.run("git", "status", "--porcelain") == ""


def test_a_fresh_clone_knows_without_data_that_nothing_would_run(fresh):
    output = fresh.dvc("repro", "--allow-missing", "--dry")
    assert UP_TO_DATE in output
    assert ran(output) == []


def test_a_changed_source_file_would_run_again(fresh):
    path = fresh.folder / "stages" / "download.py"
    path.write_text(path.read_text() + "\n# changed\n")
    output = fresh.dvc("repro", "--allow-missing", "--dry", expect=None)
    assert UP_TO_DATE not in output
    assert "Running stage 'download'" in output


def test_the_value_that_stands_already_is_answered_from_the_lock(clone):
    assert ran(clone.experiment("loss.smooth=5.0")) == []


def test_a_loss_weight_trains_again_and_an_old_one_is_answered_from_the_run_cache(clone):
    before = (clone.folder / "models" / "model.safetensors").read_bytes()
    assert ran(clone.experiment("loss.smooth=1.0")) == ["train", "evaluate"]
    assert (clone.folder / "models" / "model.safetensors").read_bytes() != before
    assert ran(clone.experiment("loss.smooth=5.0")) == []
    assert (clone.folder / "models" / "model.safetensors").read_bytes() == before


def test_device_and_workers_run_nothing_again(clone):
    assert ran(clone.experiment("runtime.workers=1")) == []


def test_a_changed_evaluation_only_evaluates(clone):
    assert ran(clone.experiment("evaluate.seed=1")) == ["evaluate"]


def test_two_runs_are_compared_in_a_few_lines(clone):
    clone.experiment("loss.smooth=1.0")
    assert clone.dvc("params", "diff").split()[-3:] == ["loss.smooth", "5.0", "1.0"]
    lines = clone.dvc("metrics", "diff").splitlines()
    assert any("test.mpjpe_mm" in line for line in lines)
    assert len(lines) <= 20
    assert max(map(len, lines)) <= 120


def test_a_mistyped_key_is_refused_by_name(clone):
    output = clone.experiment("loss.smoth=5", expect=None)
    assert "smoth" in output
    assert ran(output) == []


def test_a_bad_value_is_one_sentence_with_the_keys_name(clone):
    output = clone.experiment("loss.smooth=-1", expect=255)
    assert "train: params.yaml: loss.smooth is -1" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "presets").glob("*.yaml")))
def test_every_preset_is_a_list_of_arguments_that_dvc_takes(clone, name):
    arguments = clone.run("blaze2cap", "preset", name).split()
    assert "Queued experiment" in clone.dvc("exp", "run", "--queue", *arguments)
    clone.dvc("queue", "remove", "--queued")


def test_parameters_keep_their_comments_in_an_experiment(clone):
    clone.experiment("loss.smooth=1.0")
    text = (clone.folder / "params.yaml").read_text()
    assert yaml.safe_load(text)["loss"]["smooth"] == 1.0
    first = clone.run("git", "rev-list", "--max-parents=0", "HEAD").strip()
    assert text.count("#") == clone.run("git", "show", f"{first}:params.yaml").count("#")


def test_a_zip_download_needs_git_init_only(clone, tmp_path):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    clone.run("git", "archive", "--output", str(tmp_path / "project.tar"), "HEAD")
    shutil.unpack_archive(tmp_path / "project.tar", folder)
    unpacked = Clone(folder, tmp_path / "checkpoints")
    unpacked.run("git", "init", "--quiet")
    assert UP_TO_DATE in unpacked.dvc("repro", "--allow-missing", "--dry")


@pytest.mark.parametrize("whole", [True, False], ids=["dvc and its stage", "dvc alone"])
def test_a_killed_experiment_leaves_its_value_and_one_line_takes_it_back(clone, whole):
    command = ["dvc", "exp", "run", "-S", f"train.seed={7 + whole}"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    checkpoints = Path(clone.environment["BLAZE2CAP_CACHE"]) / "checkpoints"
    before = set(checkpoints.iterdir())
    running = subprocess.Popen(command, cwd=clone.folder, env=clone.environment, start_new_session=True, **streams)
    wait_until(lambda: set(checkpoints.iterdir()) > before)  # training has begun
    (os.killpg if whole else os.kill)(running.pid, signal.SIGKILL)
    running.wait()
    assert f"seed: {7 + whole}" in (clone.folder / "params.yaml").read_text()
    if not whole:
        wait_until((clone.folder / "metrics" / "train.json").exists)
    clone.run("git", "checkout", "HEAD", "--", "params.yaml", "dvc.lock", "metrics")
    clone.run("git", "switch", "main")
    clone.dvc("checkout", "--force")
    assert clone.run("git", "status", "--porcelain") == ""
    assert clone.run("git", "branch", "--show-current") == "main\n"
    assert UP_TO_DATE in clone.dvc("status")  # after a warning that a lock of the dead process was removed


def test_the_study_beside_the_pipeline_is_none_of_its_business(clone):
    """A DVC project of its own: neither runs, figures nor plots of it show among the pipeline's."""
    assert (clone.folder / "ablations" / "dvc.yaml").is_file()
    assert UP_TO_DATE in clone.dvc("repro", "--all-pipelines", "--dry")
    assert "cells" not in clone.dvc("metrics", "show")
    assert clone.dvc("--cd", "ablations", "stage", "list", "--name-only").split()[0] == "clips"
