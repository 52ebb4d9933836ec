"""Laws of a live session: nothing queues, latencies are told, and however it ends, what was recorded is whole."""

import io
import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from network_use import network_use, nobody_knows
from osc_receiver import Receiver
from test_checkpoint import checkpoint
from test_vmc import PARENTS
from typer.testing import CliRunner
from video_files import nobody, person, write_video

from blaze2cap.body.landmark import LANDMARKS, RAW_LANDMARKS, TRACKED, WORLD
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.cli import app
from blaze2cap.data.field_of_view import camera_intrinsics
from blaze2cap.data.raw import read_landmarks
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.learning.model import PoseModel
from blaze2cap.runtime import live_session
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import FinishingParams
from blaze2cap.runtime.live import LiveMotion, run_live
from blaze2cap.runtime.live_capture import NewestShot, Shot
from blaze2cap.runtime.live_preview import Preview, drawn, require_display
from blaze2cap.runtime.live_status import LiveStatus, Spent
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.torch_network import TorchNetwork
from blaze2cap.runtime.world_pose import WorldPose
from blaze2cap.stop_request import StopRequest

IMAGE = np.zeros((48, 64, 3), np.uint8)
INTRINSICS = camera_intrinsics(64, 48)


def direct(model: PoseModel, fps: float = 30.0) -> Streamer:
    """A stream whose network's step is not recorded."""
    return Streamer(TorchNetwork(model, record=False), INTRINSICS, fps=fps)


def upright(height: float = 0.0) -> np.ndarray:
    """Raw landmarks of somebody, tracked: made up, with both hips apart and a little below the shoulders."""
    rng = np.random.default_rng(0)
    row = np.full((33, 10), 0.9, np.float32)
    row[:, 0:3] = rng.normal(0, 0.3, (33, 3)) + np.array([0, height, 0])
    row[:, 5:7] = rng.uniform(0.4, 0.6, (33, 2))
    row[:, [4, 9]] = 1.0
    return row


class Clock:
    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


class Kept:
    """An output that keeps what it gets."""

    def __init__(self) -> None:
        self.poses: list[WorldPose] = []
        self.idles = 0

    def send(self, pose: WorldPose, offset: np.ndarray) -> None:
        assert offset.shape == (21, 3)
        self.poses.append(pose)

    def idle(self) -> None:
        self.idles += 1


class Camera30:
    """30 pictures a second by a clock: those that have come in by now are put; after the last the source ends."""

    def __init__(self, clock: Clock, frames: int, fps: float = 30.0) -> None:
        self.newest, self._clock, self._frames, self._fps = NewestShot(), clock, frames, fps
        self._next, self._began_s = 0, clock.now

    def catch_up(self) -> None:
        while self._next < self._frames and self._due_s() <= self._clock.now + 1e-9:
            self.newest.put(Shot(self._next / self._fps, IMAGE, self._due_s()))
            self._next += 1
        if self._next == self._frames:
            self.newest.end()

    def _due_s(self) -> float:
        return self._began_s + self._next / self._fps


def session(
    frames: int, detector_s: float, fps: float = 30.0, delay_frames: int = 0, **options: object
) -> tuple[Kept, NewestShot, list[Spent]]:
    """A session on a made-up clock, whose detector takes so long; everything else takes no time."""
    clock = Clock()
    camera = Camera30(clock, frames, fps)
    landmarks = upright()

    def detect(image: np.ndarray, time_s: float) -> np.ndarray:
        clock.now += max(detector_s, 0.0)
        camera.catch_up()
        return landmarks

    def waited(patience_s: float) -> Shot | None:
        if camera.newest._shot is None and not camera.newest.ended:
            clock.now = max(clock.now, camera._due_s())
            camera.catch_up()
        return NewestShot.take(camera.newest, patience_s)

    camera.newest.take = waited  # type: ignore[method-assign]
    kept, spent = Kept(), []
    status = LiveStatus(clock, io.StringIO())
    frame = status.frame
    status.frame = lambda one, valid: (spent.append(one), frame(one, valid))  # type: ignore[assignment, func-returns-value]
    streamer = direct(checkpoint(delay_frames=delay_frames).model, fps)
    motion = LiveMotion(detect, streamer, CausalWorld(), clock=clock)
    run_live(camera.newest, motion, [kept], status, StopRequest(), clock=clock, **options)  # type: ignore[arg-type]
    return kept, camera.newest, spent


