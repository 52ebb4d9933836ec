"""DVC's commands as the README shows them, on the tiny preset in a temporary clone with a cache of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from import_graph import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]

STAGES = ["download", "preprocess", "split", "train", "evaluate"]
UP_TO_DATE = "Data and pipelines are up to date."


class Clone:
    """A working copy of the project with its own DVC cache; `dvc` and `git` run in it, importing its own source."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        binaries = Path(sys.executable).parent
        self.environment = os.environ | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "src"),
            "BLAZE2CAP_CACHE": str(home),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
        }

    def run(self, *command: str, expect: int | None = 0) -> str:
        """Output of a command, stdout and stderr together."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert expect is None or done.returncode == expect, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def dvc(self, *arguments: str, expect: int | None = 0) -> str:
        return self.run("dvc", *arguments, expect=expect)

    def experiment(self, *changes: str, expect: int | None = 0) -> str:
        """Output of `dvc exp run` with some parameters changed."""
        return self.dvc("exp", "run", *(part for change in changes for part in ("-S", change)), expect=expect)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def back_to_commit(self) -> None:
        self.run("git", "reset", "--hard", "--quiet")
        self.dvc("checkout", "--quiet")

    def metrics(self, stage: str) -> dict:
        return json.loads((self.folder / "metrics" / f"{stage}.json").read_text())


def ran(output: str) -> list[str]:
    """Stages whose command ran, in order."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def make_clone(source: Path, folder: Path, home: Path) -> Clone:
    subprocess.run(["git", "clone", "--quiet", str(source), str(folder)], check=True)
    clone = Clone(folder, home)
    clone.run("git", "config", "user.name", "Test")
    clone.run("git", "config", "user.email", "test@example.org")
    return clone


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Clone:
    """The files of the working tree in a new repository, tiny preset as the defaults, pipeline run and committed."""
    folder = tmp_path_factory.mktemp("origin")
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and name != "dvc.lock" and not name.startswith("metrics/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    clone = Clone(folder, tmp_path_factory.mktemp("checkpoints"))
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    clone.run("git", "config", "user.name", "Test")
    clone.run("git", "config", "user.email", "test@example.org")
    clone.commit("as in the working tree")
    preset = clone.run("blaze2cap", "preset", "tiny").split()
    assert ran(clone.dvc("exp", "run", *preset)) == STAGES
    clone.commit("tiny")
    return clone


@pytest.fixture
def clone(origin) -> Clone:
    """The same clone, put back to its commit."""
    origin.back_to_commit()
    return origin


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
    assert UP_TO_DATE not in fresh.dvc("repro", "--allow-missing", "--dry", expect=None)


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


def test_experiments_are_compared(clone):
    clone.experiment("loss.smooth=2.0")
    assert "loss.smooth" in clone.dvc("params", "diff")
    assert "metrics/evaluate.json" in clone.dvc("metrics", "diff")
    columns = "Experiment|loss.smooth|test.(mpjpe|mare)_(mm|rad)$"
    table = clone.dvc("exp", "show", "--only-changed", "--no-pager", "--drop", ".*", "--keep", columns)
    assert all(name in table for name in ("Experiment", "test.mpjpe_mm", "test.mare_rad", "loss.smooth"))
    clone.dvc("plots", "diff")
    assert (clone.folder / "dvc_plots" / "index.html").is_file()


def test_queued_values_run_one_after_the_other(clone):
    clone.dvc("exp", "run", "--queue", "-S", "loss.smooth=3,4")
    assert clone.dvc("queue", "status").count("Queued") == 2
    clone.dvc("exp", "run", "--run-all")
    shown = json.loads(clone.dvc("exp", "show", "--json"))
    values = {_smooth(experiment) for commit in shown for experiment in commit.get("experiments") or []}
    assert {3.0, 4.0} <= values


def _smooth(experiment: dict) -> float:
    return experiment["revs"][0]["data"]["params"]["params.yaml"]["data"]["loss"]["smooth"]


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
