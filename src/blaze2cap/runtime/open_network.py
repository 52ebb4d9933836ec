"""What runs a trained network: torch from a checkpoint's folder, or onnxruntime from an exported file."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from blaze2cap.errors import UserError

if TYPE_CHECKING:
    from blaze2cap.learning.checkpoint import Checkpoint
    from blaze2cap.runtime.network import Network, Solver
    from blaze2cap.runtime.onnx_model import OnnxModel

EXPORTED = ".onnx"
"""Suffix of an exported network."""


class Runtime(StrEnum):
    """A library that runs networks."""

    TORCH = "torch"
    ONNX = "onnx"


def chosen_runtime(checkpoint: Path | None, runtime: Runtime | None) -> Runtime:
    """The one named; otherwise onnxruntime for an exported network and torch for all else."""
    if runtime is not None:
        return runtime
    exported = checkpoint is not None and checkpoint.suffix.lower() == EXPORTED
    return Runtime.ONNX if exported else Runtime.TORCH


def open_solver(checkpoint: Path | None, runtime: Runtime | None = None) -> "Solver":
    """A network that answers for whole clips; the package's own, or `models`, where no checkpoint is named.

    UserError for what is no such network, and where the library that runs it is missing.
    """
    if chosen_runtime(checkpoint, runtime) is Runtime.ONNX:
        return _exported(checkpoint).run
    trained = _trained(checkpoint)
    from blaze2cap.runtime.torch_network import solver

    return solver(trained.system())


def open_network(checkpoint: Path | None, runtime: Runtime | None = None) -> "Network":
    """A network that answers frame by frame, in one thread; otherwise as `open_solver`."""
    if chosen_runtime(checkpoint, runtime) is Runtime.ONNX:
        return _exported(checkpoint)
    trained = _trained(checkpoint)
    import torch

    from blaze2cap.runtime.torch_network import TorchNetwork

    # The network is small: what several threads would share costs more than it saves, and the detector has its own.
    torch.set_num_threads(1)
    return TorchNetwork(trained.model)


def _exported(checkpoint: Path | None) -> "OnnxModel":
    from blaze2cap.runtime.onnx_model import OnnxModel

    if checkpoint is None:
        raise UserError(
            "onnxruntime runs an exported network: `blaze2cap export -o model.onnx` writes one, where torch is "
            "installed; then give --checkpoint model.onnx"
        )
    if checkpoint.is_dir():
        raise UserError(
            f"{checkpoint}: a folder, which torch runs; `blaze2cap export {checkpoint} -o model.onnx` writes what "
            "onnxruntime runs"
        )
    return OnnxModel(checkpoint)


def _trained(checkpoint: Path | None) -> "Checkpoint":
    with _objects_that_stay():
        try:
            from blaze2cap.learning.checkpoint import load_checkpoint
            from blaze2cap.runtime.default_checkpoint import chosen_checkpoint
        except ImportError as error:
            if error.name is None or error.name.split(".")[0] not in ("torch", "safetensors"):
                raise
            raise UserError(
                f"{error.name} is not installed, without which no checkpoint runs; where it is, `blaze2cap export -o "
                "model.onnx` writes a network that needs none: --runtime onnx --checkpoint model.onnx"
            ) from None
        return load_checkpoint(chosen_checkpoint(checkpoint))


@contextmanager
def _objects_that_stay() -> Iterator[None]:
    """What torch makes when it is first imported nobody looks through for garbage, now or later.

    It all stays; to search it time and again, and once more at the end, takes a third of a short command's time.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
