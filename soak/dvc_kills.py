"""Kill `dvc repro` and `dvc exp run` in a clone, run them again, and hold the outputs against an undisturbed run.

SIGKILL to DVC alone, to DVC and its stage, SIGTERM, and Ctrl-C as a terminal sends it, at random moments. Held: the
same command right after it, while a stage may still be running, either ends well or says what is in its way (a lock
file that DVC itself has torn is counted and removed, as `blaze2cap doctor` tells users to); at the
end DVC is up to date, `git status` is clean, and all bytes are those of the undisturbed run.
"""

import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from dvc_clone import UP_TO_DATE, Clone, make_clone, working_tree

from soak.forked import session
from soak.outcome import Outcome, command, say
from soak.study import contents

_OUTPUTS = ("data/raw", "data/clips", "data/split", "models", "metrics")
# How long a stage may go on alone after `kill -9` of its DVC [s]; it says so meanwhile to whoever runs the same.
_ALONE_S = 300.0
# DVC's own fault: killed while it writes this file, it cannot read it any more. `blaze2cap doctor` says what to do.
_TORN_LOCK = "Unable to read RWLock-file"
_REFUSALS = ("another process is writing it", "another process trains with the same parameters")


class Kills:
    """Kills in clones of a clone in which nothing has run."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch, self.random = scratch, random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.origin = working_tree(scratch / "origin", scratch / "origin.cache")
        preset = self.origin.run("blaze2cap", "preset", "tiny").split()
        changes = [*preset, "-S", "train.generated.takes=1"]
        self.origin.dvc("exp", "run", *changes)
        self.origin.commit("tiny")
        self.wanted = {name: contents(self.origin.folder / name) for name in _OUTPUTS}
        start = time.monotonic()
        fresh = self._clone("undisturbed")
        fresh.dvc("repro")
        self.seconds = time.monotonic() - start
        self._judge(fresh, "without a kill")
        say(f"dvc repro: {self.seconds:.0f} s")

    def trial(self, number: int, deadline: float) -> None:
        """Kills of one clone's `dvc repro`, or of an experiment with the committed values, until it has ended well."""
        clone = self._clone(f"trial{number}")
        arguments = self.random.choice((["repro"], ["exp", "run"]))
        # Stages that have ended are not run again, so that a run after a kill is shorter.
        left_s = self.seconds
        for _ in range(self.random.randint(2, 6)):
            how = self.random.choice(("SIGKILL to DVC", "SIGKILL to all", "SIGTERM to DVC", "Ctrl-C"))
            after_s = self.random.uniform(0, left_s)
            in_time = self._kill(clone, arguments, how, after_s)
            left_s = max(left_s - after_s, 0.1 * self.seconds)
            self.counts[f"kills of dvc {' '.join(arguments)}" if in_time else "kills that came too late"] += 1
            if time.monotonic() > deadline:
                break
        self._run_to_the_end(clone, arguments)
        self._judge(clone, f"dvc {' '.join(arguments)} after kills")
        self.counts["runs to the end after kills"] += 1

    def _clone(self, name: str) -> Clone:
        return make_clone(self.origin.folder, self.scratch / name, self.scratch / f"{name}.cache")

    def _kill(self, clone: Clone, arguments: list[str], how: str, after_s: float) -> bool:
        running = subprocess.Popen(
            ["dvc", *arguments], cwd=clone.folder, env=clone.environment, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            running.wait(after_s)
            return False
        except subprocess.TimeoutExpired:
            pass
        number = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}[how.split()[0]]
        if how.endswith("DVC"):
            os.kill(running.pid, number)
        else:
            os.killpg(running.pid, number)
        try:
            running.wait(60)
        except subprocess.TimeoutExpired:
            self.failures.append(f"dvc {' '.join(arguments)}: goes on after {how}")
            running.kill()
            running.wait()
        if how in ("SIGKILL to all", "Ctrl-C") and (left := _left(running.pid, 30)):
            self.failures.append(f"dvc {' '.join(arguments)}: after {how} there is still {left}")
        return True

    def _run_to_the_end(self, clone: Clone, arguments: list[str]) -> None:
        """A stage that a kill of its DVC has left alone may be in the way for a while, and says so."""
        end = time.monotonic() + _ALONE_S
        while UP_TO_DATE not in clone.dvc("status", expect=None) or not (clone.folder / "models").exists():
            said = clone.dvc(*arguments, expect=None)
            if _TORN_LOCK in said:
                self.counts["lock files that DVC tore"] += 1
                (clone.folder / ".dvc" / "tmp" / "rwlock").unlink()
                continue
            refused = any(sentence in said for sentence in _REFUSALS)
            self.counts["refusals while a stage went on alone"] += refused
            if "Traceback" in said or (time.monotonic() > end and not refused):
                self.failures.append(f"dvc {' '.join(arguments)}, run again: {said[-600:]}")
                return
            time.sleep(1)

    def _judge(self, clone: Clone, where: str) -> None:
        for name in _OUTPUTS:
            now = contents(clone.folder / name)
            if now != self.wanted[name]:
                odd = [
                    file
                    for file in now.keys() | self.wanted[name].keys()
                    if now.get(file) != self.wanted[name].get(file)
                ]
                self.failures.append(f"{where}: {name} differs in {sorted(odd)[:5]}")
        if status := clone.run("git", "status", "--porcelain").strip():
            self.failures.append(f"{where}: git status says {status}")


def _left(leader: int, seconds: float) -> list[str]:
    end = time.monotonic() + seconds
    while (found := session(leader)) and time.monotonic() < end:
        time.sleep(0.1)
    return list(found.values())


def run(seed: int, seconds: float) -> Outcome:
    """Trials until the time is over; the first is made ready by two undisturbed runs."""
    deadline = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="blaze2cap-dvc-kills-") as scratch:
        kills = Kills(Path(scratch), seed)
        number = 0
        while time.monotonic() < deadline:
            before = len(kills.failures)
            kills.trial(number, deadline)
            number += 1
            for failure in kills.failures[before:]:
                say(failure)
            say(str(dict(kills.counts)))
        return Outcome(dict(kills.counts), {}, kills.failures)


if __name__ == "__main__":
    command(run)
