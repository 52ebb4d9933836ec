"""Laws of the baselines: the One-Euro filter, what is fitted on training takes, and motion over gaps."""

import dataclasses
import math

import pytest
import torch
from tiny import cameras, tiny_clipset
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED, WORLD
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import geodesic_angle, matrix_to_rotation_6d, rotation_vector_to_matrix
from blaze2cap.data.clipset import ClipSet
from blaze2cap.errors import UserError
from blaze2cap.learning.baseline import (
    BETAS,
    MIN_CUTOFFS,
    WINDOW_FRAMES,
    Baselines,
    corrected,
    filter_landmarks,
    fit_baselines,
)
from blaze2cap.learning.metric import mpjpe_mm
from blaze2cap.learning.one_euro import DERIVATIVE_CUTOFF_HZ, one_euro

INTRINSICS = cameras()["1"].intrinsics
SEEN, UNSEEN = "S1/freestyle1/cam1", "S2/freestyle2/cam1"
GAP = slice(60, 70)  # of every clip of camera 2 in the tiny data set


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    return tiny_clipset()


@pytest.fixture(scope="module")
def baselines(clipset: ClipSet) -> Baselines:
    return fit_baselines(clipset, ["S1/freestyle1"])


def signal(seed: int = 0) -> Tensor:
    """Two clips of 50 frames, three points each, on a random walk."""
    return torch.randn(2, 50, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).cumsum(1) / 50


def restart_at(*frames: int) -> Tensor:
    restart = torch.zeros(2, 50, dtype=torch.bool)
    restart[:, list(frames)] = True
    return restart


def frame_by_frame(value: Tensor, restart: Tensor, dt: float, min_cutoff: float, beta: float) -> Tensor:
    """The filter as its authors write it, one point and one frame after another."""

    def alpha(cutoff: float) -> float:
        return 1 / (1 + 60 / (2 * math.pi * cutoff * dt))

    out = value.clone()
    for clip, point in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        for frame in range(value.shape[1]):
            if frame == 0 or restart[clip, frame]:
                speed = torch.zeros(3, dtype=value.dtype)
                continue
            now, before = value[clip, frame, point], value[clip, frame - 1, point]
            speed = speed + alpha(DERIVATIVE_CUTOFF_HZ) * ((now - before) * 60 / dt - speed)
            a = alpha(min_cutoff + beta * speed.norm().item())
            out[clip, frame, point] = a * now + (1 - a) * out[clip, frame - 1, point]
    return out


@pytest.mark.parametrize("dt", [1.0, 3.0])
def test_one_euro_equals_its_definition_frame_by_frame(dt: float) -> None:
    value, restart = signal(), restart_at(17, 18, 40)
    torch.testing.assert_close(one_euro(value, restart, dt, 1.0, 0.7), frame_by_frame(value, restart, dt, 1.0, 0.7))


def test_one_euro_is_causal_and_starts_anew() -> None:
    """A change in one frame reaches nothing before it, and nothing beyond the next restart."""
    value, restart = signal(), restart_at(30)
    other = value.clone()
    other[:, 20] += 1
    before, after = (one_euro(v, restart, 1.0, 0.5, 1.0) for v in (value, other))
    same = (before == after).all(-1).all(-1).all(0)
    assert same[:20].all()
    assert not same[20:30].any()
    assert same[30:].all()


def test_one_euro_keeps_what_stands_still_and_calms_what_trembles() -> None:
    still = torch.ones(1, 50, 2, 3)
    torch.testing.assert_close(one_euro(still, torch.zeros(1, 50, dtype=torch.bool), 1.0, 1.0, 1.0), still)
    trembling = 0.001 * torch.randn(1, 300, 2, 3, generator=torch.Generator().manual_seed(0))
    smooth = one_euro(trembling, torch.zeros(1, 300, dtype=torch.bool), 1.0, 1.0, 0.0)
    assert smooth[:, 60:].std() < 0.3 * trembling.std()


def test_clips_of_other_frame_rates_are_filtered_side_by_side() -> None:
    value = signal()
    both = one_euro(value, restart_at(), torch.tensor([1.0, 2.0]), 1.0, 0.7)
    for clip, dt in enumerate((1.0, 2.0)):
        alone = one_euro(value[clip : clip + 1], restart_at()[:1], dt, 1.0, 0.7)
        torch.testing.assert_close(both[clip], alone[0])


