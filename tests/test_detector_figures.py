"""The figures of the parametric error model are within what their definitions allow, and agree with one another."""

import pytest
import torch
from test_model import standing
from torch import Tensor

from blaze2cap.body.landmark import LANDMARK_INDEX, LANDMARKS, PARENT_OF
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.data.detector.anatomy import part_of
from blaze2cap.data.detector.figures import LENGTH, NOISE, STRETCH
from blaze2cap.data.detector.part_figures import PARTS

# Features of the linear functions, and whether a mirrored person's is the opposite.
UPRIGHT, FORWARD, RIGHT, PLACE = 0, slice(1, 4), slice(4, 7), slice(7, 10)
ODD = torch.tensor([0, 1, 0, 0, 0, 1, 1, 1, 0, 0], dtype=torch.bool)

TRUNK = ("nose", "ear", "shoulder", "hip")
ARMS = ("elbow", "wrist", "pinky", "index", "thumb")
LIMBS = [part for part in PARTS if part not in TRUNK]
every_part = pytest.mark.parametrize("part", PARTS)
every_limb = pytest.mark.parametrize("part", LIMBS)


def features(part: str, views: int = 36) -> Tensor:
    """What the functions are of, for the right landmark of a standing person seen from all sides: [views, 10]."""
    yaw = torch.arange(views) * 2 * torch.pi / views
    turn = rotation_vector_to_matrix(torch.stack((0 * yaw, yaw, 0 * yaw), dim=-1))
    name = part if part in LANDMARK_INDEX else f"right_{part}"
    place = turn @ standing()[LANDMARK_INDEX[name]]
    # Of a person who faces the camera: forward is towards it, the right hand is on its left.
    forward, right = -turn[..., 2], -turn[..., 0]
    return torch.cat((torch.ones(views, 1), forward, right, place), dim=-1)


def mean_error_mm(part: str, seen: Tensor | None = None) -> Tensor:
    """Of the right landmark of a person seen like this, of a standing one by default."""
    return (features(part) if seen is None else seen) @ torch.tensor(PARTS[part].mean_mm).float().mT


def test_every_landmark_has_its_part_and_every_error_comes_from_the_trunk() -> None:
    assert {part_of(name) for name in LANDMARKS} == set(PARTS)
    for part, figures in PARTS.items():
        chain = [part]
        while (parent := PARTS[chain[-1]].parent) not in (None, "shoulders"):
            chain.append(parent)
        assert chain[-1] in TRUNK
        assert (figures.parent is None) == (figures.gain == (0, 0, 0))


@every_part
def test_functions_have_a_number_for_each_feature_and_spreads_are_of_centimetres(part: str) -> None:
    figures = PARTS[part]
    assert [len(row) for row in (*figures.mean_mm, figures.visibility_logit)] == [10] * 4
    assert all(5 < spread < 100 for spread in figures.spread_mm)
    assert all(abs(error) < 50 for error in figures.asymmetry_mm)
    assert 0 < figures.visibility_spread < 2.5
    assert 1 <= figures.haste < 2


@every_part
def test_left_and_right_errors_have_a_covariance_that_is_positive_definite_but_at_the_hips(part: str) -> None:
    """The hips' errors are each other's opposites, as their middle is the origin; the nose has no other side."""
    alike = PARTS[part].alike
    if part == "hip":
        assert alike == (-1, -1, -1)
    elif part == "nose":
        assert alike == (0, 0, 0)
    else:
        assert all(abs(correlation) < 0.7 for correlation in alike)


@every_part
def test_an_error_is_handed_on_about_whole_and_visibility_a_little_less(part: str) -> None:
    figures = PARTS[part]
    if figures.parent is not None:
        assert all(0.5 < gain < 1.5 for gain in figures.gain)
    assert 0 <= figures.visibility_gain < 1
    if figures.visibility_gain:
        assert figures.visibility_gain > 0.5
        assert figures.visibility_spread < PARTS[figures.parent].visibility_spread


def test_the_nose_errs_as_the_nose_of_a_mirrored_person_mirrored() -> None:
    """It has no other side: across the view its error is odd in what a mirror turns round, otherwise even."""
    nose = PARTS["nose"]
    across, down, away = torch.tensor(nose.mean_mm)
    assert not across[~ODD].any()
    assert not down[ODD].any()
    assert not away[ODD].any()
    assert not torch.tensor(nose.visibility_logit)[ODD].any()
    assert nose.asymmetry_mm[1:] == (0, 0)


