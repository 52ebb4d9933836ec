"""The gated recurrence, all frames at once, equals a loop over frames; in a row it trembles less for the same lag."""

import pytest
import torch

from blaze2cap.learning.recurrence import gated_cascade, gated_recurrence


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


def test_a_cascade_hands_each_stage_to_the_next() -> None:
    generator = torch.Generator().manual_seed(2)
    x, u = torch.randn(2, 3, 20, 4, 6, generator=generator)
    gate, start = torch.rand(3, 20, 2, 4, generator=generator), torch.randn(3, 2, 4, 6, generator=generator)
    levels = gated_cascade(x, u, gate, start)
    first = gated_recurrence(x, u, gate[:, :, 0, :, None], start[:, 0])
    torch.testing.assert_close(levels[:, :, 0], first)
    torch.testing.assert_close(levels[:, :, 1], gated_recurrence(first, u, gate[:, :, 1, :, None], start[:, 1]))


def test_two_stages_tremble_less_and_lag_less_than_one() -> None:
    """A ramp tells the lag (1/g - 1 frames a stage), white noise the tremor that is left in third differences."""
    frames = 2000
    ramp = torch.arange(frames, dtype=torch.float32)[None, :, None, None]
    noise = torch.randn(1, frames, 1, 1, generator=torch.Generator().manual_seed(3))

    def answer(x: torch.Tensor, gates: list[float]) -> torch.Tensor:
        gate = torch.tensor(gates).expand(1, frames, len(gates))[..., None]
        return gated_cascade(x, torch.zeros_like(x), gate, torch.zeros(1, len(gates), 1, 1))[0, :, -1, 0, 0]

    one, two = [1 / 16], [1 / 4, 1 / 4]
    lag = [frames - 1 - answer(ramp, gates)[-1].item() for gates in (one, two)]
    tremor = [answer(noise, gates)[100:].diff(n=3).std().item() for gates in (one, two)]
    assert lag == pytest.approx([15, 6], abs=0.1)
    assert tremor[1] < tremor[0]
