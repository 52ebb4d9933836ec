"""The quick tests in random orders and in parallel: whatever ran before, none fails that does not always fail.

Test files come in a random order, and so do the tests of each; a file's tests stay together, as they share what is
costly to make. Each order is a function of its seed: `pytest -p soak.random_order --order 7` runs that of seed 7 again.
"""

import random
import subprocess
import sys
import tempfile
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from soak import ROOT
from soak.outcome import Outcome, command, say

if TYPE_CHECKING:
    import pytest

_ORDERS_A_ROUND = 1000


def pytest_addoption(parser: "pytest.Parser") -> None:
    """The seed of the order."""
    parser.addoption("--order", type=int, default=0, help="seed of the order in which tests run")


def pytest_collection_modifyitems(config: "pytest.Config", items: "list[pytest.Item]") -> None:
    """Put the tests into the order of the seed, the same in every process."""
    rng = random.Random(config.getoption("--order"))
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    rng.shuffle(files)
    for tests in files:
        rng.shuffle(tests)
    items[:] = [test for tests in files for test in tests]


def run(seed: int, seconds: float) -> Outcome:
    """Run them all in one order after the other until the time is up, once at least."""
    ends = time.monotonic() + seconds
    tests, orders, failures = 0, 0, list[str]()
    while not orders or time.monotonic() < ends:
        order = seed * _ORDERS_A_ROUND + orders
        ran, failed = _in_order(order)
        say("\n".join([f"order {order}: {ran} tests, {len(failed)} failed", *failed]))
        tests, orders, failures = tests + ran, orders + 1, failures + failed
    return Outcome({"orders": orders, "tests": tests}, {}, failures)


def _in_order(order: int) -> tuple[int, list[str]]:
    """How many tests ran, and a sentence for each that failed."""
    with tempfile.TemporaryDirectory() as scratch:
        told = Path(scratch, "told.xml")
        options = ["-q", "-m", "not slow", "-n", "logical", "--dist", "loadgroup", "-p", "no:cacheprovider"]
        options += ["-p", "soak.random_order", "--order", str(order)]
        options += [f"--basetemp={scratch}/tests", f"--junitxml={told}"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True, check=False
        )
        cases = list(ElementTree.parse(told).iter("testcase")) if told.exists() else []
    failures = []
    for case in cases:
        for fault in (*case.findall("failure"), *case.findall("error")):
            reason = (fault.get("message") or "").splitlines()[:1]
            failures.append(f"order {order}: {case.get('classname')}.{case.get('name')}: {' '.join(reason)}")
    # 1 where tests have failed; all others are of a run that did not go as it should.
    if not cases or done.returncode != bool(failures):
        said = (done.stdout + done.stderr)[-300:]
        failures.append(f"order {order}: exit code {done.returncode} after {len(cases)} tests: {said}")
    return len(cases), failures


if __name__ == "__main__":
    command(run)
