"""Laws of an evaluation as by a user whose cameras are not calibrated: systems are told otherwise, the truth stays."""

import dataclasses

import numpy as np
import pytest
import torch
from finished_run import write_checkpoint
from tiny import cameras, tiny_clipset

from blaze2cap.body.camera import Camera
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.recordings import uncalibrated
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint
from blaze2cap.learning.evaluation import MODEL, score_checkpoint
from blaze2cap.learning.scoring import RAW, reference_of

TAKE, CLIP = "S1/freestyle1", "S1/freestyle1/cam2"


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    """Cameras with square pixels and the principal point in the middle."""
    centred = {name: dataclasses.replace(view, cx=960.0, cy=540.0) for name, view in cameras().items()}
    return dataclasses.replace(tiny_clipset((TAKE,), frames=130), cameras=centred)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return write_checkpoint(tmp_path_factory.mktemp("model"))


def own(clipset: ClipSet) -> float:
    return clipset.camera_of(CLIP).field_of_view_deg


def errors(clipset: ClipSet, checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Position errors of every system."""
    scores = score_checkpoint(clipset, {"test": [TAKE]}, checkpoint)
    keys = {name: "mpjpe_12_mm" if name == RAW else "mpjpe_mm" for name in scores.sums}
    return {name: scores.sums[name][key].value for name, key in keys.items()}


def test_a_camera_of_ninety_degrees_sees_as_far_aside_as_ahead() -> None:
    found = dataclasses.replace(cameras()["1"], fy=1250.0, cx=900.0, distortion=1e-3).uncalibrated(90.0)
    torch.testing.assert_close(found.intrinsics, torch.tensor([0.5, 960 / 1080, 0.5, 0.5]))
    assert found.field_of_view_deg == pytest.approx(90)
    edge = found.project(torch.tensor([[1.0, 0.0, 1.0], [0.0, -0.5, 1.0]]))
    torch.testing.assert_close(edge, torch.tensor([[1920.0, 540.0], [960.0, 60.0]]))


def test_an_upright_image_is_narrow_across() -> None:
    upright = dataclasses.replace(cameras()["1"], width=1080, height=1920).uncalibrated(40.0)
    fx, fy, cx, cy = upright.intrinsics.tolist()
    assert fx * 1080 == pytest.approx(fy * 1920)
    assert (cx, cy) == (0.5, 0.5)
    assert upright.field_of_view_deg == pytest.approx(40)


def test_with_the_true_field_of_view_of_an_ideal_camera_nothing_changes(
    clipset: ClipSet, checkpoint: Checkpoint
) -> None:
    told = uncalibrated(clipset, own(clipset))
    torch.testing.assert_close(told.camera_of(CLIP).intrinsics, clipset.camera_of(CLIP).intrinsics)
    as_it_is = errors(clipset, checkpoint)
    for name, error in errors(told, checkpoint).items():
        np.testing.assert_allclose(error, as_it_is[name], rtol=1e-3)


def test_a_wrong_field_of_view_misleads_the_systems_and_not_the_landmarks(
    clipset: ClipSet, checkpoint: Checkpoint
) -> None:
    right, wrong = errors(clipset, checkpoint), errors(uncalibrated(clipset, own(clipset) + 30), checkpoint)
    for name in (MODEL, "one_euro_ik"):
        assert np.abs(wrong[name] - right[name]).max() > 1, name
    np.testing.assert_array_equal(wrong[RAW], right[RAW])


def test_whatever_the_systems_are_told_the_truth_is_seen_from_where_the_camera_stands(clipset: ClipSet) -> None:
    landmarks, offset = clipset.clip_landmarks(CLIP), torch.from_numpy(clipset.offset).mean(0)
    true, told = (
        reference_of(clips, CLIP, landmarks, offset) for clips in (clipset, uncalibrated(clipset, own(clipset) + 30))
    )
    assert told.known == true.known
    for name, expected in ((name, value) for name, value in true._asdict().items() if name != "known"):
        assert torch.equal(torch.as_tensor(getattr(told, name)), torch.as_tensor(expected)), name
    camera = uncalibrated(clipset, 90.0).camera_of(CLIP)
    assert torch.equal(camera.rotation, clipset.camera_of(CLIP).rotation)
    assert torch.equal(camera.translation, clipset.camera_of(CLIP).translation)


@pytest.mark.parametrize("degrees", [0.0, -70.0, 19.9, 151.0, float("nan"), float("inf")])
def test_what_is_no_field_of_view_is_named(clipset: ClipSet, degrees: float) -> None:
    with pytest.raises(UserError, match=rf"field of view is {degrees:g} degrees, expected 20 to 150"):
        uncalibrated(clipset, degrees)


def test_all_cameras_are_told_alike(clipset: ClipSet) -> None:
    views: list[Camera] = list(uncalibrated(clipset, 60.0).cameras.values())
    assert [view.field_of_view_deg for view in views] == pytest.approx([60.0] * len(clipset.cameras))
