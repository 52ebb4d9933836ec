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

FOLDER_VARIABLE = "BLAZE2CAP_POSE_MODELS"
# mediapipe runs any file that it is given: one that is damaged, or another network, overwrites memory. So the three of
# the classic solution are known by their contents, as in mediapipe's own build (third_party/external_files.bzl).
SHA256 = {
    "lite": "f17bfbecadb61c3be1baa8b8d851cc6619c870a87167b32848ad20db306b9d61",
    "full": "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    "heavy": "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
}


@dataclass(frozen=True)
class PoseModel:
    """A landmark model, "lite", "full" or "heavy", and its file."""

    name: str
    path: Path

    @property
    def sha256(self) -> str:
        """Hash of the file, which is stored with what it detected."""
        return SHA256[self.name]


def find_pose_model(choice: str) -> PoseModel:
    """The model of a name in `SHA256`, or in a .tflite file; UserError where it is not there or none of them."""
    path = _named(choice) if choice in SHA256 else Path(choice)
    if path is None:
        raise UserError(
            f"the {choice} pose model, {_file(choice)}, is not on this machine, only `full` comes with mediapipe: take "
            "it from the npm package @mediapipe/pose and give its path with --pose-model, or its folder in "
            f"{FOLDER_VARIABLE}"
        )
    if not path.is_file():
        raise UserError(f"{choice}: no such pose model; use {', '.join(SHA256)} or the path of a .tflite file")
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    name = next((name for name, known in SHA256.items() if known == found), None)
    if name is None or (choice in SHA256 and name != choice):
        wanted = f"the {choice} pose model" if choice in SHA256 else f"a pose model ({', '.join(map(_file, SHA256))})"
        raise UserError(f"{path}: not {wanted} of mediapipe's classic Pose solution, or damaged")
    return PoseModel(name, path.resolve())


def _named(name: str) -> Path | None:
    folders = [Path(os.environ[FOLDER_VARIABLE])] if os.environ.get(FOLDER_VARIABLE) else []
    # Found without importing mediapipe, which takes seconds; it keeps there what it has once downloaded.
    package = importlib.util.find_spec("mediapipe")
    places = (package and package.submodule_search_locations) or ()
    folders += [Path(place, "modules", "pose_landmark") for place in places]
    return next((folder / _file(name) for folder in folders if (folder / _file(name)).is_file()), None)


def _file(name: str) -> str:
    return f"pose_landmark_{name}.tflite"
