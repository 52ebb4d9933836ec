"""Laws of the ceilings: what each of them knows is mended wholly, and what it does not know is left alone."""

from functools import cache

import pytest
import torch
from small_study import TAKES, erring, small_clipset
from tiny import bones
from torch import Tensor

from blaze2cap.body.camera import ray_rotation
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import BODY_JOINTS, JOINTS, PARENTS, ROOT, indices
from blaze2cap.learning import metric
from blaze2cap.learning.baseline import corrected
from blaze2cap.learning.diagnosis import ceiling
from blaze2cap.learning.measure import MEASURES, Compared, Reference, compare
from blaze2cap.learning.scoring import reference_of

CLIP = f"{TAKES[0]}/cam2"
TRUE_BONES = [key for key in ceiling.CEILINGS if key != "estimated_bones"]


@cache
def reference() -> Reference:
    clips = small_clipset()
    return reference_of(clips, CLIP, clips.clip_landmarks(CLIP), bones())


@cache
def answered(rotation: Tensor | None = None) -> Compared:
    """The clip's truth with another rotation of its joints, or an erring answer."""
    clips = small_clipset()
    motion = erring(0.3)(clips.clip_landmarks(CLIP), clips.camera_of(CLIP).intrinsics, 1.0)
    if rotation is not None:
        motion = Motion(rotation, *motion[1:])
    return compare(motion, reference())


def case(compared: Compared) -> ceiling.Case:
    root = small_clipset().clip_truth(CLIP).root_position
    return ceiling.Case(compared, root, ceiling.constant_turns([compared]), ceiling.best_lag(compared))


def left(key: str, compared: Compared) -> float:
    return float(ceiling.CEILINGS[key](case(compared))[compared.truth.scored].mean())


def own(compared: Compared) -> float:
    return float(metric.mpjpe_mm(compared.position, compared.truth.position)[compared.truth.scored].mean())


def turned(joints: tuple[str, ...], size: float = 0.4) -> Tensor:
    """True rotations, but for the local ones of some joints."""
    truth = small_clipset().clip_truth(CLIP).rotation.clone()
    generator = torch.Generator().manual_seed(1)
    noise = size * torch.randn(len(truth), len(joints), 3, generator=generator)
    truth[:, indices(*joints)] = truth[:, indices(*joints)] @ rotation_vector_to_matrix(noise)
    return truth


@pytest.mark.parametrize("key", TRUE_BONES)
def test_the_truth_has_nothing_left_to_mend(key: str) -> None:
    truth = small_clipset().clip_truth(CLIP).rotation
    assert left(key, answered(truth)) < 0.01


@pytest.mark.parametrize("limb", ["spine", "head", "arms", "legs"])
def test_an_error_of_one_limb_is_mended_by_that_limb_and_by_no_other(limb: str) -> None:
    compared = answered(turned(ceiling.LIMBS[limb]))
    assert own(compared) > 1
    for other in ceiling.LIMBS:
        expected = 0.0 if other == limb else own(compared)
        assert left(other, compared) == pytest.approx(expected, abs=0.01)


def test_limbs_and_root_are_all_joints_once_and_replacing_all_of_them_leaves_nothing() -> None:
    joints = [ROOT, *(joint for limb in ceiling.LIMBS.values() for joint in limb)]
    assert sorted(joints) == sorted(JOINTS)
    for replace in (ceiling.replaced, ceiling.reoriented):
        assert float(replace(answered(), joints).max()) < 0.01


def test_the_true_root_is_the_local_error_and_the_true_body_leaves_the_root_alone() -> None:
    compared = answered()
    local, _ = MEASURES["mpjpe_local_mm"](compared)
    torch.testing.assert_close(ceiling.true_root(case(compared)), local, atol=0.01, rtol=1e-4)
    assert left("body", answered(turned((ROOT,)))) == pytest.approx(own(answered(turned((ROOT,)))), rel=1e-4)
    assert left("body", answered(turned(BODY_JOINTS))) < 0.01


def test_an_orientation_that_is_true_puts_its_bone_right_whatever_is_above_it() -> None:
    compared, chosen = answered(), indices(*ceiling.LIMBS["arms"])
    known = torch.zeros(len(JOINTS), dtype=torch.bool)
    known[chosen] = True
    rotation = torch.where(known[:, None, None], compared.truth.global_rotation, compared.global_rotation)
    bone = (rotation[:, list(PARENTS[1:])] @ compared.truth.offset[1:, :, None])[..., 0]
    position = torch.zeros_like(compared.position)
    for joint in range(1, len(JOINTS)):  # parents come before their children
        position[:, joint] = position[:, PARENTS[joint]] + bone[:, joint - 1]
    expected = metric.mpjpe_mm(position, compared.truth.position)
    torch.testing.assert_close(ceiling.true_arms_orientation(case(compared)), expected, atol=0.01, rtol=1e-4)


