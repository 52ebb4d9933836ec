"""Landmark files and their sidecars: names, shapes, and each kind of damage in one sentence."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from blaze2cap.data.raw import ClipName, Sidecar, read_landmarks, read_sidecar, scan, write_landmarks
from blaze2cap.errors import UserError

CLIP = ClipName("S1", "freestyle1", "3")


def _bytes(array: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def _with(value: float, frame: int, channel: int, dtype: type = np.float32) -> np.ndarray:
    array = np.ones((5, 33, 10), dtype=dtype)
    array[frame, 7, channel] = value
    return array


def _with_flags(first: float, second: float) -> np.ndarray:
    array = np.ones((5, 33, 10), dtype=np.float32)
    array[3, :, 4], array[3, :, 9] = first, second
    return array


def _flag_alone() -> np.ndarray:
    array = np.ones((5, 33, 10), dtype=np.float32)
    array[3:] = 0
    array[3, :, [4, 9]] = 1
    return array


def test_a_clip_name_is_its_path(tmp_path: Path) -> None:
    assert str(CLIP) == "S1/freestyle1/cam3"
    assert CLIP.landmark_file.as_posix() == "landmarks/S1/freestyle1/blaze_S1_freestyle1_cam3.npy"
    assert ClipName.parse(tmp_path / CLIP.landmark_file) == CLIP


def test_landmarks_and_sidecar_are_read_as_written(tmp_path: Path) -> None:
    landmarks = np.random.default_rng(0).random((5, 33, 10), dtype=np.float32).round()
    landmarks[:, :, [4, 9]] = 1
    path = tmp_path / CLIP.landmark_file
    write_landmarks(path, landmarks)
    assert read_sidecar(path) == Sidecar(width=1920, height=1080, fps=60.0)
    write_landmarks(path, landmarks, Sidecar(width=640, height=480, fps=30.0))
    np.testing.assert_array_equal(read_landmarks(path), landmarks)
    assert read_sidecar(path) == Sidecar(width=640, height=480, fps=30.0)


FAULTS: dict[str, tuple[bytes, str]] = {
    "truncated": (_bytes(np.ones((5, 33, 10), np.float32))[:-100], "truncated, damaged or pickled"),
    "empty": (b"", "truncated, damaged or pickled"),
    "not an array": (b"landmarks, honestly", "truncated, damaged or pickled"),
    "pickled": (_bytes(np.array([{"frames": 1}], dtype=object), allow_pickle=True), "truncated, damaged or pickled"),
    "25 landmarks": (_bytes(np.ones((5, 25, 10), np.float32)), r"\(5, 25, 10\).*expected \(frames, 33, 10\)"),
    "flat": (_bytes(np.ones(330, np.float32)), r"expected \(frames, 33, 10\)"),
    "one number": (_bytes(np.float32(1)), "not a single .npy array"),
    "integers": (_bytes(np.ones((5, 33, 10), np.int32)), "of int32, expected"),
    "no frames": (_bytes(np.ones((0, 33, 10), np.float32)), "no frames"),
    "nan": (_bytes(_with(np.nan, 3, 0)), "1 frames hold NaN or infinity, first frame 3"),
    "infinity": (_bytes(_with(np.inf, 2, 5)), "first frame 2"),
    "another flag": (_bytes(_with_flags(0.5, 0.5)), "frame 3: the tracking flag, .*, must be 0 or 1"),
    "a copy of the flag that is none": (_bytes(_with_flags(1, 0.5)), "frame 3: the tracking flag"),
    "a copy of the flag that differs": (
        _bytes(_with_flags(1, 0)),
        "frame 3: the tracking flag, channel 4 and channel 9,",
    ),
    "flags that differ in a frame": (_bytes(_with(0, 2, 4)), "frame 2: the tracking flag"),
    "copies that differ in a frame": (_bytes(_with(0, 2, 9)), "frame 2: the tracking flag"),
    "nobody, tracked on": (_bytes(_flag_alone()), "1 frames are all zeros but for the tracking flag, first frame 3;"),
    "a visibility of percent": (_bytes(_with(95, 2, 8)), "1 frames hold a visibility .*, first frame 2, left_ear: 95$"),
    "a visibility below 0": (_bytes(_with(-0.25, 2, 3)), "visibility outside 0 to 1, first frame 2, left_ear: -0.25$"),
    "pixels": (_bytes(_with(21.5, 4, 6)), "1 frames hold a screen .*pixels.*first frame 4, left_ear: 21.5$"),
    "pixels beyond any number": (_bytes(_with(1500, 4, 5)), "pixels.*first frame 4, left_ear: 1500$"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_landmark_file_is_named_in_one_sentence(tmp_path: Path, fault: str) -> None:
    content, expected = FAULTS[fault]
    path = tmp_path / "blaze_S1_freestyle1_cam3.npy"
    path.write_bytes(content)
    with pytest.raises(UserError, match=expected) as caught:
        read_landmarks(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_landmarks_outside_the_image_and_visibilities_of_rounding_are_sound(tmp_path: Path, dtype: type) -> None:
    """What lies far outside is read as it is, what an interpolation leaves beyond 0 or 1 as that."""
    landmarks = _with(-19, 2, 5, dtype)
    landmarks[3, 7, [3, 8]] = 1 + np.finfo(np.float16).eps, -np.finfo(np.float32).eps
    np.save(tmp_path / "a.npy", landmarks)
    found = read_landmarks(tmp_path / "a.npy")
    assert found[2, 7, 5] == -19
    assert found[3, 7, [3, 8]].tolist() == [1, 0]
    assert found.dtype == np.float32


def test_no_real_recording_is_refused(totalcapture_root: Path) -> None:
    files = sorted(totalcapture_root.glob("landmarks/*/*/*.npy"))
    assert files
    for file in files:
        np.testing.assert_array_equal(read_landmarks(file), np.load(file))


def test_a_missing_landmark_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.npy: no such file"):
        read_landmarks(tmp_path / "gone.npy")


@pytest.mark.parametrize(
    "sidecar", ["{", "[]", json.dumps({"width": 640}), json.dumps({"width": 640, "height": "tall", "fps": 60}),
                json.dumps({"width": 640, "height": 480, "fps": 0}),
                '{"width": Infinity, "height": 480, "fps": 60}'],
)  # fmt: skip
def test_a_sidecar_without_size_and_rate_is_named(tmp_path: Path, sidecar: str) -> None:
    (tmp_path / "clip.json").write_text(sidecar)
    with pytest.raises(UserError, match=r"clip\.json"):
        read_sidecar(tmp_path / "clip.npy")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S1/freestyle1/S1_freestyle1_cam3.npy", "is not blaze_"),
        ("S1/freestyle2/blaze_S1_freestyle1_cam3.npy", "says take S1/freestyle1 but its folder S1/freestyle2"),
        ("blaze_S1_freestyle1_cam3.npy", "says take"),
        ("copy/S1/freestyle1/blaze_S1_freestyle1_cam3.npy", "expected at landmarks/S1/freestyle1/blaze_S1_"),
    ],
)
def test_a_name_that_does_not_parse_is_told(tmp_path: Path, name: str, expected: str) -> None:
    path = tmp_path / "landmarks" / name
    path.parent.mkdir(parents=True)
    path.touch()
    takes, clips, faults = scan(tmp_path)
    assert (takes, clips) == ([], [])
    assert len(faults) == 1
    assert expected in faults[0]


def test_takes_and_clips_are_listed_in_order(tmp_path: Path) -> None:
    for camera in ("10", "9", "1"):
        write_landmarks(tmp_path / ClipName("S2", "rom1", camera).landmark_file, np.zeros((1, 33, 10), np.float32))
    for take in ("S2/rom1", "S1/walking1"):
        (tmp_path / "vicon" / take).mkdir(parents=True)
    takes, clips, faults = scan(tmp_path)
    assert takes == ["S1/walking1", "S2/rom1"]
    assert [clip.camera for clip in clips] == ["1", "9", "10"]
    assert faults == []
