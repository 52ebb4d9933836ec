"""Run the parts of a soak one after the other, each in a process of its own, and say what is known of each.

A row is kept for every round that has run, so that a soak which was stopped goes on where it was: a full one whatever
the commit, which its table tells, the short one within the commit.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from soak import ROOT
from soak.outcome import Outcome, say
from soak.parts import PARTS, Part

# A harness that is this many times slower than its budget hangs.
_PATIENCE = 4

Rows = dict[int, dict[str, Any]]
"""What is kept of each round, by seed."""


def main(
    only: Annotated[list[str] | None, typer.Argument(help="Names of parts; all of them where none is named.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every round, not only the first of each part.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Run what has run already, too.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Run nothing, show what is known.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of the rows.")] = ROOT / "runs" / "soak",
) -> None:
    """Run what has not run yet and print what is known of each part; the short soak runs again what is of another
    commit. Exit code 1: something broke.
    """
    unknown = set(only or ()) - {part.name for part in PARTS}
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: expected {', '.join(part.name for part in PARTS)}")
    results.mkdir(parents=True, exist_ok=True)
    parts = [part for part in PARTS if not only or part.name in only]
    commit = _commit()
    for part in parts:
        rows = {} if again else _rows(results, part)
        for seed in range(part.rounds if full else 1):
            known_row = rows.get(seed)
            # A round of `make soak` is too short to stand for one of a full soak.
            stands = known_row and known_row["asked"] >= part.asked(full) and (full or known_row["commit"] == commit)
            if not table and not stands:
                rows[seed] = _round(part, seed, part.asked(full))
                _keep(results, part, rows)
    known = {part: _rows(results, part) for part in parts}
    _print(known)
    raise typer.Exit(any(row["outcome"]["failures"] for rows in known.values() for row in rows.values()))


def _round(part: Part, seed: int, minutes: float) -> dict[str, Any]:
    """Run a harness; a crash or a hang of it is a failure, too, and nothing of it lives on."""
    began, start = datetime.now(UTC), time.monotonic()
    say(f"{part.name}, seed {seed}: about {minutes:g} minutes")
    command = [sys.executable, "-m", f"soak.{part.name}", "--seed", str(seed), "--minutes", f"{minutes:g}"]
    limit = 60 * _PATIENCE * minutes
    with _scratch() as scratch:
        variables = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "TMPDIR": str(scratch)}
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, text=True, check=False,
                timeout=limit,
            )  # fmt: skip
            outcome = Outcome(**json.loads(done.stdout.splitlines()[-1]))
        except subprocess.TimeoutExpired:
            outcome = Outcome(failures=[f"seed {seed}: still running after {limit:g} s"])
        except (IndexError, TypeError, json.JSONDecodeError):
            outcome = Outcome(failures=[f"seed {seed}: exit code {done.returncode} without a result"])
    return {
        "began": began.isoformat(timespec="seconds"),
        "asked": minutes,
        "seconds": round(time.monotonic() - start),
        "commit": _commit(),
        "outcome": outcome.as_dict(),
    }


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for temporary files. At the end whoever was told of it is ended, and what is mounted in it taken off."""
    with tempfile.TemporaryDirectory(prefix="blaze2cap-soak-", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        finally:
            # Harnesses start sessions of their own, which no group of processes holds.
            while left := _told_of(folder):
                for pid in left:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
            for line in Path("/proc/mounts").read_text().splitlines():
                if Path(line.split()[1]).is_relative_to(folder):
                    subprocess.run(["umount", "--lazy", line.split()[1]], check=False)


def _told_of(folder: str) -> list[int]:
    """Living processes that were started with this folder for temporary files."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and f"TMPDIR={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _commit() -> str:
    """Short name of the commit; with a + where files differ from it."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _rows(results: Path, part: Part) -> Rows:
    path = results / f"{part.name}.json"
    return {int(seed): row for seed, row in json.loads(path.read_text()).items()} if path.exists() else {}


def _keep(results: Path, part: Part, rows: Rows) -> None:
    partial = results / f"{part.name}.part"
    partial.write_text(json.dumps(rows, indent=1) + "\n")
    partial.replace(results / f"{part.name}.json")


def _print(known: dict[Part, Rows]) -> None:
    table = Table("part", "promise", "rounds", "last run (UTC)", "commit", "minutes", "figure", "held")
    broken: list[str] = []
    for part, rows in known.items():
        outcome = Outcome.merged(Outcome(**row["outcome"]) for row in rows.values())
        last = max(rows.values(), key=lambda row: row["began"], default=None)
        table.add_row(
            part.name,
            part.promise,
            f"{len(rows)} of {part.rounds}",
            last["began"][:16].replace("T", " ") if last else "never",
            ", ".join(sorted({row["commit"] for row in rows.values()})),
            f"{sum(row['seconds'] for row in rows.values()) / 60:.1f}",
            outcome.figure(),
            "" if not rows else "no" if outcome.failures else "yes",
        )
        broken += [f"{part.name}: {sentence}" for sentence in outcome.failures]
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)  # units stand in brackets
    for sentence in broken:
        print(sentence)


if __name__ == "__main__":
    typer.run(main)
