"""Laws of reading videos: every frame once, upright, square, at its true time; every fault is one sentence."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from video_files import QUADRANTS, noise, write_video

from blaze2cap.errors import UserError
from blaze2cap.runtime.movie import write_movie
from blaze2cap.runtime.scene_cut import CutWatch
from blaze2cap.runtime.video import Frame, open_video


def read(path: Path, fps: float | None = None) -> list[Frame]:
    return list(open_video(path, fps).frames())


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "libx264"),
        (".mkv", "libx264"),
        (".avi", "mpeg4"),
        (".mov", "mpeg4"),
        (".webm", "libvpx"),
        (".ts", "mpeg4"),
    ],
)
def test_every_frame_of_a_container_comes_once_and_on_time(tmp_path: Path, suffix: str, codec: str) -> None:
    video = open_video(write_video(tmp_path / f"video{suffix}", noise(24), rate=24, codec=codec))
    frames = list(video.frames())
    assert (len(frames), video.declared_fps, video.notices) == (24, 24, [])
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(24) / 24, atol=1e-3)
    assert frames[0].image.shape == (48, 64, 3)


def test_times_of_a_variable_rate_are_the_true_ones(tmp_path: Path) -> None:
    times = np.cumsum(np.where(np.arange(20) % 6 == 4, 0.1, 0.033))
    frames = read(write_video(tmp_path / "video.mp4", noise(20), times=times.tolist()))
    np.testing.assert_allclose([frame.time_s for frame in frames], times - times[0], atol=1e-3)


def test_a_given_rate_stands_for_the_time_stamps(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", noise(8), rate=30)
    np.testing.assert_allclose([frame.time_s for frame in read(path, 120.0)], np.arange(8) / 120)


@pytest.mark.parametrize(("rotation", "bright"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))])
def test_pictures_are_upright(tmp_path: Path, rotation: int, bright: tuple[int, int]) -> None:
    """A turn counter-clockwise takes what is above left to below left."""
    path = write_video(tmp_path / "video.mp4", [QUADRANTS] * 3, codec="mpeg4", rotation=rotation)
    image = read(path)[0].image
    height, width = image.shape[:2]
    assert (height, width) == ((48, 64) if rotation in (0, 180) else (64, 48))
    halves = image.reshape(2, height // 2, 2, width // 2, 3).mean((1, 3, 4))
    assert np.argwhere(halves > 200).tolist() == [list(bright)]


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("vflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_are_mirrored_as_a_player_shows_them(tmp_path: Path, rotation: int, hflip: bool, vflip: bool) -> None:
    """A display matrix turns first and mirrors then; all eight ways a picture can lie, each twice."""
    path = write_video(
        tmp_path / "video.mp4", [QUADRANTS] * 3, codec="mpeg4", rotation=rotation, hflip=hflip, vflip=vflip
    )
    expected = np.rot90(QUADRANTS, rotation // 90)[:: -1 if vflip else 1, :: -1 if hflip else 1]
    image = read(path)[0].image
    assert image.shape == expected.shape
    assert np.array_equal(image > 128, expected > 128)


def test_odd_sizes_keep_every_pixel(tmp_path: Path) -> None:
    picture = noise(1, 47, 63)[0]
    image = read(write_video(tmp_path / "video.mkv", [picture] * 2, codec="ffv1", pix_fmt="bgr0"))[0].image
    np.testing.assert_array_equal(image, picture)


def test_pixels_that_are_not_square_are_undone(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", noise(2), codec="mpeg4", aspect=Fraction(4, 3))
    assert read(path)[0].image.shape == (48, 85, 3)


@pytest.mark.parametrize(
    ("aspect", "sentence"),
    [
        ("2000:1", "pixels 2000 times as wide"),
        ("1:50", "pixels 0.02 times as wide"),
        ("2000000000:1", "pixels, expected"),
    ],
)
def test_pixels_that_no_camera_has_are_refused(tmp_path: Path, aspect: str, sentence: str) -> None:
    header = f"YUV4MPEG2 W64 H64 F30:1 Ip A{aspect} C420\n".encode()
    (tmp_path / "video.y4m").write_bytes(header + b"FRAME\n" + bytes(64 * 64 * 3 // 2))
    with pytest.raises(UserError, match=sentence):
        read(tmp_path / "video.y4m")


def test_images_come_in_the_order_of_their_numbers_and_others_are_told(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").write_text("")
    video = open_video(tmp_path)
    assert [int(frame.image[0, 0, 0]) for frame in video.frames()] == [1, 9, 10]
    assert (video.expected_frames, video.declared_fps) == (3, 30)
    assert [notice.split(": ")[1] for notice in video.notices] == ["1 entries are no images and left out"]


def test_a_photograph_is_turned_as_its_orientation_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(QUADRANTS).save(tmp_path / "1.png", exif=exif)
    image = read(tmp_path)[0].image
    assert image.shape == (64, 48, 3)
    assert image[:32, 24:].mean() == 255


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_a_truncated_video_is_refused_wherever_its_header_is(tmp_path: Path, suffix: str) -> None:
    codec = {".avi": "mpeg4", ".webm": "libvpx"}.get(suffix, "libx264")
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    path = write_video(tmp_path / f"video{suffix}", noise(60), codec=codec, options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match=r"breaks off after 0\.\d\d of \d\.\d\d s"):
        read(path)


def test_frames_lost_to_damage_are_counted(tmp_path: Path) -> None:
    path = write_video(tmp_path / "video.mp4", noise(60), options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    video = open_video(path)
    frames = list(video.frames())
    assert 50 < len(frames) < 60
    assert [notice.split(": ")[1].split(";")[0] for notice in video.notices] == [
        f"{len(frames)} of 60 frames are shown"
    ]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.mp4", b"", "the file is empty"),
        ("zeros.mp4", bytes(4096), "not a video that can be opened"),
        ("noise.mp4", np.random.default_rng(0).bytes(4096), "not a video that can be opened"),
        ("text.nfo", b"not a video\n" * 99, "holds no video"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:5,\nhttp://example.org/a.ts\n#EXT-X-ENDLIST\n", "can be opened|no video"),
        ("a: b.mp4", bytes(4096), "not a video that can be opened"),
    ],
)
def test_what_is_no_video_is_one_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=sentence) as caught:
        read(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_video_without_frames_a_missing_one_and_a_header_cut_off_are_one_sentence(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", noise(30))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(UserError, match="not a video that can be opened"):
        read(tmp_path / "cut.mp4")
    with pytest.raises(UserError, match="no such file"):
        read(tmp_path / "missing.mp4")
    matroska = write_video(tmp_path / "whole.mkv", noise(30), codec="mpeg4").read_bytes()
    (tmp_path / "head.mkv").write_bytes(matroska[: matroska.index(b"\x1f\x43\xb6\x75")])  # before its first cluster
    with pytest.raises(UserError, match=r"not one frame can be decoded|not a video that can be opened"):
        read(tmp_path / "head.mkv")


def test_folders_without_images_with_broken_ones_or_of_two_sizes_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no images in the folder"):
        read(tmp_path)
    Image.new("RGB", (8, 6)).save(tmp_path / "1.png")
    Image.new("RGB", (9, 6)).save(tmp_path / "2.png")
    with pytest.raises(UserError, match=r"2\.png: 9 x 6 pixels, expected 8 x 6 as in 1\.png"):
        read(tmp_path)
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])
    with pytest.raises(UserError, match=r"2\.png: not a readable image"):
        read(tmp_path)


def test_a_join_of_two_scenes_is_a_cut_and_neither_motion_nor_a_flash_is_one() -> None:
    scene, other = noise(2, 8, 8)
    first = [np.roll(cv2.resize(scene, (128, 128)), shift, 1) for shift in range(9)]
    second = [np.roll(cv2.resize(other, (128, 128)), shift, 1) // (1 + shift % 2) for shift in range(9)]
    watch = CutWatch()
    assert [number for number, picture in enumerate(first + second) if watch.is_cut(picture)] == [9]


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_movie(Path("take:1.mp4"), noise(3), 30.0)
    assert len(read(Path("take:1.mp4"))) == 3
