"""Training in several processes is the training of one: same batches, same losses, same weights, one writer."""

import json
import os
from functools import partial
from pathlib import Path

import pytest
import torch
from test_training import CLIPSET, SMALL, Killed, train_params
from tiny import tiny_clipset

from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.windows import Windows
from blaze2cap.errors import UserError
from blaze2cap.learning.augment import AugmentParams
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.data_parallel import ALONE, Group, in_processes
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.training import Row, Trainer

STEPS = 20
CPU = torch.device("cpu")


def exact(**changes: object) -> TrainParams:
    return train_params(batch=6, save_every=5, augment=AugmentParams(), **changes)


def trainer_of(params: TrainParams, group: Group) -> Trainer:
    data = TrainingData(CLIPSET, ["S1/freestyle1"], params)
    data.steps = STEPS
    validation = Windows(CLIPSET, ["S2/freestyle2"], params.window)
    model = SMALL.__class__(**{**vars(SMALL), "dropout": 0.0})
    # A head without a gradient, as a weight of 0 leaves one, must not make the processes wait for each other.
    return Trainer(data, validation, model, LossParams(acceleration=20.0, deviation=0.0), params, CPU, group)


def trained(folder: Path, until: int, group: Group) -> None:
    """Train in `folder` to step `until`; the first process keeps its rows and, at the end, its weights there."""
    trainer = trainer_of(exact(), group)
    told = folder / f"rows_{until}.jsonl"

    def report(step: int, steps: int, row: Row) -> None:
        if group.first:
            with told.open("a") as file:
                file.write(json.dumps([step, row]) + "\n")
        if step == until < steps:
            raise Killed

    try:
        best, last = trainer.run(folder, 0, report)
    except Killed:
        return
    if group.first:
        torch.save([best.state_dict(), last.state_dict()], folder / "weights.pt")


def rows(folder: Path, until: int) -> dict[int, Row]:
    return dict(json.loads(line) for line in (folder / f"rows_{until}.jsonl").read_text().splitlines())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    trained(folder, STEPS, ALONE)
    return folder


def assert_same_training(folder: Path, alone: Path, first: int) -> None:
    found, expected = rows(folder, STEPS), rows(alone, STEPS)
    assert list(found) == list(range(first, STEPS + 1))
    for step, row in found.items():
        assert row == pytest.approx(expected[step], abs=1e-5), step
    for weights, others in zip(torch.load(folder / "weights.pt"), torch.load(alone / "weights.pt"), strict=True):
        for name in weights:
            torch.testing.assert_close(weights[name], others[name], rtol=0, atol=1e-5, msg=name)


def test_two_processes_train_what_one_trains(tmp_path: Path, alone: Path) -> None:
    in_processes(2, CPU, partial(trained, tmp_path, STEPS))
    assert_same_training(tmp_path, alone, first=1)


def test_a_run_of_three_processes_goes_on_in_one_where_it_stood(tmp_path: Path, alone: Path) -> None:
    in_processes(3, CPU, partial(trained, tmp_path, 12))
    in_processes(1, CPU, partial(trained, tmp_path, STEPS))
    assert_same_training(tmp_path, alone, first=11)


@pytest.mark.parametrize(("batch", "size"), [(6, 3), (130, 2), (130, 5), (128, 1)])
def test_the_parts_of_a_batch_are_the_batch_whoever_makes_them(batch: int, size: int) -> None:
    data = TrainingData(tiny_clipset(), ["S1/freestyle1"], train_params(batch=batch, window=8))
    parts = [data.batch(3, Group(rank, size).part(batch)) for rank in range(size)]
    whole = data.batch(3)
    assert len(whole.dt) == batch
    for together, one in zip(type(whole).concatenate(parts), whole, strict=True):
        assert torch.equal(together, one)


def test_blocks_of_one_batch_are_not_drawn_alike() -> None:
    data = TrainingData(tiny_clipset(), ["S1/freestyle1"], train_params(batch=128, window=8))
    first, second = data.batch(0).landmarks.split(64)
    assert not torch.equal(first, second)


def test_a_batch_that_cannot_be_shared_evenly_ends_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"train.batch is 64, which 3 processes cannot share evenly; take 66"):
        Group(0, 3).part(64)


def test_one_process_alone_takes_the_device_that_is_named() -> None:
    for name in ("cpu", "cuda", "cuda:3"):
        assert ALONE.device(torch.device(name)) == torch.device(name)


def fails_in_the_second(group: Group) -> None:
    if group.rank == 1:
        raise UserError("the second has no device")
    group.wait()


def dies_in_the_second(group: Group) -> None:
    if group.rank == 1:
        os.kill(os.getpid(), 9)
    group.wait()


def test_what_one_process_says_is_said_and_the_others_are_ended() -> None:
    with pytest.raises(UserError, match="the second has no device"):
        in_processes(2, CPU, fails_in_the_second)


def test_a_process_that_is_killed_ends_all_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"process 2 of runtime.devices = 2 was killed"):
        in_processes(2, CPU, dies_in_the_second)


def test_no_devices_are_refused() -> None:
    with pytest.raises(ValueError, match="devices is 0, expected 1 or more"):
        RuntimeParams(devices=0)