def test_a_fast_detector_drops_nothing() -> None:
    kept, newest, spent = session(30, detector_s=0.01)
    assert [pose.time_s for pose in kept.poses] == pytest.approx([number / 30 for number in range(30)])
    assert newest.dropped == 0
    assert [one.latency for one in spent] == pytest.approx([0.01] * 30)


def test_a_slow_detector_drops_frames_and_never_lags() -> None:
    """110 ms a picture, three or four come meanwhile: latency is bounded by one of them and the work, for good."""
    kept, newest, spent = session(300, detector_s=0.11)
    assert len(kept.poses) + newest.dropped == 300
    assert 89 <= len(kept.poses) <= 92
    # The very last picture is not replaced by another one, however long it waits.
    latency = np.array([one.latency for one in spent[:-1]])
    assert latency.max() <= 0.11 + 1 / 30 + 1e-6
    assert latency[-40:].mean() == pytest.approx(latency[:40].mean(), abs=5e-3)
    assert max(one.waiting for one in spent[:-1]) <= 1 / 30 + 1e-6
    assert kept.poses[-1].time_s == pytest.approx(299 / 30)


def test_a_model_that_looks_ahead_adds_its_time_to_the_latency() -> None:
    _, _, spent = session(30, detector_s=0.01, delay_frames=3)
    assert spent[-1].late == pytest.approx(0.1)
    assert spent[-1].latency == pytest.approx(0.11)


def test_a_model_that_looks_ahead_answers_each_picture_and_nothing_else() -> None:
    kept, _, _ = session(30, detector_s=0.01, delay_frames=3)
    assert [pose.time_s for pose in kept.poses] == pytest.approx([number / 30 for number in range(30)])
    assert all(pose.valid for pose in kept.poses)
    kept, _, _ = session(2, detector_s=0.01, delay_frames=3)
    assert [pose.time_s for pose in kept.poses] == pytest.approx([0, 1 / 30])
    kept, _, _ = session(90, detector_s=0.0, delay_frames=3, most_s=1.0)
    assert len(kept.poses) == 30


def test_a_camera_faster_than_the_network_is_answered_once_a_pose() -> None:
    kept, _, _ = session(120, detector_s=0.0, fps=120.0)
    times = [pose.time_s for pose in kept.poses]
    assert all(one < next_ for one, next_ in itertools.pairwise(times))
    assert len(times) == 60


def test_a_session_ends_after_its_time_though_no_picture_comes() -> None:
    """A camera that stalls: the clock goes on, and so does the time until the end."""
    clock, newest = Clock(), NewestShot()
    newest.put(Shot(0.0, IMAGE, clock.now))
    take = newest.take

    def waited(patience_s: float) -> Shot | None:
        clock.now += patience_s
        return take(0.0)

    newest.take = waited  # type: ignore[method-assign]
    motion = LiveMotion(lambda *_: upright(), direct(checkpoint().model), CausalWorld(), clock=clock)
    kept = Kept()
    run_live(newest, motion, [kept], LiveStatus(clock, io.StringIO()), StopRequest(), most_s=5.0, clock=clock)
    assert len(kept.poses) == 1
    assert 15.0 <= clock.now < 16.0


class Window:
    """A view that the user closes at its n-th picture or, where none comes, its n-th wait."""

    def __init__(self, pictures: int = 1000, waits: int = 1000) -> None:
        self.pictures, self.waits = pictures, waits

    def show(self, image: np.ndarray, landmarks: np.ndarray) -> bool:
        self.pictures -= 1
        return self.pictures > 0

    def idle(self) -> bool:
        self.waits -= 1
        return self.waits > 0


