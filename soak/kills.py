"""Kill each stage, `predict` and `live --record`, run them again, and hold the bytes against an undisturbed run.

SIGKILL, SIGTERM and Ctrl-C at random moments, up to five times before a run is left to its end, and SIGKILL right
before a change of a file's name or the opening of a file to write. Before the kill there is nothing, or what another
study left. Held: each output is absent, the old one, or the new one, never a part; what was started dies, too, after
Ctrl-C without a traceback; the same command run again ends well, leaves the bytes of an undisturbed run, and nothing
beside them.
"""

import random
import shutil
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from video_files import nobody, write_video

from soak.forked import Forked, Work, changes, forked
from soak.outcome import Outcome, command, say
from soak.study import (
    STAGES,
    WHOLE,
    contents,
    copied,
    environment,
    files,
    import_everything,
    inputs,
    landmark_file,
    outputs,
    stage_work,
    write_params,
)

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_MOTION = ["motion.bvh", "motion.npz", "motion.glb", "motion.csv"]
_LIVE = ["live.bvh", "live.npz", "live.glb", "live.csv"]
_OLD = b"of another study"


@dataclass(frozen=True)
class Victim:
    """Some work, what it reads and writes, and whether each run writes the same bytes."""

    name: str
    work: Work
    reads: list[str]
    writes: list[str]
    same_bytes: bool = True


def predict_work() -> None:
    """`blaze2cap predict` on landmarks, to every kind of file for programs."""
    from blaze2cap.cli.predict import predict

    predict(Path("landmarks.npy"), [Path(name) for name in _MOTION], Path("models"))


