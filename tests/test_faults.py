"""Every fault that is put into sound recordings is found and named, and nothing is found in sound ones."""

import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from injected import (
    PARAMS,
    Recording,
    delayed_truth,
    mirrored,
    mirrored_with_names_kept,
    on_its_side,
    scaled,
    with_calibrations_exchanged,
    with_truth_of,
    with_y_and_z_exchanged,
)
from tiny import tiny_clipset
from torch import Tensor

from blaze2cap.body.kinematics import mirror_positions
from blaze2cap.body.landmark import MIRROR, SCREEN, WORLD
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import matrix_to_rotation_6d, rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.faults.bones import differing_bones
from blaze2cap.data.faults.calibration import differing_calibration
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import KINDS, runs, widened
from blaze2cap.data.faults.timing import SEARCH_FRAMES, estimate_lag, lag_sums
from blaze2cap.data.faults.truth import twisted_hands
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.pack import _shifted
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.learning.scoring import reference_of, system_scores

TAKES = ("S1/walking1", "S1/walking2", "S1/acting3", "S2/walking1")
CLIP = "S1/walking1/cam1"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "raw"
    write_sample(folder, SampleParams(seed=42, seconds=8.0, cameras=2), TAKES, workers=1)
    write_manifest(folder, "sample", [], None, workers=1)
    return folder


@pytest.fixture(scope="module")
def recording(raw: Path) -> Recording:
    return Recording.read(raw, CLIP)


@pytest.fixture(scope="module")
def packed(raw: Path) -> tuple[dict, ClipSet]:
    report = preprocess(raw, raw.parent / "clips", PreprocessParams(), workers=1)
    return report, ClipSet.load(raw.parent / "clips")


def test_nothing_is_found_in_the_sample(packed: tuple[dict, ClipSet]) -> None:
    report, clipset = packed
    assert report["data_faults"] == {"count": 0, "by_kind": dict.fromkeys(KINDS, 0), "list": []}
    assert not clipset.outlier.any()
    lags = [clip["lag_frames"] for clip in report["by_clip"].values()]
    assert max(map(abs, lags)) < 1  # detections of the sample are of the frame that they belong to


@pytest.mark.slow
def test_the_default_sample_has_its_strangers_and_no_other_fault(tmp_path: Path) -> None:
    write_sample(tmp_path / "raw", SampleParams())
    write_manifest(tmp_path / "raw", "sample", [], None)
    report = preprocess(tmp_path / "raw", tmp_path / "clips", PreprocessParams())
    found = {kind: count for kind, count in report["data_faults"]["by_kind"].items() if count}
    assert found == {"wrong_person": report["rejected_segments"]}
    assert not ClipSet.load(tmp_path / "clips").outlier.any()


INJECTED: dict[str, tuple[Callable[[Recording], Recording], str]] = {
    "mirrored": (mirrored, "mirrored"),
    "mirrored, names kept": (mirrored_with_names_kept, "mirrored"),
    "y and z exchanged": (with_y_and_z_exchanged, "axes"),
    "z up": (on_its_side, "axes"),
    "inches as metres": (lambda r: scaled(r, 1 / 0.0254), "bones_implausible"),
    "metres as inches": (lambda r: scaled(r, 0.0254), "bones_implausible"),
    "another camera's calibration": (lambda r: with_calibrations_exchanged(r, "2"), "another_camera"),
}


@pytest.mark.parametrize("name", INJECTED)
def test_an_injected_fault_is_found_and_named(recording: Recording, name: str) -> None:
    inject, kind = INJECTED[name]
    assert recording.kinds() == set()
    assert kind in inject(recording).kinds()


MIRRORED: dict[str, Callable[[Tensor], Tensor]] = {
    "across x": mirror_positions,
    "across z": lambda position: mirror_positions(position) * position.new_tensor([-1, 1, -1]),
    "across z, left and right exchanged,": lambda position: position * position.new_tensor([1, 1, -1]),
}


@pytest.mark.parametrize("way", MIRRORED)
def test_it_is_told_how_the_truth_was_mirrored(recording: Recording, way: str) -> None:
    faults, _ = replace(recording, position=MIRRORED[way](recording.position)).clip_faults()
    assert any(f"the truth mirrored {way} fits, " in fault.sentence for fault in faults)


