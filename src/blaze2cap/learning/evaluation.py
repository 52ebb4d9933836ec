"""Figures of an evaluation: by part, group and joint, with intervals, the model beside what a user would do instead."""

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from blaze2cap.body.pose_class import POSE_CLASSES
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.report import rounded
from blaze2cap.data.simulated_clips import SimulatedParams
from blaze2cap.errors import UserError
from blaze2cap.learning.bootstrap_interval import LEVEL, bootstrap_interval
from blaze2cap.learning.checkpoint import Checkpoint
from blaze2cap.learning.measure import COLUMNS, STANDARD_BONES, reason_left_out
from blaze2cap.learning.reliability import confidence_figures, joint_confidence, reliability
from blaze2cap.learning.scoring import BLOCK_S, RAW, RAW_NEEDS, Scores, Sums, score
from blaze2cap.learning.unseen_motion import SIMULATED

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("test", "val", "train")
MODEL = "model"
BY_JOINT = ("mpjpe_mm", "mpjpe_local_mm", "mare_rad", "mare_global_rad", STANDARD_BONES["mpjpe_mm"])
BY_POSE = (
    "mpjpe_mm", "mpjpe_local_mm", "pa_mpjpe_mm", "mpjpe_12_mm", "pa_mpjpe_12_mm",
    "mare_rad", "mare_global_rad", "mare_root_rad", STANDARD_BONES["mpjpe_mm"],
)  # fmt: skip
FEWEST_TAKES = 5

Report = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EvaluateParams:
    """Section `evaluate` of params.yaml."""

    parts: tuple[str, ...] = PARTS
    bootstrap_samples: int = 1000
    seed: int = 0
    simulated: SimulatedParams = field(default_factory=SimulatedParams)

    def __post_init__(self) -> None:
        for place, part in enumerate(self.parts):
            if part not in PARTS:
                raise ValueError(f"parts[{place}] is {part!r}, expected one of {', '.join(PARTS)}")
        if len(set(self.parts)) < len(self.parts) or not self.parts:
            raise ValueError(f"parts is {list(self.parts)}, expected at least one part, each once")
        if self.bootstrap_samples < 100:
            raise ValueError(f"bootstrap_samples is {self.bootstrap_samples}, expected 100 or more")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")


def score_checkpoint(clipset: ClipSet, takes_by_part: Mapping[str, Sequence[str]], checkpoint: Checkpoint) -> Scores:
    """Run the model, the baselines fitted beside it and the raw landmarks over the parts' takes.

    Takes without a frame to score, and parts without such takes, are left out, which is told on stderr of those with
    landmarks; UserError where none is left.
    """

    def has_frames(take: str) -> bool:
        clips = clipset.clips["clip"][clipset.clips["take"] == take]
        return any(bool(clipset.scored_frames(clip).any()) for clip in clips)

    seen = {part: [take for take in takes if has_frames(take)] for part, takes in takes_by_part.items()}
    parts = {part: takes for part, takes in seen.items() if takes}
    if not parts:
        wanted = ", ".join(takes_by_part)
        raise UserError(
            f"no take with a frame to score in {wanted}: there is nothing to evaluate; look at the split of the takes"
        )
    recorded = set(clipset.clips["take"])
    lacking = [take for part, takes in takes_by_part.items() for take in takes if take in recorded - set(seen[part])]
    if lacking:
        print(f"left out, as they have no frame to score: {', '.join(lacking)}", file=sys.stderr)
    baselines = checkpoint.baselines
    systems = {
        MODEL: checkpoint.system(),
        "one_euro_ik": baselines.one_euro_ik,
        "constant_pose": baselines.constant_pose,
    }
    return score(clipset, parts, systems, baselines.offset)