def test_a_session_ends_after_its_time_and_where_the_preview_is_closed() -> None:
    kept, _, _ = session(90, detector_s=0.0, most_s=1.0)
    assert len(kept.poses) == 30
    kept, _, _ = session(90, detector_s=0.0, view=Window(pictures=3))
    assert len(kept.poses) == 3


def test_a_preview_can_be_closed_while_no_picture_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blaze2cap.runtime.live._PATIENCE_S", 0.001)
    motion = LiveMotion(lambda *_: upright(), direct(checkpoint().model), CausalWorld())
    kept, window = Kept(), Window(waits=4)
    run_live(NewestShot(), motion, [kept], LiveStatus(time.perf_counter, io.StringIO()), StopRequest(), view=window)
    assert kept.idles == 4


def test_without_pictures_outputs_are_told_and_a_request_ends_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blaze2cap.runtime.live._PATIENCE_S", 0.001)
    stop, kept = StopRequest(), Kept()

    def told() -> None:
        kept.idles += 1
        if kept.idles == 3:
            stop.ask()

    kept.idle = told  # type: ignore[method-assign]
    motion = LiveMotion(lambda *_: upright(), direct(checkpoint().model), CausalWorld())
    run_live(NewestShot(), motion, [kept], LiveStatus(time.perf_counter, io.StringIO()), stop)
    assert kept.idles == 3
    assert kept.poses == []


def test_finishing_is_told_the_bones_and_steps_once_a_pose() -> None:
    class Finish:
        def __init__(self) -> None:
            self.times: list[float] = []
            self.sizes: list[float] = []

        def resize(self, offset: np.ndarray) -> None:
            self.sizes.append(np.linalg.norm(offset))

        def step(self, pose: WorldPose) -> WorldPose:
            self.times.append(pose.time_s)
            return pose._replace(root_position=np.full((3,), 7.0))

    finish, world = Finish(), CausalWorld(subject_height_m=1.8)
    streamer = direct(checkpoint().model)
    motion = LiveMotion(lambda *_: upright(), streamer, world, finish=finish)
    poses = [motion.solve(Shot(time_s, IMAGE, 0.0))[0] for time_s in (0.0, 0.02, 0.025, 0.04)]
    assert finish.times == [0.0, 0.02, 0.04]
    assert finish.sizes == [np.linalg.norm(world.offset)] * 3
    assert all(pose.root_position.tolist() == [7.0] * 3 for pose in poses)


def test_a_guard_sees_every_frame_before_the_network() -> None:
    """It gets frames as they were detected, tracked on; one that it empties is one with nobody in it."""

    class Guard:
        def __init__(self) -> None:
            self.seen: list[np.ndarray] = []

        def step(self, landmarks: np.ndarray, time_s: float) -> np.ndarray:
            self.seen.append(landmarks)
            return np.zeros_like(landmarks) if time_s > 0.09 else landmarks

    guard, row = Guard(), upright()
    streamer = direct(checkpoint().model)
    motion = LiveMotion(lambda *_: row, streamer, CausalWorld(), guard)
    poses = [motion.solve(Shot(number / 30, IMAGE, 0.0))[0] for number in range(5)]
    assert [pose.valid for pose in poses] == [True, True, True, False, False]
    assert all((frame[:, TRACKED] == 1).all() for frame in guard.seen)
    np.testing.assert_array_equal(guard.seen[0][LANDMARKS.index("nose"), WORLD], row[RAW_LANDMARKS.index("nose"), :3])


