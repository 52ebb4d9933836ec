"""Laws of extraction: rows mean what the recordings' rows mean, and a video that gives none leaves no file behind."""

import dataclasses
import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner
from video_files import nobody, person, write_video

from blaze2cap.body.landmark import RAW_SCREEN, RAW_TRACKED, RAW_TRACKED_COPY, RAW_WORLD
from blaze2cap.cli import app
from blaze2cap.data.raw import read_landmarks, read_sidecar
from blaze2cap.errors import UserError
from blaze2cap.runtime.extraction import Extraction, extract_landmarks, write_extraction
from blaze2cap.runtime.pose_detector import PoseDetector
from blaze2cap.runtime.pose_model import FOLDER_VARIABLE, SHA256, find_pose_model
from blaze2cap.runtime.video import open_video


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["extract", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def detect(pictures: list[np.ndarray], fps: float) -> np.ndarray:
    with PoseDetector(find_pose_model("full")) as detector:
        return np.stack([detector.detect(picture, number / fps) for number, picture in enumerate(pictures)])


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Extraction:
    """A person in frames 0-5 and 12-17, nobody between: a video of 30 frames/s."""
    pictures = [*person(6), *nobody(6), *person(6, start=12)]
    path = write_video(tmp_path_factory.mktemp("video") / "video.mp4", pictures)
    return extract_landmarks(open_video(path), find_pose_model("full"))


def test_at_60_frames_a_second_rows_are_those_of_the_classic_pose_solution() -> None:
    """The recordings that training learns from were made so."""
    from mediapipe.python.solutions.pose import Pose

    rows = detect(person(6), 60.0)
    with Pose(model_complexity=1) as pose:
        found = [pose.process(picture) for picture in person(6)]
    world = [[(p.x, p.y, p.z, p.visibility) for p in each.pose_world_landmarks.landmark] for each in found]
    screen = [[(p.x, p.y, p.z, p.visibility) for p in each.pose_landmarks.landmark] for each in found]
    np.testing.assert_allclose(rows[..., :4], world, atol=1e-6)
    np.testing.assert_allclose(rows[..., 5:9], screen, atol=1e-6)
    assert rows[:, 0, RAW_TRACKED].tolist() == [0, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(rows[..., RAW_TRACKED], rows[..., RAW_TRACKED_COPY])


def test_who_leaves_and_returns_is_a_gap_of_zeros_and_an_anchor(interrupted: Extraction) -> None:
    landmarks = interrupted.landmarks
    detected = landmarks.any(axis=(1, 2))
    assert detected[:6].all()
    assert not detected[6:12].any()
    assert detected[12:].all()
    assert np.flatnonzero(detected & (landmarks[:, 0, RAW_TRACKED] == 0)).tolist() == [0, 12]
    hips = landmarks[detected][:, 23:25, RAW_WORLD].mean(1)
    assert np.abs(hips).max() < 0.01
    assert ((landmarks[detected][:, 0, RAW_SCREEN] > 0.2) & (landmarks[detected][:, 0, RAW_SCREEN] < 0.8)).all()
    assert any("found again once" in notice for notice in interrupted.notices)


def test_after_a_cut_the_person_is_searched_anew(tmp_path: Path) -> None:
    """Nobody is lost between the two scenes, so only the cut can tell them apart."""
    joined = [*person(4), *(255 - picture[:, ::-1] // 2 for picture in person(4))]
    path = write_video(tmp_path / "video.mp4", joined)
    landmarks = extract_landmarks(open_video(path), find_pose_model("full")).landmarks
    detected = landmarks.any(axis=(1, 2))
    assert detected[[0, 4]].all()
    assert np.flatnonzero(detected & (landmarks[:, 0, RAW_TRACKED] == 0)).tolist() == [0, 4]


def test_what_is_written_reads_back_with_all_that_is_known_of_it(interrupted: Extraction, tmp_path: Path) -> None:
    out = tmp_path / "new" / "blaze_S9_walking1_cam1.npy"
    write_extraction(out, interrupted, field_of_view_deg=62.0)
    np.testing.assert_array_equal(read_landmarks(out), interrupted.landmarks)
    sidecar = read_sidecar(out)
    assert (sidecar.width, sidecar.height, sidecar.fps) == (256, 256, 30.0)
    written = json.loads(out.with_suffix(".json").read_text())
    assert written["backend_version"] == "0.10.14"
    assert (written["model"], written["model_sha256"]) == ("full", SHA256["full"])
    assert (written["field_of_view_deg"], written["resampled"]) == (62.0, False)
    assert sorted(path.name for path in out.parent.iterdir()) == [f"{out.stem}.json", out.name]


def test_uneven_frames_are_written_at_one_rate(interrupted: Extraction, tmp_path: Path) -> None:
    time = interrupted.time_s.copy()
    time[4:] += 1 / 30
    written = write_extraction(tmp_path / "out.npy", dataclasses.replace(interrupted, time_s=time))
    assert (len(written.landmarks), written.fps, written.resampled) == (19, 30.0, True)
    assert json.loads((tmp_path / "out.json").read_text())["resampled"] is True
    read_landmarks(tmp_path / "out.npy")


def test_the_command_tells_what_it_found_and_how_fast(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.mov", person(4), rate=25)
    code, told, errors = run(video, "-o", tmp_path / "out.npy", "--fov", 60)
    assert code == 0
    assert told.strip().endswith("out.npy: 4 rows at 25 frames/s, a person in 4 of them, 256 x 256 pixels")
    assert "extract: 4 frames in" in errors
    assert "frames/s" in errors


def test_a_video_of_nobody_leaves_nothing_behind(tmp_path: Path) -> None:
    video = write_video(tmp_path / "video.mp4", nobody(4))
    code, _, errors = run(video, "-o", tmp_path / "made" / "out.npy")
    assert code == 1
    assert "nobody is detected in any of its 4 frames" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["video.mp4"]


@pytest.mark.parametrize("command", ["missing.mp4", "empty.mp4", "text.mp4", "."])
def test_what_is_no_video_ends_the_command_with_one_sentence(tmp_path: Path, command: str) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    code, _, errors = run(tmp_path / command, "-o", tmp_path / "out.npy")
    assert code == 1
    assert errors.splitlines()[-1].startswith(f"blaze2cap extract: {tmp_path / command}: ")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--workers", 2), ("--workers is", "it")),
        (("--executor", "dask"), ("--executor is", "it")),
        (("--workers", 2, "--executor", "dask"), ("--workers and --executor are", "them")),
    ],
)
def test_one_video_is_not_spread(tmp_path: Path, options: tuple, named: tuple[str, str]) -> None:
    code, _, errors = run("missing.mp4", "-o", tmp_path / "out.npy", *options)
    assert code == 1
    assert errors.splitlines()[-1] == (
        f"blaze2cap extract: {tmp_path / 'out.npy'}: one landmark file is made by one process, {named[0]} for a folder "
        f"as output; name one, or leave {named[1]} out"
    )


def test_places_that_cannot_be_written_are_refused_before_any_work(tmp_path: Path) -> None:
    """The input is not there, either: the output is looked at first."""
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "file").write_text("")
    taken = {
        "settings.json": '{"mine": 1}',
        "dance.json": '{"fps": 30, "width": 1080, "height": 1920, "frames": [{"pose_landmarks": null}]}',
    }
    for name, content in taken.items():
        (tmp_path / name).write_text(content)
    for name, sentence in {
        "out.bvh": "cannot write .bvh; landmark files end in .npy",
        "folder.npy": "is a folder",
        "file/out.npy": "is a file",
        "settings.npy": "no sidecar of landmarks",
        "dance.npy": "no sidecar of landmarks",
    }.items():
        code, _, errors = run("missing.mp4", "-o", tmp_path / name)
        assert code == 1
        assert sentence in errors
    assert {name: (tmp_path / name).read_text() for name in taken} == taken


def test_a_field_of_view_that_no_other_command_takes_is_refused(tmp_path: Path) -> None:
    for degrees in (15, 160):
        code, _, errors = run(tmp_path / "missing.mp4", "-o", tmp_path / "out.npy", "--fov", degrees)
        assert code == 1
        assert f"the field of view is {degrees} degrees, expected 20 to 150" in errors


def test_a_name_that_is_too_long_is_refused_before_any_work(tmp_path: Path) -> None:
    code, _, errors = run(tmp_path / "missing.mp4", "-o", tmp_path / f"{'n' * 300}.npy")
    assert code == 1
    assert "cannot be written (File name too long)" in errors


def test_a_read_only_folder_is_refused_before_any_work(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    assert "read-only" in run("missing.mp4", "-o", tmp_path / "out.npy")[2]


def test_a_pose_model_that_is_absent_damaged_or_another_network_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    full = find_pose_model("full").path
    other = full.parents[1] / "pose_detection" / "pose_detection.tflite"
    for name, content in {"damaged": full.read_bytes()[:-9], "other": other.read_bytes(), "task": b"PK"}.items():
        (tmp_path / f"{name}.tflite").write_bytes(content)
        with pytest.raises(UserError, match="classic Pose solution, or damaged"):
            find_pose_model(str(tmp_path / f"{name}.tflite"))
    (tmp_path / "pose_landmark_heavy.tflite").write_bytes(full.read_bytes())
    with pytest.raises(UserError, match="not the heavy pose model"):
        find_pose_model("heavy")
    with pytest.raises(UserError, match="no such pose model; use lite, full, heavy or the path"):
        find_pose_model("medium")
    if not (full.parent / "pose_landmark_lite.tflite").exists():
        with pytest.raises(UserError, match=f"give its path with --pose-model, or its folder in {FOLDER_VARIABLE}"):
            find_pose_model("lite")


def test_a_model_given_by_its_path_is_known_by_its_name(tmp_path: Path) -> None:
    copy = tmp_path / "mine.tflite"
    copy.write_bytes(find_pose_model("full").path.read_bytes())
    assert find_pose_model(str(copy)).name == "full"


@pytest.mark.slow
def test_another_frame_rate_gives_the_same_landmarks(videos_root: Path) -> None:
    """Every second frame against all of them: nearer than with the time stamps that Pose itself gives (16 mm)."""
    with av.open(str(videos_root / "balance_beam_cam01.mp4")) as file:
        pictures = [frame.to_ndarray(format="rgb24") for _, frame in zip(range(60), file.decode(video=0), strict=False)]
    all_frames, half = detect(pictures, 60.0), detect(pictures[::2], 30.0)
    apart = np.linalg.norm(half[3:, :, RAW_WORLD] - all_frames[6::2, :, RAW_WORLD], axis=-1)
    assert 1000 * apart.mean() < 14


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lite", "full", "heavy"])
def test_every_model_detects_the_person_in_a_real_video(
    videos_root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    models = videos_root.parent / "models"
    if not models.is_dir():
        pytest.skip("no folder `models` with the lite and the heavy model beside the videos")
    monkeypatch.setenv(FOLDER_VARIABLE, str(models))
    with av.open(str(videos_root / "balance_beam_cam01.mp4")) as file:
        pictures = [frame.to_ndarray(format="rgb24") for _, frame in zip(range(20), file.decode(video=0), strict=False)]
    with PoseDetector(find_pose_model(name)) as detector:
        rows = np.stack([detector.detect(picture, number / 60) for number, picture in enumerate(pictures)])
    assert rows.any(axis=(1, 2)).all()
    full = detect(pictures, 60.0)
    apart = np.linalg.norm(rows[..., RAW_WORLD] - full[..., RAW_WORLD], axis=-1)
    assert (apart.mean() > 0.01) == (name != "full")
    assert apart.mean() < 0.15
