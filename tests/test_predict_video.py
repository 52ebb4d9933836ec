"""Laws of prediction from a video: every picture counts once, looks match what was seen, and faults leave nothing."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from browser import Browser
from PIL import Image
from test_checkpoint import checkpoint
from test_cli import run
from test_predict import files, knowing, seen_by_upright_camera, walker
from video_files import nobody, noise, person, write_video

from blaze2cap.body.landmark import LIMB_LANDMARKS
from blaze2cap.body.landmark import indices as landmark_indices
from blaze2cap.body.skeleton import JOINTS, indices, joint_of_landmark
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.animation_scene import NOBODY, scene_of_animation
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.image_placement import camera_positions, landmark_positions, pixels
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.overlay_video import LEFT, RIGHT, drawn_over, overlay_pictures
from blaze2cap.runtime.prediction import predict
from blaze2cap.runtime.video import Frame


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a checkpoint."""
    save_checkpoint(tmp_path / "models", checkpoint())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def movie(path: Path) -> tuple[str, str, Fraction, list[np.ndarray]]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        pictures = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
        rate = stream.average_rate or Fraction(0)
        return stream.codec_context.name, str(stream.codec_context.pix_fmt), rate, pictures


def test_a_turned_odd_sized_video_with_a_gap_becomes_every_output_from_one_detection(folder: Path) -> None:
    upright = [picture[:253, :251] for picture in (*person(6), *nobody(4), *person(6, start=10))]
    video = write_video(
        folder / "a.mp4", [np.rot90(picture, -1) for picture in upright], rate=24, pix_fmt="yuv444p", rotation=90
    )
    names = ["out.bvh", "out.npz", "out.csv", "out.html", "out.mp4"]
    code, printed, said = run("predict", video, *(part for name in names for part in ("-o", name)))
    assert code == 0, said
    assert len(re.findall(r"extract: \d+ frames in", said)) == 1
    assert "found again once" in said
    lines = printed.splitlines()
    assert lines[1:] == [f"{name}: 16 frames at 24 per second, 4 of them with nobody in view" for name in names]
    valid = np.load("out.npz")["valid"]
    assert np.flatnonzero(~valid).tolist() == [6, 7, 8, 9]
    assert read_bvh(folder / "out.bvh").frame_time == pytest.approx(1 / 24)
    codec, pix_fmt, rate, pictures = movie(folder / "out.mp4")
    assert (codec, pix_fmt, rate, len(pictures)) == ("h264", "yuv420p", 24, 16)
    assert pictures[0].shape == (252, 250, 3)
    # The pictures are the video's own, upright, but for what is drawn over them.
    apart = np.abs(pictures[0].astype(int) - upright[0][:252, :250]).max(-1)
    assert np.median(apart) < 12
    assert (apart > 80).mean() > 0.005
    # In the gap the last pose is drawn, pale.
    grey = np.abs(pictures[7].astype(int) - 128).max(-1)
    assert 0.003 < (grey > 15).mean() < 0.5
    assert np.quantile(grey, 0.99) < 60
    assert NOBODY in Path("out.html").read_text()


def test_a_variable_rate_becomes_one_rate_in_motion_and_overlay(folder: Path) -> None:
    """Ten pictures at 30 a second, then ten at 15."""
    times = [*np.arange(10) / 30, *(10 / 30 + np.arange(10) / 15)]
    shades = [np.clip(picture.astype(int) + 4 * n, 0, 255).astype(np.uint8) for n, picture in enumerate(person(20))]
    video = write_video(folder / "a.mkv", shades, times=times)
    code, printed, said = run("predict", video, "-o", "a.bvh", "-o", "overlay.mp4")
    assert code == 0, said
    frames = int(printed.splitlines()[1].split()[1])
    assert len(movie(folder / "overlay.mp4")[3]) == frames
    assert frames == pytest.approx(times[-1] * float(printed.splitlines()[1].split()[4]) + 1, abs=1)


