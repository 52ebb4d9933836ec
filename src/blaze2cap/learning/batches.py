"""What training is fed: batch t is a pure function of (seed, t), so a resumed run sees what an undisturbed one does."""

import math
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from blaze2cap.data.clipset import ClipSet, Known
from blaze2cap.data.generated_motion import GeneratedParams
from blaze2cap.data.parallel import one_thread
from blaze2cap.data.simulated import SimulatedWindows
from blaze2cap.data.windows import Batch, Windows
from blaze2cap.errors import UserError
from blaze2cap.learning.augment import AugmentParams, augment
from blaze2cap.learning.precision import Precision
from blaze2cap.stop_request import ENDING

# Windows drawn together, from one seed.
_BLOCK = 64
_MOST_EPOCHS = 1e6


@dataclass(frozen=True, kw_only=True)
class TrainParams:
    """Section `train` of params.yaml."""

    epochs: float
    batch: int
    window: int
    learning_rate: float
    weight_decay: float
    warmup: float
    clip_norm: float
    ema: float
    precision: Precision
    compile: bool = False
    simulated_share: float
    detector: Literal["parametric", "bootstrap"]
    validate_every: int
    save_every: int
    seed: int
    augment: AugmentParams = field(default_factory=AugmentParams)
    generated: GeneratedParams = field(default_factory=GeneratedParams)
    everyday: GeneratedParams = field(default_factory=GeneratedParams)

    def __post_init__(self) -> None:
        for key in ("epochs", "batch", "window", "learning_rate", "clip_norm", "validate_every", "save_every"):
            if not 0 < getattr(self, key) < math.inf:
                raise ValueError(f"{key} is {getattr(self, key)}, expected above 0 and finite")
        for key in ("warmup", "ema", "simulated_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} is {getattr(self, key)}, expected 0 to 1")
        if self.ema == 1:
            raise ValueError("ema is 1, expected below 1: the average would never move")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay is {self.weight_decay}, expected 0 or more and finite")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}, expected 0 to 2**63 - 1")
        if self.epochs > _MOST_EPOCHS:
            raise ValueError(f"epochs is {self.epochs:g}, expected {_MOST_EPOCHS:g} at most")


class Counts(NamedTuple):
    """How many windows are real, show motion of takes by simulated detections, show made-up everyday motion."""

    real: int
    simulated: int
    everyday: int


def _nothing_seen(clipset: ClipSet, takes: list[str]) -> str:
    """Why no sample of these takes can be trained on: there is none, or each is rejected."""
    clips = clipset.clips.index[clipset.clips["take"].isin(takes)]
    rejected = clipset.samples["clip"].isin(clips).sum()
    if not rejected:
        return "no take of the training part has landmarks of anybody"
    return f"all {rejected} samples of the training part are rejected, as of somebody else"


class TrainingData:
    """Batches of real and simulated windows; batch t is a pure function of (seed, t).

    Where no take's root has a place in the world, of the simulated windows there are the made-up ones alone, and the
    others are real.
    """

    def __init__(self, clipset: ClipSet, takes: list[str], params: TrainParams) -> None:
        self.params = params
        self.windows = Windows(clipset, takes, params.window)
        placed = bool(clipset.takes_with(Known.ROOT, takes))
        self._share = params.simulated_share * (1.0 if placed else params.generated.share)
        counts = self.counts(params.batch)
        strides = sorted(set(self.windows.stride.tolist())) or [1]
        self.simulated = self.everyday = None
        if counts.simulated:
            self.simulated = SimulatedWindows.of_takes(
                clipset, takes, params.window, params.detector, strides, params.generated
            )
        if counts.everyday:
            self.everyday = SimulatedWindows.of_people(params.everyday, params.window, strides)
        made_up = self.simulated.counts(counts.simulated)[-1] if self.simulated else 0
        wanted = (counts.real + counts.simulated) * params.simulated_share * params.generated.share
        for name, share, drawn in (
            ("generated", wanted, made_up),
            ("everyday", params.everyday.share, counts.everyday),
        ):
            if share and not drawn:
                raise UserError(
                    f"train.{name}.share is {getattr(params, name).share:g}, which rounds to none of the windows of a "
                    f"batch of {params.batch}; raise it or train.batch, or set it to 0"
                )
        if counts.real and not len(self.windows.frames):
            raise UserError(
                f"{_nothing_seen(clipset, takes)}: the baselines and most of a batch need landmarks of the person; "
                "look at what preprocess says of them"
            )
        frames = int(self.windows.frames.sum()) or params.batch * params.window
        self.steps = max(1, math.ceil(params.epochs * frames / (params.batch * params.window)))

    def batch(self, step: int, part: range | None = None) -> Batch:
        """Windows of one step, augmented; of them all, or a part.

        They are drawn in blocks of `_BLOCK`, so that processes that share a batch make little but their part of it.
        """
        part = part or range(self.params.batch)
        blocks = []
        with one_thread():  # as in the processes that make batches ahead
            for first in range(part.start - part.start % _BLOCK, part.stop, _BLOCK):
                block = self._block(step, first)
                blocks.append(block.part(slice(max(part.start - first, 0), part.stop - first)))
        return Batch.concatenate(blocks)

    def counts(self, windows: int) -> "Counts":
        """How many of the first so many windows of a batch are of which kind."""
        everyday = round(windows * self.params.everyday.share)
        simulated = round((windows - everyday) * self._share)
        return Counts(windows - simulated - everyday, simulated, everyday)

    def _block(self, step: int, first: int) -> Batch:
        # A seed that ends in zeros is the one without them: the first block's is (seed, step).
        rng = np.random.default_rng((self.params.seed, step, 0, first))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        upto, before = self.counts(min(first + _BLOCK, self.params.batch)), self.counts(first)
        # A share too small for one block comes up in some of them.
        counts, coarse = Counts(*(a - b for a, b in zip(upto, before, strict=True))), self.params.augment.stride
        parts = []
        if counts.real:
            parts.append(self.windows.draw(counts.real, coarse, rng))
        for source, count, drawn in zip((self.simulated, self.everyday), counts[1:], before[1:], strict=True):
            if source and count:
                parts.append(source.draw(count, coarse, rng, generator, drawn))
        return augment(Batch.concatenate(parts), self.params.augment, generator)

    def batches(self, first: int, workers: int, part: range | None = None, pin: bool = False) -> Iterator[Batch]:
        """Batches, or a part of each, of all steps from `first` on, made ahead by `workers` processes.

        `pin` puts them into memory from which a GPU copies while the processor goes on.
        """
        steps = range(first, self.steps)
        ahead = 2 if workers else None
        yield from DataLoader(
            _Steps(self, part),
            batch_size=None,
            sampler=steps,
            num_workers=workers,
            prefetch_factor=ahead,
            pin_memory=pin,
            worker_init_fn=_leave_signals_to_training,
        )


def _leave_signals_to_training(worker: int) -> None:
    # A terminal or scheduler tells all processes of a run to end; training ends its workers once its step is over.
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


class _Steps(Dataset[Batch]):
    """The same part of the batch of every step, by the step's number."""

    def __init__(self, data: TrainingData, part: range | None) -> None:
        self._data, self._part = data, part

    def __getitem__(self, step: int) -> Batch:
        return self._data.batch(step, self._part)
