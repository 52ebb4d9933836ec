"""Before it starts, training tells what a step takes of a device, and what would help where that is too much."""

import pytest
import torch

from blaze2cap.errors import UserError
from blaze2cap.learning.device_memory import MemoryNeed, refuse_too_large

GPU = torch.device("cuda")
# 1 GiB, and 0.25 more for each window.
NEED = MemoryNeed(2**30, 2**28)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A GPU with so many GiB left, half of one of which torch holds without using it."""
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (int((request.param - 0.5) * 2**30), 24 * 2**30))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda device: 2**30)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda device: 2**29)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "NVIDIA L4")


def test_a_need_grows_with_the_windows() -> None:
    assert NEED.of(4) == 2 * 2**30
    assert [NEED.windows_in(memory) for memory in (0, 2**30, 2 * 2**30 - 1, 2 * 2**30)] == [0, 0, 3, 4]


@pytest.mark.parametrize("left", [22], indirect=True)
def test_what_a_step_takes_is_told(left: None) -> None:
    told = refuse_too_large(NEED, 64, 1, GPU)
    assert told == "a step of 64 windows takes about 17.0 GiB of NVIDIA L4, which has 22.0 GiB left"
    assert refuse_too_large(NEED, 64, 2, GPU).startswith("in each of 2 processes a step of 32 windows takes about 9.0")
    assert refuse_too_large(NEED, 64, 1, torch.device("cpu")).endswith("17.0 GiB of this machine's memory")


@pytest.mark.parametrize("left", [8], indirect=True)
@pytest.mark.parametrize(("processes", "fitting"), [(1, 28), (2, 56)])
def test_a_batch_that_does_not_fit_is_refused_with_one_that_does(left: None, processes: int, fitting: int) -> None:
    with pytest.raises(UserError, match=rf"8.0 GiB left; train.batch = {fitting} would fit, or more runtime.devices$"):
        refuse_too_large(NEED, 64, processes, GPU)
    refuse_too_large(NEED, fitting, processes, GPU)


@pytest.mark.parametrize("left", [1.2], indirect=True)
def test_where_not_one_window_fits_no_batch_is_named(left: None) -> None:
    with pytest.raises(UserError, match=r"1.2 GiB left, not enough for one window; end what else .*device=cpu$") as it:
        refuse_too_large(NEED, 64, 1, GPU)
    assert "train.batch" not in str(it.value)
