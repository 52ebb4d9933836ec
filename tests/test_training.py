"""Training learns, is a function of its seed, and a killed run ends in the same bytes as an undisturbed one."""

import dataclasses
import math
import multiprocessing
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny import tiny_clipset

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.data.generated_motion import GeneratedParams
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.windows import Batch, Windows
from blaze2cap.errors import UserError
from blaze2cap.learning import precision
from blaze2cap.learning.augment import AugmentParams
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.curves import summary, write_curves
from blaze2cap.learning.data_parallel import ALONE, Group
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams, PoseModel
from blaze2cap.learning.resume import load_state
from blaze2cap.learning.training import Row, Trainer, learning_rate

SMALL = ModelParams(width=16, layers=2, heads=2, feed_forward=16, look_back=4)
CLIPSET = tiny_clipset()


def train_params(**changes: object) -> TrainParams:
    defaults: dict[str, object] = {
        "epochs": 1.0, "batch": 4, "window": 16, "learning_rate": 3e-3, "weight_decay": 0.01, "warmup": 0.2,
        "clip_norm": 1.0, "ema": 0.9, "precision": "fp32", "simulated_share": 0.5, "detector": "parametric",
        "validate_every": 4, "save_every": 3, "seed": 1, "augment": AugmentParams(),
    }  # fmt: skip
    return TrainParams(**(defaults | changes))  # type: ignore[arg-type]


def make_trainer(steps: int, params: TrainParams) -> Trainer:
    data = TrainingData(CLIPSET, ["S1/freestyle1"], params)
    data.steps = steps
    validation = Windows(CLIPSET, ["S2/freestyle2"], params.window)
    return Trainer(data, validation, SMALL, LossParams(acceleration=20.0), params, torch.device("cpu"))


def silent(step: int, steps: int, row: Row) -> None:
    pass


class Killed(BaseException):
    """A kill at a given step."""


@pytest.mark.parametrize("kill_at", [2, 7, 11])
def test_a_killed_run_ends_in_the_same_bytes_as_an_undisturbed_one(tmp_path: Path, kill_at: int) -> None:
    params = train_params()
    undisturbed = make_trainer(12, params)
    best, last = undisturbed.run(tmp_path / "a", 0, silent)

    def kill(step: int, steps: int, row: Row) -> None:
        if step == kill_at:
            raise Killed

    with pytest.raises(Killed):
        make_trainer(12, params).run(tmp_path / "b", 0, kill)
    resumed = make_trainer(12, params)
    best_again, last_again = resumed.run(tmp_path / "b", 0, silent)
    for model, again in ((best, best_again), (last, last_again)):
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[name]), name
    assert resumed.curves == undisturbed.curves


@pytest.mark.parametrize("size", [1, 3, 512])
def test_losses_in_validation_are_the_same_in_batches_of_any_size(size: int, tmp_path: Path) -> None:
    curves = []
    for batch in (4, size):
        trainer = make_trainer(1, train_params(batch=batch))
        trainer.step(0, trainer.data.batch(0))
        trainer.average.load_state_dict(make_trainer(1, train_params()).average.state_dict())
        trainer._validate(1)
        curves.append({name: value for name, value in trainer.curves[0].items() if name.startswith("val_")})
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)
    assert len(curves[0]) == 10


@pytest.mark.parametrize("delay", [9, 15])
def test_deviations_are_scaled_whatever_the_look_ahead(delay: int, tmp_path: Path) -> None:
    params = train_params()
    data = TrainingData(CLIPSET, ["S1/freestyle1"], params)
    data.steps = 2
    validation = Windows(CLIPSET, ["S2/freestyle2"], params.window)
    late = dataclasses.replace(SMALL, delay_frames=delay)
    best, _ = Trainer(data, validation, late, LossParams(), params, torch.device("cpu")).run(tmp_path, 0, silent)
    assert best.deviation_scale.item() != 1


