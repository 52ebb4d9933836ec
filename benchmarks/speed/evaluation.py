"""Evaluation of real recordings: all figures beside a loop over frames, intervals beside a loop over draws."""

import time

import numpy as np
import torch

from blaze2cap.learning.bootstrap_interval import bootstrap_interval
from blaze2cap.learning.evaluation import EvaluateParams, evaluate, score_checkpoint
from blaze2cap.learning.scoring import reference_of, system_scores
from speed.claim import HotPath, rate, ratio, seconds
from speed.metric_loop import Totals, loop_totals
from speed.rounds import Case, Seconds, in_turns
from speed.workplace import Workplace

# The loop takes milliseconds a frame.
_FRAMES = 600
_DRAWS = 1000


def measure(workplace: Workplace) -> Seconds:
    """Seconds of a frame; both ways give the same sums."""
    clips, checkpoint = workplace.recorded_clips, workplace.checkpoint
    name = "S2/acting1/cam6"
    landmarks, dt = clips.clip_landmarks(name), 60 / float(clips.clips.fps[name])
    truth = reference_of(clips, name, landmarks, checkpoint.baselines.offset)
    motion = checkpoint.system()(landmarks, clips.camera_of(name).intrinsics, dt)
    frames = slice(0, _FRAMES)
    kept = {key: part for key, part in truth._asdict().items() if isinstance(part, torch.Tensor)}
    cut = {key: part[frames] for key, part in kept.items() if key != "offset"}
    truth, motion = truth._replace(**cut), motion.at(frames)

    def fast() -> Totals:
        scores = system_scores(motion, truth)
        return {key: (float((v * w).double().sum()), float(w.double().sum())) for key, (v, w) in scores.items()}

    mine, plain = fast(), loop_totals(motion, truth)
    for key, total in plain.items():
        np.testing.assert_allclose(mine[key], total, rtol=2e-3, err_msg=key)
    left = sorted(key for key, (_, weight) in mine.items() if weight and key not in plain and "deviation" not in key)
    assert left == ["mpjpe_since_anchor_mm"], left

    rng = np.random.default_rng(0)
    value, weight = rng.random((30, len(plain))), rng.random((30, len(plain))) + 1
    figures = in_turns(
        {
            "arrays": Case(fast, _FRAMES),
            "loop": Case(lambda: loop_totals(motion, truth), _FRAMES),
            "intervals": Case(lambda: bootstrap_interval(value, weight, _DRAWS, 0)),
            "intervals_loop": Case(lambda: _intervals(value, weight)),
        },
        workplace.rounds(3),
    )
    begun = time.process_time()
    scores = score_checkpoint(clips, {"train": list(clips.takes.index[clips.takes.has_landmarks])}, checkpoint)
    scored = time.process_time()
    evaluate(scores, ["S1", "S2"], EvaluateParams(bootstrap_samples=_DRAWS))
    count = int(scores.blocks["frames"].sum())
    return figures | {"folder": [(scored - begun) / count], "report": [time.process_time() - scored]}


def _intervals(value: np.ndarray, weight: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(0)
    ends = []
    for figure in range(value.shape[1]):
        ratios = []
        for _ in range(_DRAWS):
            drawn = rng.integers(0, len(value), len(value))
            ratios.append(sum(value[c, figure] for c in drawn) / sum(weight[c, figure] for c in drawn))
        ends.append(np.percentile(ratios, (2.5, 97.5)))
    return np.array(ends)


EVALUATION = HotPath(
    "evaluation of recordings, all figures",
    measure,
    (
        rate("figures of a system, whole clips", "arrays", "frames/s"),
        rate("figures of a system, frame by frame", "loop", "frames/s"),
        ratio("**whole clips against the loop over frames**", "loop", "arrays", least=20),
        ratio("1,000 draws at once against a loop over draws", "intervals_loop", "intervals"),
        rate("the whole folder, three systems run and scored", "folder", "frames/s"),
        seconds("**report of the whole folder, intervals of 1,000 draws**", "report", most=5.0),
    ),
)
