"""Laws of the metrics: what they must be for known errors, what they must not see, and how they add up over clips."""

import math

import pytest
import torch

from blaze2cap.body.motion import integrate_rotation
from blaze2cap.body.proportions import estimated_offsets
from blaze2cap.body.rotation import mean_rotation, rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, indices
from blaze2cap.body.t_pose import t_pose_frames
from blaze2cap.learning import metric


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def positions(generator: torch.Generator, frames: int = 40) -> torch.Tensor:
    return 0.5 * torch.randn(frames, 21, 3, generator=generator)


def rotations(generator: torch.Generator, *shape: int) -> torch.Tensor:
    return rotation_vector_to_matrix(torch.randn(*shape, 3, generator=generator))


def every_frame(frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    anchor = torch.zeros(frames, dtype=torch.bool)
    anchor[0] = True
    return torch.ones(frames, dtype=torch.bool), anchor


def test_truth_has_no_error(generator: torch.Generator) -> None:
    true, rotation = positions(generator), rotations(generator, 40, 21)
    delta = 0.01 * torch.randn(40, 3, generator=generator)
    assert metric.mpjpe_mm(true, true).max() == 0
    assert metric.mpjpe_local_mm(true, true, rotation[:, 0], rotation[:, 0]).max() < 1e-3
    assert metric.pa_mpjpe_mm(true, true).max() < 2e-3
    assert metric.mare_rad(rotation, rotation).max() < 1e-3
    assert metric.acceleration_error_mm_per_frame2(true, true).max() == 0
    assert metric.root_drift_mm(delta, delta, 5).max() == 0


def test_mpjpe_of_one_shifted_joint_is_its_share(generator: torch.Generator) -> None:
    true = positions(generator)
    shifted = true.clone()
    shifted[:, JOINT_INDEX["Head"]] += torch.tensor([0.03, 0.0, 0.04])
    error = metric.mpjpe_mm(shifted, true)
    torch.testing.assert_close(error[:, JOINT_INDEX["Head"]], torch.full((40,), 50.0))
    torch.testing.assert_close(error.mean(), torch.tensor(50.0 / 21))


def test_local_error_does_not_see_the_root_turned(generator: torch.Generator) -> None:
    true, root, turn = positions(generator), rotations(generator, 40), rotations(generator, 40)
    turned = true @ turn.mT
    assert metric.mpjpe_mm(turned, true).mean() > 100
    assert metric.mpjpe_local_mm(turned, true, turn @ root, root).max() < 5e-3


def test_procrustes_error_does_not_see_a_similarity(generator: torch.Generator) -> None:
    true = positions(generator)
    moved = 1.7 * true @ rotations(generator, 40).mT + torch.randn(40, 1, 3, generator=generator)
    assert metric.pa_mpjpe_mm(moved, true).max() < 5e-3


def test_procrustes_sees_a_mirror_and_never_raises_the_squared_error(generator: torch.Generator) -> None:
    true = positions(generator)
    mirrored = true * torch.tensor([-1.0, 1.0, 1.0])
    assert metric.pa_mpjpe_mm(mirrored, true).mean() > 100
    noisy = true + 0.1 * torch.randn(true.shape, generator=generator)
    aligned = metric.procrustes_aligned(noisy, true)
    assert ((aligned - true).square().sum((1, 2)) < (noisy - true).square().sum((1, 2))).all()


def test_procrustes_of_a_point_is_finite() -> None:
    assert metric.procrustes_aligned(torch.zeros(2, 21, 3), torch.ones(2, 21, 3)).isfinite().all()


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.7, 3.1])
def test_known_rotation_gives_its_angle(angle: float, generator: torch.Generator) -> None:
    true = rotations(generator, 10, 20)
    axis = torch.nn.functional.normalize(torch.randn(10, 20, 3, generator=generator), dim=-1)
    predicted = true @ rotation_vector_to_matrix(angle * axis)
    torch.testing.assert_close(metric.mare_rad(predicted, true), torch.full((10, 20), angle), atol=1e-3, rtol=0)


