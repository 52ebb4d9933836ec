"""A training step: the default model beside the published recipe, and both beside the processor's matrix peak.

The published recipe (`PublishedNetwork`) materialises every window of 64 frames, runs full causal attention over each
and supervises its last frame alone, in fp32, 512 windows a step.
"""

import dataclasses
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.windows import Batch
from blaze2cap.learning.batches import TrainingData, TrainParams
from blaze2cap.learning.features import FEATURES, landmark_features
from blaze2cap.learning.loss import LossParams, loss_sums, means, total
from blaze2cap.learning.model import ModelParams, PoseModel
from blaze2cap.learning.precision import autocast_dtype
from blaze2cap.params import load_params
from speed.claim import HotPath, rate, ratio, share
from speed.rounds import Case, Seconds, in_turns
from speed.workplace import ROOT, Workplace

WINDOW, WINDOWS = 64, 512
# Windows are drawn from so many; how many there are makes no difference to a step.
_MATERIALISED = 2048
_SIDE = 2048


class PublishedNetwork(nn.Module):
    """[B, 64, 450] -> [B, 64, 22, 6]: four pre-norm encoder layers with full causal attention."""

    def __init__(self, width: int = 256, layers: int = 4, heads: int = 4, hidden: int = 512) -> None:
        super().__init__()
        self.embed = nn.Linear(25 * FEATURES, width)
        phase = torch.arange(WINDOW)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
        self.register_buffer("place", torch.stack((phase.sin(), phase.cos()), -1).flatten(1))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(WINDOW))
        layer = nn.TransformerEncoderLayer(width, heads, hidden, 0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.root, self.body = nn.Linear(width, 2 * 6), nn.Linear(width, 20 * 6)

    def forward(self, features: Float[Tensor, "B 64 450"]) -> Float[Tensor, "B 64 22 6"]:
        """The 22 x 6 form of every frame."""
        hidden = self.encoder(self.embed(features) + self.place, mask=self.mask, is_causal=True)
        return torch.cat((self.root(hidden), self.body(hidden)), dim=-1).unflatten(-1, (22, 6))


def published_loss(said: Float[Tensor, "B S 22 6"], true: Float[Tensor, "B S 22 6"]) -> Float[Tensor, ""]:
    """rot + 5 smooth, over the last S - 1 frames."""
    error = said - true
    return error[:, 1:].square().mean() + 5 * error.diff(dim=1).square().mean()


class _Step:
    """Forward, backward, clipping and AdamW of any model; `again` is a step on another batch of the same sizes."""

    def __init__(self, model: nn.Module, loss: Callable[[], Tensor]) -> None:
        self.model, self.loss = model.train(), loss
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.01, fused=True)

    def forward_backward(self) -> None:
        """The gradient alone."""
        self.optimiser.zero_grad(set_to_none=True)
        self.loss().backward()

    def again(self) -> None:
        """The whole step."""
        self.forward_backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()


def materialised(clips: ClipSet) -> tuple[Float[Tensor, "N 64 450"], Float[Tensor, "N 64 22 6"]]:
    """Every window of a data set's samples, one after another, up to `_MATERIALISED`: features and targets."""
    inputs, targets = [], []
    for source, row in clips.samples[~clips.samples["rejected"]].iterrows():
        sample = clips.sample(source)
        if len(sample.landmarks) < WINDOW:
            continue
        intrinsics = clips.camera_of(row["clip"]).intrinsics
        tracked = torch.ones(1, len(sample.landmarks), dtype=torch.bool)
        frame = torch.eye(3).expand(*tracked.shape, 3, 3)
        known = torch.cat((torch.zeros(1, *sample.landmarks.shape[1:]), sample.landmarks))
        features = landmark_features(known[None], intrinsics[None], frame, tracked)[0].flatten(1)
        inputs.append(features.unfold(0, WINDOW, 1).mT.contiguous())
        targets.append(sample.slots.unfold(0, WINDOW, 1).movedim(-1, 1).contiguous())
        if sum(map(len, inputs)) >= _MATERIALISED:
            break
    return torch.cat(inputs)[:_MATERIALISED], torch.cat(targets)[:_MATERIALISED]


