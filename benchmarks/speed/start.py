"""How long a command takes that has hardly anything to do."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from speed.claim import HotPath, seconds
from speed.rounds import Seconds
from speed.workplace import ROOT, Workplace

BIN = Path(sys.executable).parent


def measure(workplace: Workplace) -> Seconds:
    """Seconds that passed and seconds of the processor, a process each."""
    clip = next((workplace.sample_raw / "landmarks").rglob("*.npy"))
    clone = finished_clone(workplace.scratch / "clone")
    commands: dict[str, tuple[Sequence[str], Path]] = {
        "help": ((str(BIN / "blaze2cap"), "--help"), ROOT),
        "predict": (
            (str(BIN / "blaze2cap"), "predict", str(clip), "-o", str(workplace.scratch / "motion.npz")),
            ROOT,
        ),
        "repro": ((str(BIN / "dvc"), "repro"), clone),
    }
    figures: Seconds = {}
    for number in range(workplace.rounds(7) + 1):
        for name, (command, folder) in commands.items():
            passed, worked = process(command, folder)
            if number:  # the first round brings files into memory
                figures.setdefault(f"{name}_passed", []).append(passed)
                figures.setdefault(f"{name}_worked", []).append(worked)
    return figures


def process(command: Sequence[str], folder: Path, **variables: str) -> tuple[float, float]:
    """Seconds that a command takes: passed, and of the processor in it and its children; RuntimeError if it fails."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"} | variables
    before, begun = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    passed, after = time.perf_counter() - begun, getrusage(RUSAGE_CHILDREN)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)}: {ended.stderr[-2000:]}")
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def cloned(clone: Path) -> Path:
    """A clone of the committed state, in which git knows who commits."""
    process(("git", "clone", "--quiet", str(ROOT), str(clone)), ROOT)
    for key, value in (("user.name", "Blaze2Cap"), ("user.email", "blaze2cap@example.org")):
        process(("git", "config", key, value), clone)
    return clone


def finished_clone(clone: Path) -> Path:
    """A clone in which the tiny preset has run, so that there is nothing left to do."""
    command = str(BIN / "blaze2cap"), "preset", "tiny"
    preset = subprocess.run(command, cwd=cloned(clone), capture_output=True, text=True, check=True).stdout.split()
    process(
        (str(BIN / "dvc"), "exp", "run", *preset),
        clone,
        PYTHONPATH=str(clone / "src"),
        BLAZE2CAP_CACHE=str(clone.parent / "cache"),
    )
    return clone


START = HotPath(
    "start-up",
    measure,
    (
        seconds("**`blaze2cap --help`**", "help_passed", most=0.3),
        seconds("`blaze2cap --help`, of the processor's time", "help_worked"),
        seconds("**`blaze2cap predict`, 20 s of landmarks to `.npz`**", "predict_passed", most=3.0),
        seconds("`blaze2cap predict`, of the processor's time", "predict_worked"),
        seconds("**`dvc repro` with nothing to do**", "repro_passed", most=2.0),
        seconds("`dvc repro` with nothing to do, of the processor's time", "repro_worked"),
    ),
)
