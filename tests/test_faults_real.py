"""Real recordings have the faults that they are known for and no others; injected ones are found in them too."""

from pathlib import Path

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

from blaze2cap.body.kinematics import bone_offsets, global_to_local
from blaze2cap.body.rotation import quaternion_to_matrix
from blaze2cap.data.faults.examine import TakeFindings, examine_subjects, examine_take
from blaze2cap.data.raw import vicon_folder
from blaze2cap.data.vicon import FPS, read_vicon


def findings_of(folder: Path, take: str) -> TakeFindings:
    vicon = read_vicon(folder / vicon_folder(take))
    position, rotation = torch.from_numpy(vicon.position), quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
    return examine_take(take, position, global_to_local(rotation), bone_offsets(position, rotation)[0], FPS, PARAMS)


@pytest.fixture(scope="module")
def recording(totalcapture_root: Path) -> Recording:
    return Recording.read(totalcapture_root, "S2/freestyle2/cam8")


def test_a_sound_clip_has_the_lag_it_is_known_for_and_no_fault(recording: Recording) -> None:
    faults, lag = recording.clip_faults()
    assert faults == []
    assert lag is not None
    assert lag.frames == pytest.approx(2.8, abs=0.5)
    assert lag.correlation > 0.5


def test_the_take_calibrated_otherwise_is_told_with_its_bones(totalcapture_root: Path) -> None:
    takes = ("S1/freestyle1", "S1/freestyle2", "S1/walking1")
    faults = examine_subjects({take: findings_of(totalcapture_root, take) for take in takes}, PARAMS)
    assert {(fault.kind, fault.where) for fault in faults} == {
        ("bones_differ", "S1/freestyle2"),
        ("calibration", "S1/freestyle2"),
    }
    assert {fault.kind: round(fault.value) for fault in faults} == {"bones_differ": 14, "calibration": 44}


def test_bones_that_differ_by_little_are_no_fault(totalcapture_root: Path) -> None:
    takes = ("S2/acting1", "S2/freestyle2", "S2/walking1")
    findings = {take: findings_of(totalcapture_root, take) for take in takes}
    lengths = torch.stack([take.bone_length for take in findings.values()])
    assert 1000 * (lengths.amax(0) - lengths.amin(0)).max() == pytest.approx(1.6, abs=0.1)
    assert examine_subjects(findings, PARAMS) == []


def test_twisted_hands_and_glitches_are_where_they_are_known(totalcapture_root: Path) -> None:
    findings = findings_of(totalcapture_root, "S3/freestyle2")
    assert [fault.kind for fault in findings.faults] == ["twisted_hand", "glitch"]
    assert "RightHand" in findings.faults[0].sentence
    assert 0.25 < findings.outlier[:, 0].double().mean() < 0.35
    assert findings_of(totalcapture_root, "S3/walking1").faults == []


def test_another_persons_segment_is_told_alone(totalcapture_root: Path) -> None:
    faults, lag = Recording.read(totalcapture_root, "S1/freestyle1/cam5").clip_faults()
    assert [(fault.kind, fault.segment, fault.frames) for fault in faults] == [("wrong_person", 1, ((1378, 935),))]
    assert lag is not None
    assert lag.frames == pytest.approx(1, abs=0.5), "the lag is that of the other segment"


def test_injected_faults_are_found(totalcapture_root: Path, recording: Recording) -> None:
    assert "mirrored" in mirrored(recording).kinds()
    assert "mirrored" in mirrored_with_names_kept(recording).kinds()
    assert "axes" in with_y_and_z_exchanged(recording).kinds()
    assert "axes" in on_its_side(recording).kinds()
    assert "bones_implausible" in scaled(recording, 1 / 0.0254).kinds()
    assert "bones_implausible" in scaled(recording, 0.0254).kinds()
    for camera in "1234567":
        assert "another_camera" in with_calibrations_exchanged(recording, camera).kinds()
    other = Recording.read(totalcapture_root, "S1/freestyle1/cam8")
    assert {"wrong_person", "uncorrelated"} & with_truth_of(recording, other).kinds()


@pytest.mark.parametrize("frames", [-5, 5])
@pytest.mark.parametrize("clip", ["S1/freestyle2/cam1", "S2/freestyle2/cam8"])
def test_a_shifted_truth_moves_the_lag_and_alarms(totalcapture_root: Path, clip: str, frames: int) -> None:
    sound = Recording.read(totalcapture_root, clip)
    _, before = sound.clip_faults()
    faults, after = delayed_truth(sound, frames).clip_faults()
    assert before is not None
    assert after is not None
    assert after.frames - before.frames == pytest.approx(-frames, abs=1)
    assert [fault.kind for fault in faults] == ["lag"]
