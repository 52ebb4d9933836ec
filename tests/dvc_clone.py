"""Clones of the project for tests of DVC's commands: the working tree's files, tiny preset as defaults, run once."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from import_graph import ROOT

STAGES = ["download", "preprocess", "split", "train", "evaluate"]
UP_TO_DATE = "Data and pipelines are up to date."


class Clone:
    """A working copy of the project with its own DVC cache; `dvc` and `git` run in it, importing its own source."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        binaries = Path(sys.executable).parent
        self.environment = os.environ | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
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

    def copy(self, folder: Path) -> "Clone":
        """The same working copy elsewhere, whose cache knows of no run but the committed one."""
        left_out = shutil.ignore_patterns("tmp", "dvc_plots", "runs")
        shutil.copytree(self.folder, folder, symlinks=True, ignore=left_out)
        shutil.copytree(_committed_runs(self), folder / ".dvc" / "cache" / "runs")
        return Clone(folder, folder.with_suffix(".checkpoints"))


def ran(output: str) -> list[str]:
    """Stages whose command ran, in order."""
    return [stage for stage in STAGES if f"Running stage '{stage}'" in output]


def wait_until(holds: Callable[[], bool], seconds: float = 600) -> None:
    """Come back once it holds; AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def make_clone(source: Path, folder: Path, home: Path) -> Clone:
    """A fresh clone: no cache, no data, no finished training anywhere."""
    subprocess.run(["git", "clone", "--quiet", str(source), str(folder)], check=True)
    clone = Clone(folder, home)
    _name_committer(clone)
    return clone


@cache
def committed_clone() -> Clone:
    """The working tree's files in a new repository, tiny preset as the defaults, pipeline run and committed."""
    scratch = Path(tempfile.mkdtemp(prefix="blaze2cap-dvc-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    clone = working_tree(scratch / "origin", scratch / "checkpoints")
    preset = clone.run("blaze2cap", "preset", "tiny").split()
    assert ran(clone.dvc("exp", "run", *preset)) == STAGES
    clone.commit("tiny")
    shutil.copytree(clone.folder / ".dvc" / "cache" / "runs", _committed_runs(clone))
    return clone


def working_tree(folder: Path, home: Path) -> Clone:
    """The working tree's files in a new repository, committed; nothing has run."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file() and name != "dvc.lock" and not name.startswith("metrics/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    clone = Clone(folder, home)
    clone.run("git", "init", "--quiet", "--initial-branch", "main")
    _name_committer(clone)
    clone.commit("as in the working tree")
    return clone


def _committed_runs(clone: Clone) -> Path:
    return clone.folder.parent / "runs"


def _name_committer(clone: Clone) -> None:
    clone.run("git", "config", "user.name", "Test")
    clone.run("git", "config", "user.email", "test@example.org")
