"""The same commit and parameters in other circumstances of one machine: the same bytes.

The small pipeline, each stage a process of its own, runs in one folder, then in others: on a longer path with a space
and a letter that is not ASCII, on 1 and on 5 cores, on 3 threads of torch's, with another locale, time zone, hash seed
and umask; at first with all of that at once, then, as far as there is time, one by one. Held: every output has the
bytes of the first run. A locale that the machine lacks is made for the run; one that is not in force is a failure, and
its circumstance not counted.
"""

import locale
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from soak.outcome import Outcome, command, say
from soak.study import STAGES, arguments, contents, environment, outputs, write_params


class Circumstance(NamedTuple):
    """What differs from the first run."""

    name: str
    folder: str = "elsewhere"
    variables: tuple[tuple[str, str], ...] = ()
    cores: int = 2
    umask: int = 0o022


_ASCII = (("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0"))
_FAR = "a longer/way to/mit Umlaut ü"
_TURKISH = (("LC_ALL", "tr_TR.UTF-8"), ("LANG", "tr_TR.UTF-8"))
_KIRITIMATI, _HASH_SEED = (("TZ", "Pacific/Kiritimati"),), (("PYTHONHASHSEED", "4242"),)
_THREADS = (("OMP_NUM_THREADS", "3"),)
CIRCUMSTANCES = (
    Circumstance("all at once", _FAR, _TURKISH + _KIRITIMATI + _HASH_SEED + _THREADS, 5, 0o077),
    Circumstance("one core", cores=1),
    Circumstance("threads", variables=_THREADS),
    Circumstance("path", _FAR),
    Circumstance("locale", variables=_TURKISH),
    Circumstance("locale without UTF-8", variables=_ASCII),
    Circumstance("time zone", variables=_KIRITIMATI),
    Circumstance("hash seed", variables=_HASH_SEED),
    Circumstance("umask", umask=0o077),
)

# What a stage is run by: as its command, on a machine that says it has so many cores. A locale that is not there is the
# C locale, without a word.
_RUNNER = """
import locale, os, runpy, sys
found, wanted = locale.setlocale(locale.LC_CTYPE), {locale!r}
if wanted and found != wanted:
    sys.exit(f"the locale is {{found}}, expected {{wanted}}: apt-get install locales")
os.cpu_count = lambda: {cores}
os.sched_getaffinity = lambda process: set(range({cores}))
sys.argv = sys.argv[1:]
if __name__ == "__main__":
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(seed: int, seconds: float) -> Outcome:
    """All circumstances in turn, as far as there is time; the seed is that of the data."""
    end = time.monotonic() + seconds
    counts: Counter[str] = Counter()
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="blaze2cap-same-") as scratch:
        places = _places_of_locales(Path(scratch) / "locales")
        wanted = _pipeline(Path(scratch) / "wanted", Circumstance("first"), seed)
        for number, circumstance in enumerate(CIRCUMSTANCES):
            if number and time.monotonic() > end:
                break
            say(circumstance.name)
            try:
                found = _pipeline(Path(scratch) / str(number) / circumstance.folder, circumstance, seed, places)
            except subprocess.CalledProcessError as error:
                failures.append(f"{circumstance.name}: {error.stderr[-300:]}")
                continue
            counts["circumstances"] += 1
            for output in (output for stage in STAGES for output in outputs(stage)):
                now, before = contents(found / output), contents(wanted / output)
                counts["files compared"] += len(before)
                if odd := sorted(file for file in now.keys() | before.keys() if now.get(file) != before.get(file)):
                    failures.append(f"{circumstance.name}: {output} has other bytes in {odd[:4]}")
    return Outcome(dict(counts), {}, failures)


def _places_of_locales(folder: Path) -> dict[str, str]:
    """What the C library is told to find the Turkish locale: nothing where it is installed, else where it was made."""
    before, name = locale.setlocale(locale.LC_CTYPE), dict(_TURKISH)["LC_ALL"]
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        folder.mkdir()
        with suppress(FileNotFoundError):
            command = ["localedef", "--inputfile=tr_TR", "--charmap=UTF-8", str(folder / name)]
            subprocess.run(command, capture_output=True, check=False)
        return {"LOCPATH": str(folder)}
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return {}


def _pipeline(folder: Path, circumstance: Circumstance, seed: int, places: dict[str, str] | None = None) -> Path:
    """The folder in which every stage has run; CalledProcessError where one fails."""
    write_params(folder, seed)
    runner, variables = folder / "runner.py", dict(circumstance.variables)
    runner.write_text(_RUNNER.format(cores=circumstance.cores, locale=variables.get("LC_ALL")))
    variables = os.environ | environment(folder) | (places or {}) | variables
    for stage in STAGES:
        subprocess.run(
            [sys.executable, str(runner), *arguments(stage)],
            cwd=folder, env=variables, umask=circumstance.umask, check=True, capture_output=True, text=True,
        )  # fmt: skip
    return folder


if __name__ == "__main__":
    command(run)