def test_filtered_landmarks_keep_visibility_flags_and_first_frames(clipset: ClipSet) -> None:
    seen = clipset.clip_landmarks("S1/freestyle1/cam2")
    smooth = filter_landmarks(seen[None], INTRINSICS, 1.0, torch.tensor([1.0, 0.5]))[0]
    assert torch.equal(smooth[..., 5:], seen[..., 5:])
    torch.testing.assert_close(smooth[[0, GAP.stop]], seen[[0, GAP.stop]])
    assert not torch.allclose(smooth[1:50, :, WORLD], seen[1:50, :, WORLD], atol=1e-4)


def test_a_correction_turns_each_joint_of_its_own(baselines: Baselines) -> None:
    """Turning the upper arm by a constant leaves every other joint's orientation where it was."""
    generator = torch.Generator().manual_seed(0)
    local = rotation_vector_to_matrix(torch.randn(5, 21, 3, generator=generator))
    turns = torch.eye(3).repeat(21, 1, 1)
    turns[8] = rotation_vector_to_matrix(torch.tensor([0.2, 0.3, -0.1]))
    offset = torch.zeros(21, 3)
    _, before = forward_kinematics(local, offset)
    _, after = forward_kinematics(corrected(local, turns), offset)
    torch.testing.assert_close(after, before @ turns, atol=1e-5, rtol=0)


def test_the_fit_is_deterministic_and_sees_the_given_takes_only(clipset: ClipSet, baselines: Baselines) -> None:
    alone = tiny_clipset(("S1/freestyle1",))
    for again in (fit_baselines(clipset, ["S1/freestyle1"]), fit_baselines(alone, ["S1/freestyle1"])):
        for name, tensor in again.tensors().items():
            assert torch.equal(tensor, baselines.tensors()[name]), name
    assert baselines.filter[0].item() in MIN_CUTOFFS
    assert baselines.filter[1].item() in BETAS


def test_a_known_constant_turn_of_every_joint_is_learned(clipset: ClipSet, baselines: Baselines) -> None:
    """The truth of other axes conventions: with B turned into B C the correction becomes (correction C)."""
    generator = torch.Generator().manual_seed(0)
    turns = rotation_vector_to_matrix(0.3 * torch.randn(21, 3, generator=generator))
    motion = clipset.take_motion("S1/freestyle1")
    turned = corrected(motion.rotation, turns)
    six_d = torch.cat((turned[..., 0], turned[..., 1]), dim=-1)
    other = dataclasses.replace(clipset, rotation=torch.cat((six_d, six_d)).numpy())
    again = fit_baselines(other, ["S1/freestyle1"])
    expected = baselines.correction @ turns
    if torch.equal(again.filter, baselines.filter):
        assert geodesic_angle(again.correction, expected).max() < 1e-3
    else:
        assert geodesic_angle(again.correction, expected).max() < 0.1


def test_the_mean_pose_is_the_best_constant_one(clipset: ClipSet, baselines: Baselines) -> None:
    """No other constant rotation of a joint is closer to the training take in the chordal sense."""
    rotation = clipset.take_motion("S1/freestyle1").rotation[::10, 1:]
    best = (rotation - baselines.mean_pose[1:]).square().sum((0, 2, 3))
    nudged = baselines.mean_pose[1:] @ rotation_vector_to_matrix(torch.tensor([0.02, -0.01, 0.02]))
    assert (best < (rotation - nudged).square().sum((0, 2, 3))).all()
    assert torch.equal(baselines.mean_pose[0], torch.eye(3))


def test_the_fit_looks_at_all_of_a_clip_that_is_longer_than_a_window() -> None:
    """A turn of every joint that holds in the last third of a take only is learned by a third."""
    whole = tiny_clipset(("S1/freestyle1",), frames=3 * WINDOW_FRAMES)
    clipset = dataclasses.replace(whole, clips=whole.clips[:1])
    rotation = clipset.take_motion("S1/freestyle1").rotation
    turned = rotation.clone()
    turn = rotation_vector_to_matrix(torch.tensor([0.0, 0.3, 0.0])).expand(21, 3, 3)
    turned[-WINDOW_FRAMES:] = corrected(rotation[-WINDOW_FRAMES:], turn)
    other = dataclasses.replace(clipset, rotation=matrix_to_rotation_6d(turned).numpy())
    plain, partly = (fit_baselines(each, ["S1/freestyle1"]).correction for each in (clipset, other))
    assert geodesic_angle(plain, partly)[1:].mean() == pytest.approx(0.1, abs=0.01)