def test_the_truth_of_somebody_else_is_found(raw: Path, recording: Recording) -> None:
    other = Recording.read(raw, "S2/walking1/cam1")
    assert {"wrong_person", "uncorrelated"} & with_truth_of(recording, other).kinds()


@pytest.mark.parametrize("frames", [-5, 5])
def test_a_shifted_truth_moves_the_lag_and_alarms(recording: Recording, frames: int) -> None:
    _, before = recording.clip_faults()
    faults, after = delayed_truth(recording, frames).clip_faults()
    assert before is not None
    assert after is not None
    assert after.frames - before.frames == pytest.approx(-frames, abs=1)
    assert [fault.kind for fault in faults] == ["lag"]
    assert faults[0].value == after.frames
    assert faults[0].sentence.startswith("S1/walking1: the video runs")


def moving_limbs(lag: float, frames: int = 300) -> torch.Tensor:
    """Image positions [px] of twelve joints that swing at paces of their own, `lag` frames late."""
    generator = np.random.default_rng(0)
    pace, phase = generator.uniform(0.05, 0.12, (12, 2)), generator.uniform(0, 6, (12, 2))
    return torch.from_numpy(100 * np.sin(pace * (np.arange(frames)[:, None, None] - lag) + phase))


@pytest.mark.parametrize("lag", [-SEARCH_FRAMES, -7.7, -1.0, 0.0, 0.3, 0.5, 4.25, SEARCH_FRAMES])
def test_a_lag_is_told_to_a_part_of_a_frame(lag: float) -> None:
    """Also where the detector loses the person and finds somebody else for a frame."""
    seen, tracked = moving_limbs(lag), torch.ones(300, dtype=torch.bool)
    seen[150] += 500
    tracked[150:152] = False
    found = estimate_lag(lag_sums(seen, moving_limbs(0.0), tracked))
    assert found is not None
    assert found.frames == pytest.approx(lag, abs=0.02)
    assert found.correlation > 0.99


def test_units_of_the_file_are_guessed(recording: Recording) -> None:
    twice = "inches that were multiplied by 39.37, as metres are"
    # What is read is 0.0254 m for each 1 of the file.
    for held, unit in ((1, "metres"), (1 / 0.3048, "feet"), (1000, "millimetres"), (39.37 / 0.0254, twice)):
        scale = 0.0254 * held
        fault = scaled(recording, scale).truth_findings().faults[0]
        assert fault.kind == "bones_implausible"
        assert fault.sentence.endswith(f"the file seems to hold {unit}, it is read as inches")


def test_a_twisted_hand_is_an_outlier_with_a_margin(recording: Recording) -> None:
    rotation, hand = recording.rotation.clone(), JOINT_INDEX["RightHand"]
    twist = rotation_vector_to_matrix(torch.tensor([2.8, 0.0, 0.0], dtype=torch.float64))
    rotation[100:120, hand] = rotation[100:120, JOINT_INDEX["RightForeArm"]] @ twist
    findings = replace(recording, rotation=rotation).truth_findings()
    (fault,) = findings.faults
    margin = PARAMS.hand_margin_frames
    assert (fault.kind, fault.frames) == ("twisted_hand", ((100 - margin, 20 + 2 * margin),))
    assert fault.value == pytest.approx(np.degrees(2.8), abs=0.01)
    assert findings.outlier.nonzero().tolist() == [[t, hand] for t in range(100 - margin, 120 + margin)]


def test_a_twisted_hand_is_told_with_its_worst_angle_and_its_share_of_the_frames() -> None:
    rotation = torch.eye(3, dtype=torch.float64).repeat(200, 21, 1, 1)
    angles = torch.tensor([2.8, 3.0, 2.9], dtype=torch.float64)
    turns = rotation_vector_to_matrix(angles[:, None] * torch.tensor([0.0, 1.0, 0.0]))
    rotation[50:53, JOINT_INDEX["LeftHand"]] = turns
    (fault,), outlier = twisted_hands("S1/rom1", rotation, PARAMS)
    assert fault.value == pytest.approx(np.degrees(3.0), abs=0.01)
    assert f"by up to 172 deg, by more than {PARAMS.max_hand_deg:g} in 1.5 % of the frames" in fault.sentence
    assert outlier.any(0).nonzero().flatten().tolist() == [JOINT_INDEX["LeftHand"]]
    assert outlier.sum() == 3 + 2 * PARAMS.hand_margin_frames