def live_work() -> None:
    """`blaze2cap live --record` on a second of video, as fast as a detector that says what is on file."""
    from blaze2cap.runtime import pose_detector
    from blaze2cap.runtime.live_session import LiveSettings, run_session

    class FromFile:
        """In the place of the detector."""

        most_others = 0

        def __init__(self, _: object) -> None:
            self._rows = iter(np.load("landmarks.npy"))

        def __enter__(self) -> "FromFile":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing to close."""

        def detect(self, *_: object) -> np.ndarray:
            """The next row."""
            return next(self._rows)

    pose_detector.PoseDetector = FromFile  # type: ignore[assignment]
    run_session(LiveSettings(source=Path("video.mp4"), record=tuple(Path(name) for name in _LIVE)))


def victims() -> list[Victim]:
    """Everything that is killed."""
    stages = [Victim(stage, stage_work(stage), inputs(stage), outputs(stage)) for stage in STAGES]
    live = Victim("live --record", live_work, ["landmarks.npy", "video.mp4"], _LIVE, same_bytes=False)
    return [*stages, Victim("predict", predict_work, ["landmarks.npy", "models"], _MOTION), live]


class Trials:
    """Kills of victims in folders of their own, beside a finished study."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch, self.random = scratch, random.Random(seed)
        self.wanted = scratch / "wanted"
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self._number = 0
        # Of an undisturbed run of each victim; and how long all trials with it have taken.
        self.seconds: dict[str, float] = {}
        self.changes: dict[str, int] = {}
        self.spent: dict[str, float] = defaultdict(float)
        write_params(self.wanted, seed=1)
        for victim in victims():
            self._undisturbed(victim)
            if victim.name == "download":
                shutil.copy2(landmark_file(self.wanted), self.wanted / "landmarks.npy")
                write_video(self.wanted / "video.mp4", nobody(30))

    def _undisturbed(self, victim: Victim) -> None:
        start, name = time.monotonic(), victim.name
        log = self.wanted.with_suffix(".log")
        self.changes[name] = changes(victim.work, self.wanted, log, environment(self.wanted))
        self.seconds[name] = time.monotonic() - start
        say(f"{name}: {self.seconds[name]:.1f} s, {self.changes[name]} changes of files")

    def at_random(self, victim: Victim) -> None:
        """Up to five kills at random moments, then to the end."""
        folder = self._prepared(victim, old=self.random.random() < 0.5)
        for _ in range(self.random.randint(1, 5)):
            number = self.random.choice(SIGNALS)
            child = self._begun(victim, folder)
            in_time = child.kill(number, self.random.uniform(0, self.seconds[victim.name]))
            self.counts["kills at random moments" if in_time else "kills that came too late"] += 1
            self._judge(victim, folder, f"{number.name}", child.orphans())
            if number is signal.SIGINT and "Traceback" in (said := child.log.read_text()):
                self.failures.append(f"{victim.name}, {number.name}: {said[-300:]}")
        self._run_to_the_end(victim, folder)

    def at_a_change(self, victim: Victim) -> None:
        """SIGKILL right before one of the changes of files, up to three times, then to the end."""
        folder = self._prepared(victim, old=self.random.random() < 0.5)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(self.changes[victim.name])
            child = self._begun(victim, folder, at)
            killed = child.wait() == -signal.SIGKILL
            self.counts["kills between write and rename" if killed else "kills that came too late"] += 1
            self._judge(victim, folder, f"SIGKILL before change {at}", child.orphans())
        self._run_to_the_end(victim, folder)

    def _prepared(self, victim: Victim, old: bool) -> Path:
        self._number += 1
        folder = self.scratch / f"trial{self._number}"
        copied(self.wanted, folder, ["params.yaml", *victim.reads])
        if old:
            copied(self.wanted, folder, victim.writes)
            if victim.same_bytes:
                for path in (file for name in victim.writes for file in files(folder / name)):
                    path.write_bytes(path.read_bytes() + _OLD)
        return folder

    def _begun(self, victim: Victim, folder: Path, die_at: int | None = None) -> Forked:
        return forked(victim.work, folder, folder.with_suffix(".log"), environment(folder), die_at)

    def _judge(self, victim: Victim, folder: Path, how: str, orphans: list[str]) -> None:
        """What a kill has left: whole outputs, and nobody running."""
        where = f"{victim.name}, {how}"
        if orphans:
            self.failures.append(f"{where}: still running: {orphans}")
        for name in victim.writes:
            now = contents(folder / name)
            if victim.same_bytes and now and not self._is_whole(name, now):
                self.failures.append(f"{where}: {name} is a part of something")
            if not victim.same_bytes and now:
                self._require_readable(folder / name, where)

    def _is_whole(self, name: str, now: dict[str, bytes]) -> bool:
        new = contents(self.wanted / name)
        known = [new, {file: data + _OLD for file, data in new.items()}]
        if name in WHOLE:
            return now in known
        # What is being written stands in a hidden folder.
        shown = {file: data for file, data in now.items() if ".partial" not in file}
        return all(any(data == whole.get(file) for whole in known) for file, data in shown.items())

    def _require_readable(self, path: Path, where: str) -> None:
        try:
            READERS[path.suffix](path)
        except Exception as error:
            self.failures.append(f"{where}: {path.name} cannot be read ({error})")

    def _run_to_the_end(self, victim: Victim, folder: Path) -> None:
        child = self._begun(victim, folder)
        code = child.wait()
        if code:
            self.failures.append(f"{victim.name}, run again: exit code {code}: {child.log.read_text()[-300:]}")
        for name in victim.writes:
            now, wanted = contents(folder / name), contents(self.wanted / name)
            if set(now) != set(wanted):
                self.failures.append(f"{victim.name}, run again: {name} holds {sorted(set(now) ^ set(wanted))}")
            elif victim.same_bytes and now != wanted:
                self.failures.append(f"{victim.name}, run again: {name} has other bytes")
            elif not victim.same_bytes:
                self._require_readable(folder / name, "run again")
        known = {Path(name).parts[0] for name in ["params.yaml", *victim.reads, *victim.writes]}
        left = sorted(path.name for path in folder.iterdir() if path.name not in known)
        left += [path.name for path in folder.rglob(".*.partial")]
        if left:
            self.failures.append(f"{victim.name}, run again: left behind {sorted(set(left))}")
        self.counts["runs to the end after kills"] += 1
        self._done(folder)

    def _done(self, folder: Path) -> None:
        shutil.rmtree(folder)
        shutil.rmtree(folder.with_suffix(".cache"), ignore_errors=True)


def _read_bvh(path: Path) -> None:
    from blaze2cap.runtime.bvh import read_bvh

    read_bvh(path)


def _read_npz(path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        for name in arrays.files:
            arrays[name]


def _read_csv(path: Path) -> None:
    rows = path.read_text().splitlines()
    if not rows or len({row.count(",") for row in rows}) != 1 or not path.read_text().endswith("\n"):
        raise ValueError("rows of different lengths")


def _read_glb(path: Path) -> None:
    import struct

    data = path.read_bytes()
    if struct.unpack("<4sII", data[:12])[2] != len(data):
        raise ValueError("another length than its header says")


READERS: dict[str, Callable[[Path], None]] = {
    ".bvh": _read_bvh,
    ".npz": _read_npz,
    ".csv": _read_csv,
    ".glb": _read_glb,
}


def run(seed: int, seconds: float) -> Outcome:
    """Kills until the time is over; always of the victim that has had the least of it."""
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="blaze2cap-kills-") as scratch:
        import_everything()
        trials = Trials(Path(scratch), seed)
        while (start := time.monotonic()) < end:
            victim = min(victims(), key=lambda victim: trials.spent[victim.name])
            before = len(trials.failures)
            for trial in (trials.at_random, trials.at_a_change):
                trial(victim)
            trials.spent[victim.name] += time.monotonic() - start
            for failure in trials.failures[before:]:
                say(failure)
            say(f"{victim.name}: {dict(trials.counts)}")
        return Outcome(dict(trials.counts), {}, trials.failures)


if __name__ == "__main__":
    command(run)