def test_takes_without_landmarks_cannot_stand_alone(clipset: ClipSet) -> None:
    with pytest.raises(UserError, match="none of the training takes has landmarks"):
        fit_baselines(dataclasses.replace(clipset, clips=clipset.clips.iloc[:0]), ["S1/freestyle1"])


def test_baselines_survive_a_checkpoint(baselines: Baselines) -> None:
    again = Baselines.from_tensors(dict(baselines.tensors()))
    assert all(torch.equal(tensor, again.tensors()[name]) for name, tensor in baselines.tensors().items())
    with pytest.raises(ValueError, match="offset has shape"):
        Baselines.from_tensors(baselines.tensors() | {"offset": torch.zeros(20, 3)})
    with pytest.raises(TypeError):
        Baselines.from_tensors({})


def test_inverse_kinematics_beats_the_constant_pose_on_exact_landmarks(clipset: ClipSet, baselines: Baselines) -> None:
    truth = clipset.clip_truth(UNSEEN)
    true, _ = forward_kinematics(truth.rotation, truth.offset)

    def error_mm(motion: Motion) -> float:
        return mpjpe_mm(forward_kinematics(motion.rotation, truth.offset)[0], true).mean().item()

    seen = clipset.clip_landmarks(UNSEEN)
    moving = error_mm(baselines.one_euro_ik(seen, INTRINSICS, 1.0))
    constant = error_mm(baselines.constant_pose(seen, INTRINSICS, 1.0))
    assert moving < 0.7 * constant


@pytest.mark.parametrize("name", ["one_euro_ik", "constant_pose"])
def test_gaps_hold_the_last_pose_and_are_not_valid(clipset: ClipSet, baselines: Baselines, name: str) -> None:
    seen = clipset.clip_landmarks("S2/freestyle2/cam2")
    motion = getattr(baselines, name)(seen, INTRINSICS, 1.0)
    frames = torch.arange(len(seen))
    assert torch.equal(motion.valid, (frames < GAP.start) | (frames >= GAP.stop))
    assert torch.equal(motion.rotation[GAP], motion.rotation[GAP.start - 1].expand(10, -1, -1, -1))
    for frame in (0, *range(GAP.start, GAP.stop + 1)):
        assert not motion.delta_position[frame].any()
        assert torch.equal(motion.delta_rotation[frame], torch.eye(3))


@pytest.mark.parametrize("name", ["one_euro_ik", "constant_pose"])
def test_nobody_at_the_start_or_at_all_is_a_fixed_pose(clipset: ClipSet, baselines: Baselines, name: str) -> None:
    seen = clipset.clip_landmarks(SEEN).clone()
    seen[:20] = 0
    seen[20, :, TRACKED] = 0
    system = getattr(baselines, name)
    late, never = system(seen, INTRINSICS, 1.0), system(torch.zeros_like(seen), INTRINSICS, 1.0)
    assert not late.valid[:20].any()
    assert late.valid[20:].all()
    assert not never.valid.any()
    assert torch.equal(late.rotation[:20], never.rotation[:20])
    assert all(part.isfinite().all() for part in (*late, *never) if part is not None)


def test_a_changed_frame_changes_no_pose_before_it(clipset: ClipSet, baselines: Baselines) -> None:
    seen = clipset.clip_landmarks(SEEN)
    other = seen.clone()
    other[80:, :, WORLD] *= 1.2
    before, after = (baselines.one_euro_ik(landmarks, INTRINSICS, 1.0) for landmarks in (seen, other))
    assert torch.equal(before.rotation[:80], after.rotation[:80])
    assert torch.equal(before.delta_position[:80], after.delta_position[:80])
    assert not torch.equal(before.delta_position[80:], after.delta_position[80:])
