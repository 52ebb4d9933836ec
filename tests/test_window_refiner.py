"""Laws of the window refiner: what stands still stays, windows are exact, streams equal wholes, anchors hide."""

import pytest
import torch
from torch import Tensor

from blaze2cap.learning.window_refiner import WindowRefiner

CHANNELS, FRAMES, WINDOW = 3, 60, 7
ALL = torch.ones(1, FRAMES, dtype=torch.bool)


@pytest.fixture
def refiner() -> WindowRefiner:
    torch.manual_seed(1)
    refiner = WindowRefiner(WINDOW)
    torch.nn.init.normal_(refiner.leave.weight)
    return refiner


def motion(seed: int) -> Tensor:
    return torch.randn(1, FRAMES, CHANNELS, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def refine(
    refiner: WindowRefiner, x: Tensor, detected: Tensor = ALL, anchor: Tensor = ~ALL, sizes: tuple[int, ...] = (FRAMES,)
) -> Tensor:
    memory = refiner.start(1, CHANNELS)
    parts = []
    for pieces in zip(*(tensor.split(sizes, 1) for tensor in (x, detected, anchor)), strict=True):
        part, memory = refiner(*pieces, memory)
        parts.append(part)
    return torch.cat(parts, dim=1)


def test_untrained_it_changes_nothing() -> None:
    assert torch.equal(refine(WindowRefiner(WINDOW), motion(1)), motion(1))


def test_what_stands_still_stays_and_a_larger_unit_makes_no_difference(refiner: WindowRefiner) -> None:
    still = motion(2)[:, :1].expand(1, FRAMES, CHANNELS)
    assert torch.equal(refine(refiner, still), still)
    x = motion(3)
    torch.testing.assert_close(refine(refiner, 10 * x + 2), 10 * refine(refiner, x) + 2, atol=1e-4, rtol=0)
    assert not torch.allclose(refine(refiner, x), x, atol=1e-2)


def test_a_change_is_seen_in_its_channel_for_one_window(refiner: WindowRefiner) -> None:
    x = motion(4)
    changed = x.clone()
    changed[:, 20, 1] += 1
    moved = (refine(refiner, changed) - refine(refiner, x))[0].abs() > 1e-6
    assert moved.nonzero().tolist() == [[frame, 1] for frame in range(20, 20 + WINDOW)]


def test_streams_in_any_pieces_equal_the_whole_and_nothing_crosses_anchors_or_leaves_gaps(
    refiner: WindowRefiner,
) -> None:
    x = motion(5)
    detected, anchor = ALL.clone(), ~ALL
    detected[:, 30:33] = False
    anchor[:, 45] = True
    whole = refine(refiner, x, detected, anchor)
    for sizes in ((1,) * FRAMES, (50, 10), (2, 31, 27)):
        torch.testing.assert_close(refine(refiner, x, detected, anchor, sizes), whole, atol=1e-5, rtol=0)
    hidden = x.clone()
    hidden[:, 30:33] += 1
    changed = refine(refiner, hidden, detected, anchor)
    assert torch.equal(changed[:, 33:], whole[:, 33:])
    hidden[:, :45] += 1
    assert torch.equal(refine(refiner, hidden, detected, anchor)[:, 45:], whole[:, 45:])
