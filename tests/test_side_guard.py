"""Laws of the guard of sides: slips of a detector are taken back at once, turns and new detections are let through."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from test_predict import seen_by_upright_camera, walker

from blaze2cap.body.landmark import LANDMARKS, LIMB_LANDMARKS, MIRROR, TRACKED, WORLD, indices
from blaze2cap.data.raw import read_landmarks
from blaze2cap.data.segment import to_model_layout
from blaze2cap.runtime.rotation import rotation_vector_to_matrix
from blaze2cap.runtime.side_guard import SideGuard, exchanged, guarded

_LIMBS = indices(*LIMB_LANDMARKS)


def seen(frames: int = 200, turns: float = 0.0, fps: float = 60.0) -> np.ndarray:
    """Landmarks of somebody who sways, walks, and turns about so many times a second."""
    rotation, way = walker(frames)
    turn = np.zeros((frames, 3))
    turn[:, 2] = 2 * np.pi * turns * np.arange(frames) / fps
    rotation[:, 0] = rotation[:, 0] @ torch.from_numpy(rotation_vector_to_matrix(turn)).float()
    return seen_by_upright_camera(rotation, way).landmarks


def slipped(landmarks: np.ndarray, first: int, last: int) -> np.ndarray:
    """The detector takes left for right in these frames."""
    landmarks = landmarks.copy()
    landmarks[first:last] = np.stack([exchanged(frame) for frame in landmarks[first:last]])
    return landmarks


def blended(landmarks: np.ndarray, first: int, last: int, share: float) -> np.ndarray:
    """In these frames the detector's smoothing has each landmark so far on its way to the other side."""
    landmarks = landmarks.copy()
    now = landmarks[first:last]
    landmarks[first:last] = (1 - share) * now + share * now[:, list(MIRROR)]
    return landmarks


def test_the_other_reading_exchanges_names_alone_and_is_its_own_inverse() -> None:
    frame = seen(3)[2]
    other = exchanged(frame)
    left, right = indices("left_wrist", "right_wrist")
    assert np.array_equal(other[left], frame[right])
    assert np.array_equal(other[right], frame[left])
    assert np.array_equal(exchanged(other), frame)


@pytest.mark.parametrize("first", [60, 100])
@pytest.mark.parametrize("frames", [1, 4, 30])
def test_a_slip_is_taken_back_in_its_first_frame_and_no_longer_than_it_lasts(first: int, frames: int) -> None:
    landmarks = seen()
    assert np.array_equal(guarded(slipped(landmarks, first, first + frames), 60.0), landmarks)


@pytest.mark.parametrize("share", [0.4, 0.5, 0.6])
@pytest.mark.parametrize("frames", [1, 4])
def test_blends_of_both_readings_keep_the_middles_and_the_differences_before_them(share: float, frames: int) -> None:
    landmarks, first = seen(), 100
    done = guarded(blended(landmarks, first, first + frames, share), 60.0)
    there = slice(first, first + frames)
    assert np.array_equal(np.delete(done, np.r_[there], 0), np.delete(landmarks, np.r_[there], 0))
    middle = (landmarks[there] + landmarks[there][:, list(MIRROR)]) / 2
    half_way = (landmarks[first - 1] - landmarks[first - 1, list(MIRROR)]) / 2
    np.testing.assert_allclose(done[there], middle + half_way, atol=1e-6)


def test_a_slip_whose_legs_return_before_the_arms_is_read_as_the_larger_part_says_and_no_longer() -> None:
    landmarks = slipped(seen(), 80, 100)
    legs = [number for number, name in enumerate(LANDMARKS) if name.split("_")[-1] in ("hip", "knee", "ankle", "heel")]
    legs += indices("left_foot_index", "right_foot_index")
    landmarks[97:100, legs] = seen()[97:100, legs]
    done = guarded(landmarks, 60.0)
    assert np.array_equal(np.delete(done, legs, 1), np.delete(seen(), legs, 1))
    assert np.array_equal(np.delete(done, np.r_[97:100], 0), np.delete(seen(), np.r_[97:100], 0))


