"""Laws of an error's spectrum: runs cover what is scored, power adds up, and the slow part is what is slow."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blaze2cap.learning.diagnosis.error_spectrum import BAND_NAMES, BANDS_HZ, band_power, runs_of, slow_part, slow_share

FPS = 60.0


def noise(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(frames, 21, 3, generator=torch.Generator().manual_seed(seed))


def wave(frames: int, hz: float) -> torch.Tensor:
    """A cosine that fits the run, as the transform's own components do."""
    time = (torch.arange(frames) + 0.5) / FPS
    return torch.cos(2 * math.pi * hz * time)[:, None, None].expand(-1, 21, 3)


@given(st.lists(st.sampled_from(["anchor", "tracked", "nobody"]), min_size=1, max_size=30))
def test_runs_hold_every_scored_frame_once_and_none_else(states: list[str]) -> None:
    scored = torch.tensor([state != "nobody" for state in states])
    anchor = torch.tensor([state == "anchor" for state in states])
    runs = runs_of(scored, anchor)
    frames = [frame for run in runs for frame in range(run.start, run.stop)]
    assert frames == scored.nonzero().flatten().tolist()
    for run in runs:
        assert not anchor[run.start + 1 : run.stop].any()


def test_power_adds_up_to_the_squares_of_the_runs() -> None:
    error, runs = noise(200), [slice(0, 70), slice(75, 200)]
    inside = torch.cat([error[run] for run in runs])
    assert band_power(error, runs, FPS).sum() == pytest.approx(float(inside.square().sum()), rel=1e-5)


def test_the_slow_part_has_the_share_of_power_that_the_bands_say() -> None:
    error, runs = noise(240), [slice(0, 240)]
    slow = slow_part(error, runs, FPS)
    share = float(slow.square().sum() / error.square().sum())
    assert slow_share(band_power(error, runs, FPS)) == pytest.approx(share, rel=1e-4)
    assert (error - slow).square().sum() <= error.square().sum()


@pytest.mark.parametrize(("hz", "kept"), [(0.0, 1.0), (0.5, 1.0), (1.0, 0.0), (3.0, 0.0)])
def test_waves_below_one_hertz_are_slow_and_others_are_not(hz: float, kept: float) -> None:
    error = wave(240, hz)
    torch.testing.assert_close(slow_part(error, [slice(0, 240)], FPS), kept * error, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("hz", "band"), [(0.25, "2-4 s"), (1.0, "0.5-1 s"), (5.0, "0.125-0.25 s"), (20.0, "under 0.125 s")]
)
def test_a_wave_stands_in_the_band_of_its_period(hz: float, band: str) -> None:
    power = band_power(wave(480, hz), [slice(0, 480)], FPS)
    assert BAND_NAMES[int(power.argmax())] == band
    assert power.max() == pytest.approx(power.sum(), rel=1e-6)


def test_a_constant_error_is_all_slow_within_each_run_and_nothing_outside_of_runs() -> None:
    error = torch.ones(50, 21, 3)
    error[20:] = 3
    slow = slow_part(error, [slice(0, 20), slice(25, 50)], FPS)
    torch.testing.assert_close(slow[:20], error[:20])
    torch.testing.assert_close(slow[25:], error[25:])
    assert (slow[20:25] == 0).all()


def test_bands_have_a_name_each() -> None:
    assert len(BANDS_HZ) == len(BAND_NAMES)
    assert np.isnan(slow_share(np.zeros(len(BANDS_HZ))))
