"""What the committed figures must say: the sample is as hard as real recordings, and the model earns its place."""

import itertools
import json
from typing import Any

import pytest
from import_graph import ROOT

REPORT = json.loads((ROOT / "metrics" / "evaluate.json").read_text())
TEST = REPORT["test"]
BASELINES = TEST["baseline"]

# One-Euro + IK on the real training takes, fitted there too (docs/results.md).
REAL_ONE_EURO_IK = {
    "mpjpe_mm": 79.4,
    "mpjpe_local_mm": 73.5,
    "pa_mpjpe_mm": 58.7,
    "mare_rad": 0.345,
    "mare_global_rad": 0.450,
    "mare_root_rad": 0.254,
    "acceleration_error_mm_per_frame2": 2.26,
}


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("mpjpe_12_mm", 125, 155),
        ("pa_mpjpe_12_mm", 75, 95),
        ("acceleration_error_mm_per_frame2", 14, 20),
    ],
)
def test_raw_landmarks_of_the_sample_err_as_real_ones_do(key: str, low: float, high: float) -> None:
    assert low <= BASELINES["raw"][key] <= high


def test_a_constant_pose_is_as_good_a_guess_as_on_real_people() -> None:
    assert 0.30 <= BASELINES["constant_pose"]["mare_rad"] <= 0.50


@pytest.mark.parametrize("key", REAL_ONE_EURO_IK)
def test_filter_and_inverse_kinematics_fare_as_on_real_recordings(key: str) -> None:
    assert BASELINES["one_euro_ik"][key] == pytest.approx(REAL_ONE_EURO_IK[key], rel=0.20)


def better_baseline(key: str) -> float:
    return min(BASELINES[name][key] for name in ("one_euro_ik", "constant_pose"))


@pytest.mark.parametrize("key", ["mpjpe_mm", "mare_rad"])
def test_the_model_is_a_quarter_better_than_the_better_baseline(key: str) -> None:
    assert TEST[key] <= 0.75 * better_baseline(key)


def test_the_model_moves_as_smoothly_as_people_do() -> None:
    assert 0.7 <= TEST["jitter_ratio"] <= 1.3
    assert TEST["acceleration_error_mm_per_frame2"] <= BASELINES["one_euro_ik"]["acceleration_error_mm_per_frame2"]


def groups(report: dict[str, Any]) -> set[str]:
    return {key for key, value in report.items() if isinstance(value, dict)}


def test_every_part_is_reported_by_group_and_the_test_part_by_seen_and_unseen_subject() -> None:
    expected = {"baseline", "by_subject", "by_action", "by_camera", "by_joint", "interval", "seen"}
    assert set(REPORT) == {"test", "val", "train"}
    assert all(groups(part) >= expected for part in REPORT.values())
    assert "unseen" in TEST
    assert set(TEST["by_subject"]) == {"S1", "S2", "S3", "S4", "S5"}


COLUMNS = {
    "MPJPE": "mpjpe_mm", "local": "mpjpe_local_mm", "PA": "pa_mpjpe_mm", "est. bones": "mpjpe_estimated_bones_mm",
    "MARE": "mare_rad", "T-pose": "mare_tpose_rad", "global": "mare_global_rad", "root": "mare_root_rad",
    "root by deltas": "mare_root_delta_rad", "accel": "acceleration_error_mm_per_frame2", "jitter": "jitter_ratio",
    "slide": "foot_slide_mm_per_frame", "drift 1 s": "root_drift_1s_mm", "5 s": "root_drift_5s_mm",
}  # fmt: skip
README_COLUMNS = {
    "MPJPE [mm]": "mpjpe_mm", "root aligned [mm]": "mpjpe_local_mm", "MARE [rad]": "mare_rad",
    "root [rad]": "mare_root_rad", "acceleration error [mm/frame²]": "acceleration_error_mm_per_frame2",
    "jitter, truth = 1": "jitter_ratio",
}  # fmt: skip
SYSTEMS = {
    "model": TEST,
    "- seen people": TEST["seen"],
    "- unseen people": TEST["unseen"],
    "- bent (4 % of the frames)": TEST["by_pose"]["bent"],
    "One-Euro + IK": BASELINES["one_euro_ik"],
    "- bent": BASELINES["one_euro_ik"]["by_pose"]["bent"],
    "constant pose": BASELINES["constant_pose"],
}
README_SYSTEMS = {
    "model": TEST,
    "One-Euro filter + inverse kinematics, tuned": BASELINES["one_euro_ik"],
    "constant mean pose": BASELINES["constant_pose"],
}


def rounded(key: str, figures: dict[str, Any]) -> str:
    """A figure as the tables write it; a dash where the report has none."""
    if key not in figures:
        return "-"
    if key.endswith("_rad"):
        return f"{figures[key]:.3f}".removeprefix("0")
    if key.startswith("root_drift"):
        return f"{figures[key]:.0f}"
    return f"{figures[key]:.{1 if '_mm' in key and 'frame2' not in key else 2}f}"


def first_table(text: str) -> list[list[str]]:
    """Cells of the first table, row by row, without what makes them bold."""
    lines = itertools.dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    rows = [line.strip("|").split("|") for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]
    return [[cell.strip().strip("*") for cell in row] for number, row in enumerate(rows) if number != 1]


@pytest.mark.parametrize(
    ("file", "heading", "columns", "systems"),
    [
        ("README.md", "## Results\n", README_COLUMNS, README_SYSTEMS),
        ("docs/results.md", "## The sample\n", COLUMNS, SYSTEMS),
    ],
)
def test_the_tables_of_the_sample_say_what_was_measured(
    file: str, heading: str, columns: dict[str, str], systems: dict[str, dict[str, Any]]
) -> None:
    text = (ROOT / file).read_text().split(heading)[1]
    measured = [[name, *(rounded(key, figures) for key in columns.values())] for name, figures in systems.items()]
    assert first_table(text) == [["", *columns], *measured]
    assert f"{TEST['frames']:,} frames" in text.split("\n## ")[0]
