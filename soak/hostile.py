"""Files that nobody has thought of: a coverage-guided fuzzer (Atheris, libFuzzer) changes sound files of every kind.

Each is read or refused in one sentence (`UserError`): no other error, no warning of NumPy's, no more than 10 s, no more
than 1 GiB of memory beyond what reading starts with. Kinds, sound examples and hostile ones are those of
tests/hostile_files.py; each finding becomes one of the latter. Needs Atheris: pip install 'blaze2cap[fuzz]'.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from soak import ROOT
from soak.outcome import Outcome, command, say

CHEAP = {
    "raw landmarks": 10, "model landmarks": 10, "sidecar": 8, "calibration": 10, "manifest": 8, "landmark JSON": 10,
    "landmark CSV": 8, "BVH": 12, "cameras": 8,
}  # fmt: skip
"""Kinds that are read in less than a millisecond, and their shares of the time; all others together have a fifth."""
_FEW = 0.2


def run(seed: int, seconds: float) -> Outcome:
    """Fuzz every kind for its share of the time."""
    if importlib.util.find_spec("atheris") is None:
        return Outcome(failures=["Atheris is not installed: pip install 'blaze2cap[fuzz]'"])
    from hostile_files import kinds

    counts = {"files": 0, "kinds": 0}
    worst = {"growth [MB]": 0.0}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        names = [kind.name for kind in kinds(Path(scratch))]
    others = len(names) - len(CHEAP)
    for name in names:
        share = (1 - _FEW) * CHEAP[name] / sum(CHEAP.values()) if name in CHEAP else _FEW / others
        files, growth_mb, broken = _fuzz(name, seed, share * seconds)
        say("\n  ".join([f"{name}: {files:,} files, {growth_mb:.0f} MB, {len(broken)} findings", *broken]))
        counts["files"] += files
        counts["kinds"] += 1
        worst["growth [MB]"] = max(worst["growth [MB]"], growth_mb)
        failures += [f"{name}, seed {seed}: {sentence}" for sentence in broken]
    return Outcome(counts, worst, failures)


def _fuzz(name: str, seed: int, seconds: float) -> tuple[int, float, list[str]]:
    """Files tried, growth of the memory [MB], and what broke."""
    # In memory, for a million small files would wear a disk.
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as scratch:
        arguments = [sys.executable, "-m", "soak.fuzz_kind", name, str(seed), f"{max(seconds, 1):.0f}", scratch]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
        done = subprocess.run(arguments, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
        findings = Path(scratch, "findings.jsonl")
        broken = [json.loads(line) for line in findings.read_text().splitlines()] if findings.exists() else []
        told = dict(re.findall(r"^(?:stat::)?(\w+): +(\d+)$", done.stderr, re.MULTILINE))
        if done.returncode:
            broken.append(f"exit code {done.returncode}: {done.stderr[-600:]}")
    files = int(told.get("number_of_executed_units", 0))
    return files, int(told.get("peak_rss_mb", 0)) - int(told.get("base_mb", 0)), broken


if __name__ == "__main__":
    command(run)
