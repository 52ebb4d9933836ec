"""Training survives a kill: its state lives outside the pipeline's outputs, under a fingerprint of all that shapes it.

DVC empties a stage's outputs before it runs, and a checkpoint kept among them would be loaded under other parameters;
so the state's folder is named by a hash of parameters, data and code, and a mismatch is simply another folder.
"""

import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from blaze2cap.errors import UserError

CACHE_VARIABLE = "BLAZE2CAP_CACHE"
KEPT = 2


def run_folder(fingerprint: str) -> Path:
    """Folder of one training run's state: under $BLAZE2CAP_CACHE, else ~/.cache/blaze2cap."""
    cache = os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "blaze2cap"
    return Path(cache) / "checkpoints" / fingerprint


def fingerprint(parameters: dict[str, Any], files: Iterable[Path]) -> str:
    """Hash of parameters, of data files (their contents) and of the package's source files in use."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in [*sorted(files), *source_files()]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]


def source_files() -> list[Path]:
    """The package's source files loaded so far: call it when all that training runs has been imported."""
    modules = (module for name, module in sys.modules.items() if name.split(".")[0] == "blaze2cap")
    return sorted(Path(module.__file__) for module in modules if module.__file__)


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold a run's folder alone; a process that dies lets go of it.

    Raises UserError where another process trains there: a stage goes on when `kill -9` has taken only its `dvc`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process trains with the same parameters and data (it holds {folder / 'lock'}); "
                "wait for it, or end it"
            ) from None
        yield


def save_state(folder: Path, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write the state after `step` steps, whole or not at all, and keep the last two."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{step:08d}.safetensors"
    partial = path.with_suffix(".part")
    told = json.dumps(facts)
    save_file(tensors, partial, metadata={"facts": told, "sha256": _digest(tensors, told)})
    os.replace(partial, path)
    for old in _states(folder)[:-KEPT]:
        old.unlink()


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The newest readable state and its facts; None where there is none."""
    for path in reversed(_states(folder)):
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError):
            continue
        # Torn by a crash of the machine, or a bit has flipped: the one before it is still good.
        told = metadata.get("facts", "")
        if metadata.get("sha256") == _digest(tensors, told):
            return tensors, json.loads(told)
    return None


def _digest(tensors: dict[str, Tensor], facts: str) -> str:
    digest = hashlib.sha256(facts.encode())
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def finish(folder: Path) -> None:
    """Forget the states of a run that has come to its end: the next one with this fingerprint starts anew."""
    for path in [*_states(folder), *folder.glob("*.part")]:
        path.unlink()


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("step_*.safetensors"))
