"""Laws of what people do in the sample: it ends as it began, and reaches what its name says; steps lead somewhere."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.rotation import matrix_to_rotation_vector
from blaze2cap.body.skeleton import JOINT_INDEX
from blaze2cap.data.sources.sample import activity, gait
from blaze2cap.data.sources.sample.activity import Activity
from blaze2cap.data.sources.sample.curve import FPS
from blaze2cap.data.sources.sample.embodiment import Take, embody
from blaze2cap.data.sources.sample.performance import SIDES, SIGN, Performance
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject

RIGHT, LEFT = JOINT_INDEX["RightFoot"], JOINT_INDEX["LeftFoot"]
SEEDS = range(6)
ALL = (
    activity.stand, activity.squat, activity.bend_down, activity.sit, activity.lunge, activity.lift_leg,
    activity.trunk, activity.kneel, activity.on_all_fours, activity.lie_down, activity.fold,
)  # fmt: skip


def stage(seed: int, seconds: float = 20.0) -> Performance:
    """Somebody who stands."""
    performance = Performance(make_subject(SUBJECTS[seed % len(SUBJECTS)], seed), seconds, np.random.default_rng(seed))
    performance.now = 1.0
    return performance


def performed(act: Activity, seed: int) -> Take:
    """Once, after a second of standing, and half a second of it after."""
    performance = stage(seed)
    act(performance)
    end = performance.frame(performance.now + 0.5)
    return Take(*(part[:end] for part in embody(performance)))


TAKES = {act: [performed(act, seed) for seed in SEEDS] for act in ALL}


def tilt_deg(take: Take) -> Tensor:
    """Trunk from upright [deg]."""
    trunk = take.position[:, JOINT_INDEX["Neck"]] - take.position[:, 0]
    return torch.acos(trunk[:, 1] / trunk.norm(dim=-1)).rad2deg()


def height(take: Take, joint: str) -> Tensor:
    """Of the right and the left joint [m]."""
    return take.position[:, [JOINT_INDEX[f"Right{joint}"], JOINT_INDEX[f"Left{joint}"]], 1]


def pelvis(take: Take) -> Tensor:
    """Height of the pelvis, of that in standing."""
    return take.position[:, 0, 1] / take.position[0, 0, 1]


@pytest.mark.parametrize("act", ALL)
def test_an_activity_ends_as_it_began_on_the_same_two_feet(act: Activity) -> None:
    for take in TAKES[act]:
        first, last = take.position[0], take.position[-1]
        assert (last - first)[[RIGHT, LEFT]].abs().max() < 1e-3
        assert (last - first)[0].norm() < 0.03
        assert tilt_deg(take)[-1] < 25
        assert take.planted[[0, -1]].all()
        assert take.position[..., 1].min() > -0.15
        assert len(take.position) > 2 * FPS


# Lowest and highest over all performances of the least or most over a take.
REACHED: dict[Activity, list[tuple[Callable[[Take], Tensor], float, float]]] = {
    activity.stand: [(lambda t: pelvis(t).min(), 0.97, 1), (lambda t: tilt_deg(t).max(), 0, 25)],
    activity.squat: [(lambda t: pelvis(t).min(), 0.35, 0.8), (lambda t: tilt_deg(t).max(), 5, 50)],
    activity.bend_down: [
        (lambda t: tilt_deg(t).max(), 45, 95), (lambda t: height(t, "Hand").min(), 0.1, 0.65),
        (lambda t: pelvis(t).min(), 0.7, 0.95),
    ],
    activity.sit: [(lambda t: pelvis(t).min(), 0.55, 0.7), (lambda t: tilt_deg(t).max(), 20, 50)],
    activity.lunge: [
        (lambda t: (t.position[:, RIGHT] - t.position[:, LEFT]).norm(dim=-1).max(), 0.45, 0.9),
        (lambda t: pelvis(t).min(), 0.65, 0.9),
    ],
    activity.lift_leg: [
        (lambda t: height(t, "Foot").amax(0).max(), 0.18, 0.9),
        (lambda t: height(t, "Foot").amin(1).max(), 0.05, 0.12),
        (lambda t: pelvis(t).min(), 0.9, 1),
    ],
    activity.trunk: [(lambda t: tilt_deg(t).max(), 15, 75), (lambda t: pelvis(t).min(), 0.95, 1)],
    activity.kneel: [(lambda t: height(t, "Leg").min(), 0.02, 0.1), (lambda t: tilt_deg(t).max(), 5, 40)],
    activity.on_all_fours: [
        (lambda t: height(t, "Leg").amax(1).min(), 0.02, 0.12), (lambda t: height(t, "Hand").amax(1).min(), -0.15, 0.2),
        (lambda t: tilt_deg(t).max(), 60, 100),
    ],
    activity.lie_down: [(lambda t: pelvis(t).min(), 0.1, 0.2), (lambda t: tilt_deg(t).max(), 30, 105)],
    activity.fold: [
        (lambda t: tilt_deg(t).max(), 80, 130), (lambda t: height(t, "Hand").min(), 0.1, 0.4),
        (lambda t: pelvis(t).min(), 0.9, 1),
    ],
}  # fmt: skip


@pytest.mark.parametrize("act", ALL)
def test_an_activity_reaches_what_its_name_says(act: Activity) -> None:
    for reached, least, most in REACHED[act]:
        for take in TAKES[act]:
            assert least <= reached(take) <= most


def test_feet_stay_where_they_stand_unless_an_activity_steps() -> None:
    for act in set(ALL) - {activity.lunge, activity.lift_leg, activity.kneel, activity.on_all_fours}:
        for take in TAKES[act]:
            feet = take.position[:, [RIGHT, LEFT]]
            assert (feet - feet[0])[..., [0, 2]].norm(dim=-1).max() < 0.02


def stances(performance: Performance) -> Tensor:
    """At the end: the feet in the person's own frame, [foot, (to the right, forward)], metres."""
    x, z, yaw = performance.place
    foot = torch.tensor([[performance.feet[side].target(axis) for axis in ("x", "z")] for side in SIDES])
    way = foot - torch.tensor([x, z])
    sin, cos = np.sin(yaw), np.cos(yaw)
    return way @ torch.tensor([[-cos, sin], [sin, cos]])


