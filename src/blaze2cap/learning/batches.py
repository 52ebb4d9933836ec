"""What training is fed: batch t is a pure function of (seed, t), so a resumed run sees what an undisturbed one does."""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np
import torch

from blaze2cap.data.clipset import ClipSet, Known
from blaze2cap.data.generated_motion import GeneratedParams
from blaze2cap.data.simulated import SimulatedWindows
from blaze2cap.data.windows import Batch, Windows
from blaze2cap.errors import UserError
from blaze2cap.learning.augment import AugmentParams, augment
from blaze2cap.learning.precision import Precision


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
    simulated_share: float
    detector: Literal["parametric", "bootstrap"]
    validate_every: int
    save_every: int
    seed: int
    augment: AugmentParams = field(default_factory=AugmentParams)
    generated: GeneratedParams = field(default_factory=GeneratedParams)

    def __post_init__(self) -> None:
        for key in ("epochs", "batch", "window", "learning_rate", "clip_norm", "validate_every", "save_every"):
            if not 0 < getattr(self, key) < math.inf:
                raise ValueError(f"{key} is {getattr(self, key)}, expected above 0 and finite")
        for key in ("warmup", "ema", "simulated_share"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} is {getattr(self, key)}, expected 0 to 1")
        if self.ema == 1:
            raise ValueError("ema is 1, expected below 1: the average would never move")
        for key in ("weight_decay", "seed"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ValueError(f"{key} is {getattr(self, key)}, expected 0 or more and finite")


class TrainingData:
    """Batches of real and simulated windows; batch t is a pure function of (seed, t).

    Where no take's root has a place in the world, of the simulated windows there are the made-up ones alone, and the
    others are real.
    """

    def __init__(self, clipset: ClipSet, takes: list[str], params: TrainParams) -> None:
        self.params = params
        self.windows = Windows(clipset, takes, params.window)
        placed = bool(clipset.takes_with(Known.ROOT, takes))
        count = round(params.batch * params.simulated_share * (1.0 if placed else params.generated.share))
        self.simulated = None
        if count:
            strides = sorted(set(self.windows.stride.tolist())) or [1]
            self.simulated = SimulatedWindows(clipset, takes, params.window, params.detector, strides, params.generated)
        self.counts = params.batch - count, count
        if self.counts[0] and not len(self.windows.frames):
            raise UserError("no take of the training part has landmarks: the baselines and most of a batch need some")
        frames = int(self.windows.frames.sum()) or params.batch * params.window
        self.steps = max(1, math.ceil(params.epochs * frames / (params.batch * params.window)))

    def batch(self, step: int) -> Batch:
        """Windows of one step, augmented."""
        rng = np.random.default_rng((self.params.seed, step))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        real, simulated = self.counts
        parts = []
        if real:
            parts.append(self.windows.draw(real, self.params.augment.stride, rng))
        if simulated and self.simulated is not None:
            parts.append(self.simulated.draw(simulated, self.params.augment.stride, rng, generator))
        return augment(Batch.concatenate(parts), self.params.augment, generator)

    def batches(self, first: int, workers: int) -> Iterator[Batch]:
        """Batches of all steps from `first` on, made ahead by `workers` threads."""
        steps = iter(range(first, self.steps))
        if not workers:
            yield from map(self.batch, steps)
            return
        with ThreadPoolExecutor(workers) as pool:
            ahead = [pool.submit(self.batch, step) for step in islice(steps, 2 * workers)]
            while ahead:
                yield ahead.pop(0).result()
                ahead += [pool.submit(self.batch, step) for step in islice(steps, 1)]
