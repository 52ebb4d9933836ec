"""The gated recurrence, all frames at once, equals a loop over the frames."""

import pytest
import torch

from blaze2cap.learning.recurrence import gated_recurrence


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 37])
def test_all_frames_at_once_equal_the_loop(frames: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x, u = torch.randn(2, 3, frames, 4, 6, generator=generator)
    gate = torch.rand(3, frames, 4, 1, generator=generator)
    start = torch.randn(3, 4, 6, generator=generator)
    y, rows = start, []
    for t in range(frames):
        y = (1 - gate[:, t]) * (y + u[:, t]) + gate[:, t] * x[:, t]
        rows.append(y)
    torch.testing.assert_close(gated_recurrence(x, u, gate, start), torch.stack(rows, dim=1), atol=1e-5, rtol=0)


def test_an_open_gate_forgets_everything_before() -> None:
    x, u = torch.randn(2, 1, 10, 2, 3, generator=torch.Generator().manual_seed(1))
    gate = torch.full((1, 10, 2, 1), 0.3)
    gate[:, 4] = 1
    a, b = (gated_recurrence(x, u, gate, start) for start in (torch.zeros(1, 2, 3), torch.full((1, 2, 3), 9.0)))
    assert torch.equal(a[:, 4:], b[:, 4:])
    assert torch.equal(a[:, 4], x[:, 4])
