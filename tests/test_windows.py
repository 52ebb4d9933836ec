"""Windows are what slicing a clip by hand gives, and never leave their segment."""

import numpy as np
import pytest
import torch
from tiny import tiny_clipset

from blaze2cap.body.landmark import TRACKED
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.windows import MotionWindows, Windows

CLIPSET = tiny_clipset()
TAKES = ["S1/freestyle1", "S2/freestyle2"]


def row_of(clipset: ClipSet, windows: Windows, source_end: str) -> int:
    (row,) = [i for i, name in enumerate(clipset.samples["source"]) if name.endswith(source_end)]
    return row


def test_a_sample_has_the_frames_that_its_row_says() -> None:
    for source, row in CLIPSET.samples.iterrows():
        assert len(CLIPSET.sample(str(source)).landmarks) == row.frames


def test_a_window_is_the_slice_of_its_sample() -> None:
    windows = Windows(CLIPSET, TAKES, window=16)
    for end, start in (("cam1_seg0_s1_o0.npy", 5), ("S1_freestyle1_cam2_seg1_s2_o1.npy", 10)):
        source = next(name for name in CLIPSET.samples["source"] if name.endswith(end))
        row = list(CLIPSET.samples["source"]).index(source)
        sample = CLIPSET.sample(source)
        batch = windows.at(np.array([row]), np.array([start]))
        torch.testing.assert_close(batch.landmarks[0], sample.landmarks[start - 1 : start + 16])
        truth = batch.truth()
        assert truth.valid.all()
        torch.testing.assert_close(truth.delta_position[0], sample.slots[start : start + 16, 0, :3], atol=1e-6, rtol=0)


def test_the_first_window_of_a_sample_starts_at_an_anchor_with_nothing_before() -> None:
    windows = Windows(CLIPSET, TAKES, window=16)
    row = row_of(CLIPSET, windows, "S1_freestyle1_cam2_seg1_s3_o2.npy")
    batch = windows.at(np.array([row]), np.array([0]))
    assert batch.landmarks[0, 0].abs().max() == 0
    assert batch.landmarks[0, 1:, 0, TRACKED].tolist() == [0.0] + [1.0] * 15
    assert batch.truth().delta_position[0, 0].abs().max() == 0
    torch.testing.assert_close(batch.truth().delta_rotation[0, 0], torch.eye(3))
    assert not batch.together()[0, 0]


def test_windows_longer_than_their_sample_are_padded_and_marked() -> None:
    windows = Windows(CLIPSET, TAKES, window=64)
    row = row_of(CLIPSET, windows, "S2_freestyle2_cam2_seg0_s3_o0.npy")
    assert windows.frames[row] == 20
    batch = windows.at(np.array([row]), np.array([0]))
    assert batch.inside[0].sum() == 20
    assert batch.landmarks[0, 21:].abs().max() == 0


def test_a_draw_keeps_to_its_takes_and_to_the_share_of_strides() -> None:
    windows = Windows(CLIPSET, ["S1/freestyle1"], window=16)
    assert len(windows.frames) == (CLIPSET.samples["clip"].str.startswith("S1/freestyle1")).sum()
    batch = windows.draw(2000, 0.25, np.random.default_rng(0))
    assert abs((batch.dt > 1).float().mean() - 0.25) < 0.03
    assert (windows.draw(50, 0.0, np.random.default_rng(1)).dt == 1).all()


def test_a_draw_is_a_function_of_its_generator() -> None:
    windows = Windows(CLIPSET, TAKES, window=16)
    first, again = (windows.draw(8, 0.5, np.random.default_rng(7)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("window", [149, 150, 151])
def test_a_draw_has_every_window_of_a_sample_and_none_that_leaves_it_needlessly(window: int) -> None:
    """Of samples about as long as a window, or shorter: those of stride 1 have 150, 80 and 60 frames."""
    windows = Windows(CLIPSET, TAKES, window)
    batch = windows.draw(60, 0.0, np.random.default_rng(0))
    frames = batch.inside[:, 1:].sum(1)
    assert set(frames.tolist()) == {60, 80, min(window, 150)}
    # A window that starts later has the frame before it, too.
    late = batch.inside[:, 0]
    assert late.any() == (window < 150)
    assert (frames[late] == window).all()
    assert (~late & (frames == min(window, 150))).any()


def test_validation_windows_cover_every_stride_1_sample_once() -> None:
    windows = Windows(CLIPSET, TAKES, window=30)
    row, start = windows.cover(most=1000)
    assert set(row) == set(np.flatnonzero(windows.stride == 1))
    assert len(set(zip(row, start, strict=True))) == len(row)
    assert len(windows.cover(most=3)[0]) == 3


@pytest.mark.parametrize("window", [16, 40, 100, 150, 160])
def test_validation_windows_lie_end_to_end_and_miss_at_most_half_of_one(window: int) -> None:
    windows = Windows(CLIPSET, TAKES, window)
    row, start = windows.cover(most=1000)
    for sample in np.flatnonzero(windows.stride == 1):
        starts = start[row == sample]
        assert starts.tolist() == list(range(0, len(starts) * window, window))
        missed = windows.frames[sample] - len(starts) * window
        assert missed <= window // 2
        assert -missed < (window + 1) // 2 or len(starts) == 1, "the last window is less than half full"


def test_motion_windows_are_rows_of_their_take_at_their_stride() -> None:
    motion = MotionWindows(CLIPSET, ["S2/freestyle2"], window=20).draw(6, [1, 2, 3], 0.5, np.random.default_rng(3))
    take = CLIPSET.take_motion("S2/freestyle2")
    for window in range(6):
        distance = (take.root_position - motion.root_position[window, 0]).norm(dim=-1)
        rows = int(distance.argmin()) + torch.arange(21) * int(motion.dt[window])
        torch.testing.assert_close(motion.rotation[window], take.rotation[rows])
