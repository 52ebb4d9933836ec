"""Laws of bringing landmarks to one rate: even rhythms stay, others are filled in where somebody is tracked."""

from pathlib import Path

import numpy as np
import pytest

from blaze2cap.body.landmark import RAW_SCREEN, RAW_TRACKED, RAW_TRACKED_COPY
from blaze2cap.errors import UserError
from blaze2cap.runtime.frame_rate import at_constant_rate, require_few_gaps


def moving(time_s: np.ndarray, anchors: tuple[int, ...] = (0,), gaps: tuple[int, ...] = ()) -> np.ndarray:
    """Landmarks that move evenly with time; nobody is detected in the frames `gaps`."""
    landmarks = np.ones((len(time_s), 33, 10), np.float32)
    landmarks[:, :, RAW_SCREEN] = time_s[:, None, None]
    landmarks[np.ix_(anchors, range(33), (RAW_TRACKED, RAW_TRACKED_COPY))] = 0
    landmarks[list(gaps)] = 0
    return landmarks


@pytest.mark.parametrize("fps", [24.0, 30000 / 1001, 60.0, 120.0])
def test_even_frames_stay_as_they_are_though_times_are_in_milliseconds(fps: float) -> None:
    time = np.round(np.arange(90) / fps, 3)
    steady = at_constant_rate(moving(time), time, fps)
    assert (steady.fps, steady.resampled) == (fps, False)
    np.testing.assert_array_equal(steady.landmarks, moving(time))


def test_a_wrong_declared_rate_gives_way_to_the_time_stamps() -> None:
    time = np.arange(60) / 48
    assert at_constant_rate(moving(time), time, 30.0).fps == pytest.approx(48)


def test_uneven_frames_are_put_where_the_motion_is_at_that_moment() -> None:
    time = np.cumsum(np.where(np.arange(60) % 7 == 3, 0.1, 1 / 30))
    steady = at_constant_rate(moving(time), time, 23.0)
    assert steady.resampled
    assert steady.fps == pytest.approx(30)
    assert len(steady.landmarks) == int((time[-1] - time[0]) * 30) + 1
    there = time[0] + np.arange(len(steady.landmarks)) / steady.fps
    np.testing.assert_allclose(steady.landmarks[:, 5, RAW_SCREEN.start], there, atol=1e-5)
    assert steady.landmarks[:, 0, RAW_TRACKED].tolist() == [0] + [1] * (len(there) - 1)


@pytest.mark.parametrize("fps", [24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0, 120.0])
def test_a_lost_frame_leaves_the_rate_although_times_are_in_milliseconds(fps: float) -> None:
    time = np.round(np.delete(np.arange(600), 300) / fps, 3)
    steady = at_constant_rate(moving(time), time, (len(time) - 1) / float(time[-1]))
    assert steady.resampled
    assert steady.fps == pytest.approx(fps, rel=0.005)
    assert len(steady.landmarks) == pytest.approx(600, abs=1)
    assert at_constant_rate(moving(time), time, fps).fps == fps


def test_nothing_is_filled_in_across_a_loss_a_cut_or_a_long_pause() -> None:
    """Frames at 30 a second but for a pause of half a second; nobody at 10-12, a cut at 30."""
    time = np.arange(40) / 30 + 0.5 * (np.arange(40) >= 20)
    steady = at_constant_rate(moving(time, anchors=(0, 13, 30), gaps=(10, 11, 12)), time, 30.0)
    rows, flag = steady.landmarks, steady.landmarks[:, 0, RAW_TRACKED]
    detected = rows.any(axis=(1, 2))
    assert np.flatnonzero(~detected).tolist() == [10, 11, 12, *range(20, 35)]
    assert np.flatnonzero(detected & (flag == 0)).tolist() == [0, 13, 35, 45]
    there = np.arange(len(rows)) / 30
    np.testing.assert_allclose(rows[detected, 0, RAW_SCREEN.start], there[detected], atol=1e-5)
    np.testing.assert_array_equal(rows[..., RAW_TRACKED], rows[..., RAW_TRACKED_COPY])


def test_one_frame_has_the_declared_rate() -> None:
    steady = at_constant_rate(moving(np.zeros(1)), np.zeros(1), 25.0)
    assert (len(steady.landmarks), steady.fps) == (1, 25.0)


def test_times_that_jump_are_refused_where_most_rows_would_be_made_up() -> None:
    even = np.arange(90) / 30
    require_few_gaps(Path("a.mp4"), even[:1])
    require_few_gaps(Path("a.mp4"), even)
    require_few_gaps(Path("a.mp4"), np.append(even, 600.0))
    with pytest.raises(
        UserError, match=r"a.mp4: 91 frames over 1e\+09 s, at 30 a second most would have to be made up"
    ):
        require_few_gaps(Path("a.mp4"), np.append(even, 1e9))