def _published(clips: ClipSet) -> dict[str, Case]:
    inputs, targets = materialised(clips)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    model = PublishedNetwork()

    def loss(frames: int, dtype: torch.dtype | None) -> Tensor:
        chosen = torch.randint(len(inputs), (WINDOWS,), generator=generator)
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            said = model(inputs[chosen])
        return published_loss(said[:, -frames:].float(), targets[chosen][:, -frames:])

    bf16 = autocast_dtype("auto", torch.device("cpu"))
    # The loss of a frame needs the one before.
    kinds = {"last": (2, None, 1), "every": (WINDOW, None, WINDOW), "every_auto": (WINDOW, bf16, WINDOW)}
    return {
        f"published_{name}": Case(_Step(model, lambda f=frames, d=dtype: loss(f, d)).again, WINDOWS * supervised)
        for name, (frames, dtype, supervised) in kinds.items()
    }


class DefaultStep(_Step):
    """The pipeline's own model and losses on one batch of its own."""

    def __init__(self, batch: Batch, precision: torch.dtype | None, **model_params: object) -> None:
        self.batch = batch
        params = dataclasses.replace(load_params("model", ModelParams, ROOT / "params.yaml"), **model_params)
        self.weights = load_params("loss", LossParams, ROOT / "params.yaml")
        torch.manual_seed(0)
        model = PoseModel(params)
        model.autocast = precision
        super().__init__(model, self._loss)

    @property
    def frames(self) -> int:
        """Supervised frames."""
        return self.batch.inside[:, 1:].numel()

    def _loss(self) -> Tensor:
        batch, state = self.batch, self.model.start(len(self.batch.dt), before=self.batch.landmarks[:, 0])
        times = batch.dt[:, None].expand(-1, batch.landmarks.shape[1] - 1)
        said, _ = self.model(batch.landmarks[:, 1:], batch.intrinsics, times, state)
        sums = loss_sums(said, batch.truth(), batch.offset, batch.together(), batch.outlier, batch.root_known)
        return total(means(sums), self.weights)


def training_data(clips: ClipSet) -> TrainingData:
    """Batches of the default parameters."""
    return TrainingData(clips, list(clips.takes.index), load_params("train", TrainParams, ROOT / "params.yaml"))


def measure(workplace: Workplace) -> Seconds:
    """Seconds of a supervised frame; at the peak, of the frame's matrix products."""
    data = training_data(workplace.sample_clips)
    batch = data.batch(0)
    precision = autocast_dtype("auto", torch.device("cpu"))
    plain, auto = DefaultStep(batch, None), DefaultStep(batch, precision)
    with FlopCounterMode(display=False) as counter:
        plain.forward_backward()
    square = torch.randn(_SIDE, _SIDE, dtype=precision or torch.float32)
    peak = Case(lambda: square @ square, 2 * _SIDE**3 / (counter.get_total_flops() / plain.frames))
    numbers = iter(range(1, 1_000_000))
    cases = _published(workplace.sample_clips) | {
        "default_fp32": Case(plain.again, plain.frames),
        "default_auto": Case(auto.again, auto.frames),
        "gradient": Case(auto.forward_backward, auto.frames),
        "batch": Case(lambda: data.batch(next(numbers)), auto.frames),
        "features": Case(_features(batch), auto.frames),
        "peak": peak,
    }
    measured = in_turns(cases, workplace.rounds(3))
    measured["step"] = [one + other for one, other in zip(measured["default_auto"], measured["batch"], strict=True)]
    return measured


def _features(batch: Batch) -> Callable[[], object]:
    tracked = batch.inside[:, 1:]
    frame = torch.eye(3).expand(*tracked.shape, 3, 3)
    return lambda: landmark_features(batch.landmarks, batch.intrinsics, frame, tracked)


TRAINING = HotPath(
    "training, one core, sample",
    measure,
    (
        rate("published recipe, last frame of each window, fp32", "published_last", "supervised frames/s"),
        rate("... every frame supervised", "published_every", "supervised frames/s"),
        rate("... and bf16 where the processor computes in it", "published_every_auto", "supervised frames/s"),
        rate("default model, fp32, batches made", "default_fp32", "supervised frames/s"),
        rate("default model, `auto` precision, batches made", "default_auto", "supervised frames/s"),
        rate("default model and the making of its batches", "step", "supervised frames/s"),
        ratio("gain of supervising every frame", "published_last", "published_every"),
        ratio("gain of bf16 on the published network", "published_every", "published_every_auto"),
        ratio("gain of bf16 on the default model", "default_fp32", "default_auto"),
        ratio("**the default step against the published one**", "published_last", "step", least=50),
        share("making of a batch, of a step", "batch", "step"),
        share("**features, of a step**", "features", "step", most=0.03),
        share("**matrix products at the measured peak, of forward + backward**", "peak", "gradient", least=0.4),
    ),
)
