"""A full disk, a read-only cache, flipped bits, torn checkpoints, a clock set back, two runs at once: fixed cases.

Each is tried on a small study whose stages run in this process. Held: one sentence and exit code 1 or 2 where a command
cannot do its work, never a traceback, never a part of a file under its final name, and the bytes of an undisturbed run
once the fault is gone. The full disk and the read-only file system are mounts (tmpfs), so they need root; the clock is
Python's, set back for one process: no machine's clock is touched.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from soak.forked import Work, forked
from soak.outcome import Outcome, command, say
from soak.study import (
    STAGES,
    contents,
    copied,
    environment,
    import_everything,
    inputs,
    outputs,
    stage_work,
    write_params,
)
from soak.study import (
    run as run_work,
)

_TORN = (0, 1, 7, 8, 9, 64, 0.1, 0.5, 0.9)
"""Lengths of a torn file: bytes, or a share of it; and one byte less than whole."""


class Faults:
    """The cases, each with a finished study to hold its results against."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.wanted = scratch / "wanted"
        write_params(self.wanted, seed=1)
        for stage in STAGES:
            say(f"undisturbed {stage}")
            run_work(stage_work(stage), self.wanted)

    def full_disk(self) -> None:
        """Each stage on a tmpfs with room for its inputs and a part of what it writes, then with room for all."""
        for stage in STAGES:
            wanted = sum(len(data) for name in outputs(stage) for data in contents(self.wanted / name).values())
            for share in (0.0, 0.3, 0.7, 0.95):
                with self._mounted(stage, f"full{share}", "size=64m") as folder:
                    room = _free(folder) - int(share * wanted)
                    (folder / "ballast").write_bytes(bytes(max(room, 0)))
                    self._must_be_told(stage, folder, f"{stage} on a disk that is full after {share:.0%}")
                    (folder / "ballast").unlink()
                    self._must_end_well(stage, folder, f"{stage} once the disk has room")

    def read_only(self) -> None:
        """Each stage where nothing can be written, and training where its state cannot."""
        for stage in STAGES:
            with self._mounted(stage, "readonly", "size=64m") as folder:
                subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
                self._must_be_told(stage, folder, f"{stage} on a read-only file system")
        folder = self._prepared("train", self.scratch / "readonly-cache")
        cache = folder.with_suffix(".cache")
        cache.mkdir()
        with _tmpfs(cache, "size=1m"):
            subprocess.run(["mount", "-o", "remount,ro", str(cache)], check=True)
            self._must_be_told("train", folder, "train with a read-only cache")

    def torn_state(self) -> None:
        """Training's newest state cut to every kind of length, then with a bit flipped: the same bytes at the end.

        From which state it goes on is not looked at here, but in tests/test_training.py.
        """
        states = self._states()
        newest = states[-1]
        whole = newest.read_bytes()
        lengths = sorted({int(cut * len(whole)) if isinstance(cut, float) else cut for cut in _TORN} | {len(whole) - 1})
        torn = {f"cut to {length} bytes": whole[:length] for length in lengths}
        for place in (3, 40, len(whole) // 2, len(whole) - 1):
            flipped = bytearray(whole)
            flipped[place] ^= 0x10
            torn[f"with a bit of byte {place} flipped"] = bytes(flipped)
        for how, data in torn.items():
            folder = self._prepared("train", self.scratch / "torn")
            shutil.rmtree(folder.with_suffix(".cache"), ignore_errors=True)
            shutil.copytree(newest.parent, folder.with_suffix(".cache") / "checkpoints" / newest.parent.name)
            (folder.with_suffix(".cache") / "checkpoints" / newest.parent.name / newest.name).write_bytes(data)
            self._must_end_well("train", folder, f"train with its newest state {how}")
            shutil.rmtree(folder)

    def torn_checkpoint(self) -> None:
        """A model cut to every kind of length, and its description: told in a sentence."""
        for name in ("model.safetensors", "model.json"):
            whole = (self.wanted / "models" / name).read_bytes()
            lengths = {int(cut * len(whole)) if isinstance(cut, float) else cut for cut in _TORN} | {len(whole) - 2}
            for length in sorted(lengths):
                folder = self._prepared("evaluate", self.scratch / "cut")
                (folder / "models" / name).write_bytes(whole[:length])
                self._must_be_told("evaluate", folder, f"evaluate with {name} of {length} bytes")
                shutil.rmtree(folder)

    def clock_set_back(self) -> None:
        """Each stage while `time.time` goes back by an hour at every call."""

        def with_clock(work: Work) -> Work:
            def run() -> None:
                real, calls = time.time, [0]

                def back() -> float:
                    calls[0] += 1
                    return real() - 3600.0 * calls[0]

                time.time = back
                work()

            return run

        for stage in STAGES:
            folder = self._prepared(stage, self.scratch / "clock")
            self._must_end_well(stage, folder, f"{stage} with a clock that goes back", with_clock(stage_work(stage)))
            shutil.rmtree(folder)

    def two_at_once(self) -> None:
        """The same stage twice in one folder: one ends well, the other does, too, or is refused in a sentence."""
        for stage in STAGES:
            folder = self._prepared(stage, self.scratch / "two")
            logs = [folder.with_suffix(f".{number}.log") for number in (1, 2)]
            both = [forked(stage_work(stage), folder, log, environment(folder)) for log in logs]
            codes = [child.wait() for child in both]
            said = [log.read_text() for log in logs]
            if 0 not in codes or any("Traceback" in text for text in said):
                self.failures.append(
                    f"{stage} twice at once: exit codes {codes}: {' | '.join(text[-300:] for text in said)}"
                )
            self._compare(stage, folder, f"{stage} twice at once")
            self._must_end_well(stage, folder, f"{stage} after two at once")
            shutil.rmtree(folder)

    def _must_be_told(self, stage: str, folder: Path, where: str) -> None:
        self.counts["faults"] += 1
        log = self.scratch / "told.log"
        environment_ = environment(folder) | {"HOME": str(self.scratch)}
        code = forked(stage_work(stage), folder, log, environment_).wait()
        text = log.read_text()
        if code == 0:
            self.failures.append(f"{where}: ends well")
        elif "Traceback" in text or code not in (1, 2):
            self.failures.append(f"{where}: exit code {code}: {text[-250:]!r}")
        for name in outputs(stage):
            now, wanted = contents(folder / name), contents(self.wanted / name)
            if any(data != wanted.get(file) for file, data in now.items() if ".partial" not in file):
                self.failures.append(f"{where}: {name} is a part of something")

    def _must_end_well(self, stage: str, folder: Path, where: str, work: Work | None = None) -> None:
        self.counts["runs"] += 1
        log = self.scratch / "well.log"
        code = forked(work or stage_work(stage), folder, log, environment(folder)).wait()
        if code:
            self.failures.append(f"{where}: exit code {code}: {log.read_text()[-250:]!r}")
        else:
            self._compare(stage, folder, where)

    def _compare(self, stage: str, folder: Path, where: str) -> None:
        for name in outputs(stage):
            now, wanted = contents(folder / name), contents(self.wanted / name)
            if odd := sorted(file for file in now.keys() | wanted.keys() if now.get(file) != wanted.get(file)):
                self.failures.append(f"{where}: {name} has other bytes in {odd[:4]}")

    def _prepared(self, stage: str, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        copied(self.wanted, folder, ["params.yaml", *inputs(stage)])
        return folder

    def _states(self) -> list[Path]:
        """States that a training run which is killed before its end has left."""
        folder = self._prepared("train", self.scratch / "stopped")

        def stopped() -> None:
            from blaze2cap.learning import training

            def end(*_: object) -> None:
                os._exit(9)

            training.Trainer._finished = end  # type: ignore[method-assign,assignment]
            stage_work("train")()

        forked(stopped, folder, folder.with_suffix(".log"), environment(folder)).wait()
        return sorted(folder.with_suffix(".cache").rglob("step_*.safetensors"))

    @contextmanager
    def _mounted(self, stage: str, name: str, options: str) -> Iterator[Path]:
        folder = self.scratch / f"{stage}-{name}"
        folder.mkdir()
        with _tmpfs(folder, options):
            yield self._prepared(stage, folder)


@contextmanager
def _tmpfs(folder: Path, options: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def run(seed: int, seconds: float) -> Outcome:
    """All cases; neither the seed nor the time changes them."""
    with tempfile.TemporaryDirectory(prefix="blaze2cap-faults-") as scratch:
        import_everything()
        faults = Faults(Path(scratch))
        cases: list[Callable[[], None]] = [
            faults.torn_checkpoint, faults.torn_state, faults.two_at_once, faults.clock_set_back,
        ]  # fmt: skip
        if os.geteuid() == 0:
            cases += [faults.full_disk, faults.read_only]
        else:
            say("not root: no full disk and no read-only file system")
        for case in cases:
            before = len(faults.failures)
            case()
            say(f"{case.__name__}: {dict(faults.counts)}")
            for failure in faults.failures[before:]:
                say(failure)
        return Outcome(dict(faults.counts), {}, faults.failures)


if __name__ == "__main__":
    command(run)
