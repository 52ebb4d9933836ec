"""The whole pipeline on a data set of the published size: time, memory and disk of every stage and of DVC's commands.

    python benchmarks/published_size.py /absolute/RELEASE       # 6.9 GB
    python benchmarks/full_size.py /absolute/RELEASE /absolute/NEW_FOLDER       # another 9 GB, 16 for a moment

Runs the commit that is checked out, in a clone inside the new folder, with the defaults but one epoch of training, fed
by the small hub of the tests on the loopback. One row a command: seconds that passed; seconds of the processor; most
memory at once of the command with all its processes, with pages of files that are mapped into memory and without; space
on the disk of all that the command has left, files of several names once.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from speed.process_tree import watched

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("preprocess", "split", "train", "evaluate")
OUTPUTS = ("data/raw", "data/clips", "data/split", "models")


def main(
    release: Annotated[Path, typer.Argument(help="Folder in the published form.")],
    folder: Annotated[Path, typer.Argument(help="Folder to make for the clone and all caches.")],
    epochs: Annotated[float, typer.Option(help="Passes of training.")] = 1.0,
    change: Annotated[list[str], typer.Option("-S", help="Another parameter, as for dvc exp run.")] = [],  # noqa: B006
) -> None:
    """Print the table; the commands' own output goes to the new folder's `log`."""
    clone, home = folder / "clone", folder / "home"
    folder.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    environment = os.environ | {
        "PYTHONPATH": str(clone / "src"),
        "BLAZE2CAP_CACHE": str(folder / "checkpoints"),
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    print("| command | passed [s] | processor [s] | memory [GB] | without mapped files [GB] | disk [GB] |")
    print("|---|---|---|---|---|---|", flush=True)

    def measured(name: str, *command: str) -> None:
        with (folder / "log").open("a") as log:
            use, code = watched(command, clone, environment, log)
        disk = disk_bytes([clone / "data", clone / ".dvc" / "cache", home])
        figures = f"{use.passed:.1f} | {use.worked:.1f} | {use.memory / 1e9:.2f} | {use.anonymous / 1e9:.2f}"
        print(f"| {name} | {figures} | {disk / 1e9:.2f} |", flush=True)
        if code:
            sys.exit(f"full_size: {' '.join(command)} ended with {code}; see {folder / 'log'}")

    with hub(release) as (endpoint, commit):
        environment["HF_ENDPOINT"] = endpoint
        values = ("dataset.source=huggingface", f"dataset.revision={commit}", f"train.epochs={epochs}", *change)
        changes = [part for value in values for part in ("-S", value)]
        measured("`dvc exp run … download`", "dvc", "exp", "run", *changes, "download")
    for stage in STAGES:
        measured(f"`dvc repro {stage}`", "dvc", "repro", stage)
    measured("`dvc repro`, again", "dvc", "repro")
    measured("`dvc status`", "dvc", "status")
    for output in OUTPUTS:
        shutil.rmtree(clone / output)
    measured("`dvc checkout`, outputs removed", "dvc", "checkout")
    measured("`dvc status`, first after it", "dvc", "status")
    subprocess.run(["dvc", "config", "--local", "cache.type", "copy"], cwd=clone, env=environment, check=True)
    measured("`dvc checkout --relink data/raw`, as copies", "dvc", "checkout", "--relink", "data/raw")


@contextmanager
def hub(release: Path) -> Iterator[tuple[str, str]]:
    """Serve a folder on the loopback, in a process of its own; address and commit."""
    command = [sys.executable, str(ROOT / "tests" / "loopback_hub.py"), str(release)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address, revision = server.stdout.readline().removeprefix("export HF_ENDPOINT=").split("#")
            yield address.strip(), revision.rsplit("=", 1)[1].strip()
        finally:
            server.terminate()


def disk_bytes(folders: Iterable[Path]) -> int:
    """Space that all files of some folders take up together, a file of several names once."""
    states = (path.lstat() for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return sum({(state.st_dev, state.st_ino): state.st_blocks * 512 for state in states}.values())


if __name__ == "__main__":
    typer.run(main)
