"""What the committed figures must say: the sample is as hard as real recordings, and the model earns its place."""

import json
from pathlib import Path
from typing import Any

import pytest

REPORT = json.loads((Path(__file__).parents[1] / "metrics" / "evaluate.json").read_text())
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
