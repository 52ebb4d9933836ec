"""Two classifiers of windows, a small temporal convolutional network and a logistic regression, and their score."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

WIDTH = 32
EPOCHS = 8
BATCH = 64
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
DROP_OUT = 0.2
RIDGE = 0.01  # on the weights of standardised statistics, beside the mean loss
RESAMPLES = 300
_SMALLEST_SCALE = 1e-3  # a millimetre; a channel that varies less is not blown up


class Auc(NamedTuple):
    """Area under the ROC curve, and its 95 % interval."""

    value: float
    low: float
    high: float


def auc(real_score: Float[np.ndarray, "N"], simulated_score: Float[np.ndarray, "M"]) -> float:
    """Chance that a real window scores above a simulated one: Mann-Whitney's U over all pairs, ties as halves."""
    from scipy.stats import mannwhitneyu

    u = mannwhitneyu(real_score, simulated_score, method="asymptotic").statistic
    return float(u) / (len(real_score) * len(simulated_score))


def auc_with_interval(score: Float[Tensor, "N"], real: Bool[Tensor, "N"], block: Int[Tensor, "N"], seed: int) -> Auc:
    """AUC; the interval is by drawing whole blocks again, with replacement: windows of a block are not independent."""
    values, labels = score.numpy(), real.numpy()
    rows = [np.flatnonzero(block.numpy() == number) for number in block.unique().tolist()]
    rng = np.random.default_rng(seed)
    drawn: list[float] = []
    while len(drawn) < RESAMPLES:
        chosen = np.concatenate([rows[k] for k in rng.integers(len(rows), size=len(rows))])
        label = labels[chosen]
        # A draw of one kind only has no AUC.
        if label.any() and not label.all():
            drawn.append(auc(values[chosen][label], values[chosen][~label]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Auc(auc(values[labels], values[~labels]), float(low), float(high))


class Logistic(NamedTuple):
    """Log odds of being real, linear in values less their mean over their scale."""

    mean: Float[Tensor, "D"]
    scale: Float[Tensor, "D"]
    weight: Float[Tensor, "D"]
    constant: Float[Tensor, ""]

    def standardised(self, values: Float[Tensor, "N D"]) -> Float[Tensor, "N D"]:
        """Beyond five standard deviations is five."""
        return ((values - self.mean) / self.scale).clamp(-5, 5)

    def __call__(self, values: Float[Tensor, "N D"]) -> Float[Tensor, "N"]:
        """Log odds of being real."""
        return self.standardised(values) @ self.weight + self.constant


def fit_logistic(values: Float[Tensor, "N D"], real: Bool[Tensor, "N"]) -> Logistic:
    """Ridge logistic regression, to the optimum (L-BFGS)."""
    scale = values.std(0).clamp_min(_SMALLEST_SCALE)
    start = Logistic(values.mean(0), scale, torch.zeros(values.shape[1]), torch.zeros(()))
    known, target = start.standardised(values), real.float()
    weight, constant = start.weight.clone().requires_grad_(), start.constant.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([weight, constant], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = nn.functional.binary_cross_entropy_with_logits(known @ weight + constant, target)
        value = value + RIDGE / 2 * weight.square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    return start._replace(weight=weight.detach(), constant=constant.detach())


class WindowNet(nn.Module):
    """A frame's channels and their changes mixed, then convolutions over time, each of them halving the frames."""

    mean: Tensor
    scale: Tensor

    def __init__(self, signal: Float[Tensor, "N S D"]) -> None:
        super().__init__()
        channels = _with_changes(signal)
        self.register_buffer("mean", channels.mean((0, 1)))
        self.register_buffer("scale", channels.std((0, 1)).clamp_min(_SMALLEST_SCALE))
        self.mix = nn.Sequential(nn.Linear(channels.shape[-1], WIDTH), nn.GELU(), nn.Dropout(DROP_OUT))
        layers = [
            part
            for _ in range(3)
            for part in (nn.Conv1d(WIDTH, WIDTH, 5, stride=2, padding=2), nn.GELU(), nn.Dropout(DROP_OUT))
        ]
        self.time = nn.Sequential(*layers)
        self.head = nn.Linear(2 * WIDTH, 1)

    def standardised(self, signal: Float[Tensor, "N S D"]) -> Float[Tensor, "N S E"]:
        """What `forward` takes: the channels and their first differences; beyond five standard deviations is five."""
        return ((_with_changes(signal) - self.mean) / self.scale).clamp_(-5, 5)

    def forward(self, channels: Float[Tensor, "N S E"]) -> Float[Tensor, "N"]:
        """Log odds of being real."""
        hidden = self.time(self.mix(channels).mT)
        return self.head(torch.cat((hidden.mean(-1), hidden.amax(-1)), dim=-1)).squeeze(-1)


def _with_changes(signal: Float[Tensor, "N S D"]) -> Float[Tensor, "N S E"]:
    """A single frame has no changes."""
    if signal.shape[1] == 1:
        return signal
    return torch.cat((signal, signal.diff(dim=1, prepend=signal[:, :1])), dim=-1)


def fit_net(signal: Float[Tensor, "N S D"], real: Bool[Tensor, "N"], seed: int) -> WindowNet:
    """Train for a fixed number of epochs; nothing is chosen by the windows that it is judged on."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = WindowNet(signal)
        channels, target = net.standardised(signal), real.float()
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=WEIGHT_DECAY)
        steps = EPOCHS * -(-len(signal) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(signal), generator=generator).split(BATCH):
                optimiser.zero_grad()
                nn.functional.binary_cross_entropy_with_logits(net(channels[rows]), target[rows]).backward()
                optimiser.step()
                schedule.step()
    return net.eval()


@torch.no_grad()
def net_scores(net: WindowNet, signal: Float[Tensor, "N S D"]) -> Float[Tensor, "N"]:
    """Log odds of being real of many windows."""
    return torch.cat([net(net.standardised(part)) for part in signal.split(256)])
