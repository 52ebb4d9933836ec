"""Ten hours of a live session at 30 frames per second, fed as fast as they are answered.

From a detector that plays a clip forwards and backwards, through guard, network, world, finishing and VMC to a socket
nobody listens at. Every second minute the person is lost and found again three times a second; there are frames with
nobody in them, pauses of seconds, stamps that are refused because they go back, and jumps of an hour. Held: every pose
is finite, memory grows by less than 5 MB once the first twentieth is over, and the CPU time of a frame, at the 99th
percentile of 1,000 frames, ends within half of what it was at the start. CPU time, because it hardly knows of other
work here.
"""

import contextlib
import gc
import io
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from blaze2cap.data.field_of_view import camera_intrinsics
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import Finishing
from blaze2cap.runtime.live import LiveMotion, run_live
from blaze2cap.runtime.live_capture import NewestShot, Shot
from blaze2cap.runtime.live_status import LiveStatus
from blaze2cap.runtime.open_network import open_network
from blaze2cap.runtime.osc import OscSender, find_destination
from blaze2cap.runtime.side_guard import SideGuard
from blaze2cap.runtime.streamer import FrameError, Streamer
from blaze2cap.runtime.vmc import VmcOutput
from blaze2cap.runtime.world_pose import WorldPose
from blaze2cap.stop_request import StopRequest
from soak.outcome import Outcome, command, say
from soak.study import looped_landmarks, run_stage_alone

FPS = 30
FRAMES = 10 * 3600 * FPS
MOST_GROWTH_MB, MOST_SLOWER = 5.0, 1.5
_BLOCK = 1_000
_TRACKED = [4, 9]  # both copies of the raw layout's flag


class Feed(NewestShot):
    """Shots one after the other; what a camera and a detector would say of each is known beforehand."""

    def __init__(self, landmarks: "np.ndarray", seed: int, until: float) -> None:
        super().__init__()
        self._clip, self._random, self._until = landmarks, random.Random(seed), until
        self.counts = {"frames": 0, "re-anchorings": 0, "frames with nobody": 0, "pauses": 0, "jumps of an hour": 0}
        self._time_s, self._nobody = 0.0, 0
        self.seen = np.zeros_like(landmarks[0])

    @property
    def ended(self) -> bool:
        """Ten hours are over, or the time is."""
        return self.counts["frames"] >= FRAMES or time.monotonic() > self._until

    def take(self, patience_s: float) -> Shot | None:
        """The next one."""
        if self.ended:
            return None
        frame = self.counts["frames"]
        self.counts["frames"] += 1
        self._time_s += 1 / FPS + self._random.uniform(-0.004, 0.004)
        self._time_s += self._event("pauses", 1e-3) * self._random.uniform(0.6, 30)
        self._time_s += self._event("jumps of an hour", 1e-5) * 3600
        self.seen = self._clip[frame % len(self._clip)].copy()
        restless = frame // (60 * FPS) % 2
        anew = self._event("re-anchorings", 0.1 * restless)
        self.seen[:, _TRACKED] = float(not (anew or self._nobody == 1))
        if self._nobody == 0 and self._random.random() < 1e-3:
            self._nobody = self._random.randint(1, 60)
        if self._nobody > 1:
            self.seen[:] = 0
            self.counts["frames with nobody"] += 1
        self._nobody = max(self._nobody - 1, 0)
        return Shot(self._time_s, np.zeros((2, 2, 3), np.uint8), time.perf_counter())

    def _event(self, name: str, share: float) -> bool:
        happens = self._random.random() < share
        self.counts[name] += happens
        return happens


class Watch:
    """An output that looks at each pose, and at the process's memory and CPU time."""

    def __init__(self) -> None:
        self.broken = 0
        self.memory_mb: list[float] = []
        self.p99_s: list[float] = []
        self._spent, self._before = np.zeros(_BLOCK), time.process_time()
        self._frames = 0

    def send(self, pose: WorldPose, offset: np.ndarray) -> None:
        """A frame is done."""
        now = time.process_time()
        self._spent[self._frames % _BLOCK] = now - self._before
        self._frames += 1
        whole = np.isfinite(pose.rotation).all() and np.isfinite(pose.root_position).all() and np.isfinite(offset).all()
        self.broken += not whole
        if self._frames % _BLOCK == 0:
            self.p99_s.append(float(np.percentile(self._spent, 99)))
            gc.collect()
            self.memory_mb.append(_memory_mb())
            say(f"{self._frames:,} frames: {self.memory_mb[-1]:.1f} MB, p99 {1e3 * self.p99_s[-1]:.2f} ms of CPU")
        self._before = time.process_time()

    def idle(self) -> None:
        """Nothing to see."""


@contextlib.contextmanager
def refusing(streamer: Streamer) -> Iterator[dict[str, int]]:
    """While every thousandth frame is pushed a second time with an older stamp, which must be refused."""
    counts = {"stamps that go back": 0, "of them accepted": 0}
    push, pushed = streamer.push, [0]

    def twice(landmarks: np.ndarray, time_s: float):  # type: ignore[no-untyped-def]
        answer = push(landmarks, time_s)
        pushed[0] += 1
        if pushed[0] % 1000 == 0:
            counts["stamps that go back"] += 1
            with contextlib.suppress(FrameError):
                push(landmarks, time_s - 1.0)
                counts["of them accepted"] += 1
        return answer

    streamer.push = twice  # type: ignore[method-assign]
    yield counts


def run(seed: int, seconds: float) -> Outcome:
    """As much of the ten hours as there is time for."""
    with tempfile.TemporaryDirectory(prefix="blaze2cap-long-live-") as scratch:
        clip = looped_landmarks(run_stage_alone(Path(scratch) / "study", "download"))
    feed, watch = Feed(clip, seed, time.monotonic() + seconds), Watch()
    streamer = Streamer(open_network(None), camera_intrinsics(1920, 1080), fps=FPS)
    world = CausalWorld()
    motion = LiveMotion(lambda *_: feed.seen, streamer, world, SideGuard(), Finishing(world.offset))
    sender = OscSender(find_destination("127.0.0.1:9", "--vmc"))
    status = LiveStatus(time.perf_counter, io.StringIO())
    with refusing(streamer) as refused:
        run_live(feed, motion, [VmcOutput(sender), watch], status, StopRequest())
    return _judged(feed, watch, refused)


def _judged(feed: Feed, watch: Watch, refused: dict[str, int]) -> Outcome:
    failures = []
    warm = max(len(watch.memory_mb) // 20, 1)
    if len(watch.memory_mb) < 3:
        return Outcome(feed.counts, {}, [f"only {feed.counts['frames']} frames in the time, too few to judge"])
    growth = max(watch.memory_mb[warm:]) - watch.memory_mb[warm - 1]
    few = max((len(watch.p99_s) - warm) // 5, 1)
    slower = float(np.median(watch.p99_s[-few:]) / np.median(watch.p99_s[warm : warm + few]))
    if growth > MOST_GROWTH_MB:
        failures.append(f"memory grew by {growth:.1f} MB")
    if slower > MOST_SLOWER:
        failures.append(f"a frame takes {slower:.2f} times as long at the end")
    if watch.broken:
        failures.append(f"{watch.broken} poses are not finite")
    if refused.pop("of them accepted"):
        failures.append("a stamp that goes back was accepted")
    worst = {"growth [MB]": growth, "p99 of CPU time [ms]": 1e3 * max(watch.p99_s[warm:]), "p99 end / start": slower}
    return Outcome({**feed.counts, **refused}, worst, failures)


def _memory_mb() -> float:
    """Resident memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    command(run)
