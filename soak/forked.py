"""A piece of work in a process of its own that is killed: at some moment, or right before it changes a file's name.

Forked from this process, which has imported everything, so that kills meet work and not imports. The child leads a
session, by which all that it has started is found again.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Work = Callable[[], None]

# What an audit hook is told of before names change, and before files are opened to be written.
_NAMES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
# How long what a killed process has started may live on [s].
_GRACE_S = 120.0


@dataclass(frozen=True)
class Forked:
    """A child; what it prints is in `log`."""

    pid: int
    log: Path

    def over(self) -> bool:
        """Whether it has ended by itself."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> int:
        """Exit code, below 0 a signal's number."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self, number: signal.Signals, after_s: float) -> bool:
        """Send a signal after so many seconds and wait for the end; whether it came in time.

        Ctrl-C goes to all that it has started, too, as from a terminal.
        """
        end = time.monotonic() + after_s
        while time.monotonic() < end and not self.over():
            time.sleep(min(0.005, max(end - time.monotonic(), 0)))
        in_time = not self.over()
        try:
            (os.killpg if number is signal.SIGINT else os.kill)(self.pid, number)
        except ProcessLookupError:  # it does not lead a session yet, so it has started nobody
            os.kill(self.pid, number)
        self.wait()
        return in_time

    def orphans(self) -> list[str]:
        """Command lines of what it has left running, after a grace; they are ended."""
        end = time.monotonic() + _GRACE_S
        while (found := session(self.pid)) and time.monotonic() < end:
            time.sleep(0.05)
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return list(found.values())


def forked(work: Work, folder: Path, log: Path, environment: dict[str, str], die_at: int | None = None) -> Forked:
    """Begin some work in a folder. With `die_at`, SIGKILL comes right before that change of files, counted from 0."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Forked(pid, log)
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        os.environ.update(environment)
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, 1)
        os.dup2(stream, 2)
        if die_at is not None:
            sys.addaudithook(_dying(die_at))
        work()
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    except KeyboardInterrupt:  # as typer ends a command
        code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        # What the interpreter does before it ends: pools wait for their workers.
        threading._shutdown()  # type: ignore[attr-defined]
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def changes(work: Work, folder: Path, log: Path, environment: dict[str, str]) -> int:
    """How many changes of files `die_at` can name: the work runs once, undisturbed."""
    said = log.with_suffix(".changes")

    def counted() -> None:
        seen = [0]
        sys.addaudithook(lambda event, arguments: seen.__setitem__(0, seen[0] + _is_change(event, arguments)))
        try:
            work()
        finally:
            number = seen[0]
            said.write_text(str(number))

    code = forked(counted, folder, log, environment).wait()
    if code:
        raise RuntimeError(f"exit code {code} without a kill: {log.read_text()}")
    return int(said.read_text())


def session(leader: int) -> dict[int, str]:
    """Living processes of a session, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _, _, own = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                line = (entry / "cmdline").read_text().replace("\0", " ").strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(own) == leader and state not in "ZX":
                found[int(entry.name)] = line
    return found


def _is_change(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open":
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR)) and not str(arguments[0]).startswith("/dev")
    return event in _NAMES


def _dying(die_at: int) -> Callable[[str, tuple[Any, ...]], None]:
    left = [die_at]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if _is_change(event, arguments):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    return hook
