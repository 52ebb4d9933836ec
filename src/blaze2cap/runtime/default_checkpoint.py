"""Which trained weights a command takes where none are named."""

from importlib.resources import files
from pathlib import Path

from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import DESCRIPTION, WEIGHTS

TRAINED = Path("models")
"""Where `dvc repro` leaves a checkpoint, in the folder of the project."""


def chosen_checkpoint(named: Path | None) -> Path:
    """The folder that is named; otherwise that of the weights which come with the package, or else `models`.

    UserError where a file is named, or none and there is neither.
    """
    if named is not None:
        return checkpoint_folder(named)
    for folder in (shipped_checkpoint(), TRAINED):
        if (folder / DESCRIPTION).is_file():
            return folder
    raise UserError(
        f"no trained weights: none come with this installation and there is no folder {TRAINED} here; give a "
        "checkpoint's folder with --checkpoint, or train one with `dvc repro`"
    )


def checkpoint_folder(named: Path) -> Path:
    """The same path; UserError where a file is there."""
    if named.is_file():
        exported = "; an exported network is run by `predict` and `live` alone, with onnxruntime"
        raise UserError(
            f"{named}: a file, expected a checkpoint's folder, with {WEIGHTS} and {DESCRIPTION}"
            f"{exported if named.suffix == '.onnx' else ''}"
        )
    return named


def shipped_checkpoint() -> Path:
    """The folder inside the package where its own weights are, if it has any."""
    return Path(str(files("blaze2cap"))) / "weights"