def test_deviations_are_right_on_average_in_validation(tmp_path: Path) -> None:
    params = train_params()
    for model in make_trainer(6, params).run(tmp_path, 0, silent):
        windows = Windows(CLIPSET, ["S2/freestyle2"], params.window)
        batch = windows.at(*windows.cover(512))
        with torch.no_grad():
            state = model.start(len(batch.dt), before=batch.landmarks[:, 0])
            times = batch.dt[:, None].expand(-1, params.window)
            motion, _ = model(batch.landmarks[:, 1:], batch.intrinsics, times, state)
        assert motion.deviation is not None
        error = geodesic_angle(motion.rotation, batch.rotation[:, 1:]) / motion.deviation
        counted = (batch.inside[:, 1:, None] & ~batch.outlier[:, 1:])[:, params.window // 2 :]
        assert error[:, params.window // 2 :][counted].square().mean().sqrt().item() == pytest.approx(1, abs=1e-4)


def test_a_torn_state_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    make_trainer(12, train_params()).run(tmp_path, 0, silent)
    states = sorted(tmp_path.glob("step_*.safetensors"))
    assert [path.stem for path in states] == ["step_00000006", "step_00000009"]
    states[-1].write_bytes(states[-1].read_bytes()[:1000])
    found = load_state(tmp_path)
    assert found is not None
    assert found[1]["step"] == 6


def test_a_state_with_a_flipped_bit_is_passed_over(tmp_path: Path) -> None:
    make_trainer(12, train_params()).run(tmp_path, 0, silent)
    newest = max(tmp_path.glob("step_*.safetensors"))
    whole = newest.read_bytes()
    for place in np.linspace(8, len(whole) - 1, 25).astype(int):
        torn = bytearray(whole)
        torn[place] ^= 1
        newest.write_bytes(torn)
        found = load_state(tmp_path)
        assert found is not None
        assert found[1]["step"] == 6


def test_a_file_without_facts_is_no_state(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(2)}, tmp_path / "step_00000001.safetensors")
    assert load_state(tmp_path) is None


def test_batches_do_not_depend_on_the_processes_and_threads_that_make_them() -> None:
    data = TrainingData(CLIPSET, ["S1/freestyle1"], train_params())
    data.steps = 5
    torch.set_num_threads(2)
    try:
        many = [data.batch(step) for step in range(5)]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    for step, batch in enumerate(many):
        assert all(torch.equal(a, b) for a, b in zip(data.batch(step), batch, strict=True))
    for alone, ahead in zip(data.batches(0, workers=0), data.batches(0, workers=2), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(alone, ahead, strict=True))


def test_of_what_everyday_motion_leaves_of_a_batch_half_is_simulated() -> None:
    everyday = GeneratedParams(share=0.5, takes=1, seconds=6.0)
    data = TrainingData(CLIPSET, ["S1/freestyle1"], train_params(batch=8, everyday=everyday))
    assert data.counts(8) == (2, 2, 4)
    bones = data.batch(0).offset.norm(dim=-1).sum(1)
    assert len(bones) == 8
    assert len(bones[:4].unique()) == 1
    assert not torch.isin(bones[4:], bones[:4]).any()


def test_a_share_that_is_too_small_for_one_block_comes_up_in_some() -> None:
    everyday = GeneratedParams(share=0.005, takes=1, seconds=6.0)
    params = train_params(batch=512, window=8, simulated_share=0.3, everyday=everyday)
    data = TrainingData(CLIPSET, ["S1/freestyle1"], params)
    real, simulated, made_up = data.counts(512)
    assert (real, simulated, made_up) == (356, 153, 3)
    # Made-up people have bones of their own; the others are of the take.
    own = torch.from_numpy(CLIPSET.offset[0]).norm(dim=-1)
    bones = data.batch(0).offset.norm(dim=-1)
    assert int((~torch.isclose(bones, own, atol=1e-4).all(1)).sum()) == made_up


def test_a_small_share_of_the_simulated_windows_comes_up_in_some_blocks() -> None:
    generated = GeneratedParams(share=0.01, takes=1, seconds=6.0)
    data = TrainingData(CLIPSET, ["S1/freestyle1"], train_params(batch=512, window=8, generated=generated))
    # Made-up people have bones of their own; the others are of the take.
    own = torch.from_numpy(CLIPSET.offset[0]).norm(dim=-1)
    for step in (0, 1):
        bones = data.batch(step).offset.norm(dim=-1)
        assert int((~torch.isclose(bones, own, atol=1e-4).all(1)).sum()) == round(0.01 * 256)


@pytest.mark.parametrize("section", ["generated", "everyday"])
def test_a_share_that_is_too_small_for_a_batch_is_refused(section: str) -> None:
    params = train_params(batch=64, window=8, **{section: GeneratedParams(share=0.007, takes=1, seconds=6.0)})
    with pytest.raises(UserError, match=rf"^train.{section}.share is 0.007, which rounds to none .* of 64; raise"):
        TrainingData(CLIPSET, ["S1/freestyle1"], params)


def test_training_lowers_the_loss() -> None:
    trainer = make_trainer(40, train_params(learning_rate=1e-2, simulated_share=0.0))
    rows: list[Row] = []
    for step in range(40):
        rows.append(trainer.step(step, trainer.data.batch(step)))
    first, last = (np.mean([row["loss"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert last < 0.8 * first


def test_a_loss_that_is_not_finite_stops_with_a_sentence(tmp_path: Path) -> None:
    trainer = make_trainer(12, train_params())
    with torch.no_grad():
        trainer.model.body_head.bias.fill_(math.nan)
    with pytest.raises(UserError, match=r"loss became nan at step 1 of 12; lower train.learning_rate \(now 0.003\)"):
        trainer.run(tmp_path, 0, silent)


def test_a_diverging_loss_stops_with_a_sentence(tmp_path: Path) -> None:
    trainer = make_trainer(12, train_params())
    trainer.curves.append({"step": 0, "train_loss": 1e-9})
    with pytest.raises(UserError, match="more than 20 times its start"):
        trainer.run(tmp_path, 0, silent)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    params = train_params(learning_rate=1.0, warmup=0.25)
    rates = [learning_rate(step, 100, params) for step in range(101)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[25] == pytest.approx(1.0)
    assert rates[100] == pytest.approx(1e-4)
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)


def test_curves_tell_the_learning_rate_of_their_step(tmp_path: Path) -> None:
    trainer = make_trainer(5, train_params(simulated_share=0.0, validate_every=2))
    rates: list[float] = []
    trainer.run(tmp_path, 0, lambda step, steps, row: rates.append(trainer.optimiser.param_groups[0]["lr"]))
    assert len(set(rates)) == 5
    assert {row["step"]: row["learning_rate"] for row in trainer.curves} == {n: rates[n - 1] for n in (2, 4, 5)}


def test_an_epoch_is_as_many_windows_as_the_samples_have_frames() -> None:
    data = TrainingData(CLIPSET, ["S1/freestyle1"], train_params(epochs=2.0, batch=8, window=16))
    frames = 3 * (150 + 140)  # two cameras, one with a gap of ten; each stride covers every frame once
    assert data.steps == math.ceil(2 * frames / (8 * 16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate is 0.0, expected above 0"),
        ({"epochs": math.inf}, "epochs is inf, expected above 0 and finite"),
        ({"ema": 1.0}, "ema is 1, expected below 1"),
        ({"simulated_share": 1.5}, "simulated_share is 1.5, expected 0 to 1"),
        ({"epochs": 1e7}, r"epochs is 1e\+07, expected 1e\+06 at most"),
        ({"seed": -1}, "seed is -1, expected 0 to"),
        ({"seed": 2**63}, "seed is 9223372036854775808, expected 0 to"),
    ],
)
def test_a_bad_value_is_refused_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        train_params(**changes)


@pytest.mark.parametrize(("native", "numbers"), [(True, torch.bfloat16), (False, None)])
def test_a_processor_without_bf16_computes_in_fp32(
    native: bool, numbers: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "computes_in_bf16", lambda device: native)
    assert make_trainer(2, train_params(precision="auto")).model.autocast is numbers
    assert make_trainer(2, train_params(precision="bf16")).model.autocast is torch.bfloat16


def test_fp16_on_a_cpu_and_an_unknown_device_end_in_a_sentence() -> None:
    with pytest.raises(UserError, match="fp16"):
        make_trainer(2, train_params(precision="fp16"))
    with pytest.raises(UserError, match=r"train.compile is true, which needs a GPU; on a CPU use false"):
        make_trainer(2, train_params(compile=True))
    with pytest.raises(UserError, match=r"runtime.device is 'tpu9'"):
        RuntimeParams(device="tpu9").torch_device()


class _Weight(torch.nn.Module):
    """An objective of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, batch: Batch) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return self.weight.square(), {}


class _Apart(Group):
    """One of several processes, of which the others have nothing to add."""

    def sum(self, numbers: torch.Tensor) -> torch.Tensor:
        return numbers


def test_each_of_several_processes_hands_in_as_many_times_its_gradient() -> None:
    """Of which the mean is taken, whereas their losses are parts of a sum."""
    trainer = make_trainer(2, train_params())
    batch = trainer.data.batch(0)
    for group in (ALONE, _Apart(0, 3)):
        trainer.group, trainer.objective = group, (objective := _Weight())
        row = trainer.step(0, batch)
        assert row == {"loss": 1.0}
        assert objective.weight.grad == 2 * group.size


def test_a_compilation_that_fails_ends_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks_a_compiler(*_: object) -> None:
        raise RuntimeError("Failed to find C compiler.\nPlease specify one")

    trainer = make_trainer(2, train_params())
    trainer.params, trainer.objective = train_params(compile=True), _Weight()
    monkeypatch.setattr(
        trainer.objective, "compile", partial(torch.nn.Module.compile, trainer.objective, backend=lacks_a_compiler)
    )
    with pytest.raises(
        UserError, match=r"^train.compile is true, but .* \(Failed to find C compiler.\); .* train.compile=false"
    ):
        trainer.run(tmp_path, 0, silent)


def test_a_look_ahead_as_long_as_the_window_ends_in_a_sentence() -> None:
    params = train_params()
    model = dataclasses.replace(SMALL, delay_frames=params.window)
    with pytest.raises(UserError, match=r"model.delay_frames is 16, expected below train.window = 16"):
        Trainer(
            TrainingData(CLIPSET, ["S1/freestyle1"], params), None, model, LossParams(), params, torch.device("cpu")
        )


def test_takes_shorter_than_the_window_end_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"longer than train.window = 200 frames"):
        TrainingData(CLIPSET, ["S1/freestyle1"], train_params(window=200))


def test_nothing_with_landmarks_to_train_on_ends_in_a_sentence() -> None:
    with pytest.raises(UserError, match="no take of the training part has landmarks"):
        TrainingData(dataclasses.replace(CLIPSET, samples=CLIPSET.samples[:0]), ["S1/freestyle1"], train_params())
    rejected = CLIPSET.samples.assign(rejected=True)
    own = CLIPSET.samples["clip"].str.startswith("S1/freestyle1/").sum()
    with pytest.raises(UserError, match=f"all {own} samples of the training part are rejected, as of somebody else"):
        TrainingData(dataclasses.replace(CLIPSET, samples=rejected), ["S1/freestyle1"], train_params())


def test_an_untrained_network_answers_close_to_the_analytic_pose() -> None:
    from blaze2cap.body.inverse_kinematics import analytic_pose
    from blaze2cap.body.rotation import geodesic_angle

    torch.manual_seed(0)
    model = PoseModel(ModelParams()).eval()
    clip = CLIPSET.clip_landmarks("S1/freestyle1/cam1")
    with torch.no_grad():
        motion, _ = model(
            clip[None], CLIPSET.camera_of("S1/freestyle1/cam1").intrinsics[None], torch.ones(1, len(clip))
        )
    base = analytic_pose(clip[..., :3], clip[..., 5])
    assert geodesic_angle(motion.rotation[0, :, 1:], base[:, 1:]).mean() < 0.15


def test_curves_are_the_same_bytes_twice_and_their_summary_names_the_best_step(tmp_path: Path) -> None:
    curves = [
        {"step": float(step), "learning_rate": 0.1, "train_loss": 1 / step, "val_loss": abs(step - 3) + 0.5}
        for step in range(1, 6)
    ]
    for name in ("a", "b"):
        write_curves(tmp_path / name, curves)
    for file in ("curves.csv", "curves.png"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert summary(curves)["best_step"] == 3


def test_a_loss_that_falls_below_0_is_drawn_where_a_logarithm_would_lose_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("blaze2cap.learning.curves.save_plot", lambda figure, _: drawn.append(figure))
    losses = {"train_loss": 0.5, "train_deviation": 0.1, "val_loss": 0.4, "val_deviation": -0.2}
    write_curves(tmp_path, [{"step": step, "learning_rate": 0.1, **losses} for step in (10.0, 20.0)])
    assert [axes.get_yscale() for axes in drawn[0].axes] == ["log", "linear"]


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGTERM, 2)])
def test_a_signal_is_heard_when_the_step_is_over_and_loses_none(
    tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    params = train_params(save_every=1000)
    undisturbed, _ = make_trainer(12, params).run(tmp_path / "a", 0, silent)
    told: list[int] = []

    def interrupt(step: int, steps: int, row: Row) -> None:
        told.append(step)
        if step == 4:
            everybody = [*multiprocessing.active_children(), multiprocessing.current_process()]
            # By another process, as a scheduler does: to their parent, torch's workers listen otherwise.
            subprocess.run(["kill", f"-{int(number)}", *(str(process.pid) for process in everybody)], check=True)
            time.sleep(0.2)  # in which the end of a worker would be told

    with pytest.raises(KeyboardInterrupt):
        make_trainer(12, params).run(tmp_path / "b", workers, interrupt)
    assert told == [1, 2, 3, 4]
    again, _ = make_trainer(12, params).run(tmp_path / "b", workers, interrupt)
    assert told[4:] == list(range(5, 13))
    for name, tensor in undisturbed.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_a_frame_that_sees_further_than_a_window_is_refused() -> None:
    data = TrainingData(CLIPSET, ["S1/freestyle1"], train_params(window=8))
    # The refiner of finished poses looks back as well, also behind a recurrence or nothing, whose layers do not count.
    for changes, told in (
        ({"backbone": "transformer", "look_back": 5}, "model.look_back with model.layers makes a frame see 9 frames"),
        ({"backbone": "recurrent", "smoother": "window", "look_back": 9}, "with model.smoother makes a frame see 9"),
        ({"backbone": "none", "smoother": "window", "look_back": 10}, "with model.smoother makes a frame see 10"),
        ({"backbone": "tcn", "smoother": "window", "look_back": 4}, "with model.layers and model.smoother makes a"),
    ):
        model = dataclasses.replace(SMALL, **changes)
        with pytest.raises(UserError, match=rf"{told}.*, expected train.window = 8 at most"):
            Trainer(data, None, model, LossParams(), train_params(window=8), torch.device("cpu"))
