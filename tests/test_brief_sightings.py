"""Laws of brief sightings: who is gone at once was nobody, everybody else stays."""

import numpy as np
import pytest
from jaxtyping import Float32
from test_predict import seen_by_upright_camera, walker

from blaze2cap.body.landmark import SCREEN, TRACKED
from blaze2cap.runtime.animation import animate
from blaze2cap.runtime.brief_sightings import without_brief_sightings
from blaze2cap.runtime.retiming import Track


def seen(*lengths: int) -> Float32[np.ndarray, "N 25 7"]:
    """Somebody for so many frames, nobody for five, somebody again, and so on."""
    landmarks = seen_by_upright_camera(*walker(sum(lengths) + 5 * len(lengths))).landmarks.copy()
    first = 0
    for length in lengths:
        landmarks[first, :, TRACKED] = 0
        landmarks[first + length : first + length + 5] = 0
        first += length + 5
    return landmarks


@pytest.mark.parametrize(("fps", "brief", "long"), [(30.0, 2, 3), (60.0, 5, 6), (20.0, 1, 2), (120.0, 11, 12)])
def test_less_than_a_tenth_of_a_second_is_nobody(fps: float, brief: int, long: int) -> None:
    landmarks = seen(brief, long, 40, brief)
    done = without_brief_sightings(landmarks, fps)
    assert not done[:brief].any()
    assert not done[-brief - 5 :].any()
    np.testing.assert_array_equal(done[brief : -brief - 5], landmarks[brief : -brief - 5])


def test_a_new_detection_without_a_gap_ends_a_sighting() -> None:
    landmarks = seen(40)
    landmarks[2, :, TRACKED] = 0
    done = without_brief_sightings(landmarks, 60.0)
    assert not done[:2].any()
    np.testing.assert_array_equal(done[2:], landmarks[2:])


def test_where_there_is_nothing_else_all_stays() -> None:
    landmarks = seen(2, 3, 1)
    np.testing.assert_array_equal(without_brief_sightings(landmarks, 60.0), landmarks)


def test_a_flash_below_the_person_neither_lifts_nor_tilts_the_motion() -> None:
    """As in `street_people.mp4`, whose first frame with anybody in it is a pattern below the roof that a man is on."""
    rotation, way = walker(120)
    landmarks = seen_by_upright_camera(rotation, way).landmarks.copy()
    landmarks[1:4] = 0
    landmarks[4, :, TRACKED] = 0
    landmarks[0, :, SCREEN] += np.array([0.1, 0.2])
    valid = without_brief_sightings(landmarks, 60.0).any((1, 2))
    assert valid.tolist() == [False] * 4 + [True] * 116
    rotation, sunk = rotation.numpy(), way.numpy().copy()
    sunk[0] += np.array([0.3, 0.5, 0.0])  # the camera's y points down
    track = Track(rotation, sunk, valid, np.full((120, 21), np.nan, np.float32)).held()
    height = animate(track, 1.0, 60.0, 0.0).root_position[:, 1]
    alone = Track(*(part[4:] for part in track))
    np.testing.assert_allclose(height[4:], animate(alone, 1.0, 60.0, 0.0).root_position[:, 1], atol=1e-3)