def test_a_cut_in_fast_footage_begins_anew_and_the_rate_stays(folder: Path) -> None:
    joined = [*person(4), *(255 - picture[:, ::-1] // 2 for picture in person(4))]
    code, printed, said = run("predict", write_video(folder / "a.mp4", joined, rate=120), "-o", "a.bvh")
    assert code == 0, said
    assert "(1 cuts were seen)" in said
    assert printed.splitlines()[1] == "a.bvh: 8 frames at 120 per second"


def test_a_given_rate_stands_for_the_videos_own(folder: Path) -> None:
    code, printed, said = run("predict", write_video(folder / "a.mp4", person(3), rate=30), "-o", "a.bvh", "--fps", 120)
    assert code == 0, said
    assert printed.splitlines()[1] == "a.bvh: 3 frames at 120 per second"


def broken_videos(folder: Path) -> None:
    write_video(folder / "nobody.mp4", nobody(4))
    whole = write_video(folder / "whole.mp4", noise(60), options={"movflags": "faststart"}).read_bytes()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "text.mp4").write_text("no video")
    (folder / "folder").mkdir()
    (folder / "landmarks.npy").write_bytes(b"")
    (folder / "file").write_text("")
    (folder / "pictures").mkdir()
    Image.fromarray(nobody(1)[0]).save(folder / "pictures" / "0.png")
    (folder / "linked").symlink_to(folder / "pictures")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nobody.mp4", "-o", "made/a.bvh", "-o", "made/a.mp4"), "nobody is detected in any of its 4 frames"),
        (("truncated.mp4", "-o", "made/a.bvh"), "breaks off after"),
        (("empty.mp4", "-o", "made/a.bvh"), "the file is empty"),
        (("text.mp4", "-o", "made/a.bvh"), "not a video that can be opened"),
        (("folder", "-o", "made/a.bvh"), "no images in the folder"),
        (("none.mp4", "-o", "made/a.bvh"), "no such file"),
        (("landmarks.npy", "-o", "a.mp4"), "a.mp4: the skeleton is drawn over the video's pictures"),
        (("landmarks.npy", "-o", "a.html"), "not a readable .npy array"),
        (("whole.mp4", "-o", "whole.mp4"), "whole.mp4 is the input"),
        (("pictures", "-o", "pictures/0.png"), "pictures/0.png would be one of the pictures of pictures, the input"),
        (("pictures/", "-o", "pictures/./new.PNG"), "pictures/new.PNG would be one of the pictures of pictures"),
        (("linked", "-o", "pictures/new.png"), "pictures/new.png would be one of the pictures of linked"),
        (("whole.mp4", "-o", "a.gif"), "cannot write .gif; use .bvh, .glb, .npz, .csv, .html, .png, .mp4"),
        (("whole.mp4", "-o", "file/a.mp4"), "file is a file"),
        (("whole.mp4", "-o", "a.bvh", "--pose-model", "medium"), "no such pose model"),
        (("whole.mp4", "-o", "a.bvh", "--fps", "0.5"), "0.5 frames per second, expected 1 to 1000"),
        (("none.mp4", "-o", "a.bvh", "--fov", "190"), "the field of view is 190 degrees"),
        (("none.mp4", "-o", "a.bvh", "--camera-tilt", "95"), "the camera's tilt is 95 degrees"),
        (("none.mp4", "-o", "a.bvh", "--subject-height", "9"), "the subject's height is 9 m"),
        (("none.mp4", "-o", "a.bvh", "--checkpoint", "none"), "a checkpoint is a folder with model.safetensors"),
    ],
)
def test_a_fault_ends_in_a_sentence_and_leaves_nothing(arguments: tuple, told: str, folder: Path) -> None:
    broken_videos(folder)
    before = files(folder)
    code, printed, said = run("predict", *arguments)
    assert (code, printed) == (1, "")
    assert told in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("blaze2cap predict: ")
    assert "Traceback" not in said
    assert files(folder) == before
    assert not (folder / "made").exists()


class Pictures:
    """A video in memory."""

    def __init__(self, times: list[float], fail_at: int | None = None) -> None:
        self.path, self.expected_frames, self.declared_fps = Path("memory"), len(times), 30.0
        self.notices: list[str] = []
        self._times, self._fail_at = times, fail_at

    def frames(self) -> Iterator[Frame]:
        for number, time_s in enumerate(self._times):
            if number == self._fail_at:
                raise UserError("memory: breaks off")
            yield Frame(time_s, np.full((270, 480, 3), number, np.uint8))


def walking(video: Pictures | None = None, row_per_picture: bool = True) -> tuple[Animation, Footage]:
    """Somebody who faces the camera and walks, seen in 200 frames, but in frames 0-9 and 50-59."""
    rotation, way = walker()
    seen = seen_by_upright_camera(rotation, way)
    seen.landmarks[:10] = 0
    seen.landmarks[50:60] = 0
    animation = predict(knowing(rotation, way), seen, camera_tilt_deg=0.0)
    footage = Footage(
        landmarks=seen.landmarks, width=480, height=270, fps=60.0, video=video, row_per_picture=row_per_picture
    )
    return animation, footage


def test_the_true_pose_is_drawn_where_the_person_is_and_held_where_nobody_is_seen() -> None:
    animation, footage = walking()
    intrinsics = footage.intrinsics()
    place = pixels(camera_positions(animation, footage.landmarks, intrinsics), intrinsics, 480, 270)
    assert place.shape == (200, len(JOINTS) + len(END_JOINTS), 2)
    limbs, joints = landmark_indices(*LIMB_LANDMARKS), indices(*map(joint_of_landmark, LIMB_LANDMARKS))
    truth = footage.landmarks[:, limbs, 3:5] * np.array([480.0, 270.0])
    # Bones of the mean skeleton are not quite those of the person: some pixels of a height of 100.
    apart = np.linalg.norm((place[:, joints] - truth), axis=-1)[animation.valid]
    assert apart.mean() < 4
    assert apart.max() < 14
    assert np.array_equal(place[50:60], np.broadcast_to(place[49], (10, 26, 2)))
    assert np.array_equal(place[:10], np.broadcast_to(place[10], (10, 26, 2)))