def test_a_line_a_second_tells_rate_latency_share_and_drops() -> None:
    clock, out = Clock(), io.StringIO()
    status = LiveStatus(clock, out)
    for number in range(90):
        clock.now += 1 / 30
        status.frame(Spent(0.005, 0.03, 0.004, 0.001), valid=number < 60)
        status.tell(dropped=number // 10)
    lines = out.getvalue().splitlines()
    assert len(lines) in (2, 3)
    assert lines[0] == "live: 30.0 frames/s, latency 40 ms (detector 75%), 2 dropped, somebody in view" or (
        lines[0].startswith("live: 30.0 frames/s, latency 40 ms (detector 75%), 3 dropped")
    )
    status.tell(dropped=9, trouble="1 frames not sent")
    told = status.summary(dropped=9)
    assert told.startswith(
        "90 frames in 3.0 s, 9 dropped, somebody in view in 60; latency 40 ms, 95 % below 40 (medians:"
    )
    assert "waiting 5.0, detector 30.0, motion 4.0, sending 1.0 ms" in told
    assert LiveStatus(clock, out).summary(0) == "0 frames in 0.0 s, 0 dropped, somebody in view in 0"


def test_the_preview_shows_the_figure_where_it_was_detected() -> None:
    image = np.full((1080, 1920, 3), 40, np.uint8)
    row = upright()
    shown = drawn(image, row)
    assert shown.shape == (540, 960, 3)
    changed = np.argwhere((shown != 40).any(-1))
    assert len(changed) > 100
    low, high = changed.min(0), changed.max(0)
    assert (low > np.array([0.39, 0.39]) * [540, 960]).all()
    assert (high < np.array([0.61, 0.61]) * [540, 960]).all()
    assert (drawn(image, np.zeros_like(row)) == 40).all()


def test_the_preview_listens_to_its_keys_and_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    key, visible = [-1], [1.0]
    monkeypatch.setattr(cv2, "imshow", lambda title, image: None)
    monkeypatch.setattr(cv2, "waitKey", lambda patience: key[0])
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, number: visible[0])
    nobody_seen = np.zeros((33, 10), np.float32)
    preview = Preview()
    assert preview.idle()  # no window yet, so nothing to ask
    assert preview.show(IMAGE, nobody_seen)
    assert preview.idle()
    key[0] = ord("q")
    assert not preview.idle()
    assert not preview.show(IMAGE, nobody_seen)
    key[0], visible[0] = -1, 0.0
    assert not preview.idle()
    assert not preview.show(IMAGE, nobody_seen)