def test_angle_from_the_t_pose_does_not_see_the_calibration_of_the_parent(generator: torch.Generator) -> None:
    true, constant = rotations(generator, 30, 20), rotations(generator, 20)
    t_pose = torch.arange(30) < 1
    assert metric.mare_rad(constant @ true, true).mean() > 0.5
    assert metric.mare_tpose_rad(constant @ true, true, t_pose).max() < 2e-3


def test_mean_rotation_of_equal_and_opposite_turns_is_the_middle(generator: torch.Generator) -> None:
    middle, axis = rotations(generator, 5), torch.randn(5, 3, generator=generator)
    both = torch.stack(
        (middle @ rotation_vector_to_matrix(axis * 0.3), middle @ rotation_vector_to_matrix(-axis * 0.3))
    )
    torch.testing.assert_close(mean_rotation(both), middle, atol=1e-5, rtol=0)


def test_integrated_rotation_equals_the_product_frame_by_frame(generator: torch.Generator) -> None:
    delta, start = rotations(generator, 50), rotations(generator, 50)
    anchor = torch.rand(50, generator=generator) < 0.1
    expected = [start[0]]
    for frame in range(1, 50):
        expected.append(start[frame] if anchor[frame] else expected[-1] @ delta[frame])
    torch.testing.assert_close(integrate_rotation(delta, anchor, start), torch.stack(expected), atol=1e-5, rtol=0)


def test_true_deltas_integrate_to_the_true_root(generator: torch.Generator) -> None:
    root = rotations(generator, 50)
    delta = torch.cat((torch.eye(3)[None], root[:-1].mT @ root[1:]))
    assert metric.mare_root_delta_rad(delta, root, every_frame(50)[1]).max() < 1e-3


def test_jitter_of_a_cubic_is_its_third_derivative() -> None:
    fps = 60.0
    time = torch.arange(20, dtype=torch.float64) / fps
    position = torch.zeros(20, 1, 3, dtype=torch.float64)
    position[:, 0, 1] = 7 * time**3 - 2 * time**2 + time
    jitter = metric.jitter_km_per_s3(position, fps)
    torch.testing.assert_close(jitter[3:, 0], torch.full((17,), 0.042, dtype=torch.float64))  # 3! x 7 m/s^3
    assert (jitter[:3] == 0).all()


def test_acceleration_error_of_a_parabola_is_its_curvature() -> None:
    frame = torch.arange(10, dtype=torch.float64)[:, None, None]
    curved = 0.001 * frame.square() * torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64)
    error = metric.acceleration_error_mm_per_frame2(curved, torch.zeros_like(curved))
    torch.testing.assert_close(error[2:], torch.full((8, 1), 2.0, dtype=torch.float64))


@pytest.mark.parametrize("order", [0, 1, 2, 3, 7])
def test_differences_cross_no_anchor_and_no_gap(order: int, generator: torch.Generator) -> None:
    scored = torch.rand(200, generator=generator) < 0.95
    anchor = scored & (torch.rand(200, generator=generator) < 0.05)
    whole = metric.unbroken(scored, anchor, order)
    for frame in range(200):
        run = range(frame - order, frame + 1)
        tracked = run[0] >= 0 and all(scored[f] for f in run) and not any(anchor[f] for f in run[1:])
        assert bool(whole[frame]) == tracked


def test_a_jump_at_an_anchor_is_no_jitter(generator: torch.Generator) -> None:
    scored, anchor = every_frame(40)
    anchor[20] = True
    position = torch.zeros(40, 21, 3)
    position[20:] += 1.0
    weight = metric.unbroken(scored, anchor, 3)
    assert metric.jitter_km_per_s3(position, 60.0)[weight].max() == 0
    assert metric.jitter_km_per_s3(position, 60.0).max() > 0
    assert metric.restarts(scored, anchor).nonzero().flatten().tolist() == [0, 20]


def test_integration_starts_anew_after_a_gap_without_an_anchor() -> None:
    scored, anchor = every_frame(6)
    scored[2:4] = False
    assert metric.restarts(scored, anchor).tolist() == [True, False, False, False, True, False]


def test_root_drift_is_the_error_of_the_way(generator: torch.Generator) -> None:
    true = torch.randn(100, 3, generator=generator)
    bias = torch.tensor([0.0, 0.003, 0.004])
    drift = metric.root_drift_mm(true + bias, true, 60)
    torch.testing.assert_close(drift[60:], torch.full((40,), 300.0), atol=1e-2, rtol=0)
    assert (drift[:60] == 0).all()


