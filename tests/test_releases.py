"""What earlier versions wrote is read by this one: recordings, clips and checkpoints of every release."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from released import BACKBONES, CLIP, FOLDER, FRAMES, MOTION, pack, predict

import blaze2cap
from blaze2cap.data.clipset import ARRAYS, ClipSet
from blaze2cap.learning.checkpoint import load_checkpoint

RELEASES = sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize("release", RELEASES)
def test_recordings_of_a_release_become_the_clips_that_they_became(release: str, tmp_path: Path) -> None:
    known = ClipSet.load(FOLDER / release / "clips")
    assert known.clips.loc[str(CLIP), "frames"] == FRAMES
    pack(FOLDER / release / "raw", tmp_path / "clips")
    made = ClipSet.load(tmp_path / "clips")
    assert made.source == known.source == "sample"
    for name in ("takes", "clips", "samples"):
        pd.testing.assert_frame_equal(getattr(made, name)[getattr(known, name).columns], getattr(known, name))
    for name in ARRAYS:
        np.testing.assert_allclose(getattr(made, name), getattr(known, name), atol=1e-5, rtol=1e-5)
    assert made.cameras.keys() == known.cameras.keys()


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("release", RELEASES)
def test_a_checkpoint_of_a_release_answers_as_it_did(release: str, backbone: str, tmp_path: Path) -> None:
    folder = FOLDER / release / backbone
    checkpoint = load_checkpoint(folder)
    described = json.loads((folder / "model.json").read_text())
    assert described["model"].items() <= dataclasses.asdict(checkpoint.model.params).items()
    assert checkpoint.provenance["version"] == release
    assert checkpoint.provenance["takes"]["train"] == [CLIP.take]
    predict(FOLDER / release, backbone, tmp_path / MOTION)
    known, made = (pd.read_csv(path / MOTION) for path in (folder, tmp_path))
    pd.testing.assert_frame_equal(made[known.columns], known, check_dtype=False, atol=1e-3, rtol=0)


def test_this_version_has_left_its_files() -> None:
    assert blaze2cap.__version__ in RELEASES, "python tests/released.py"