def test_a_jumping_truth_is_an_outlier_while_it_jumps(recording: Recording) -> None:
    position = recording.position.clone()
    generator = torch.Generator().manual_seed(0)
    position[200:260, 1:] += 0.02 * torch.randn(60, 20, 3, generator=generator, dtype=torch.float64)
    findings = replace(recording, position=position).truth_findings()
    (fault,) = findings.faults
    assert fault.kind == "glitch"
    assert findings.outlier[200:260, 0].all()
    assert not findings.outlier[:, 1:].any()
    assert not findings.outlier[:165].any()
    assert not findings.outlier[295:].any()


def test_exchanged_left_and_right_landmarks_are_found(recording: Recording) -> None:
    landmarks = recording.landmarks.clone()
    landmarks[250:400, :, SCREEN] = landmarks[250:400][:, list(MIRROR)][..., SCREEN]
    faults, _ = replace(recording, landmarks=landmarks).clip_faults()
    swapped = [fault for fault in faults if fault.kind == "left_right_swapped"]
    assert swapped
    assert swapped[0].frames is not None
    assert all(first >= 249 and first + frames <= 401 for first, frames in swapped[0].frames)


def test_implausible_landmarks_are_found(recording: Recording) -> None:
    landmarks = recording.landmarks.clone()
    landmarks[..., WORLD] *= 3
    faults, _ = replace(recording, landmarks=landmarks).clip_faults()
    assert {fault.kind for fault in faults} == {"landmark_bones"}


def test_the_take_that_differs_from_a_persons_others_is_told() -> None:
    length = torch.full((21,), 0.25, dtype=torch.float64)
    longer = length.clone()
    longer[JOINT_INDEX["LeftForeArm"]] += 0.014
    takes = {"S1/rom1": length, "S1/rom2": length + 0.0016, "S1/rom3": longer, "S1/walking1": length}
    (fault,) = differing_bones(takes, PARAMS)
    assert (fault.where, fault.unit) == ("S1/rom3", "mm")
    assert fault.value == pytest.approx(14, abs=0.1)
    assert differing_bones({name: takes[name] for name in ("S1/rom1", "S1/rom3")}, PARAMS) == []

    pose = torch.eye(3, dtype=torch.float64).repeat(20, 1, 1)
    turned = pose.clone()
    turned[JOINT_INDEX["RightArm"] - 1] = rotation_vector_to_matrix(torch.tensor([0.0, 0.8, 0.0])).double()
    assert differing_calibration({"a": pose, "b": turned, "c": pose}, PARAMS) == [], "one arm is held otherwise"
    turned[JOINT_INDEX["LeftArm"] - 1] = rotation_vector_to_matrix(torch.tensor([0.0, 0.7, 0.0])).double()
    (fault,) = differing_calibration({"a": pose, "b": turned, "c": pose}, PARAMS)
    assert (fault.where, round(fault.value)) == ("b", 40)
    assert "arms 46 and 40 deg" in fault.sentence
    assert differing_calibration({"a": pose, "b": turned}, PARAMS) == [], "two cannot tell which is off"
    assert differing_calibration({"a": pose, "b": turned, "c": pose, "d": pose}, PARAMS)[0].where == "b"


def test_a_take_calibrated_otherwise_has_no_rotation_that_counts(raw: Path, tmp_path: Path) -> None:
    strict = dataclasses.replace(PARAMS, max_calibration_deg=1.0)
    report = preprocess(raw, tmp_path / "clips", PreprocessParams(faults=strict), workers=1)
    told = {fault["where"] for fault in report["data_faults"]["list"]}
    clipset = ClipSet.load(tmp_path / "clips")
    assert told
    assert "S2/walking1" not in told, "its person has one take only"
    for clip in clipset.clips.index:
        outlier = clipset.clip_outliers(clip)
        assert not outlier[:, 0].any()
        assert (outlier[:, 1:] == (clipset.clips["take"][clip] in told)).all()


