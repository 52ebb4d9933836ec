"""Training: seeded, resumable to the byte, every frame of a window supervised in one pass.

Nothing random has a state of its own: step t draws its windows, augmentation and drop-out from (seed, t). So the state
of a run is weights, their moving average, the optimiser's moments, the best so far and the curves.
"""

import dataclasses
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.data.windows import Batch, Windows
from blaze2cap.errors import UserError
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.compilation import compiling
from blaze2cap.learning.data_parallel import ALONE, Group
from blaze2cap.learning.device_memory import MemoryNeed, memory_need
from blaze2cap.learning.loss import LossParams, added, loss_sums, means, total
from blaze2cap.learning.model import ModelParams, PoseModel
from blaze2cap.learning.objective import Objective, answered
from blaze2cap.learning.precision import allow_tf32, autocast_dtype
from blaze2cap.learning.prefetch import on_device
from blaze2cap.learning.resume import load_state, save_state
from blaze2cap.stop_request import ENDING, stopped_by_signals

Row = dict[str, float]
"""One line of the learning curves."""

_NORMALISATION_WINDOWS = 512
_VALIDATION_WINDOWS = 512
# Enough to tell what a window takes.
_MEASURED_WINDOWS = 8
# A loss this many times that of the first steps has left for good.
_DIVERGED = 20.0


def learning_rate(step: int, steps: int, params: TrainParams) -> float:
    """One cycle (Smith and Topin 2018): cosine up from 1/25 during the warm-up, cosine down to 1/10,000."""
    warm = params.warmup * steps
    if step < warm:
        low, high, part = 1 / 25, 1.0, step / warm
    else:
        low, high, part = 1e-4, 1.0, 1 - (step - warm) / max(steps - warm, 1)
    return params.learning_rate * (low + (high - low) * (1 - math.cos(math.pi * part)) / 2)


