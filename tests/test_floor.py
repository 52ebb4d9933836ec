"""Laws of the floor: heights that last are floors, jumps are none, over a whole clip and frame by frame alike."""

from collections.abc import Callable

import numpy as np
import pytest

from blaze2cap.data.sources.sample import activity
from blaze2cap.data.sources.sample.embodiment import embody
from blaze2cap.data.sources.sample.performance import Performance
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject
from blaze2cap.runtime.floor import RunningFloor, floor_height

GRAVITY = 9.81

Floor = Callable[[np.ndarray, float], np.ndarray]


def over_the_clip(lowest: np.ndarray, fps: float) -> np.ndarray:
    return floor_height(lowest, np.zeros((len(lowest), 3)), np.ones(len(lowest), bool), fps)


def frame_by_frame(lowest: np.ndarray, fps: float) -> np.ndarray:
    floor = RunningFloor()
    return np.array([floor.under(height, n / fps, 1 / fps, n == 0) for n, height in enumerate(lowest.tolist())])


both = pytest.mark.parametrize("floor", [over_the_clip, frame_by_frame])
rates = pytest.mark.parametrize("fps", [24.0, 60.0])


def leap(drop: float, rise: float, fps: float) -> tuple[np.ndarray, int, int]:
    """Lowest point of somebody who stands for two seconds, leaps up by `rise` and lands `drop` below, stands again; the
    frames of taking off and landing."""
    speed = np.sqrt(2 * GRAVITY * rise)
    flight = (speed + np.sqrt(speed**2 + 2 * GRAVITY * drop)) / GRAVITY
    time = np.arange(round(5 * fps)) / fps - 2
    height = speed * time - GRAVITY * time**2 / 2
    height = np.where(time < 0, 0.0, np.where(time < flight, height, -drop))
    return height, int((time < 0).sum()), int((time < flight).sum())


@both
@rates
def test_under_who_stands_on_one_level_the_floor_lies_still(floor: Floor, fps: float) -> None:
    np.testing.assert_allclose(floor(np.full(round(4 * fps), -1.3), fps), -1.3, atol=1e-12)
    trembling = 0.01 * np.random.default_rng(0).normal(size=round(4 * fps)).clip(-2, 2)
    found = floor(trembling, fps)
    assert np.ptp(found[round(fps) :]) < 0.015
    assert (trembling - found > -0.02).all()


@both
@rates
@pytest.mark.parametrize("rise", [0.15, 0.5])
def test_who_jumps_in_place_leaves_the_floor_and_it_stays(floor: Floor, fps: float, rise: float) -> None:
    lowest, up, down = leap(0.0, rise, fps)
    assert np.abs(floor(lowest, fps)).max() < 1e-9
    assert lowest[up:down].max() == pytest.approx(rise, abs=0.01)


@both
@rates
@pytest.mark.parametrize(("drop", "rise"), [(0.17, 0.01), (0.5, 0.2), (2.0, 0.3)])
def test_who_steps_or_leaps_down_stands_on_the_floor_before_and_after(
    floor: Floor, fps: float, drop: float, rise: float
) -> None:
    lowest, up, down = leap(drop, rise, fps)
    over = lowest - floor(lowest, fps)
    settled = round(0.3 * fps)
    assert np.abs(over[: up - settled]).max() < 0.01
    assert np.abs(over[down + settled :]).max() < 0.01
    # In the air nobody is higher than when leaping from one level to the same, nor deep in the floor.
    assert over.max() < rise + 0.3 * min(drop, 1)
    assert over.min() > (-1e-9 if floor is over_the_clip else -0.4)


@both
@rates
def test_who_steps_up_stands_on_the_floor_again(floor: Floor, fps: float) -> None:
    lowest = np.where(np.arange(round(6 * fps)) < 2 * fps, 0.0, 0.3)
    over = lowest - floor(lowest, fps)
    assert np.abs(over[: round(1.7 * fps)]).max() < 1e-9
    assert np.abs(over[round(3.6 * fps) :]).max() < 0.01
    assert over.min() > -1e-9


@both
@pytest.mark.parametrize("what", [activity.sit, activity.kneel, activity.lie_down])
def test_sitting_kneeling_and_lying_down_move_no_floor(floor: Floor, what: activity.Activity) -> None:
    performance = Performance(make_subject(SUBJECTS[0], 0), 60.0, np.random.default_rng(0))
    performance.now = 1.0
    what(performance)
    height = embody(performance).position[..., 1].numpy()
    assert np.ptp(height[:, 0]) > 0.3, "the hips go down"
    assert np.ptp(floor(height.min(-1), 60.0)) < 0.03


@pytest.mark.parametrize("gap", [0, 20, 60])
def test_who_is_found_on_another_level_does_not_move_the_floor_before(gap: int) -> None:
    """As in `street_people.mp4`: from a roof, through a gap, to the ground two metres below."""
    before, after = 180, 120
    lowest = np.repeat([0.0, -2.0], [before + gap, after])
    place = np.stack((0 * lowest, lowest + 1, 0 * lowest), axis=-1)
    valid = np.repeat([True, False, True], [before, gap, after])
    np.testing.assert_allclose(floor_height(lowest, place, valid, 60.0), lowest, atol=1e-12)


def test_who_is_found_again_where_he_was_lost_is_on_the_same_floor() -> None:
    """Lost and found in a jump."""
    lowest, up, down = leap(0.0, 0.4, 60.0)
    top = (up + down) // 2
    valid = np.ones(len(lowest), bool)
    valid[top - 5 : top + 5] = False
    lowest[top - 5 : top + 5] = lowest[top - 6]
    place = np.stack((0 * lowest, lowest + 1, 0 * lowest), axis=-1)
    assert np.abs(floor_height(lowest, place, valid, 60.0)).max() < 1e-9


def test_frame_by_frame_the_first_moments_of_a_detection_are_soon_forgotten() -> None:
    """A first pose that hangs a quarter of a metre too low, as of a detection that settles."""
    lowest = np.where(np.arange(120) < 4, -0.25, 0.0)
    over = lowest - frame_by_frame(lowest, 60.0)
    assert over[60:].max() < 0.02
    assert over.min() > -1e-9


def test_nothing_later_changes_the_running_floor() -> None:
    lowest, *_ = leap(0.5, 0.2, 60.0)
    changed = np.concatenate((lowest[:130], lowest[130:] + 1))
    first, second = frame_by_frame(lowest, 60.0), frame_by_frame(changed, 60.0)
    np.testing.assert_array_equal(first[:130], second[:130])
