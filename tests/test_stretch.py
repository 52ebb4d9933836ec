"""Laws of the made-up gymnastics: they end as they began, stay above the floor, and reach what their names say."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from blaze2cap.body.pose_class import bent
from blaze2cap.body.skeleton import JOINT_INDEX
from blaze2cap.data.sources.sample import stretch
from blaze2cap.data.sources.sample.embodiment import Take, embody
from blaze2cap.data.sources.sample.performance import Performance
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject

FEET = [JOINT_INDEX["LeftFoot"], JOINT_INDEX["RightFoot"]]
HANDS = [JOINT_INDEX["LeftHand"], JOINT_INDEX["RightHand"]]


def performed(activity: Callable[[Performance], None], seed: int) -> tuple[Take, int]:
    """Three in a row after a second of standing, and the frame in which the last one is over."""
    performance = Performance(make_subject(SUBJECTS[seed % len(SUBJECTS)], seed), 60.0, np.random.default_rng(seed))
    performance.now = 1.0
    for _ in range(3):
        activity(performance)
    return embody(performance), performance.frame(performance.now + 0.5)


def tilt_deg(position: torch.Tensor) -> torch.Tensor:
    """Trunk from upright [deg]."""
    trunk = position[..., JOINT_INDEX["Neck"], :] - position[..., 0, :]
    return torch.acos(trunk[..., 1] / trunk.norm(dim=-1)).rad2deg()


ALL = (stretch.straddle, stretch.deep_step, stretch.bow, stretch.arch)
TAKES = {(activity, seed): performed(activity, seed) for activity in ALL for seed in range(6)}
FRAMES = {
    activity: torch.cat([TAKES[activity, seed][0].position[: TAKES[activity, seed][1]] for seed in range(6)])
    for activity in ALL
}


@pytest.mark.parametrize(("activity", "seed"), TAKES)
def test_each_ends_standing_upright_and_nothing_sinks_into_the_floor(
    activity: Callable[[Performance], None], seed: int
) -> None:
    take, end = TAKES[activity, seed]
    assert tilt_deg(take.position[end]) < 20
    feet = take.position[end, FEET]
    assert (feet[0] - feet[1]).norm() < 0.5
    assert take.position[end, 0, 1] > 0.9 * take.position[0, 0, 1]
    assert take.position[..., 1].min() > -0.2


@pytest.mark.parametrize("activity", [stretch.straddle, stretch.deep_step])
def test_ankles_come_far_apart_while_people_bend(activity: Callable[[Performance], None]) -> None:
    position = FRAMES[activity]
    apart = (position[:, FEET[0]] - position[:, FEET[1]]).norm(dim=-1) > 0.8
    assert (apart & bent(position)).float().mean() > 0.05


def test_people_who_bend_have_a_hand_above_the_neck() -> None:
    position = torch.cat([FRAMES[activity] for activity in (stretch.straddle, stretch.deep_step, stretch.bow)])
    above = (position[:, HANDS, 1] - position[:, None, JOINT_INDEX["Neck"], 1]).amax(-1) > 0.25
    assert (above & bent(position)).float().mean() > 0.05


def test_in_an_arch_hands_and_feet_are_on_the_floor_and_the_head_hangs() -> None:
    position = FRAMES[stretch.arch]
    down = tilt_deg(position) > 115
    assert down.float().mean() > 0.2
    assert position[down][:, HANDS, 1].median() < 0.2