def test_a_preview_without_a_display_ends_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="there is no display"):
        require_display()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a checkpoint, and videos with somebody and with nobody."""
    save_checkpoint(tmp_path / "models", checkpoint())
    write_video(tmp_path / "person.mp4", [*person(20), *nobody(6), *person(10, 26)])
    write_video(tmp_path / "nobody.mp4", nobody(10))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["live", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


INPUTS = {"models", "person.mp4", "nobody.mp4"}


def outputs(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - INPUTS


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--vmc", "127.0.0.1"), "--vmc 127.0.0.1: expected HOST:PORT"),
        (("--osc", "no-such-host.invalid:9000"), "--osc no-such-host.invalid:9000: the host no-such-host.invalid"),
        (("--vmc", "127.0.0.1:99999"), "port 99999, expected 1 to 65535"),
        (("--record", "take.fbx"), "take.fbx: cannot write .fbx; use .bvh"),
        (("--record", "a.bvh", "--record", "./a.bvh"), "a.bvh is named twice"),
        (("--record", "models"), "models"),
        (("--record", "person.mp4/a.bvh"), "person.mp4 is a file"),
        (("--record", "a.bvh", "--skeleton", "cat"), "there is no skeleton cat"),
        (("--record", "a.csv", "--skeleton", "vrm"), "--skeleton names the bones of .bvh and .glb files"),
        (("--mirror",), "--mirror is about an avatar"),
        (("--camera", "1", "--video", "person.mp4"), "give one of the two"),
        (("--smooth", "--raw"), "--smooth and --raw: give one of the two"),
        (("--fov", "5"), "the field of view is 5 degrees"),
        (("--camera-tilt", "95"), "the camera's tilt is 95 degrees"),
        (("--subject-height", "180"), "the subject's height is 180 m"),
        (("--pose-model", "medium"), "medium: no such pose model"),
        (("--checkpoint", "none"), "a checkpoint is a folder with model.safetensors"),
        (("--preview",), "there is no display"),
    ],
)
def test_what_cannot_be_is_told_before_the_camera_is_opened(
    arguments: tuple[str, ...], told: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(source: object) -> None:
        raise AssertionError("the camera was opened")

    monkeypatch.setattr(live_session, "_source", opened)
    nobody_knows("no-such-host.invalid", monkeypatch)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    code, printed, said = run(*arguments)
    assert (code, printed) == (1, "")
    assert told in said
    assert said.count("\n") == 1
    assert outputs(folder) == set()


@pytest.mark.parametrize(("arguments", "low_pass"), [((), False), (("--smooth",), True)])
def test_smooth_puts_the_low_pass_among_the_steps(
    arguments: tuple[str, ...], low_pass: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[FinishingParams | None] = []

    class Finishing(live_session.Finishing):
        def __init__(self, offset: np.ndarray, params: FinishingParams | None = None) -> None:
            asked.append(params)
            super().__init__(offset, params)

    monkeypatch.setattr(live_session, "Finishing", Finishing)
    assert run("--video", "nobody.mp4", "--seconds", 0.2, *arguments)[0] == 0
    assert asked == [FinishingParams(low_pass=low_pass)]


def test_an_absent_camera_or_video_ends_in_a_sentence(folder: Path) -> None:
    code, printed, said = run("--camera", 63, "--record", "take.bvh")
    assert (code, printed) == (1, "")
    assert said.startswith("blaze2cap live: camera 63: ")
    code, _, said = run("--video", "none.mp4")
    assert (code, said) == (1, "blaze2cap live: none.mp4: no such file; expected a video or a folder of images\n")
    assert outputs(folder) == set()


def test_nobody_in_view_records_nothing_and_says_so(folder: Path) -> None:
    code, printed, said = run("--video", "nobody.mp4", "--record", "take.bvh")
    assert (code, printed) == (1, "")
    assert said.splitlines()[-1].startswith("blaze2cap live: take.bvh: nobody was in view in any of")
    assert outputs(folder) == set()


def test_a_source_that_breaks_off_leaves_what_was_recorded_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unplugged(live_session.PlayedVideo):
        def shots(self, wait: Callable[[float], bool]):
            for one in super().shots(lambda seconds: False):
                wait(0.05)
                yield one
            raise UserError("camera 0: gives no pictures any more; was it unplugged?")

    monkeypatch.setattr(live_session, "PlayedVideo", Unplugged)
    code, printed, said = run("--video", "person.mp4", "--record", "take.csv")
    assert code == 1
    assert said.splitlines()[-1] == "blaze2cap live: camera 0: gives no pictures any more; was it unplugged?"
    assert printed.startswith("take.csv: ")
    assert len((folder / "take.csv").read_text().splitlines()) > 1
    assert outputs(folder) == {"take.csv"}


def test_the_command_sends_and_records_a_video_played_in_real_time(folder: Path) -> None:
    with Receiver() as avatar, Receiver() as program:
        code, printed, said = run(
            "--video", "person.mp4", "--vmc", avatar.name, "--osc", program.name, "--record", "take.bvh",
            "--subject-height", "1.7", "--camera-tilt", "0",
        )  # fmt: skip
        bundles, joints = avatar.waiting(), program.waiting()
    assert code == 0, said
    # However slow the machine is, the newest picture is taken, and the last one is.
    assert len(bundles) == len(joints) > 0
    assert [message.arguments[0] for message in bundles[-1][3:]] == list(PARENTS)
    assert [message.arguments[0] for message in joints[-1][3:]] == list(JOINTS)
    assert [bundle[0].arguments[0] for bundle in joints] == list(range(len(joints)))
    bvh = read_bvh(folder / "take.bvh")
    assert printed.startswith(f"take.bvh: {len(bvh.motion)} frames at 30 per second")
    assert f"{len(bundles)} frames in" in said
    assert outputs(folder) == {"take.bvh"}


def test_nothing_listens_and_all_that_is_sent_goes_where_it_was_told(folder: Path) -> None:
    with Receiver() as avatar:
        host, port = avatar.name.split(":")
        with network_use() as uses:
            code, _, said = run("--video", "person.mp4", "--vmc", avatar.name, "--record", "take.csv")
    assert code == 0, said
    # The name is looked up once, which for an address asks nobody.
    assert set(uses) == {("getaddrinfo", (host, int(port))), ("sendto", (host, int(port)))}


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_session_with_the_recording_whole(number: int, folder: Path) -> None:
    """A process of its own on a long video: frames come, the signal comes, the file is whole and the exit clean."""
    write_video(folder / "long.mp4", person(3) * 600)
    with Receiver() as avatar:
        process = subprocess.Popen(
            [sys.executable, "-c", "from blaze2cap.cli import app; app()", "live", "--video", "long.mp4",
             "--record", "take.bvh", "--vmc", avatar.name],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        avatar._socket.settimeout(120)
        for _ in range(20):
            avatar.bundle()
        assert not (folder / "take.bvh").exists()
        process.send_signal(number)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    bvh = read_bvh(folder / "take.bvh")
    assert 15 < len(bvh.motion) < 1500
    assert printed.startswith(f"take.bvh: {len(bvh.motion)} frames at 30 per second")
    assert outputs(folder) == {"take.bvh", "long.mp4"}


def test_a_real_video_moves_an_avatar(videos_root: Path, folder: Path) -> None:
    """The person on the beam is seen, stands on the floor, and is as large as was said."""
    with Receiver() as avatar:
        code, printed, said = run(
            "--video", videos_root / "balance_beam_cam01.mp4", "--vmc", avatar.name, "--record", "take.npz",
            "--subject-height", "1.7",
        )  # fmt: skip
        bundles = avatar.waiting()
    assert code == 0, said
    assert len(bundles) > 0
    seen = [bundle for bundle in bundles if bundle[0].arguments[3]]
    assert len(seen) > 0.5 * len(bundles)
    for bundle in seen:
        turn = np.array([message.arguments[4:] for message in bundle[2:]])
        np.testing.assert_allclose(np.linalg.norm(turn, axis=1), 1, atol=1e-5)
        hips = next(message for message in bundle[2:] if message.arguments[0] == "Hips")
        assert 0.2 < hips.arguments[2] < 1.6
    with np.load(folder / "take.npz") as arrays:
        assert printed.startswith(f"take.npz: {len(arrays['valid'])} frames at ")
        assert arrays["fps"] == pytest.approx(60, rel=0.01)
        assert arrays["valid"].mean() > 0.5


def test_real_landmarks_go_through_a_session(totalcapture_root: Path) -> None:
    """Landmarks of a real take at their own rate, the detector replaced by the file: every frame is answered."""
    clip = next((totalcapture_root / "landmarks").rglob("blaze_S1_*_cam1.npy"))
    rows = read_landmarks(clip)[:300]
    network = TorchNetwork(checkpoint().model, record=False)
    streamer = Streamer(network, camera_intrinsics(1920, 1080), fps=60.0)
    motion = LiveMotion(lambda image, time_s: rows[round(time_s * 60)], streamer, CausalWorld())
    poses = [motion.solve(Shot(number / 60, IMAGE, 0.0))[0] for number in range(len(rows))]
    assert [pose.valid for pose in poses] == rows.any(axis=(1, 2)).tolist()
    assert all(np.isfinite(pose.rotation).all() and np.isfinite(pose.root_position).all() for pose in poses)


def test_a_status_line_that_nobody_reads_ends_nothing() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    clock = Clock()
    status = LiveStatus(clock, Closed())
    clock.now += 2.0
    status.tell(0)
    assert status.summary(0).startswith("0 frames in 2.0 s")
