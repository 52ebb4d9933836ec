"""Real or simulated? Classifiers judge the simulated detectors on windows of real clips that neither has seen.

Every window of a real clip is detected again, by a simulated detector that sees the same motion from the same camera.
Detectors are fitted on training takes; for the windows that train the classifiers, on the other training takes only.
The unseen take is left to the end. AUC 0.5: nothing tells them apart; 1: every window is told.

    python benchmarks/real_or_simulated.py --path DIR        # recordings in the raw layout, or packed clips
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import torch
import typer
from paired_windows import (
    CHANNELS,
    Labelled,
    of_takes,
    real_halves,
    real_windows,
    simulated_windows,
    together,
    views_of,
)
from torch import Tensor
from window_classifier import Auc, auc_with_interval, fit_logistic, fit_net, net_scores
from window_statistics import FAMILIES, Statistic, goes_with_motion, separation, window_statistics

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.recordings import opened_recordings
from blaze2cap.data.report import write_report
from blaze2cap.data.simulated import make_detector
from blaze2cap.errors import UserError, one_sentence

DetectorName = Literal["parametric", "bootstrap"]
DETECTORS: tuple[DetectorName, ...] = ("parametric", "bootstrap")
FRAMES = 64
HOP = 32
GROUPS = {"all": CHANNELS, "world": CHANNELS[:3], "image": CHANNELS[3:5], "visibility": CHANNELS[5:]}
SEEN = ("landmarks", "errors")
_EVERY = 32  # of a window's frames, for the network that sees single ones
_STRONGEST = 20


class Pair(NamedTuple):
    """Windows that train the classifiers, and those that judge."""

    train: Labelled
    unseen: Labelled


class Trait(NamedTuple):
    """How far simulated lies above real in one statistic [standard deviations], mean over the sides of a part."""

    seen: str
    kind: str
    channel: str
    part: str
    train: float
    unseen: float


def main(
    path: Annotated[Path, typer.Option(help="Recordings in the raw layout, or packed clips.")],
    unseen: Annotated[str, typer.Option(help="Take that only judges.")] = "S2/freestyle2",
    seed: int = 0,
    report: Annotated[Path | None, typer.Option(help="All figures as JSON.")] = None,
) -> None:
    """Print the AUC of every classifier for every detector, and what gives the simulation away."""
    with one_sentence("real_or_simulated"), opened_recordings(path, "totalcapture") as clipset:
        results: dict[str, dict[str, Auc]] = {}
        traits: dict[str, list[Trait]] = {}
        motion: dict[str, list[float]] = {}
        for name, pair in make_pairs(clipset, unseen, seed).items():
            print(
                f"{name}: {len(pair.train.real)} windows to learn from, {len(pair.unseen.real)} unseen", file=sys.stderr
            )
            if name in DETECTORS:
                results[name], traits[name] = judge(pair, seed)
                unseen_pair = pair.unseen
                motion[name] = [
                    goes_with_motion(unseen_pair.error[kind], unseen_pair.truth[kind])
                    for kind in (unseen_pair.real, ~unseen_pair.real)
                ]
            else:
                results[name] = control(pair, seed)
        print(auc_table(results))
        for name, found in traits.items():
            real, simulated = motion[name]
            print(f"\n{name}: errors change with the motion, correlation {real:.2f} real, {simulated:.2f} simulated\n")
            print(trait_table(found))
        if report:
            aucs = {name: {row: value._asdict() for row, value in rows.items()} for name, rows in results.items()}
            separations = {name: [trait._asdict() for trait in found] for name, found in traits.items()}
            write_report(report, {"auc": aucs, "separation": separations, "error_with_motion": motion})


def make_pairs(clipset: ClipSet, unseen: str, seed: int) -> dict[str, Pair]:
    """Windows for each detector, and two controls that nothing can tell apart.

    Raises UserError where the take has no landmarks, or fewer than two others have any.
    """
    seen_takes = clipset.takes.index[clipset.takes["has_landmarks"]]
    training = [take for take in seen_takes if take != unseen]
    if len(training) == len(seen_takes) or len(training) < 2:
        raise UserError(
            f"{unseen} and two other takes with landmarks are needed, found {', '.join(seen_takes) or 'none'}; "
            "name another take with --unseen"
        )
    views = {take: views_of(clipset, take, FRAMES, HOP) for take in seen_takes}
    real = Pair(of_takes([real_windows(views[take]) for take in training]), real_windows(views[unseen]))

    def simulated(detector: DetectorName, generator: torch.Generator) -> Pair:
        others = {take: [other for other in training if other != take] for take in seen_takes}
        seen = {
            take: simulated_windows(views[take], make_detector(detector, clipset, others[take]), generator)
            for take in seen_takes
        }
        return Pair(of_takes([seen[take] for take in training]), seen[unseen])

    draws = {
        name: simulated(name, torch.Generator().manual_seed(seed + number)) for number, name in enumerate(DETECTORS)
    }
    again = simulated("bootstrap", torch.Generator().manual_seed(seed + len(DETECTORS)))
    called_real = Pair(*(part._replace(real=torch.ones_like(part.real)) for part in again))
    coin = torch.Generator().manual_seed(seed)
    return {
        **{name: _joined(real, draw) for name, draw in draws.items()},
        "real, two halves": Pair(real_halves(real.train, coin), real_halves(real.unseen, coin)),
        "bootstrap, two draws": _joined(called_real, draws["bootstrap"]),
    }


def _joined(a: Pair, b: Pair) -> Pair:
    return Pair(*(together(parts) for parts in zip(a, b, strict=True)))


class _Judge:
    """Scores of one pair, told on stderr as they come."""

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.seed = pair, seed
        self.results: dict[str, Auc] = {}

    def keep(self, name: str, scores: Tensor) -> None:
        """The AUC of the scores of the unseen windows."""
        unseen = self.pair.unseen
        self.results[name] = auc_with_interval(scores, unseen.real, unseen.block, self.seed)
        print(f"  {name}: {_text(self.results[name])}", file=sys.stderr)

    def statistics(self, seen: str, parts: bool) -> list[Trait]:
        """Judge by statistics, by groups of them as well with `parts`; the separation of each."""
        names, values = window_statistics(_seen(self.pair.train, seen))
        _, judged = window_statistics(_seen(self.pair.unseen, seen))
        for group, columns in _columns(names).items():
            if parts or group == "all":
                logistic = fit_logistic(values[:, columns], self.pair.train.real)
                self.keep(f"statistics of {seen}: {group}", logistic(judged[:, columns]))
        return list(_traits(seen, names, values, judged, self.pair))

    def single_frames(self, seen: str) -> None:
        """Judge by frames without their neighbours, and by parts of their channels."""
        for group, channels in GROUPS.items():
            channel = [CHANNELS.index(name) for name in channels]
            frames = _seen(self.pair.train, seen)[:, ::_EVERY, :, channel].flatten(0, 1).flatten(1)[:, None]
            net = fit_net(frames, self.pair.train.real.repeat_interleave(FRAMES // _EVERY), self.seed)
            single = _seen(self.pair.unseen, seen)[:, FRAMES // 2, :, channel].flatten(1)[:, None]
            self.keep(f"network, single frames of {seen}: {group}", net_scores(net, single))

    def windows(self, seen: str) -> None:
        """Judge by whole windows."""
        net = fit_net(_seen(self.pair.train, seen).flatten(2), self.pair.train.real, self.seed)
        self.keep(f"network, windows of {seen}: all", net_scores(net, _seen(self.pair.unseen, seen).flatten(2)))


def judge(pair: Pair, seed: int) -> tuple[dict[str, Auc], list[Trait]]:
    """AUC on the unseen windows by classifier and what it sees, and the separation of every statistic."""
    judge = _Judge(pair, seed)
    traits = [trait for seen in SEEN for trait in judge.statistics(seen, parts=True)]
    for seen in SEEN:
        judge.single_frames(seen)
        judge.windows(seen)
    return judge.results, traits


def control(pair: Pair, seed: int) -> dict[str, Auc]:
    """The same for windows that nothing can tell apart, without the parts."""
    judge = _Judge(pair, seed)
    judge.statistics("landmarks", parts=False)
    judge.windows("landmarks")
    return judge.results


def _seen(windows: Labelled, seen: str) -> Tensor:
    return windows.error if seen == "errors" else windows.landmarks


def _columns(names: Sequence[Statistic]) -> dict[str, list[int]]:
    """Statistics by channels, and by what they are about."""
    by_group = {
        group: [k for k, name in enumerate(names) if name.channel in channels] for group, channels in GROUPS.items()
    }
    return by_group | {family: [k for k, name in enumerate(names) if name.family == family] for family in FAMILIES}


def _traits(seen: str, names: Sequence[Statistic], values: Tensor, judged: Tensor, pair: Pair) -> Iterator[Trait]:
    train = separation(values[pair.train.real], values[~pair.train.real])
    unseen = separation(judged[pair.unseen.real], judged[~pair.unseen.real])
    sides: dict[tuple[str, str, str], list[int]] = {}
    for k, name in enumerate(names):
        sides.setdefault((name.kind, name.channel, name.part), []).append(k)
    for key, columns in sides.items():
        yield Trait(seen, *key, float(train[columns].mean()), float(unseen[columns].mean()))


def auc_table(results: dict[str, dict[str, Auc]]) -> str:
    """A row for each classifier, a column for each detector and control, as Markdown."""
    head = f"| | {' | '.join(results)} |\n|---|{'---|' * len(results)}"
    rows = dict.fromkeys(row for column in results.values() for row in column)
    lines = [
        f"| {row} | " + " | ".join(_text(column[row]) if row in column else "" for column in results.values()) + " |"
        for row in rows
    ]
    return "\n".join([head, *lines])


def _text(value: Auc) -> str:
    return f"{value.value:.3f} ({value.low:.2f}-{value.high:.2f})"


def trait_table(traits: Sequence[Trait]) -> str:
    """The strongest that hold in training and unseen takes alike, each by its strongest part, as Markdown."""

    def strength(trait: Trait) -> float:
        return min(abs(trait.train), abs(trait.unseen)) if trait.train * trait.unseen > 0 else 0.0

    best: dict[tuple[str, str, str], Trait] = {}
    # The visibility of errors is that of landmarks.
    known = [trait for trait in traits if (trait.seen, trait.channel) != ("errors", "visibility")]
    for trait in sorted(known, key=strength, reverse=True):
        best.setdefault((trait.seen, trait.kind, trait.channel), trait)
    lines = [
        f"| {trait.seen} | {trait.kind} | {trait.channel} | {trait.part} | {trait.train:+.2f} | {trait.unseen:+.2f} |"
        for trait in list(best.values())[:_STRONGEST]
    ]
    head = "| of | statistic | channel | part | training takes | unseen take |\n|---|---|---|---|---|---|"
    return "\n".join([head, *lines])


if __name__ == "__main__":
    typer.run(main)