def test_a_blend_that_lasts_is_what_was_seen() -> None:
    landmarks = blended(seen(), 100, 200, 0.45)
    done = guarded(landmarks, 60.0)
    assert np.array_equal(done[100 + 10 :], landmarks[100 + 10 :])


@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0])
@pytest.mark.parametrize("turns", [0.0, 0.5, -1.0, 2.0, -2.0])
def test_who_turns_about_is_let_through(turns: float, fps: float) -> None:
    landmarks = seen(200, turns, fps)
    assert np.array_equal(guarded(landmarks, fps), landmarks)


def test_an_exchange_that_goes_on_is_believed_after_a_while_as_a_new_detection() -> None:
    landmarks = slipped(seen(), 100, 200)
    done = guarded(landmarks, 60.0)
    anew = np.flatnonzero(done[:, 0, TRACKED] != landmarks[:, 0, TRACKED]).tolist()
    assert len(anew) == 1
    assert 100 + 0.7 * 60 < anew[0] < 100 + 0.8 * 60
    assert np.array_equal(done[: anew[0]], seen()[: anew[0]])
    assert np.array_equal(done[anew[0] + 1 :], landmarks[anew[0] + 1 :])


def test_a_person_found_with_sides_exchanged_whose_feet_point_back_is_not_believed_for_long() -> None:
    done = guarded(slipped(seen(), 0, 6), 60.0)
    assert np.array_equal(done[10:], seen()[10:])


def test_a_new_detection_and_whoever_returns_is_believed() -> None:
    landmarks = slipped(seen(), 100, 200)
    landmarks[100, :, TRACKED] = 0
    assert np.array_equal(guarded(landmarks, 60.0), landmarks)
    gone = slipped(seen(), 100, 200)
    gone[80:100] = 0
    assert np.array_equal(guarded(gone, 60.0), gone)


def test_no_frame_depends_on_later_ones_and_the_state_has_a_fixed_size() -> None:
    guard, sizes, done = SideGuard(), [], []
    landmarks = slipped(seen(), 120, 150)
    for number, frame in enumerate(landmarks):
        done.append(guard.step(frame, number / 60))
        sizes.append(len(pickle.dumps(guard)))
    assert np.array_equal(np.stack(done), guarded(landmarks, 60.0))
    assert np.array_equal(np.stack(done)[:130], guarded(landmarks[:130], 60.0))
    assert max(sizes) < 4000
    assert guard.exchanged is False
    guard.reset()
    assert np.array_equal(guard.step(landmarks[130], 0.0), landmarks[130])


def test_real_landmarks_of_a_good_detector_are_left_alone_but_for_slips(totalcapture_root: Path) -> None:
    for name in ("S1/freestyle1/blaze_S1_freestyle1_cam1", "S1/freestyle2/blaze_S1_freestyle2_cam8"):
        landmarks = to_model_layout(read_landmarks(totalcapture_root / f"landmarks/{name}.npy"))
        assert np.array_equal(guarded(landmarks, 60.0), landmarks)


@pytest.mark.slow
def test_slips_of_the_bundled_model_are_taken_back(videos_root: Path) -> None:
    from blaze2cap.runtime.footage import open_footage

    landmarks = open_footage(videos_root / "balance_beam_cam02.mp4").landmarks
    done = guarded(landmarks, 60.0)
    step = [
        np.linalg.norm((motion[1:, _LIMBS, WORLD] - motion[:-1, _LIMBS, WORLD]), axis=-1).mean(-1)
        for motion in (landmarks, done)
    ]
    changed = np.flatnonzero((done != landmarks).any((1, 2))).tolist()
    # As `heavy`, which never takes one for the other here, tells by the image: 64 and 66 are right, 74 is a blend.
    assert set(changed) - {74} == {*range(41, 74), 81} - {64, 66}
    assert step[0][40] > 0.5
    assert step[1][40] < 0.3, "what was a jump of half a metre is a step"
    assert step[1].max() < 0.3