def evaluate(scores: Scores, seen_subjects: Collection[str], params: EvaluateParams) -> Report:
    """All figures, nested as `<part>.<key>`, `<part>.baseline.<name>.<key>`, `<part>.by_subject.<s>.<key>` and so on.

    6 significant digits and a stable order. A key that no frame speaks for (a T-pose that nobody saw, five seconds of
    unbroken tracking) is left out; so is what the truth is not known well enough for, each with its reason in
    `left_out`. `seen` and `unseen`: whether the model was trained on the frame's subject.
    """
    report = {part: _part_report(scores, part, set(seen_subjects), params) for part in scores.blocks["part"].unique()}
    return rounded(report)


def joint_table(scores: Scores) -> "pd.DataFrame":
    """Per-joint figures in long form: part, system, joint and BY_JOINT; raw landmarks have none.

    What stands in for a figure has a column where it does.
    """
    import pandas as pd

    rows = [
        {"part": part, "system": system, "joint": joint, **_joint_figures(sums, rows, joint)}
        for part in scores.blocks["part"].unique()
        for rows in [(scores.blocks["part"] == part).to_numpy()]
        for system, sums in scores.sums.items()
        if system != RAW
        for joint in JOINTS
    ]
    table = pd.DataFrame(rows, columns=["part", "system", "joint", *BY_JOINT])
    return without_empty(table, STANDARD_BONES.values())


def without_empty(table: "pd.DataFrame", columns: Iterable[str]) -> "pd.DataFrame":
    """A table without those of the columns that have no value in any row."""
    return table.drop(columns=[column for column in set(columns) & set(table) if table[column].isna().all()])


def figure(sums: Sums, rows: np.ndarray, columns: Any = slice(None)) -> float:
    """One figure over the chosen rows and columns: sum of values over sum of weights; not-a-number without weight."""
    weight = sums.weight[rows][:, columns].sum()
    return float(sums.value[rows][:, columns].sum() / weight) if weight > 0 else float("nan")


def _part_report(scores: Scores, part: str, seen_subjects: set[str], params: EvaluateParams) -> Report:
    blocks, model = scores.blocks, scores.sums[MODEL]
    inside = (blocks["part"] == part).to_numpy()
    seen = blocks.subject.isin(seen_subjects).to_numpy()
    poses = {name: inside & (blocks[name] & (blocks.scored > 0)).to_numpy() for name in POSE_CLASSES}
    poses = {name: rows for name, rows in poses.items() if rows.any()}
    report: Report = {**_group(scores, inside), "interval": _intervals(scores, MODEL, inside, params)}
    if left_out := _left_out(scores, inside):
        report["left_out"] = left_out
    for name, rows in (("seen", inside & seen), ("unseen", inside & ~seen)):
        if rows.any():
            report[name] = {**_group(scores, rows), "interval": _intervals(scores, MODEL, rows, params)}
    # Every simulated clip has a camera of its own.
    for column in ("subject", "action") if part.endswith(SIMULATED) else ("subject", "action", "camera"):
        report[f"by_{column}"] = {
            group: _group(scores, rows)
            for group in sorted(blocks[inside][column].unique())
            for rows in [inside & (blocks[column] == group).to_numpy()]
        }
    report["by_pose"] = {
        name: {
            **_figures(model, rows, BY_POSE),
            **confidence_figures(model, rows),
            "frames": int(blocks.scored[rows].sum()),
            "share": float(blocks.scored[rows].sum() / blocks.scored[inside].sum()),
        }
        for name, rows in poses.items()
    }
    for name, rows in poses.items():
        # A class that was seen in one block alone says nothing of others.
        if blocks[rows].groupby(["take", "block"]).ngroups > 1:
            report["by_pose"][name]["interval"] = _intervals(scores, MODEL, rows, params, BY_POSE)
    report["by_joint"] = {
        joint: _joint_figures(model, inside, joint) | joint_confidence(model, inside, joint) for joint in JOINTS
    }
    if curve := reliability(model, inside):
        report["reliability"] = curve
    report["baseline"] = {
        name: {
            **_figures(sums, inside),
            **confidence_figures(sums, inside),
            "interval": _intervals(scores, name, inside, params),
            "by_pose": {pose: _figures(sums, rows, BY_POSE) for pose, rows in poses.items()},
        }
        for name, sums in scores.sums.items()
        if name != MODEL and any(pair.weight[inside].any() for pair in sums.values())
    }
    return report


