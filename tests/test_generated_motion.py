"""Made-up motion, the same for the same seed: floor work, of which positions teach, and everyday motion."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import tiny_clipset

from blaze2cap.body.rotation import rotation_6d_to_matrix
from blaze2cap.data.generated_motion import EVERYDAY, FLOOR, GeneratedMotion, GeneratedParams
from blaze2cap.data.simulated import SimulatedWindows
from blaze2cap.data.windows import MotionWindows
from blaze2cap.errors import UserError

PARAMS = GeneratedParams(share=0.5, takes=6, seconds=12.0)
MOTION = GeneratedMotion.perform(PARAMS, FLOOR)


def test_people_bend_far_more_than_in_recordings() -> None:
    window = MotionWindows(MOTION, list(MOTION.takes.index), 500).draw(6, [1], 0.0, np.random.default_rng(0))
    tilt = -(window.rotation[:, :, 0] @ torch.tensor([0.0, 0.0, 1.0]))[..., 1]
    bent = (tilt < 0.7071) | (window.root_position[..., 1] < 0.6)
    assert 0.2 < bent.float().mean() < 0.8


def test_the_same_seed_makes_the_same_motion_and_another_one_another() -> None:
    again, other = (
        GeneratedMotion.perform(dataclasses.replace(PARAMS, seed=seed), FLOOR) for seed in (PARAMS.seed, 1007)
    )
    np.testing.assert_array_equal(MOTION.rotation, again.rotation)
    assert not np.array_equal(MOTION.root_position, other.root_position)


def test_people_differ_and_only_their_roots_rotation_is_believed() -> None:
    lengths = np.linalg.norm(MOTION.offset, axis=-1).sum(1)
    assert len(np.unique(lengths)) == 6
    assert not MOTION.outlier[:, 0].any()
    assert MOTION.outlier[:, 1:].all()
    turn = rotation_6d_to_matrix(torch.from_numpy(MOTION.rotation[::200]))
    torch.testing.assert_close(turn @ turn.mT, torch.eye(3).expand_as(turn), atol=1e-5, rtol=0)


def test_on_their_feet_people_do_all_there_is_and_their_rotations_teach() -> None:
    motion = GeneratedMotion.perform(dataclasses.replace(PARAMS, takes=25), EVERYDAY)
    assert {name.split("/")[-1] for name in motion.takes.index} == set(EVERYDAY.actions)
    assert not motion.outlier.any()
    upright = motion.root_position[:, 1] > 0.6
    assert upright.mean() > 0.8


def test_windows_of_people_need_no_recording() -> None:
    windows = SimulatedWindows.of_people(PARAMS, 20, [1, 2])
    batch, again = (windows.draw(8, 0.5, np.random.default_rng(0), torch.Generator().manual_seed(0)) for _ in range(2))
    assert not batch.outlier.any()
    assert batch.root_known.all()
    assert set(batch.dt.tolist()) == {1.0, 2.0}
    assert torch.equal(batch.landmarks, again.landmarks)
    assert batch.landmarks.isfinite().all()


def test_the_share_of_a_draw_is_made_up() -> None:
    clipset = tiny_clipset()
    windows = SimulatedWindows.of_takes(clipset, list(clipset.takes.index), 20, "parametric", [1, 2, 3], PARAMS)
    batch = windows.draw(8, 0.5, np.random.default_rng(0), torch.Generator().manual_seed(0))
    assert batch.outlier[..., 1:].all(-1).all(-1).tolist() == [False] * 4 + [True] * 4
    assert batch.landmarks.isfinite().all()


def test_takes_too_short_for_a_window_are_refused() -> None:
    clipset = tiny_clipset(frames=300)
    with pytest.raises(UserError, match=r"train\.everyday\.seconds is 6, which leaves no take longer than"):
        SimulatedWindows.of_people(dataclasses.replace(PARAMS, seconds=6.0), 200, [1])
    with pytest.raises(UserError, match=r"train\.generated\.seconds is 6, which leaves no take longer than"):
        SimulatedWindows.of_takes(
            clipset, list(clipset.takes.index), 200, "parametric", [1], dataclasses.replace(PARAMS, seconds=6.0)
        )


@pytest.mark.parametrize("change", [{"share": 1.5}, {"takes": 0}, {"seconds": 2.0}, {"seed": -1}])
def test_nonsense_is_refused_by_name(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} is"):
        GeneratedParams(**change)  # type: ignore[arg-type]


def test_nobody_in_training_is_somebody_of_the_sample() -> None:
    with pytest.raises(ValueError, match=r"seed is 999, expected 1000 or more: others make the sample's people"):
        GeneratedParams(seed=999)