class Trainer:
    """One training run: `run` to the end, from wherever the run's folder says it stands."""

    def __init__(
        self,
        data: TrainingData,
        validation: Windows | None,
        model_params: ModelParams,
        loss_params: LossParams,
        params: TrainParams,
        device: torch.device,
        group: Group = ALONE,
    ) -> None:
        if model_params.delay_frames >= params.window:
            raise UserError(
                f"model.delay_frames is {model_params.delay_frames}, expected below train.window = {params.window}: "
                "no frame of a window would be answered"
            )
        if params.compile and device.type == "cpu":
            raise UserError("train.compile is true, which needs a GPU; on a CPU use false")
        self.data, self.validation = data, validation
        self.loss_params, self.params, self.device = loss_params, params, device
        self.group, self.part = group, group.part(params.batch)
        torch.manual_seed(params.seed)
        self.model = PoseModel(model_params)
        reach = self.model.receptive_field()
        if reach is not None and reach > params.window:
            layered, refined = (self.model.backbone.receptive_field() or 1) > 1, self.model.refiner is not None
            causes = " and ".join(["model.layers"] * layered + ["model.smoother"] * refined)
            raise UserError(
                f"model.look_back with {causes} makes a frame see {reach} frames, expected train.window = "
                f"{params.window} at most: what training never shows is seen in use"
            )
        self._normalise()
        self.model.to(device)
        self.average = PoseModel(model_params).to(device).eval()
        self.average.load_state_dict(self.model.state_dict())
        precision = autocast_dtype(params.precision, device)
        allow_tf32(params.precision)
        self.model.autocast = self.average.autocast = precision
        self.objective: nn.Module = Objective(self.model, loss_params, group.sum)
        if group.size > 1:
            # A weight of 0 leaves what only its loss teaches without a gradient.
            unused = not all(dataclasses.astuple(loss_params))
            self.objective = DistributedDataParallel(self.objective, find_unused_parameters=unused)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay, fused=True
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision is torch.float16)
        self.best: dict[str, Tensor] = {}
        self.best_loss = math.inf
        self.curves: list[Row] = []
        self._recent: list[dict[str, float]] = []

    def run(self, folder: Path, workers: int, report: Callable[[int, int, Row], None]) -> tuple[PoseModel, PoseModel]:
        """Train to the end and return the best model by validation (where nothing validates, the last) and the last.

        `folder` keeps state between kills, up to the last step where a signal asks for the end;
        `report(step, steps, row)` is called after each step.
        Raises UserError where the loss is not finite or grows without bound, or torch.compile fails.
        """
        if self.params.compile:
            self.objective.compile()
        first = self._resume(folder)
        steps = self.data.steps
        batches = self.data.batches(first, workers, self.part, pin=self.device.type == "cuda")
        # torch ends the others of a group by SIGTERM; who waits for the gradient of one that has gone hears no request.
        with stopped_by_signals(ENDING if self.group.size == 1 else (signal.SIGINT,)) as stop:
            for step, batch in enumerate(on_device(batches, self.device), start=first):
                with compiling(self.params.compile):
                    row = self.step(step, batch)
                done = step + 1
                # The others wait at their next step for the gradient of the first.
                if self.group.first:
                    if done % self.params.validate_every == 0 or done == steps:
                        self._validate(done)
                    if done % self.params.save_every == 0 and done < steps:
                        self._save(folder, done)
                report(done, steps, row)
                if stop.requested:
                    if self.group.first:
                        self._save(folder, done)
                    raise KeyboardInterrupt
        return self._finished(self.best or self.average.state_dict()), self._finished(self.average.state_dict())

    def memory(self) -> MemoryNeed:
        """What a step takes of this process's device, by the number of its windows."""
        windows = min(_MEASURED_WINDOWS, len(self.part))
        batch = self.data.batch(0, range(windows)).to(self.device)
        self.model.train()
        objective = Objective(self.model, self.loss_params)
        return memory_need(self.model, lambda: objective(batch)[0], windows)

    def _finished(self, weights: dict[str, Tensor]) -> PoseModel:
        model = PoseModel(self.model.params)
        model.load_state_dict(weights)
        model.to(self.device).eval()
        self._calibrate(model)
        return model.cpu()

    def _normalise(self) -> None:
        rng = np.random.default_rng(self.params.seed)
        if self.data.counts(self.params.batch).real:
            batch = self.data.windows.draw(_NORMALISATION_WINDOWS, self.params.augment.stride, rng)
        else:
            batch = self.data.batch(0)
        times = batch.dt[:, None].expand(-1, self.params.window)
        inputs = self.model.inputs(batch.landmarks[:, 1:], batch.landmarks[:, 0], batch.intrinsics, times)
        self.model.normalise_by(inputs[batch.inside[:, 1:]])

    def step(self, step: int, batch: Batch) -> Row:
        """Learn from the batch of a step, on the device; its losses, of all processes together.

        Raises UserError where the loss is not finite or grows without bound.
        """
        # The first process draws what one alone would.
        drawn = np.random.default_rng((self.params.seed, step, 1, self.group.rank))
        torch.manual_seed(int(drawn.integers(2**62)))
        rate = learning_rate(step, self.data.steps, self.params)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        loss, terms = self.objective(batch)
        self.optimiser.zero_grad(set_to_none=True)
        # Of the gradients of a group, DistributedDataParallel takes the mean; the losses are parts of a sum.
        self.scaler.scale(loss * self.group.size).backward()
        self.scaler.unscale_(self.optimiser)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.params.clip_norm)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        with torch.no_grad():
            # A young average follows the weights closely, else it would remember the start.
            keep = min(self.params.ema, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)
        # Read at once, at the end: a GPU would wait for every number that is asked of it.
        values = self.group.sum(torch.stack([loss.detach(), *terms.values()])).tolist()
        row = dict(zip(("loss", *terms), values, strict=True))
        self._check(step, row["loss"])
        self._recent.append(row)
        return row

    def _check(self, step: int, loss: float) -> None:
        hint = f"lower train.learning_rate (now {self.params.learning_rate:g}) or raise train.warmup"
        if not math.isfinite(loss):
            raise UserError(f"the loss became {loss} at step {step + 1} of {self.data.steps}; {hint}")
        start = self.curves[0]["train_loss"] if self.curves else math.inf
        # With a log-likelihood among the losses, the start may lie below 0.
        if loss - start > (_DIVERGED - 1) * abs(start):
            raise UserError(
                f"the loss grew to {loss:.3g} at step {step + 1}, more than {_DIVERGED:g} times its start "
                f"({start:.3g}); {hint}"
            )

    @torch.no_grad()
    def _validate(self, step: int) -> None:
        recent = {f"train_{name}": float(np.mean([row[name] for row in self._recent])) for name in self._recent[0]}
        self._recent = []
        row: Row = {
            "step": float(step),
            "learning_rate": learning_rate(step - 1, self.data.steps, self.params),
        } | recent
        if self.validation is not None:
            terms = self._validation_losses(self.validation)
            row["val_loss"] = total(terms, self.loss_params).item()
            row |= {f"val_{name}": term.item() for name, term in terms.items()}
            self._check(step - 1, row["val_loss"])
            if row["val_loss"] < self.best_loss:
                self.best_loss = row["val_loss"]
                self.best = {name: tensor.clone() for name, tensor in self.average.state_dict().items()}
        self.curves.append(row)

    def _validation_losses(self, validation: Windows) -> dict[str, Tensor]:
        """Of the average's answers to all windows; divided once, so that they are the same in batches of any size."""
        parts = []
        for batch in self._validation_batches(validation):
            prediction, truth, together, outlier = answered(self.average, batch)
            parts.append(loss_sums(prediction, truth, batch.offset, together, outlier, batch.root_known))
        return means({name: added([part[name] for part in parts]) for name in parts[0]})

    def _validation_batches(self, validation: Windows) -> Iterator[Batch]:
        rows, starts = validation.cover(_VALIDATION_WINDOWS)
        for first in range(0, len(rows), self.params.batch):
            part = slice(first, first + self.params.batch)
            yield validation.at(rows[part], starts[part]).to(self.device)

    @torch.no_grad()
    def _calibrate(self, model: PoseModel) -> None:
        """Scale the predicted deviations by one factor, so that they are right on average in validation (Levi et al.
        2019, section 4): where it was trained, a network errs less than elsewhere. Without validation, left alone."""
        if self.validation is None:
            return
        # In the first half of a window the answers still settle.
        settled = slice((self.params.window - model.params.delay_frames) // 2, None)
        square, count = 0.0, 0
        for batch in self._validation_batches(self.validation):
            prediction, truth, _, outlier = answered(model, batch)
            assert prediction.deviation is not None
            relative = geodesic_angle(prediction.rotation, truth.rotation) / prediction.deviation
            counted = truth.valid[..., None] & ~(outlier | outlier[..., :1])[:, 1:]
            counted[..., 0] &= batch.root_known[:, None]
            counted = counted[:, settled]
            square += float((relative[:, settled].square() * counted).sum())
            count += int(counted.sum())
        if count:
            model.deviation_scale.mul_(math.sqrt(square / count))

    def _save(self, folder: Path, step: int) -> None:
        tensors: dict[str, Tensor] = {}
        for part, state in (
            ("model", self.model.state_dict()),
            ("average", self.average.state_dict()),
            ("best", self.best),
        ):
            tensors |= {f"{part}/{name}": tensor.clone() for name, tensor in state.items()}
        for index, moments in self.optimiser.state_dict()["state"].items():
            tensors |= {f"moment/{index}/{name}": tensor.clone() for name, tensor in moments.items()}
        facts: dict[str, Any] = {
            "step": step,
            "curves": self.curves,
            "recent": self._recent,
            "scaler": self.scaler.state_dict(),
        }
        facts["best_loss"] = self.best_loss if math.isfinite(self.best_loss) else None
        save_state(folder, step, tensors, facts)

    def _resume(self, folder: Path) -> int:
        found = load_state(folder)
        if found is None:
            return 0
        tensors, facts = found

        def part(prefix: str) -> dict[str, Tensor]:
            return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}

        self.model.load_state_dict(part("model/"))
        self.average.load_state_dict(part("average/"))
        self.best = part("best/")
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in part("moment/").items():
            index, key = name.split("/")
            moments.setdefault(int(index), {})[key] = tensor
        self.optimiser.load_state_dict({"state": moments, "param_groups": self.optimiser.state_dict()["param_groups"]})
        self.scaler.load_state_dict(facts["scaler"])
        self.curves, self._recent = facts["curves"], facts["recent"]
        self.best_loss = math.inf if facts["best_loss"] is None else facts["best_loss"]
        return int(facts["step"])
