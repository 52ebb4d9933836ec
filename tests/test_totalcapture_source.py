"""Real recordings as a source: each fault is named, counted and left out; the rest is copied and told."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recordings import make_motion, write_recordings

from blaze2cap.body.rotation import matrix_to_quaternion
from blaze2cap.data.inspection import Inspection, inspect
from blaze2cap.data.manifest import MANIFEST_FILE, changes_since, read_manifest, write_manifest
from blaze2cap.data.raw import Sidecar, read_landmarks, write_landmarks
from blaze2cap.data.sources.totalcapture import VARIABLE, copy_totalcapture, find_recordings
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE, write_vicon
from blaze2cap.errors import UserError

TAKE = Path("vicon/S1/freestyle1")
CLIP = Path("landmarks/S1/freestyle1/blaze_S1_freestyle1_cam2.npy")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    takes = {"S1/freestyle1": 8, "S2/acting1": 9, "S3/rom1": 7}
    return write_recordings(tmp_path / "recordings", takes, cameras=2, unseen=("S3/rom1",))


def take_over(recordings: Path, raw: Path) -> Inspection:
    inspection = copy_totalcapture(recordings, raw, workers=1)
    write_manifest(raw, "totalcapture", inspection.faults, recordings, workers=1)
    return inspection


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def drop_last_row(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(True)[:-1]))


def put_nan(path: Path) -> None:
    landmarks = read_landmarks(path)
    landmarks[2, 3, 1] = np.nan
    write_landmarks(path, landmarks)


def swap_rotations(path: Path) -> None:
    _, rotation = make_motion(frames=8, seed=99)
    position, _ = make_motion(frames=8, seed=0)
    write_vicon(path, position.numpy(), matrix_to_quaternion(rotation).numpy())


FAULTS: dict[str, tuple[Callable[[Path], object], str, str, int]] = {
    # what is done to the folder, what is left out, what the sentence says, clips that remain of four
    "truncated array": (lambda f: cut(f / CLIP), "S1/freestyle1/cam2", "truncated", 3),
    "text for an array": (lambda f: (f / CLIP).write_text("no array"), "S1/freestyle1/cam2", "not a readable", 3),
    "wrong shape": (lambda f: np.save(f / CLIP, np.zeros((8, 33, 7), "f4")), "S1/freestyle1/cam2", "(8, 33, 7)", 3),
    "nan": (lambda f: put_nan(f / CLIP), "S1/freestyle1/cam2", "NaN", 3),
    "camera without calibration": (
        lambda f: (f / CLIP).rename(f / str(CLIP).replace("cam2", "cam7")), "S1/freestyle1/cam7", "not calibrated", 3),
    "name that does not parse": (
        lambda f: (f / CLIP).rename(f / CLIP.with_name("walk.npy")), str(CLIP.with_name("walk.npy")), "its name", 3),
    "sidecar at another rate": (
        lambda f: write_landmarks(f / CLIP, read_landmarks(f / CLIP), Sidecar(fps=25.0)), "S1/freestyle1/cam2",
        "25 frames/s", 3),
    "no rotations": (lambda f: (f / TAKE / ROTATION_FILE).unlink(), "S1/freestyle1", "no such file", 2),
    "no truth at all": (lambda f: shutil.rmtree(f / TAKE), "S1/freestyle1/cam1", "no Vicon truth", 2),
    "truncated Vicon file": (lambda f: cut(f / TAKE / POSITION_FILE), "S1/freestyle1", "finite numbers", 2),
    "rows that do not match": (lambda f: drop_last_row(f / TAKE / POSITION_FILE), "S1/freestyle1", "7 rows", 2),
    "rotations of another take": (lambda f: swap_rotations(f / TAKE), "S1/freestyle1", "bones vary", 2),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_counted_and_left_out(recordings: Path, tmp_path: Path, fault: str) -> None:
    damage, left_out, expected, remaining = FAULTS[fault]
    damage(recordings)
    inspection = take_over(recordings, tmp_path / "raw")
    assert len(inspection.clips) == remaining
    assert inspection.faults[0].left_out == left_out
    assert expected in inspection.faults[0].sentence
    assert str(tmp_path) not in inspection.faults[0].sentence, "the sentence must read the same on every machine"
    report = inspection.report()
    assert report["faults"]["count"] == len(inspection.faults) == len(report["faults"]["left_out"])
    assert read_manifest(tmp_path / "raw")["faults"] == report["faults"]["left_out"]
    copied = sorted(path.name for path in (tmp_path / "raw").rglob("*.npy"))
    assert copied == sorted(clip.landmark_file.name for clip in inspection.clips)


def test_landmarks_longer_than_the_truth_are_no_fault(recordings: Path) -> None:
    landmarks = read_landmarks(recordings / CLIP)
    write_landmarks(recordings / CLIP, np.concatenate((landmarks, landmarks[-1:])))
    assert inspect(recordings, workers=1).faults == []


def test_sound_recordings_are_counted(recordings: Path) -> None:
    report = inspect(recordings, workers=1).report()
    assert (report["takes"], report["clips"], report["motion_only_takes"]) == (3, 4, 1)
    assert (report["truth_frames"], report["landmark_frames"]) == (24, 34)
    assert report["by_subject"]["S3"] == {
        "takes": 1, "motion_only_takes": 1, "clips": 0, "truth_frames": 7, "landmark_frames": 0,
    }  # fmt: skip
    (recordings / CLIP).unlink()
    assert inspect(recordings, workers=1).report()["views_without_landmarks"] == {"S1/freestyle1": "2"}


def test_faults_are_fatal_when_nothing_remains(recordings: Path) -> None:
    for path in recordings.rglob(ROTATION_FILE):
        path.unlink()
    with pytest.raises(UserError, match=r"not a data set.*no such file"):
        inspect(recordings, workers=1)


def test_an_unusable_calibration_is_fatal(recordings: Path) -> None:
    cut(recordings / "calibration.cal")
    with pytest.raises(UserError, match=r"calibration\.cal"):
        inspect(recordings, workers=1)


def test_an_empty_folder_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="calibration"):
        inspect(tmp_path, workers=1)


def test_originals_stay_writable_when_the_copies_become_read_only(recordings: Path, tmp_path: Path) -> None:
    (recordings / CLIP).chmod(0o640)
    take_over(recordings, tmp_path / "raw")
    for path in (tmp_path / "raw").rglob("*.*"):
        path.chmod(0o444)  # as DVC does with what it caches
    assert (recordings / CLIP).stat().st_mode & 0o777 == 0o640
    assert (recordings / CLIP).read_bytes() == (tmp_path / "raw" / CLIP).read_bytes()


def test_a_full_disk_is_one_sentence(recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match=r"calibration\.cal: could not be copied .*No space left"):
        copy_totalcapture(recordings, tmp_path / "raw", workers=1)


def test_the_same_recordings_give_the_same_manifest(recordings: Path, tmp_path: Path) -> None:
    take_over(recordings, tmp_path / "raw")
    take_over(recordings, tmp_path / "again")
    manifest = (tmp_path / "raw" / MANIFEST_FILE).read_bytes()
    assert manifest == (tmp_path / "again" / MANIFEST_FILE).read_bytes()
    entry = json.loads(manifest)["files"][0]
    assert entry["path"] == "calibration.cal"
    assert len(entry["sha256"]) == 64


def test_a_manifest_lists_every_file_but_itself(tmp_path: Path) -> None:
    """Whatever their names, and also where one was there before."""
    names = ["a.txt", "manifest.json.old", "vicon/S1/rom1/z.txt", "zoo.npy"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for _ in range(2):
        write_manifest(tmp_path, "totalcapture", [], None, workers=1)
        entries = read_manifest(tmp_path)["files"]
        assert [entry["path"] for entry in entries] == names
        assert [entry["bytes"] for entry in entries] == [len(name) for name in names]


def test_later_changes_of_the_recordings_are_told(recordings: Path, tmp_path: Path) -> None:
    take_over(recordings, tmp_path / "raw")
    assert changes_since(tmp_path / "raw") is None
    new = recordings / str(CLIP).replace("freestyle1", "acting1").replace("S1", "S2").replace("cam2", "cam3")
    write_landmarks(new, read_landmarks(recordings / CLIP))
    os.utime(recordings / TAKE / POSITION_FILE, ns=(0, 0))
    sentence = changes_since(tmp_path / "raw")
    assert sentence is not None
    assert "2 recordings" in sentence
    assert "dvc repro -f download" in sentence


@pytest.mark.parametrize(
    ("file", "left_out"),
    [
        (CLIP, "S1/freestyle1/cam2"),
        (CLIP.with_suffix(".json"), "S1/freestyle1/cam2"),
        (TAKE / ROTATION_FILE, "S1/freestyle1"),
    ],
)
def test_a_fault_is_told_once_it_is_mended(recordings: Path, tmp_path: Path, file: Path, left_out: str) -> None:
    sound = (recordings / file).read_bytes() if (recordings / file).exists() else None
    (recordings / file).write_bytes(b"broken")
    assert [fault.left_out for fault in take_over(recordings, tmp_path / "raw").faults] == [left_out]
    assert changes_since(tmp_path / "raw") is None, "a fault that stays is no change"
    if sound is None:
        (recordings / file).unlink()
    else:
        (recordings / file).write_bytes(sound)
    assert changes_since(tmp_path / "raw") == (
        f"1 recordings in {recordings} are not as taken over ({left_out}); run `dvc repro -f download`"
    )
    manifest = json.loads((tmp_path / "raw" / MANIFEST_FILE).read_text())
    del manifest["faulty_files"]  # as older versions wrote it
    (tmp_path / "raw" / MANIFEST_FILE).write_text(json.dumps(manifest))
    assert changes_since(tmp_path / "raw") is None


def test_a_sidecar_that_came_later_is_told(recordings: Path, tmp_path: Path) -> None:
    sidecar = Path(CLIP).with_suffix(".json")
    (recordings / sidecar).unlink(missing_ok=True)
    take_over(recordings, tmp_path / "raw")
    (recordings / sidecar).write_text('{"width": 1280, "height": 720, "fps": 60}')
    assert changes_since(tmp_path / "raw") == (
        f"1 recordings in {recordings} are not as taken over ({sidecar}); run `dvc repro -f download`"
    )


@pytest.mark.parametrize(
    ("path", "environment", "expected"),
    [
        ("recordings/here", None, "dataset.path is the relative path 'recordings/here'"),
        (None, "../recordings", f"{VARIABLE} is the relative path"),
        (None, None, f"dataset.path is null and {VARIABLE} is not set"),
        ("/no/such/folder", None, "there is no such folder"),
    ],
)
def test_the_folder_must_be_named_absolutely(
    monkeypatch: pytest.MonkeyPatch, path: str | None, environment: str | None, expected: str
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if environment is not None:
        monkeypatch.setenv(VARIABLE, environment)
    with pytest.raises(UserError, match=expected):
        find_recordings(path)


def test_the_parameter_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "/somewhere/else")
    assert find_recordings(str(tmp_path)) == tmp_path
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert find_recordings(None) == tmp_path


def test_the_real_folder_is_sound(totalcapture_root: Path, tmp_path: Path) -> None:
    report = take_over(totalcapture_root, tmp_path / "raw").report()
    assert report["faults"]["count"] == 0
    assert (report["takes"], report["clips"], report["cameras"]) == (20, 33, 8)
    assert report["views_without_landmarks"] == {"S2/acting1": "1, 2, 3, 4, 5, 7, 8"}
