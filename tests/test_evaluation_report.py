"""Laws of what people look at after an evaluation: plots, stick figures and the table."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_clipset

from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.evaluation import EvaluateParams, evaluate
from blaze2cap.learning.report_plots import MOMENTS, strip_of, typical_clip, write_plots
from blaze2cap.learning.scoring import Scores, score
from blaze2cap.learning.table import plain_table, print_summary


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    return tiny_clipset(("S1/freestyle1", "S2/freestyle2", "S2/walking1"), frames=90)


@pytest.fixture(scope="module")
def system(clipset: ClipSet) -> System:
    truths = {clipset.clip_landmarks(clip).sum().item(): clipset.clip_truth(clip) for clip in clipset.clips.index}

    def blurred(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        """The truth, turned by a constant that differs by clip."""
        truth = truths[landmarks.sum().item()]
        turn = rotation_vector_to_matrix(torch.full((21, 3), 0.1 * (1 + landmarks.sum().item() % 1)))
        rotation = truth.rotation @ turn
        still = torch.zeros(len(landmarks), dtype=torch.bool)
        return Motion(rotation, *root_deltas(truth.root_position, rotation[:, 0], still), ~still)

    return blurred


@pytest.fixture(scope="module")
def scores(clipset: ClipSet, system: System) -> Scores:
    takes = {"val": ["S2/freestyle2", "S2/walking1"], "train": ["S1/freestyle1"]}
    return score(clipset, takes, {"model": system, "one_euro_ik": system}, torch.from_numpy(clipset.offset).mean(0))


def test_the_same_figures_give_the_same_bytes(clipset: ClipSet, system: System, scores: Scores, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_plots(tmp_path / folder, clipset, scores, system)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["figures.png", "joints.png", "reliability.png", "since_anchor.png", "smoothness.png"]
    for name in names:
        image = (tmp_path / "one" / name).read_bytes()
        assert image == (tmp_path / "two" / name).read_bytes()
        assert b"tEXt" not in image


def test_a_plot_is_a_new_file_and_its_copy_in_a_cache_stays(
    clipset: ClipSet, system: System, scores: Scores, tmp_path: Path
) -> None:
    """DVC's cache and the working copy may share a file: writing into one would change the other."""
    (tmp_path / "cached").write_bytes(b"as it was")
    (tmp_path / "joints.png").hardlink_to(tmp_path / "cached")
    write_plots(tmp_path, clipset, scores, system)
    assert (tmp_path / "cached").read_bytes() == b"as it was"
    assert (tmp_path / "joints.png").read_bytes().startswith(b"\x89PNG")


def test_the_typical_clip_is_the_median_one_of_its_part(scores: Scores) -> None:
    errors = {}
    for clip in ("S2/freestyle2/cam1", "S2/freestyle2/cam2", "S2/walking1/cam1", "S2/walking1/cam2"):
        take, camera = clip.split("/cam")
        rows = ((scores.blocks["take"] == take) & (scores.blocks.camera == camera)).to_numpy()
        sums = scores.sums["model"]["mpjpe_mm"]
        errors[clip] = sums.value[rows].sum() / sums.weight[rows].sum()
    assert typical_clip(scores, "val") == sorted(errors, key=errors.__getitem__)[2]


def test_the_strip_shows_scored_moments_with_their_errors(clipset: ClipSet, system: System) -> None:
    strip = strip_of(clipset, "S2/freestyle2/cam2", system)
    frames = np.rint(np.array(strip.seconds) * 60).astype(int)
    assert len(frames) == MOMENTS
    assert (np.diff(frames) > 0).all()
    assert clipset.scored_frames("S2/freestyle2/cam2")[torch.from_numpy(frames)].all()
    assert strip.true.shape == strip.model.shape == (MOMENTS, 21, 3)
    assert (strip.model_error > 1).all()
    assert np.abs(strip.true[:, 0]).max() == 0


def test_the_table_has_a_row_for_each_system_and_says_what_it_stands_on(
    scores: Scores, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(scores, {"S1"}, EvaluateParams(bootstrap_samples=100))
    print_summary(report)
    printed = capsys.readouterr().out
    assert printed.strip() == "\n\n".join(plain_table(part, figures) for part, figures in report.items())
    lines = plain_table("val", report["val"]).splitlines()
    assert lines[0].startswith("val: 2 takes, 4 clips, 340 frames scored")
    assert [line[:13].strip() for line in lines[3:6]] == ["model", "One-Euro + IK", "raw landmarks"]
    assert f"{report['val']['mpjpe_mm']:.1f}" in lines[3]
    assert "95 % intervals (bootstrap over 2 blocks of 10 s from 2 takes)" in lines[6]
    assert len({len(line) for line in lines[1:6]}) == 1