def _left_out(scores: Scores, rows: np.ndarray) -> dict[str, str]:
    """Figures and systems that no clip speaks for, as too little is known of its truth, and what it would take."""
    known = scores.blocks["known"][rows].unique()
    reasons = {key: reason_left_out(known, key) for key in COLUMNS}
    told = {key: reason for key, reason in reasons.items() if reason}
    if not any(RAW_NEEDS in one for one in known):
        told[f"baseline.{RAW}"] = "landmarks are compared where the camera saw the person, with the person's own bones"
    return told


def _group(scores: Scores, rows: np.ndarray) -> Report:
    """The model's figures over some rows, and what they stand on.

    Frames scored; the shares of all frames with a detection, and with one of somebody else; the share of scored frames
    that count in `mare_tpose_rad`, as their clip shows its T-pose; the share of body joints over the scored frames
    whose true rotation is not to be believed, which count in `mare_outlier_rad` alone.
    """
    model, blocks = scores.sums[MODEL], scores.blocks[rows]
    frames, detected, scored = (int(blocks[column].sum()) for column in ("frames", "detected", "scored"))
    return {
        **_figures(model, rows),
        **confidence_figures(model, rows),
        "frames": scored,
        "detected_share": detected / frames,
        "rejected_share": (detected - scored) / frames,
        "tpose_share": float(model["mare_tpose_rad"].weight[rows].max(1).sum()) / max(scored, 1),
        "outlier_share": float(model["mare_outlier_rad"].weight[rows].mean(1).sum()) / max(scored, 1),
        "takes": int(blocks["take"].nunique()),
        "clips": int(blocks.groupby(["take", "camera"]).ngroups),
    }


def _figures(sums: dict[str, Sums], rows: np.ndarray, keys: Iterable[str] = COLUMNS) -> Report:
    return _known({key: figure(sums[key], rows) for key in keys if key in sums})


def _joint_figures(sums: dict[str, Sums], rows: np.ndarray, joint: str) -> Report:
    return _known(
        {key: figure(sums[key], rows, COLUMNS[key].index(joint)) for key in BY_JOINT if joint in COLUMNS[key]}
    )


def _known(figures: Report) -> Report:
    return {key: value for key, value in figures.items() if not np.isnan(value)}


def _intervals(
    scores: Scores, system: str, rows: np.ndarray, params: EvaluateParams, keys: Iterable[str] = COLUMNS
) -> Report:
    """Intervals over takes, or over blocks of ten seconds, all cameras of a block together, where takes are few.

    Of a single block there are none.
    """
    blocks = scores.blocks[rows]
    takes = blocks["take"].nunique()
    if takes >= FEWEST_TAKES:
        cluster, method = blocks.groupby("take").ngroup(), f"bootstrap over {takes} takes"
    else:
        cluster = blocks.groupby(["take", "block"]).ngroup()
        method = f"bootstrap over {cluster.nunique()} blocks of {BLOCK_S} s from {takes} take{'s' if takes > 1 else ''}"
    if cluster.nunique() < 2:
        return {"method": f"a single block of {BLOCK_S} s, which says nothing of others", "level": LEVEL}
    keys = [key for key in keys if key in scores.sums[system]]
    value, weight = (
        _cluster_sums(np.stack([sums[rows].sum(1) for sums in part], axis=1), cluster.to_numpy())
        for part in zip(*(scores.sums[system][key] for key in keys), strict=True)
    )
    interval = bootstrap_interval(value, weight, params.bootstrap_samples, params.seed)
    ends = {key: ends.tolist() for key, ends in zip(keys, interval, strict=True) if not np.isnan(ends).any()}
    return {"method": method, "level": LEVEL, **ends}


def _cluster_sums(value: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    total = np.zeros((cluster.max() + 1, value.shape[1]))
    np.add.at(total, cluster, value)
    return total
