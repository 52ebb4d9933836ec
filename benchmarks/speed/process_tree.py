"""What a command with all its processes uses: seconds of the processor, and most memory at once."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

EVERY_S = 0.2


@dataclass
class Use:
    """What a tree of processes has used so far: seconds that passed, seconds of the processor by process, most bytes.

    `memory` counts pages of files that are mapped into memory, `anonymous` does not: the system takes those back where
    memory is short. Looked at five times a second: what a process did between the last look and its end is not counted.
    """

    passed: float = 0.0
    seconds: dict[tuple[int, float], float] = field(default_factory=dict)
    memory: int = 0
    anonymous: int = 0

    @property
    def worked(self) -> float:
        """Seconds of the processor in all processes."""
        return sum(self.seconds.values())

    def look(self, top: psutil.Process) -> None:
        """Take the tree's present state into account."""
        shares = anonymous = 0
        for process in [top, *top.children(recursive=True)]:
            try:
                times = process.cpu_times()
                self.seconds[process.pid, process.create_time()] = times.user + times.system
                kib = _rollup(process.pid)
            except (psutil.Error, OSError):  # it has ended meanwhile
                continue
            shares += kib.get("Pss", 0) * 1024
            anonymous += kib.get("Pss_Anon", 0) * 1024
        self.memory, self.anonymous = max(self.memory, shares), max(self.anonymous, anonymous)


def watched(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: IO[str]) -> tuple[Use, int]:
    """Run a command in a folder, its output in a log: what it used, and its exit code."""
    log.write(f"$ {' '.join(command)}\n")
    log.flush()
    use, began = Use(), time.perf_counter()
    process = psutil.Popen(command, cwd=folder, env=dict(environment), stdout=log, stderr=subprocess.STDOUT)
    while process.poll() is None:
        use.look(process)
        time.sleep(EVERY_S)
    use.passed = time.perf_counter() - began
    return use, process.returncode


def _rollup(pid: int) -> dict[str, int]:
    """Memory of a process by kind [KiB]; of pages that processes share, each has its part."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {key: int(value.split()[0]) for key, value in (line.split(":") for line in lines)}
