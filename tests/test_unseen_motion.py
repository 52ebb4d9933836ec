"""Laws of motion that no camera recorded: simulated clips fit their truth; nothing held out teaches the detector."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from finished_run import write_checkpoint
from tiny import tiny_clipset

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import SCREEN, WORLD
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import model_layout, project, ray_view
from blaze2cap.data.simulated_clips import SimulatedParams, with_simulated_clips
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint
from blaze2cap.learning.evaluation import EvaluateParams, Report, evaluate, score_checkpoint
from blaze2cap.learning.unseen_motion import with_unseen_motion

TRAIN, VAL, UNSEEN = ["S1/freestyle1", "S2/freestyle1"], ["S2/freestyle2"], ["S3/rom3", "S3/freestyle1"]
FRAMES = 150
PARAMS = SimulatedParams(views=2, seconds=1.0, seed=3)


class Exact:
    """A detector without error."""

    def simulate(self, position, rotation, intrinsics, dt, generator):
        view = ray_view(position, rotation)
        screen = project(view.place, intrinsics[:, None, None])
        return model_layout(view.truth, screen, torch.ones(view.truth.shape[:-1]))


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    """Takes of which some have no clip."""
    whole = tiny_clipset((*TRAIN, *VAL, *UNSEEN), frames=FRAMES)
    takes = whole.takes.assign(has_landmarks=~whole.takes["take"].isin(UNSEEN))
    clips = whole.clips[~whole.clips["take"].isin(UNSEEN)]
    return dataclasses.replace(whole, takes=takes, clips=clips, landmarks=whole.landmarks[: clips.frames.sum()])


def trained(folder: Path, detector: str | None = "bootstrap") -> Checkpoint:
    provenance = {
        "source": "totalcapture",
        "takes": {"train": [*TRAIN, "S1/rom1"], "val": VAL},
        "recorded": TRAIN,
        "subjects": ["S1", "S2"],
    }
    if detector:
        provenance["parameters"] = {"train": {"detector": detector}}
    return dataclasses.replace(write_checkpoint(folder), provenance=provenance)


def simulated(clipset: ClipSet, checkpoint: Checkpoint, params: SimulatedParams = PARAMS) -> np.ndarray:
    """Landmarks of all simulated clips."""
    more, _ = with_unseen_motion(clipset, {"val": [*VAL, *UNSEEN]}, checkpoint, params)
    return more.landmarks[len(clipset.landmarks) :]


def test_clips_show_every_frame_of_their_take_from_a_camera_of_their_own_and_start_at_an_anchor(
    clipset: ClipSet,
) -> None:
    more = with_simulated_clips(clipset, UNSEEN, Exact(), PARAMS)
    clips = more.clips[more.clips["take"].isin(UNSEEN)]
    assert len(clips) == len(UNSEEN) * PARAMS.views * 3
    assert clips.camera.is_unique
    assert not set(clips.camera) & set(clipset.cameras)
    numbers = sorted(map(int, set(clips.camera)))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    for take in UNSEEN:
        shown = np.zeros(FRAMES, int)
        for clip in clips.index[clips["take"] == take]:
            shown[more.take_frames(clip)] += 1
            assert more.clip_anchors(clip).nonzero().flatten().tolist() == [0]
            assert more.scored_frames(clip).all()
        assert shown.min() >= PARAMS.views
    assert more.clips.first_row.tolist() == (more.clips.frames.cumsum() - more.clips.frames).tolist()


def test_a_detector_without_error_sees_the_truth_of_the_clip_through_its_camera(clipset: ClipSet) -> None:
    more = with_simulated_clips(clipset, UNSEEN, Exact(), PARAMS)
    for clip in more.clips.index[more.clips["take"].isin(UNSEEN)]:
        truth, camera = more.clip_truth(clip), more.camera_of(clip)
        view = ray_view(*forward_kinematics(truth.rotation, truth.offset, truth.root_position))
        landmarks = more.clip_landmarks(clip)
        torch.testing.assert_close(landmarks[..., WORLD], view.truth, atol=1e-4, rtol=0)
        torch.testing.assert_close(landmarks[..., SCREEN], project(view.place, camera.intrinsics), atol=1e-4, rtol=0)


def test_images_of_simulated_clips_are_as_large_as_those_of_one_real_camera(clipset: ClipSet) -> None:
    first, second = clipset.cameras.values()
    small = dataclasses.replace(second, width=1280, height=960)
    both = dataclasses.replace(clipset, cameras={"1": first, "2": small})
    more = with_simulated_clips(both, UNSEEN, Exact(), PARAMS)
    clips = more.clips[more.clips["take"].isin(UNSEEN)]
    sizes = {(camera.width, camera.height) for camera in map(more.camera_of, clips.index)}
    assert sizes == set(zip(clips.width, clips.height, strict=True))
    assert len(sizes) == 1
    assert sizes < {(1920, 1080), (1280, 960)}


def test_recorded_clips_and_the_true_motion_stay_as_they_are(clipset: ClipSet) -> None:
    more = with_simulated_clips(clipset, UNSEEN, Exact(), PARAMS)
    for clip in clipset.clips.index:
        assert torch.equal(more.clip_landmarks(clip), clipset.clip_landmarks(clip))
        assert torch.equal(more.clip_truth(clip).rotation, clipset.clip_truth(clip).rotation)
    assert more.rotation is clipset.rotation


def test_the_seed_and_the_take_alone_decide_what_is_seen(clipset: ClipSet, tmp_path: Path) -> None:
    checkpoint = trained(tmp_path)
    once = simulated(clipset, checkpoint)
    np.testing.assert_array_equal(once, simulated(clipset, checkpoint))
    assert (once != simulated(clipset, checkpoint, dataclasses.replace(PARAMS, seed=4))).any()
    alone, _ = with_unseen_motion(clipset, {"val": UNSEEN[1:]}, checkpoint, PARAMS)
    np.testing.assert_array_equal(alone.landmarks[len(clipset.landmarks) :], once[len(once) // 2 :])


def test_what_is_seen_does_not_depend_on_the_number_of_threads(clipset: ClipSet, tmp_path: Path) -> None:
    checkpoint = trained(tmp_path, "parametric")
    alone = simulated(clipset, checkpoint)
    torch.set_num_threads(4)
    try:
        np.testing.assert_array_equal(simulated(clipset, checkpoint), alone)
    finally:
        torch.set_num_threads(1)


def test_the_detector_learns_from_training_clips_and_from_nothing_else(clipset: ClipSet, tmp_path: Path) -> None:
    checkpoint = trained(tmp_path)
    once = simulated(clipset, checkpoint)

    def with_noise(takes: list[str]) -> ClipSet:
        landmarks = clipset.landmarks.copy()
        for clip in clipset.clips[clipset.clips["take"].isin(takes)].itertuples():
            noise = np.random.default_rng(0).normal(0, 0.1, (clip.frames, 25, 3))
            seen = (landmarks[clip.first_row : clip.first_row + clip.frames] != 0).any((1, 2))[:, None, None]
            landmarks[clip.first_row : clip.first_row + clip.frames, :, WORLD] += noise * seen
        return dataclasses.replace(clipset, landmarks=landmarks)

    np.testing.assert_array_equal(once, simulated(with_noise(VAL), checkpoint))
    assert np.abs(once - simulated(with_noise(TRAIN), checkpoint)).max() > 0.01


def test_without_training_clips_there_is_nothing_to_learn_from(clipset: ClipSet, tmp_path: Path) -> None:
    held_out = dataclasses.replace(clipset, clips=clipset.clips[clipset.clips["take"].isin(VAL)])
    with pytest.raises(
        UserError, match=r"2 held-out takes .*S3/rom3.*bootstrap detector.*--views 0, or evaluate\.simulated\.views=0"
    ):
        simulated(held_out, trained(tmp_path))
    assert len(simulated(held_out, trained(tmp_path, "parametric")))
    with pytest.raises(UserError, match="does not say which detector"):
        simulated(clipset, trained(tmp_path, None))


def test_recordings_of_another_source_teach_no_detector(clipset: ClipSet, tmp_path: Path) -> None:
    sample = dataclasses.replace(clipset, source="sample")
    with pytest.raises(UserError, match="none of the clips that the checkpoint was trained on is here"):
        simulated(sample, trained(tmp_path))


def test_a_detector_that_learns_from_less_than_in_training_is_told(
    clipset: ClipSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated(clipset, trained(tmp_path))
    assert "detector" not in capsys.readouterr().err
    fewer = dataclasses.replace(clipset, clips=clipset.clips[clipset.clips["take"] != TRAIN[1]])
    told = "the simulated detector is learned from 1 of the 2 takes"
    simulated(fewer, trained(tmp_path))
    assert f"{told} that the checkpoint's training had landmarks of; not here: {TRAIN[1]}\n" in capsys.readouterr().err
    simulated(fewer, trained(tmp_path, "parametric"))
    assert "detector" not in capsys.readouterr().err


def test_takes_that_are_recorded_or_trained_on_are_not_simulated(clipset: ClipSet, tmp_path: Path) -> None:
    parts = {"val": VAL, "train": [*TRAIN, *UNSEEN]}
    assert with_unseen_motion(clipset, parts, trained(tmp_path), PARAMS) == (clipset, parts)
    parts = {"val": [*VAL, *UNSEEN]}
    assert with_unseen_motion(clipset, parts, trained(tmp_path), SimulatedParams(views=0)) == (clipset, parts)


def test_unseen_motion_is_a_part_of_its_own_beside_the_recorded_takes(clipset: ClipSet, tmp_path: Path) -> None:
    checkpoint = trained(tmp_path)

    def report(takes: list[str]) -> Report:
        more, parts = with_unseen_motion(clipset, {"val": takes, "train": TRAIN}, checkpoint, PARAMS)
        scores = score_checkpoint(more, parts, checkpoint)
        return evaluate(scores, checkpoint.provenance["subjects"], EvaluateParams(bootstrap_samples=100))

    with_it, without = report([*VAL, *UNSEEN]), report(VAL)
    assert list(with_it) == ["val", "val_simulated", "train"]
    assert {part: with_it[part] for part in without} == without
    part = with_it["val_simulated"]
    assert list(part["by_action"]) == ["freestyle1", "rom3"]
    assert list(part["by_subject"]) == ["S3"]
    assert "by_camera" not in part
    assert part["frames"] == sum(
        pose["frames"] for name, pose in part["by_pose"].items() if name in ("upright", "bent")
    )
    assert part["unseen"]["frames"] == part["frames"] == len(UNSEEN) * PARAMS.views * 3 * 60
    assert {"one_euro_ik", "constant_pose", "raw"} == set(part["baseline"])
    # Windows of all views at one time are drawn together.
    assert part["interval"]["method"] == "bootstrap over 2 blocks of 10 s from 2 takes"


@pytest.mark.parametrize("wrong", [{"views": -1}, {"seconds": 0.0}, {"seconds": float("inf")}, {"seed": -1}])
def test_a_bad_value_is_named(wrong: dict) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))} is "):
        SimulatedParams(**wrong)