def test_a_pose_that_is_off_is_drawn_as_large_as_the_person() -> None:
    animation, footage = walking()
    wrong = animation.rotation.copy()
    wrong[:, indices("RightUpLeg")] = wrong[:, indices("RightUpLeg")] @ np.array(
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]
    )
    off = Animation(**{**vars(animation), "rotation": wrong})
    distance, true = (
        camera_positions(one, footage.landmarks, footage.intrinsics())[:, 0, 2] for one in (off, animation)
    )
    assert np.allclose(distance, true, rtol=0.12)


def test_landmarks_stand_with_the_skeleton_in_its_world() -> None:
    animation, footage = walking()
    position = landmark_positions(animation, footage.landmarks, footage.intrinsics())
    limbs, joints = landmark_indices(*LIMB_LANDMARKS), indices(*map(joint_of_landmark, LIMB_LANDMARKS))
    apart = np.linalg.norm((position[:, limbs] - animation.joint_positions()[:, joints]), axis=-1)[animation.valid]
    assert apart.mean() < 0.08


def test_right_is_orange_left_is_blue_and_nobody_is_pale() -> None:
    animation, footage = walking()
    intrinsics = footage.intrinsics()
    place = pixels(camera_positions(animation, footage.landmarks, intrinsics), intrinsics, 480, 270)[100]
    picture = np.full((270, 480, 3), 60, np.uint8)
    drawn = drawn_over(picture, place)
    assert (picture == 60).all()
    columns = {colour: np.flatnonzero((drawn == colour).all(-1).any(0)) for colour in (RIGHT, LEFT)}
    # Who faces the camera has the right side at the left of the picture.
    assert columns[RIGHT].mean() < columns[LEFT].mean()
    pale = drawn_over(picture, place, valid=False)
    assert 0 < np.abs(pale.astype(int) - 60).max() < 0.5 * np.abs(drawn.astype(int) - 60).max()
    off = np.full_like(place, np.nan)
    assert (drawn_over(picture, off) == 60).all()


def test_pictures_that_come_evenly_are_a_row_each_and_others_the_nearest_in_time() -> None:
    even = overlay_pictures(*walking(Pictures([n / 59.94 for n in range(200)])))
    assert [int(picture[0, 0, 0]) for picture in even] == list(range(200))
    times = [0.0, 0.02, 1.0, 1.5, 3.4]
    uneven = [int(picture[0, 0, 0]) for picture in overlay_pictures(*walking(Pictures(times), row_per_picture=False))]
    assert uneven == [int(np.abs(np.array(times) - row / 60 - 1e-9).argmin()) for row in range(200)]


def test_before_anybody_is_seen_nobody_is_drawn() -> None:
    pictures = list(overlay_pictures(*walking(Pictures([n / 60 for n in range(200)]))))
    assert all((picture == number).all() for number, picture in enumerate(pictures[:10]))
    assert not any((picture == number).all() for number, picture in enumerate(pictures[10:], 10))


def test_landmarks_alone_have_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give the video itself"):
        write_motion([tmp_path / "a.bvh", tmp_path / "a.mp4"], *walking())
    assert files(tmp_path) == []


def test_a_video_that_fails_while_it_is_drawn_leaves_none_of_the_outputs(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text("of before")
    broken = Pictures([n / 60 for n in range(200)], fail_at=120)
    with pytest.raises(UserError, match="breaks off"):
        write_motion([tmp_path / "a.bvh", tmp_path / "a.html", tmp_path / "a.mp4"], *walking(broken))
    assert files(tmp_path) == ["a.bvh"]
    assert (tmp_path / "a.bvh").read_text() == "of before"


def test_a_page_shows_the_skeleton_and_the_landmarks_in_world_and_image() -> None:
    animation, footage = walking()
    scene = scene_of_animation(animation, "walk", footage)
    assert [figure.name for figure in scene.figures] == ["skeleton", "landmarks"]
    assert scene.image == (480, 270)
    joints = scene.figures[0].position[:, : len(JOINTS)]
    np.testing.assert_allclose(joints, animation.joint_positions(), atol=1e-6)
    assert [bool(note) for note in scene.notes] == (~animation.valid).tolist()
    skeleton, landmarks = scene.figures
    assert skeleton.pixel is not None
    assert landmarks.pixel is not None
    assert np.isnan(skeleton.pixel[:10]).all()
    assert np.isfinite(skeleton.pixel[10:]).all()
    assert np.isnan(landmarks.pixel[50:60]).all()
    assert np.isnan(landmarks.position[50:60]).all()


@pytest.mark.slow
def test_a_browser_shows_the_page_without_a_complaint(tmp_path: Path) -> None:
    write_motion([tmp_path / "walk.html"], *walking())
    with Browser(tmp_path / "profile") as browser:
        browser.open(tmp_path / "walk.html")
        browser.wait("document.querySelector('canvas') !== null")
        picture = browser.screenshot()
        assert browser.said == []
        assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
        browser.press(" ")
        browser.wait("true")
        assert browser.said == []