def test_true_depth_leaves_the_error_across_the_ray_and_nothing_else() -> None:
    compared = answered()
    root = case(compared).root_position
    ray = ceiling.in_ray_frame(compared.position - compared.truth.position, root)
    torch.testing.assert_close(ceiling.true_depth(case(compared)), 1000 * ray[..., :2].norm(dim=-1))
    assert (ceiling.true_depth(case(compared)) <= metric.mpjpe_mm(compared.position, compared.truth.position)).all()
    along = torch.zeros_like(ray)
    along[..., 2] = ray[..., 2]
    only_depth = compared._replace(position=compared.truth.position + along @ ray_rotation(root).mT)
    assert left("depth", only_depth) < 0.01


def test_a_true_image_mends_what_lies_across_and_depth_then_mends_the_rest() -> None:
    compared = answered()
    root, camera = case(compared).root_position, small_clipset().camera_of(CLIP)
    distance = root.norm(dim=-1)[:, None, None]
    true = ceiling.in_ray_frame(compared.truth.position, root)
    true[..., 2:] += distance
    predicted = ceiling.in_ray_frame(compared.position, root)[..., 2:] + distance
    on_the_ray = true * predicted / true[..., 2:]
    place = on_the_ray @ ray_rotation(root).mT
    pixel, true_pixel = camera.project(place), camera.project(root[:, None] + compared.truth.position)
    torch.testing.assert_close(pixel, true_pixel, atol=0.05, rtol=1e-4)
    torch.testing.assert_close(
        ceiling.true_image(case(compared)),
        metric.mpjpe_mm(place, root[:, None] + compared.truth.position),
        atol=0.02,
        rtol=1e-3,
    )


def test_the_best_similarity_is_the_aligned_error() -> None:
    compared = answered()
    value, _ = MEASURES["pa_mpjpe_mm"](compared)
    torch.testing.assert_close(ceiling.best_similarity(case(compared)), value)


def test_a_constant_turn_of_every_joint_is_found_and_undone() -> None:
    truth = small_clipset().clip_truth(CLIP).rotation
    turns = rotation_vector_to_matrix(0.4 * torch.randn(21, 3, generator=torch.Generator().manual_seed(5)))
    compared = answered(corrected(truth, turns))
    assert own(compared) > 20
    assert left("calibration", compared) < 0.1


@pytest.mark.parametrize("lag", [0, 3, -2])
def test_a_lag_is_found_and_undone_but_at_the_ends_of_its_runs(lag: int) -> None:
    truth = small_clipset().clip_truth(CLIP).rotation
    late = truth[(torch.arange(len(truth)) - lag).clamp(0, len(truth) - 1)]
    compared = answered(late)
    assert ceiling.best_lag(compared) == lag
    error = ceiling.without_lag(case(compared))
    frames = ceiling.shifted(compared, lag)
    mended = compared.truth.scored & (frames == torch.arange(len(truth)) + lag)
    assert mended.sum() > 120
    assert float(error[mended].max()) < 0.01


def test_a_shift_never_leaves_its_unbroken_run() -> None:
    compared = answered()
    frames = ceiling.shifted(compared, 5)
    gap = slice(60, 70)  # nobody is detected there
    assert frames[54] == 59
    assert frames[55:60].tolist() == [55, 56, 57, 58, 59]
    assert frames[gap].tolist() == list(range(60, 70))


@pytest.mark.parametrize("key", ["lag", "depth", "similarity"])
def test_what_is_a_best_choice_never_raises_the_error(key: str) -> None:
    compared = answered()
    if key == "similarity":  # its promise is about squares
        squares = ceiling.best_similarity(case(compared)).square().mean()
        centred = compared.position - compared.position.mean(1, keepdim=True)
        true = compared.truth.position - compared.truth.position.mean(1, keepdim=True)
        assert squares <= metric.mpjpe_mm(centred, true).square().mean() + 1e-3
    else:
        assert left(key, compared) <= own(compared) + 1e-3


def test_estimated_bones_are_the_figure_of_that_name() -> None:
    compared = answered()
    value, _ = MEASURES["mpjpe_estimated_bones_mm"](compared)
    torch.testing.assert_close(ceiling.without_true_bones(case(compared)), value)


def test_positions_of_the_case_are_those_of_its_rotations() -> None:
    compared = answered()
    position, _ = forward_kinematics(compared.motion.rotation, compared.truth.offset)
    torch.testing.assert_close(position, compared.position)
