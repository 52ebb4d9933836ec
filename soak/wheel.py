"""The wheel alone, in a clean environment and outside of the repository: it installs, tells its version, predicts.

Dependencies are those of this environment, so that nothing is fetched; `python -m soak.supply` resolves them.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import numpy as np

from soak import ROOT
from soak.outcome import Outcome, command, say

_FRAMES = 30


def run(seed: int, seconds: float) -> Outcome:
    """Build, install, use; a fixed list of cases, which takes the time that it takes."""
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        _call([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", place, ROOT])
        (wheel,) = place.glob("*.whl")
        venv.create(place / "venv", with_pip=False)
        python = place / "venv" / "bin" / "python"
        packages = Path(_call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
        _call([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", packages, wheel])
        # Last on the path: what is not in the wheel, but for this package, which would hide that it is not.
        (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        rng = np.random.default_rng(seed)
        landmarks = np.tile(rng.uniform(-0.5, 0.5, (1, 33, 10)).astype(np.float32), (_FRAMES, 1, 1))
        landmarks[:, :, [3, 5, 6, 8]] = rng.uniform(0.3, 0.7, (1, 33, 4))
        landmarks[:, :, [4, 9]] = (np.arange(_FRAMES) > 0)[:, None, None]
        np.save(place / "clip.npy", landmarks)
        cli = "from blaze2cap.cli import app; app()"
        for what, arguments in {
            "says where it is": ["-c", "import blaze2cap; print(blaze2cap.__file__)"],
            "has its commands": ["-c", cli, "--help"],
            "predicts with its own weights": ["-c", cli, "predict", "clip.npy", "-o", "clip.bvh"],
        }.items():
            done = subprocess.run(
                [python, *arguments], cwd=place, env=_clean(), capture_output=True, text=True, check=False
            )
            say(f"{what}: exit code {done.returncode}")
            if done.returncode:
                failures.append(f"{what}: exit code {done.returncode}, {done.stderr[-300:]}")
            elif what.startswith("says") and str(place) not in done.stdout:
                failures.append(f"{what}: {done.stdout.strip()}, expected the installed one")
        if not failures and f"Frames: {_FRAMES}" not in (place / "clip.bvh").read_text():
            failures.append("clip.bvh does not hold the frames of the clip")
    return Outcome({"cases": 3}, {}, failures)


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BLAZE2CAP"))}


def _call(words: list[str | Path]) -> str:
    return subprocess.run(list(map(str, words)), env=_clean(), capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    command(run)
