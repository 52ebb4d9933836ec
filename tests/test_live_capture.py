"""Laws of capturing: the newest picture counts, time stamps are those of capture, and a camera that fails is told."""

import threading
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_files import QUADRANTS, write_video

from blaze2cap.errors import UserError
from blaze2cap.runtime import camera as camera_module
from blaze2cap.runtime.camera import Camera
from blaze2cap.runtime.live_capture import NewestShot, PlayedVideo, Shot, Wait, capturing

IMAGE = np.zeros((4, 6, 3), np.uint8)


def shot(number: int) -> Shot:
    return Shot(number / 30, IMAGE, 100 + number / 30)


class Clock:
    """A clock that goes on when somebody waits, or as told."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


class Scripted:
    """A source of given pictures, each handed out when told to; then it ends, or breaks."""

    name, width, height, fps = "script", 6, 4, 30.0
    notices: list[str] = []  # noqa: RUF012

    def __init__(self, shots: list[Shot], error: Exception | None = None) -> None:
        self._shots, self._error = shots, error
        self.closed = threading.Event()

    def shots(self, wait: Wait) -> Generator[Shot]:
        yield from self._shots
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        self.closed.set()


def test_a_slow_taker_gets_the_newest_picture_and_the_others_are_counted() -> None:
    newest = NewestShot()
    newest.put(shot(0))
    assert newest.take(0.0) == shot(0)
    for number in range(1, 5):
        newest.put(shot(number))
    taken = newest.take(0.0)
    assert taken is not None
    assert taken.time_s == shot(4).time_s
    assert newest.dropped == 3
    assert newest.take(0.0) is None
    assert not newest.ended


def test_the_last_picture_is_taken_before_the_end_and_before_the_error() -> None:
    newest = NewestShot()
    newest.put(shot(0))
    newest.end(UserError("unplugged"))
    assert not newest.ended
    assert newest.take(0.0) == shot(0)
    assert newest.ended
    with pytest.raises(UserError, match="unplugged"):
        newest.take(0.0)


def test_a_taker_wakes_as_soon_as_a_picture_comes() -> None:
    newest = NewestShot()
    thread = threading.Thread(target=lambda: newest.put(shot(0)))
    thread.start()
    assert newest.take(60.0) is not None
    thread.join()


def test_a_thread_captures_to_the_end_and_closes_the_source() -> None:
    source = Scripted([shot(number) for number in range(10)])
    with capturing(source) as newest:
        taken = []
        while not newest.ended:
            one = newest.take(10.0)
            taken += [] if one is None else [one.time_s]
    assert source.closed.is_set()
    assert taken[-1] == shot(9).time_s
    assert taken == sorted(taken)
    assert len(taken) + newest.dropped == 10


def test_an_error_of_the_source_reaches_the_taker() -> None:
    source = Scripted([], UserError("gives no pictures any more"))
    with capturing(source) as newest, pytest.raises(UserError, match="no pictures any more"):
        newest.take(10.0)
    assert source.closed.is_set()


def test_capturing_ends_with_the_session_though_the_source_would_go_on() -> None:
    class Endless(Scripted):
        def shots(self, wait: Wait) -> Generator[Shot]:
            number = 0
            while not wait(0.001):
                yield shot(number)
                number += 1

    source = Endless([])
    with capturing(source) as newest:
        assert newest.take(10.0) is not None
    assert source.closed.wait(10)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_video(tmp_path / "video.mp4", [QUADRANTS] * 8, times=[0, 0.1, 0.2, 0.25, 0.5, 0.6, 0.7, 0.8])


def test_a_video_is_played_in_real_time_with_its_own_time_stamps(video: Path) -> None:
    clock = Clock()
    played = PlayedVideo(video, clock)
    assert (played.width, played.height) == (64, 48)
    shots = list(played.shots(clock.wait))
    assert [each.time_s for each in shots] == pytest.approx([0, 0.1, 0.2, 0.25, 0.5, 0.6, 0.7, 0.8], abs=2e-3)
    assert [each.arrived_s - 50 for each in shots] == pytest.approx([each.time_s for each in shots], abs=1e-6)
    assert played.notices == []


def test_a_short_delay_is_caught_up_and_a_long_one_slows_the_video(video: Path) -> None:
    clock = Clock()
    played = PlayedVideo(video, clock)
    arrived = []
    for number, each in enumerate(played.shots(clock.wait)):
        arrived.append(each.arrived_s - 50)
        clock.now += {1: 0.15, 4: 1.0}.get(number, 0.0)
    assert arrived == pytest.approx([0, 0.1, 0.25, 0.25, 0.5, 1.5, 1.6, 1.7], abs=2e-3)
    assert played.notices == [f"{video}: played 0.9 s slower than it is, this machine decodes no faster"]


def test_a_video_ends_where_the_session_does(video: Path) -> None:
    assert len(list(PlayedVideo(video, Clock()).shots(lambda seconds: True))) == 1


def test_no_video_ends_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        PlayedVideo(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="not a video that can be opened"):
        PlayedVideo(tmp_path / "text.mp4")


class Device:
    """Stands for cv2.VideoCapture: opens, and has pictures, as told."""

    opens, fps = True, 25.0
    pictures: list[np.ndarray | None] = []  # noqa: RUF012

    def __init__(self, number: int) -> None:
        self.released = False
        self._left = list(self.pictures)
        self._now: np.ndarray | None = None

    def isOpened(self) -> bool:  # noqa: N802
        return self.opens

    def set(self, *_: object) -> bool:
        return True

    def get(self, name: int) -> float:
        return self.fps if name == cv2.CAP_PROP_FPS else 0.0

    def grab(self) -> bool:
        if not self._left:
            return False
        self._now = self._left.pop(0)
        return True

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return self._now is not None, self._now

    def release(self) -> None:
        self.released = True


BLUE = np.full((48, 64, 3), (255, 0, 0), np.uint8)  # as OpenCV has it


def test_pictures_are_rgb_and_stamped_when_they_come_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pictures", [BLUE, BLUE, None, BLUE])
    monkeypatch.setattr(cv2, "VideoCapture", Device)
    clock = Clock()
    camera = Camera(0, clock)
    assert (camera.name, camera.width, camera.height, camera.fps) == ("camera 0", 64, 48, 25.0)
    shots = camera.shots(clock.wait)
    first = next(shots)
    assert first.image[0, 0].tolist() == [0, 0, 255]
    clock.now += 0.04
    second = next(shots)
    assert (first.time_s, second.time_s) == (0.0, pytest.approx(0.04))
    assert (first.arrived_s, second.arrived_s) == (50.0, pytest.approx(50.04))
    assert camera.notices == ["camera 0: 1 pictures came in damaged and were left out"]
    with pytest.raises(UserError, match=r"camera 0: gives no pictures any more; was it unplugged\?"):
        next(shots)


@pytest.mark.parametrize("said", [0.0, -1.0, 1e9, float("nan")])
def test_a_camera_that_says_no_rate_has_the_usual_one(said: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "pictures", [BLUE])
    monkeypatch.setattr(Device, "fps", said)
    monkeypatch.setattr(cv2, "VideoCapture", Device)
    assert Camera(0).fps == 30.0


def test_a_camera_in_use_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """V4L2 opens one that streams to somebody else, or not; either way there is no picture."""
    monkeypatch.setattr(cv2, "VideoCapture", Device)
    with pytest.raises(UserError, match="camera 0: gives no picture; end other programs that use it"):
        Camera(0)
    monkeypatch.setattr(Device, "opens", False)
    monkeypatch.setattr(camera_module.sys, "platform", "linux")
    monkeypatch.setattr(camera_module, "_DEVICES", tmp_path)
    (tmp_path / "video0").touch()
    with pytest.raises(UserError, match="video0 cannot be opened; end other programs that use it"):
        Camera(0)


def test_an_absent_camera_ends_in_a_sentence_that_names_those_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    """OpenCV's own words about it are not shown."""
    monkeypatch.setattr(camera_module.sys, "platform", "linux")
    monkeypatch.setattr(camera_module, "_DEVICES", tmp_path)
    with pytest.raises(UserError, match=r"video63 is not there, this machine has no camera; --video FILE plays"):
        Camera(63)
    (tmp_path / "video0").touch()
    (tmp_path / "video2").touch()
    with pytest.raises(UserError, match=r"video63 is not there, there are video0, video2"):
        Camera(63)
    monkeypatch.setattr(camera_module.sys, "platform", "darwin")
    with pytest.raises(UserError, match=r"privacy settings"):
        Camera(63)
    assert capfd.readouterr() == ("", "")
