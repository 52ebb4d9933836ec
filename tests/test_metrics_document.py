"""docs/metrics.md explains every number that an evaluation reports, and no other."""

import re
from pathlib import Path

import pytest
import torch
from tiny import bones, tiny_clipset

from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.motion import Motion
from blaze2cap.body.pose_class import MAX_FROM_BACK_DEG, MAX_TILT_DEG, MIN_HIPS_M, MIN_VISIBILITY, POSE_CLASSES
from blaze2cap.data.simulated_clips import SimulatedParams
from blaze2cap.learning.evaluation import BY_POSE, EvaluateParams, evaluate
from blaze2cap.learning.measure import COLUMNS
from blaze2cap.learning.reliability import CONFIDENCE
from blaze2cap.learning.scoring import score
from blaze2cap.learning.unseen_motion import HELD_OUT, SIMULATED

TEXT = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text()
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))
UNITS = {
    "_mm": "mm,", "_rad": "rad,", "_ratio": "1,", "_mm_per_frame2": "mm/frame^2", "_mm_per_frame": "mm/frame,",
    "_km_per_s3": "km/s^3,", "_ence": "1,",
}  # fmt: skip


def test_the_document_has_the_figures_of_the_report() -> None:
    assert sorted(SECTIONS) == sorted((*COLUMNS, *CONFIDENCE))


@pytest.mark.parametrize("key", [*COLUMNS, *CONFIDENCE])
def test_a_figure_has_a_formula_a_unit_a_range_a_mean_and_a_warning(key: str) -> None:
    labels = re.findall(r"^- \*\*([\w, ]+)\*\*: (.+)", SECTIONS[key], re.MULTILINE)
    assert [label for label, _ in labels] == ["Formula", "Unit, range", "Mean over", "Misleads"]
    ending = max((ending for ending in UNITS if key.endswith(ending)), key=len)
    assert dict(labels)["Unit, range"].startswith(UNITS[ending])


def still(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
    """A system that never moves, and knows it."""
    frames = len(landmarks)
    detected = (landmarks[..., :TRACKED] != 0).any(2).any(1)
    unit = torch.eye(3).expand(frames, 21, 3, 3)
    return Motion(unit, torch.zeros(frames, 3), unit[:, 0], detected, torch.full((frames, 21), 0.5))


def test_the_document_has_every_other_key_of_the_report() -> None:
    clipset = tiny_clipset(("S1/walking2", "S4/acting3"))
    scores = score(clipset, {"test": list(clipset.takes.index)}, {"model": still, "constant_pose": still}, bones())
    report = evaluate(scores, {"S1"}, EvaluateParams(parts=("test",), bootstrap_samples=100))["test"]
    keys = {
        *report,
        *report["baseline"],
        *report["interval"],
        *report["by_joint"]["Head"],
        *report["by_pose"]["upright"],
        *report["reliability"],
    }
    assert {"seen", "unseen", "by_camera", "interval", "outlier_share"} <= keys
    assert [key for key in sorted(keys) if f"`{key}`" not in TEXT] == []


def test_every_group_of_the_report_has_the_keys_that_the_document_says() -> None:
    clipset = tiny_clipset(("S1/walking2", "S4/acting3"))

    def silent(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        return still(landmarks, intrinsics, dt)._replace(deviation=None)

    scores = score(clipset, {"test": list(clipset.takes.index)}, {"model": still, "constant_pose": silent}, bones())
    report = evaluate(scores, {"S1"}, EvaluateParams(parts=("test",), bootstrap_samples=100))["test"]
    told, groups = TEXT.split("## What the figures stand on")[1].split("\nGroups and their keys")
    stands_on = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.+?)\|", told, re.MULTILINE)))) - {"interval"}
    every = set(COLUMNS) & set(report)
    rows = [line.split(" | ")[1:] for line in groups.split("\n\n")[1].splitlines()[2:]]
    expected = []
    for figures, own_error, on, interval in rows:
        named = set(re.findall(r"`(\w+)`", figures)) or (every & set(BY_POSE) if "of one frame" in figures else every)
        below = stands_on - {"share"} if on.startswith("all") else re.findall(r"`(\w+)`", on)
        ends = ["interval"] if interval.startswith("yes") else []
        expected.append({*named, *(CONFIDENCE if own_error == "yes" else ()), *below, *ends})
    part, by_column, by_pose, system, raw, pose_of_system = expected
    nested = {key for key, value in report.items() if isinstance(value, dict)} - {"interval"}
    assert set(report) - nested == set(report["seen"]) == set(report["unseen"]) == part
    for column in ("by_subject", "by_action", "by_camera"):
        assert all(set(group) == by_column for group in report[column].values())
    # A class that shows in one block alone has no interval.
    assert all(set(group) | {"interval"} == by_pose for group in report["by_pose"].values())
    baseline = report["baseline"]
    assert set(baseline["constant_pose"]) - {"by_pose"} == system
    assert set(baseline["raw"]) - {"by_pose"} == raw
    assert all(set(group) == pose_of_system for group in baseline["constant_pose"]["by_pose"].values())
    assert all(set(group) == pose_of_system & raw for group in baseline["raw"]["by_pose"].values())


def test_the_document_has_every_pose_class_with_its_thresholds() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", TEXT.split("### Pose classes")[1], re.MULTILINE))
    assert [name for name in rows if name in POSE_CLASSES] == list(POSE_CLASSES)
    assert f"more than {MAX_TILT_DEG:g} degrees" in rows["bent"]
    assert f"lower than {MIN_HIPS_M:g} m" in rows["bent"]
    assert f"within {MAX_FROM_BACK_DEG:g} degrees" in rows["back"]
    assert f"below {MIN_VISIBILITY:g}" in rows["arms_hidden"]


def test_the_document_has_the_parts_and_defaults_of_simulated_takes() -> None:
    told = TEXT.split("### Takes without landmarks")[1]
    assert all(f"`{part}{SIMULATED}`" in told for part in HELD_OUT)
    assert (SimulatedParams().seconds, SimulatedParams().views) == (5, 4)
    assert "windows of five seconds" in told
    assert "four random cameras" in told
