"""Harnesses that try for minutes to hours what tests try in seconds; see README.md."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The harnesses share the tests' tools: clones, tiny data, receivers.
sys.path.append(str(ROOT / "tests"))