@every_part
def test_depth_shrinks_towards_the_body_more_than_anything_else(part: str) -> None:
    """An error per metre of place, on the axis itself and from the others; the hips have no place of their own."""
    by_place = torch.tensor(PARTS[part].mean_mm)[:, PLACE] / 1000
    depth = by_place[2, 2]
    if part == "hip":
        assert by_place.abs().max() < 0.02
    else:
        assert -0.65 < depth < -0.25
        assert by_place.abs().max() in (-depth, by_place[1, 1].abs())
        assert by_place[:, 0].abs().max() < 0.15


@every_part
def test_a_standing_person_is_seen_as_well_as_usual_on_average_over_all_sides(part: str) -> None:
    """Legs better: what hides them is bending. The trunk is seen as well from every side."""
    figures = PARTS[part]
    logit = features(part) @ torch.tensor(figures.visibility_logit)
    better = logit.mean() - figures.usual_logit
    if part in TRUNK:
        assert abs(better) < 0.3
        assert logit.max() - logit.min() < 0.3
        assert figures.usual_logit == pytest.approx(6, abs=0.2)
        assert figures.usual_logit - 2 * figures.visibility_spread > 4, "hardly ever hidden"
    else:
        assert 1 < figures.usual_logit < 3.5
        assert abs(better) < 0.6 if part in ARMS else 0 < better < 1.2


@every_limb
def test_limbs_are_seen_better_the_nearer_they_are_to_the_camera(part: str) -> None:
    logit = torch.tensor(PARTS[part].visibility_logit)
    assert logit[RIGHT][2] < 0, "the right side turned away hides it"
    assert -4 < logit[PLACE][2] < -1.5, "so does the trunk before it"
    seen = features(part) @ logit
    nearest = features(part)[:, PLACE][:, 2].argmin()
    assert seen[nearest] > seen.mean()


@every_part
def test_landmarks_of_a_standing_person_err_by_centimetres_on_average(part: str) -> None:
    assert mean_error_mm(part).norm(dim=-1).max() < (25 if part == "hip" else 200)


@pytest.mark.parametrize(
    ("part", "end", "apart_mm", "apart_logit"),
    [
        ("pinky", "wrist", 75, 0.75), ("index", "wrist", 75, 0.75), ("thumb", "wrist", 75, 0.75),
        ("heel", "ankle", 100, 1.1), ("foot_index", "ankle", 100, 1.1),
    ],
)  # fmt: skip
def test_a_hand_or_foot_errs_and_is_seen_as_a_whole(part: str, end: str, apart_mm: float, apart_logit: float) -> None:
    """The mean errors of its landmarks differ by less than it is long."""
    seen = features(end)
    assert (mean_error_mm(part, seen) - mean_error_mm(end, seen)).norm(dim=-1).max() < apart_mm
    logits = torch.tensor([PARTS[each].visibility_logit for each in (part, end)])
    assert (logits[0] - logits[1]).abs().max() < apart_logit


def test_bones_are_seen_about_as_long_as_they_are_and_halves_of_a_width_are_equal() -> None:
    assert set(LENGTH) <= set(PARTS)
    for part, (left, right) in LENGTH.items():
        assert 0.4 < min(left, right) <= max(left, right) < (2 if part == "ear" else 1.2)
        if f"right_{part}" not in PARENT_OF:
            assert left == right, part
        assert left / right == pytest.approx(1, abs=0.3)
    assert all(0.01 < spread < 0.1 for spread in STRETCH.values())


def test_shares_and_times_of_the_noise_are_what_they_are_called() -> None:
    rough = 1 - NOISE.constant - NOISE.smooth
    assert min(NOISE.constant, NOISE.smooth, rough) > 0
    assert NOISE.smooth > 0.5, "most of an error changes slowly"
    assert 0 < NOISE.rough_clock < NOISE.smooth_clock < 0.05, "at rest, errors last for a second or more"
    assert 0 < NOISE.clock_speed < 1.5
    assert 0 <= NOISE.steadiness < 1
    assert all(0 <= tail < 0.3 for tail in NOISE.tail)
    assert all(0 < gain < 1 for gain in NOISE.screen_gain), "in the image, errors are smaller"
    assert NOISE.screen_gain[0] > NOISE.screen_gain[1]


def test_who_is_seen_worse_errs_more_up_to_a_few_times() -> None:
    assert -1 < NOISE.usual_upright < 1
    upside_down = 1 + NOISE.tilt * (NOISE.usual_upright + 1)
    assert 1 < upside_down < 3
    assert 1 + NOISE.tilt * (NOISE.usual_upright - 1) > 0.5
    assert all(0 < slope < 0.3 for slope in NOISE.visibility_slope)
