"""Sections of ../params.yaml with the release's changes upon them."""

from functools import partial
from pathlib import Path

from blaze2cap.changed_params import changed_params

changed = partial(changed_params, base=Path("../params.yaml"), changes=Path("params.yaml"))