@pytest.mark.parametrize("lag", [3, -2])
def test_a_lag_is_corrected_on_demand(raw: Path, packed: tuple[dict, ClipSet], tmp_path: Path, lag: int) -> None:
    """Landmarks that run behind by some frames come out as if they did not, but for frames nobody recorded."""
    late = tmp_path / "raw"
    shutil.copytree(raw, late)
    for path in late.glob("landmarks/S1/walking1/*.npy"):
        landmarks = np.load(path)
        shifted = np.zeros_like(landmarks)
        shifted[max(lag, 0) : len(landmarks) + min(lag, 0)] = landmarks[max(-lag, 0) : len(landmarks) - max(lag, 0)]
        np.save(path, shifted)
    params = PreprocessParams(correct_lag=True, faults=dataclasses.replace(PARAMS, min_lag_frames=-4.0))
    report = preprocess(late, tmp_path / "clips", params, workers=1)
    assert report["by_take"]["S1/walking1"]["lag_frames"] == pytest.approx(lag, abs=0.5)
    assert report["by_clip"][CLIP]["shifted_frames"] == lag
    assert report["by_clip"]["S2/walking1/cam1"]["shifted_frames"] == 0
    corrected, sound = (data.clip_landmarks(CLIP) for data in (ClipSet.load(tmp_path / "clips"), packed[1]))
    inside = slice(max(-lag, 0) + 1, len(sound) - max(lag, 0))
    torch.testing.assert_close(corrected[inside], sound[inside])
    assert not corrected[len(sound) - max(lag, 0) :].any()
    assert not corrected[: max(-lag, 0)].any()


def test_rotations_that_are_not_believed_stay_out_of_the_headline() -> None:
    clipset = tiny_clipset()
    hand, frames = JOINT_INDEX["RightHand"], slice(20, 50)
    rotation, outlier = clipset.rotation.copy(), clipset.outlier.copy()
    rotation[frames, hand] = matrix_to_rotation_6d(rotation_vector_to_matrix(torch.tensor([3.0, 0.0, 0.0]))).numpy()
    outlier[frames, hand] = True
    wrong, marked = replace(clipset, rotation=rotation), replace(clipset, rotation=rotation, outlier=outlier)
    clip = clipset.clips.index[0]
    truth = clipset.clip_truth(clip)
    anchor = clipset.clip_anchors(clip)
    motion = Motion(truth.rotation, *root_deltas(truth.root_position, truth.rotation[:, 0], anchor), anchor | True)

    def figures(data: ClipSet) -> dict[str, float]:
        reference = reference_of(data, clip, data.clip_landmarks(clip), torch.from_numpy(data.offset[0]))
        weighted = system_scores(motion, reference)
        return {key: float((value * weight).sum() / weight.sum()) for key, (value, weight) in weighted.items()}

    sound, fooled, kept = figures(clipset), figures(wrong), figures(marked)
    for key in ("mare_rad", "mare_global_rad"):
        assert sound[key] == pytest.approx(0, abs=1e-3)
        assert fooled[key] > 0.01
        assert kept[key] == pytest.approx(0, abs=1e-3)
    assert kept["mare_outlier_rad"] > 1
    assert np.isnan(sound["mare_outlier_rad"])
    assert kept["mpjpe_mm"] == fooled["mpjpe_mm"], "positions stay scored"


def test_documented_kinds_and_thresholds_are_those_of_the_code() -> None:
    document = (Path(__file__).parents[1] / "docs" / "data.md").read_text().split("## Data faults")[1].split("\n## ")[0]
    rows = [line for line in document.splitlines() if line.startswith("| `")]
    assert tuple(row.split("`")[1] for row in rows) == KINDS
    for field in dataclasses.fields(FaultParams):
        assert f"`{field.name}`" in document


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_tilt_deg", 0.0), ("max_third_difference_km_per_s3", float("nan")), ("max_bone_ratio", 0.9),
        ("hand_margin_frames", -1), ("min_lag_frames", 4.0), ("min_correlation", 1.5), ("swap_margin_px", -1.0),
    ],
)  # fmt: skip
def test_a_threshold_out_of_range_is_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"^{key} is "):
        FaultParams(**{key: value})


def test_runs_and_margins() -> None:
    frames = torch.tensor([1, 0, 0, 0, 1, 1, 0, 0], dtype=torch.bool)
    assert runs(frames) == ((0, 1), (4, 2))
    assert runs(widened(frames, 1)) == ((0, 2), (3, 4))
    assert runs(frames.new_zeros(3)) == ()


@pytest.mark.parametrize("lag", [0, 2, 3, 5, -2, -3, -5])
def test_a_clip_shorter_than_its_lag_has_nobody_in_it(lag: int) -> None:
    raw = np.ones((3, 33, 10), np.float32)
    assert _shifted(raw, lag, 3).any((1, 2)).tolist() == [0 <= frame + lag < 3 for frame in range(3)]