def assert_standing(performance: Performance) -> None:
    """Feet side by side, turned out, either side of the person's place."""
    stance, toe_out = performance.stance, performance.subject.style.toe_out_deg
    expected = torch.tensor([[stance, 0.0], [-stance, 0.0]])
    torch.testing.assert_close(stances(performance).float(), expected, atol=0.02, rtol=0)
    for side in SIDES:
        out = performance.feet[side].target("yaw") + SIGN[side] * toe_out - np.rad2deg(performance.place[2])
        assert (out + 180) % 360 - 180 == pytest.approx(0, abs=2)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_turn_ends_at_its_angle_on_the_same_place(seed: int) -> None:
    performance = stage(seed)
    x, z, yaw = performance.place.copy()
    gait.turn(performance, (-1) ** seed * 100.0)
    assert np.rad2deg(performance.place[2] - yaw) == pytest.approx((-1) ** seed * 100, abs=1)
    assert performance.place[:2] == pytest.approx([x, z], abs=1e-6)
    assert_standing(performance)


@pytest.mark.parametrize("direction", [90.0, -90.0, 180.0, 0.0])
def test_a_shift_leads_its_way_without_a_turn_and_the_foot_of_that_side_goes_first(direction: float) -> None:
    performance = stage(0)
    x, z, yaw = performance.place.copy()
    gait.shift(performance, 0.8, direction, 0.5)
    course = yaw + np.deg2rad(direction)
    assert performance.place == pytest.approx([x + 0.8 * np.sin(course), z + 0.8 * np.cos(course), yaw], abs=0.01)
    assert_standing(performance)
    feet = embody(performance).position[:, [RIGHT, LEFT]]
    moved = (feet - feet[0])[..., [0, 2]].norm(dim=-1) > 0.05
    if abs(direction) == 90:
        assert moved.float().argmax(0).argmin() == (1 if direction > 0 else 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_walk_ends_at_its_last_place_and_steps_are_as_long_as_peoples(seed: int) -> None:
    performance = stage(seed)
    x, z, yaw = performance.place
    ahead = np.array([[np.sin(yaw + 0.3), np.cos(yaw + 0.3)], [np.sin(yaw - 0.2), np.cos(yaw - 0.2)]])
    places = np.array([x, z]) + ahead * [[1.5], [3.0]]
    gait.walk_to(performance, places, 1.2)
    assert performance.place[:2] == pytest.approx(places[-1], abs=0.2)
    assert_standing(performance)
    take = embody(performance)
    speed = take.position[:, 0].diff(dim=0)[:, [0, 2]].norm(dim=-1) * FPS
    assert 1.0 < torch.quantile(speed[speed > 0.1], 0.9) < 1.5
    for foot in (0, 1):
        planted = take.planted[:, foot]
        places = take.position[:, (RIGHT, LEFT)[foot]][planted][:, [0, 2]]
        strides = places.diff(dim=0).norm(dim=-1)
        assert 0.5 < strides.max() < 1.7


@pytest.mark.parametrize("angle", [0.3, -1.0, np.pi])
def test_who_walks_to_a_place_behind_turns_on_the_spot_first_and_others_go_at_once(angle: float) -> None:
    performance = stage(0)
    x, z, yaw = performance.place.copy()
    towards = yaw + angle
    gait.walk_to(performance, np.array([[x + 3 * np.sin(towards), z + 3 * np.cos(towards)]]), 1.0)
    moved = np.hypot(performance.heading[0] - x, performance.heading[1] - z)
    after_a_second = moved[performance.frame(2.0)]
    if abs(angle) > 1.6:
        assert after_a_second < 0.05
        assert moved[abs(performance.heading[2] - yaw) < 1.5].max() < 0.05
    else:
        assert after_a_second > 0.1
    assert moved[-1] == pytest.approx(3, abs=0.2)


def test_walkers_are_no_faster_than_people_and_who_stands_trembles_by_less_than_a_millimetre() -> None:
    for seed in SEEDS:
        walk = perform(make_subject(SUBJECTS[seed % len(SUBJECTS)], seed), "walking1", 8.0, seed).position[:, 0, [0, 2]]
        assert 0.7 < walk[::30].diff(dim=0).norm(dim=-1).max() * 2 < 1.8
        stand = TAKES[activity.stand][seed].position
        assert stand.diff(n=2, dim=0).norm(dim=-1).mean() < 1e-3


@pytest.mark.parametrize("side", SIDES)
def test_a_heel_that_rises_turns_the_foot_about_its_ball_on_the_floor(side: str) -> None:
    performance = stage(1, 4.0)
    performance.feet[side].move(1.0, 1.0, rise=40.0)
    take = embody(performance)
    foot = JOINT_INDEX[f"{side.capitalize()}Foot"]
    place, turn = take.position[:, foot], take.rotation[:, foot]
    # The point of the foot that rests: place + turn @ ball is the same in the first and the last frame.
    balls = place + turn @ torch.linalg.pinv(turn[-1] - turn[0], rtol=1e-3) @ (place[0] - place[-1])
    assert (balls - balls[0]).norm(dim=-1).max() < 0.005
    assert 0 < balls[0, 1] < 0.03
    assert (balls[0] - place[0])[[0, 2]].norm() == pytest.approx(0.13, abs=0.01)
    assert place[-1, 1] - place[0, 1] > 0.05


@pytest.mark.parametrize("side", SIDES)
def test_a_clavicle_rises_with_its_arm_from_where_the_person_has_it_at_sixty_degrees(side: str) -> None:
    """By a little over a quarter of the arm's angle; over the slow wandering of a shoulder."""
    turns = []
    for spread in (20.0, 60.0, 120.0):
        performance = stage(2)
        performance.arm(side, 0.0, 0.5, spread=spread, lift=0.0)
        local = global_to_local(embody(performance).rotation)[FPS:, JOINT_INDEX[f"{side.capitalize()}Shoulder"]]
        turns.append(matrix_to_rotation_vector(local).mean(0).rad2deg())
    low, middle, high = (turn * torch.tensor([1.0, SIGN[side], SIGN[side]]) for turn in turns)
    expected = torch.tensor(make_subject(SUBJECTS[2], 2).clavicle_deg)
    torch.testing.assert_close(middle.float(), expected, atol=6, rtol=0)
    assert (middle - low)[1] == pytest.approx(0.28 * 40, abs=5)
    assert (high - middle)[1] == pytest.approx(0.28 * 60, abs=5)


def test_peoples_proportions_differ_and_their_sizes_do() -> None:
    people = [make_subject(name, seed) for name in SUBJECTS for seed in range(8)]
    arm = np.array([person.length("RightForeArm") + person.length("RightHand") for person in people])
    leg = np.array([person.leg for person in people])
    assert 0.01 < (arm / leg).std() / (arm / leg).mean() < 0.06
    assert 0.01 < leg.std() / leg.mean() < 0.06
    assert np.median(leg) == pytest.approx(0.77, abs=0.03)