def test_foot_slide_counts_only_planted_feet() -> None:
    foot = torch.zeros(100, 2, 3)
    foot[:, 1, 0] = torch.arange(100) * 0.01  # the second foot moves at 0.6 m/s
    height = torch.zeros(100, 2)
    height[50:] = 0.1
    stands = metric.planted(foot, height, 60.0)
    assert stands[:50, 0].all()
    assert not stands[50:].any()
    assert not stands[1:, 1].any()


def test_foot_slide_adds_the_roots_way() -> None:
    foot = torch.zeros(5, 2, 3)
    foot[:, 0, 0] = -0.002 * torch.arange(5)  # relative to hips that move on: a foot that stands still
    delta = torch.tensor([0.002, 0.0, 0.0]).expand(5, 3)
    slide = metric.foot_slide_mm_per_frame(foot, delta)
    torch.testing.assert_close(slide[1:], torch.tensor([0.0, 2.0]).expand(4, 2), atol=1e-4, rtol=0)


def test_sums_over_clips_divided_once_are_the_mean_over_all_frames(generator: torch.Generator) -> None:
    true, predicted = positions(generator, 70), positions(generator, 70)
    whole = metric.mpjpe_mm(predicted, true).mean()
    parts = [metric.mpjpe_mm(predicted[part], true[part]) for part in (slice(0, 10), slice(10, 70))]
    torch.testing.assert_close(sum(p.sum() for p in parts) / sum(p.numel() for p in parts), whole)


def test_fast_metrics_equal_their_definitions_frame_by_frame(generator: torch.Generator) -> None:
    true, predicted = positions(generator, 12).double(), positions(generator, 12).double()
    pa = metric.pa_mpjpe_mm(predicted, true)
    acceleration = metric.acceleration_error_mm_per_frame2(predicted, true)
    for t in range(2, 12):
        mtx1, mtx2 = true[t] - true[t].mean(0), predicted[t] - predicted[t].mean(0)
        u, s, vh = torch.linalg.svd(mtx2.T @ mtx1)
        fix = torch.diag(torch.tensor([1.0, 1.0, float(torch.det(u @ vh).sign())], dtype=torch.float64))
        turn, scale = vh.T @ fix @ u.T, (s * fix.diagonal()).sum() / mtx2.square().sum()
        expected = [1000 * math.dist(scale * turn @ mtx2[j], mtx1[j]) for j in range(len(JOINTS))]
        assert pa[t].tolist() == pytest.approx(expected)
        for j in range(len(JOINTS)):
            bend = [x[t, j] - 2 * x[t - 1, j] + x[t - 2, j] for x in (predicted, true)]
            assert acceleration[t, j].item() == pytest.approx(1000 * math.dist(*bend))


def test_t_pose_is_found_at_the_opening_and_only_there() -> None:
    position = torch.zeros(300, 21, 3)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        for step, part in enumerate(("Arm", "ForeArm", "Hand")):
            position[:, indices(side + part)[0]] = torch.tensor([sign * (0.2 + 0.3 * step), 1.4, 0.0])
            position[80:200, indices(side + part)[0]] = torch.tensor([sign * 0.2, 1.4 - 0.3 * step, 0.0])
    assert t_pose_frames(position, 60.0).nonzero().flatten().tolist() == list(range(60))
    position[:80] = position[80:160]
    assert not t_pose_frames(position[:200], 60.0).any()


def test_estimated_bones_follow_the_size_seen_so_far(generator: torch.Generator) -> None:
    landmarks = torch.randn(30, 25, 7, generator=generator)
    detected = torch.ones(30, dtype=torch.bool)
    detected[:5] = False
    mean_offset = torch.randn(21, 3, generator=generator)
    offset = estimated_offsets(landmarks, detected, mean_offset)
    torch.testing.assert_close(offset[0], mean_offset)
    twice = estimated_offsets(2 * landmarks, detected, mean_offset)
    torch.testing.assert_close(twice[5:], 2 * offset[5:])
    changed = landmarks.clone()
    changed[20:] *= 3
    torch.testing.assert_close(estimated_offsets(changed, detected, mean_offset)[:20], offset[:20])
