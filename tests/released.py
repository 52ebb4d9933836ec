"""What a release writes, in small: a take of the sample, its clip, a checkpoint of each backbone and what it answers.

`tests/releases/` keeps these files of every release, and `tests/test_releases.py` reads them with the code of today.

python tests/released.py     writes those of this version
"""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from test_cli import run
from test_training import SMALL, silent, train_params

import blaze2cap
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, read_landmarks, vicon_folder, write_landmarks
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.learning.fit import fit
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.learning.resume import CACHE_VARIABLE

FOLDER = Path(__file__).parent / "releases"
"""A folder for each version."""
BACKBONES = {
    "recurrent": ModelParams(
        backbone="recurrent", width=8, layers=2, feed_forward=16, smoother="gated", smoother_stages=3
    ),
    "transformer": replace(SMALL, backbone="transformer"),
}
"""The default network and the one of the published recipe, as small as can be."""
CLIP = ClipName("S1", "walking2", "1")
FRAMES = 24
MOTION = "motion.csv"


def write_release(folder: Path) -> None:
    """Write `raw`, `clips`, and for each backbone a folder with its checkpoint and its motion of the clip."""
    _write_raw(folder / "raw")
    pack(folder / "raw", folder / "clips")
    parts = {"train": [CLIP.take], "val": []}
    for backbone, model in BACKBONES.items():
        params = train_params(window=8, simulated_share=0.0)
        runtime = RuntimeParams(device="cpu", workers=0)
        checkpoint, _, _ = fit(folder / "clips", parts, model, LossParams(), params, runtime, silent)
        save_checkpoint(folder / backbone, checkpoint)
        predict(folder, backbone, folder / backbone / MOTION)


def _write_raw(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        write_sample(Path(scratch), SampleParams(seconds=4.0, cameras=1), [CLIP.take], workers=1)
        folder.mkdir(parents=True)
        shutil.copy(Path(scratch, CALIBRATION_FILE), folder)
        write_landmarks(folder / CLIP.landmark_file, read_landmarks(Path(scratch, CLIP.landmark_file))[:FRAMES])
        vicon = vicon_folder(CLIP.take)
        (folder / vicon).mkdir(parents=True)
        for whole in Path(scratch, vicon).iterdir():
            lines = whole.read_text().splitlines(keepends=True)
            (folder / vicon / whole.name).write_text("".join(lines[: 1 + FRAMES]))
    write_manifest(folder, "sample", [], None, workers=1)


def pack(raw: Path, clips: Path) -> None:
    """What the stage preprocess makes of recordings by default."""
    preprocess(raw, clips, PreprocessParams(), workers=1)


def predict(release: Path, backbone: str, out: Path) -> None:
    """What the command makes of the release's landmarks with one of its checkpoints."""
    source, checkpoint = release / "raw" / CLIP.landmark_file, release / backbone
    code, _, said = run("predict", source, "--checkpoint", checkpoint, "--out", out)
    assert code == 0, said


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as cache, replaced_folder(FOLDER / blaze2cap.__version__) as folder:
        os.environ[CACHE_VARIABLE] = cache
        write_release(folder)
