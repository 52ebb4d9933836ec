"""Which landmark model the detector runs, and where its file is.

mediapipe brings the middle one. The other two are files of the npm package @mediapipe/pose (Apache-2.0), which nothing
here downloads: their folder is named by BLAZE2CAP_POSE_MODELS, or a file is given by its path.
"""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from blaze2cap.errors import UserError

NAMES = ("lite", "full", "heavy")
FOLDER_VARIABLE = "BLAZE2CAP_POSE_MODELS"
# A TensorFlow Lite file is a FlatBuffer, whose identifier stands behind the offset of its root.
_TFLITE_IDENTIFIER = b"TFL3"


@dataclass(frozen=True)
class PoseModel:
    """A landmark model: "lite", "full", "heavy" or the name of its file, and the file."""

    name: str
    path: Path

    @property
    def sha256(self) -> str:
        """Hash of the file, which is stored with what it detected."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def find_pose_model(choice: str) -> PoseModel:
    """The model of a name in `NAMES`, or in a .tflite file; UserError where it is not there or something else."""
    path = _named(choice) if choice in NAMES else Path(choice)
    if path is None:
        raise UserError(
            f"the {choice} pose model, {_file(choice)}, is not on this machine, only `full` comes with mediapipe: take "
            "it from the npm package @mediapipe/pose and give its path with --pose-model, or its folder in "
            f"{FOLDER_VARIABLE}"
        )
    if not path.is_file():
        raise UserError(f"{choice}: no such pose model; use {', '.join(NAMES)} or the path of a .tflite file")
    try:
        with path.open("rb") as file:
            is_model = file.read(8)[4:] == _TFLITE_IDENTIFIER
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if not is_model:
        raise UserError(f"{path}: not a TensorFlow Lite model; expected a file like pose_landmark_heavy.tflite")
    return PoseModel(choice if choice in NAMES else path.name, path.resolve())


def _named(name: str) -> Path | None:
    folders = [Path(os.environ[FOLDER_VARIABLE])] if os.environ.get(FOLDER_VARIABLE) else []
    # Found without importing mediapipe, which takes seconds; it keeps there what it has once downloaded.
    package = importlib.util.find_spec("mediapipe")
    folders += [
        Path(place, "modules", "pose_landmark") for place in (package and package.submodule_search_locations) or ()
    ]
    return next((folder / _file(name) for folder in folders if (folder / _file(name)).is_file()), None)


def _file(name: str) -> str:
    return f"pose_landmark_{name}.tflite"
