"""What is kept of a run: tables between the markers of a document, and pyperf's files as a history to compare with."""

import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import pyperf

from blaze2cap.data.atomic import replace_text
from blaze2cap.errors import UserError
from speed.rounds import Seconds
from speed.workplace import ROOT

# Of all that pyperf knows of a machine, what its speed depends on.
_KEPT = ("cpu_model_name", "cpu_count", "python_version", "load_avg_1min")


def machine() -> str:
    """Processor, versions, commit and load, in a line."""
    facts = _facts()
    packages = ", ".join(f"{name} {facts[name]}" for name in ("torch", "numpy", "onnxruntime"))
    return (
        f"{facts.get('cpu_model_name', platform.processor())}, {facts['cpu_count']} cores, load "
        f"{facts['load_avg_1min']} at the start; {platform.system()}, Python {facts['python_version']}, {packages}; "
        f"commit `{facts['commit']}`, {datetime.now(UTC):%Y-%m-%d}."
    )


def record(folder: Path, measured: Mapping[str, Seconds]) -> Path:
    """Write a run as a file of pyperf and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y-%m-%dT%H%M}.json"
    _suite(measured).dump(str(path), replace=True)
    return path


def last(folder: Path) -> Path | None:
    """The newest run of a history."""
    return max(folder.glob("*.json"), default=None)


def compared(before: Path | None, measured: Mapping[str, Seconds]) -> str:
    """A run beside an earlier one, as pyperf tells it: what differs by more than the spread of the rounds."""
    if before is None:
        return "no earlier run to compare with"
    with TemporaryDirectory() as scratch:
        now = Path(scratch, "now.json")
        _suite(measured).dump(str(now))
        command = (sys.executable, "-m", "pyperf", "compare_to", "--table", str(before), str(now))
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout or ended.stderr


def replace_tables(document: Path, name: str, text: str) -> None:
    """Put text between the markers `<!-- name -->` and `<!-- /name -->` of a document; UserError where it has none."""
    old = document.read_text()
    new, found = re.subn(
        f"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", lambda m: f"{m[1]}{text}{m[2]}", old, flags=re.DOTALL
    )
    if found != 1:
        raise UserError(f"{document}: expected the markers <!-- {name} --> and <!-- /{name} --> once")
    replace_text(document, new)


def _suite(measured: Mapping[str, Seconds]) -> pyperf.BenchmarkSuite:
    facts = _facts()
    return pyperf.BenchmarkSuite(
        [
            pyperf.Benchmark([pyperf.Run(values, metadata={**facts, "name": f"{path}/{case}"}, collect_metadata=False)])
            for path, seconds in measured.items()
            for case, values in seconds.items()
        ]
    )


def _facts() -> dict[str, str | int | float]:
    known = pyperf.Benchmark([pyperf.Run([1.0], metadata={"name": "machine"})]).get_metadata()
    kept = {key: known[key] for key in _KEPT if key in known}
    commit = subprocess.run(
        ("git", "describe", "--always", "--dirty"), cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return kept | {name: version(name) for name in ("torch", "numpy", "onnxruntime")} | {"commit": commit or "unknown"}
