"""Laws of a system's word on its own error: what is right, what is too sure, and what makes it useful."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tiny import bones, tiny_clipset
from torch import Tensor

from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.evaluation import EvaluateParams, Report, evaluate
from blaze2cap.learning.reliability import BY_JOINT_CONFIDENCE, CONFIDENCE, Bins, calibration_error, surest_half
from blaze2cap.learning.report_plots import plot_reliability
from blaze2cap.learning.scoring import DEVIATION_RAD, Scores, score

PARAMS = EvaluateParams(parts=("test",), bootstrap_samples=100)
TOO_SURE = 1.25

Deviation = Callable[[int, torch.Generator], Tensor]


def any_deviation(frames: int, generator: torch.Generator) -> Tensor:
    """From about 0.03 to 1 rad, in every frame and joint anew."""
    return 0.2 * torch.exp(0.6 * torch.randn(frames, 21, generator=generator)).clamp(0.1, 5)


def deviation_of_joint(frames: int, generator: torch.Generator) -> Tensor:
    """The same in all frames, from 0.1 rad at the root to 0.7 rad at the last joint."""
    return torch.linspace(0.1, 0.7, 21).repeat(frames, 1)


def clips() -> ClipSet:
    return tiny_clipset(("S1/walking2", "S4/acting3"), frames=90)


def off_by(clipset: ClipSet, deviation: Deviation, too_sure: float = 1.0, silent: bool = False) -> System:
    """A system that knows the truth and turns every rotation by `too_sure` times the deviation that it says."""
    truths = {clipset.clip_landmarks(clip).sum().item(): clipset.clip_truth(clip) for clip in clipset.clips.index}

    def system(landmarks: Tensor, intrinsics: Tensor, dt: float) -> Motion:
        frames, generator = len(landmarks), torch.Generator().manual_seed(len(landmarks))
        said = deviation(frames, generator)
        axis = torch.nn.functional.normalize(torch.randn(frames, 21, 3, generator=generator), dim=-1)
        turn = rotation_vector_to_matrix(too_sure * said[..., None] * axis)
        rotation = truths[landmarks.sum().item()].rotation @ turn
        still = torch.eye(3).expand(frames, 3, 3)
        detected = torch.ones(frames, dtype=torch.bool)
        return Motion(rotation, torch.zeros(frames, 3), still, detected, None if silent else said)

    return system


def scores_of(clipset: ClipSet, system: System) -> Scores:
    silent = off_by(clipset, any_deviation, silent=True)
    return score(clipset, {"test": list(clipset.takes.index)}, {"model": system, "constant_pose": silent}, bones())


def report_of(clipset: ClipSet, system: System) -> Report:
    return evaluate(scores_of(clipset, system), {"S1"}, PARAMS)["test"]


@pytest.mark.parametrize("factor", [1.0, TOO_SURE, 0.8])
def test_a_system_off_by_a_factor_of_what_it_says_has_this_ratio_in_every_bin(factor: float) -> None:
    clipset = clips()
    report = report_of(clipset, off_by(clipset, any_deviation, factor))
    assert report["deviation_ratio"] == pytest.approx(factor, rel=1e-3)
    assert report["deviation_ence"] == pytest.approx(abs(factor - 1), abs=2e-3)
    curve = report["reliability"]
    assert len(curve["deviation_rad"]) > 8
    assert sum(curve["share"]) == pytest.approx(1, rel=1e-4)
    assert curve["rms_angle_rad"] == pytest.approx([factor * said for said in curve["deviation_rad"]], rel=5e-3)


def test_every_bin_of_the_curve_lies_between_its_edges() -> None:
    clipset = clips()
    curve = report_of(clipset, off_by(clipset, any_deviation))["reliability"]
    bins = np.searchsorted(DEVIATION_RAD, curve["deviation_rad"])
    assert (np.diff(bins) >= 1).all()


def test_each_joint_has_the_error_that_was_predicted_and_the_one_that_came() -> None:
    clipset = clips()
    by_joint = report_of(clipset, off_by(clipset, deviation_of_joint, TOO_SURE))["by_joint"]
    for said, joint in zip(torch.linspace(0.1, 0.7, 21).tolist(), JOINTS, strict=True):
        assert by_joint[joint]["deviation_rad"] == pytest.approx(said, rel=1e-3)
        assert by_joint[joint]["rms_angle_rad"] == pytest.approx(TOO_SURE * said, rel=2e-3)


def test_the_surest_half_errs_as_the_half_with_the_least_deviation() -> None:
    clipset = clips()
    report = report_of(clipset, off_by(clipset, any_deviation))
    generator = torch.Generator().manual_seed(90)
    said = any_deviation(90, generator)[:, 1:].flatten().sort().values
    assert report["mare_surest_half_rad"] == pytest.approx(said[: len(said) // 2].mean().item(), rel=0.03)
    assert report["mare_surest_half_rad"] < 0.65 * report["mare_rad"]


def test_knowing_the_hard_joints_helps_among_all_and_not_within_a_joint() -> None:
    clipset = clips()
    report = report_of(clipset, off_by(clipset, deviation_of_joint))
    assert report["mare_surest_half_rad"] < 0.7 * report["mare_rad"]
    assert report["mare_surest_frames_rad"] == pytest.approx(report["mare_rad"], rel=1e-3)


def test_a_system_that_says_nothing_of_its_error_has_no_figures_of_it() -> None:
    clipset = clips()
    report = report_of(clipset, off_by(clipset, any_deviation))
    own = {*CONFIDENCE, "reliability"}
    assert own <= report.keys()
    assert set(CONFIDENCE) <= report["by_subject"]["S4"].keys() & report["unseen"].keys()
    assert not own & report["baseline"]["constant_pose"].keys()
    silent = report_of(clipset, off_by(clipset, any_deviation, silent=True))
    assert not own & silent.keys()
    assert not set(BY_JOINT_CONFIDENCE) & silent["by_joint"]["Head"].keys()


def test_rotations_that_are_not_believed_do_not_count() -> None:
    clipset = clips()
    clipset.outlier[:, JOINTS.index("RightHand")] = True
    clipset.outlier[:40, JOINTS.index("Head")] = True

    def wrong_where_not_believed(frames: int, generator: torch.Generator) -> Tensor:
        said = torch.full((frames, 21), 0.2)
        said[:, JOINTS.index("RightHand")] = 3
        return said

    report = report_of(clipset, off_by(clipset, wrong_where_not_believed))
    assert report["reliability"]["share"] == [1]
    assert "deviation_rad" not in report["by_joint"]["RightHand"]
    assert "deviation_rad" in report["by_joint"]["Head"]


def test_the_calibration_error_is_a_mean_over_rotations() -> None:
    count = np.array([[30.0, 10.0]])
    variance, square = count * [0.04, 1.0], count * [0.09, 1.0]
    assert calibration_error(Bins(square, square, variance, count)) == pytest.approx(0.75 * 0.5)


def test_the_surest_half_takes_a_part_of_the_median_s_bin() -> None:
    angle, count = np.array([0.1, 0.4, 3.0]), np.array([1.0, 2.0, 3.0])
    assert surest_half(angle, count) == pytest.approx((0.1 + 0.4) / 3)
    assert surest_half(np.array([2.0, 0.0]), np.array([4.0, 0.0])) == pytest.approx(0.5)
    assert np.isnan(surest_half(np.zeros(3), np.zeros(3)))


@pytest.mark.parametrize("silent", [False, True])
def test_the_diagram_has_a_point_for_each_bin_and_each_joint(silent: bool) -> None:
    clipset = clips()
    scores = scores_of(clipset, off_by(clipset, any_deviation, silent=silent))
    by_bin, by_joint = plot_reliability(scores, "test").axes
    curve = evaluate(scores, {"S1"}, PARAMS)["test"].get("reliability", {"share": []})
    assert [len(points.get_offsets()) for points in by_bin.collections] == ([] if silent else [len(curve["share"])])
    joints = len(JOINTS)
    assert [len(points.get_offsets()) for points in by_joint.collections[1:]] == 2 * [0 if silent else joints]
    assert [label.get_text() for label in by_joint.get_yticklabels()] == list(JOINTS)
