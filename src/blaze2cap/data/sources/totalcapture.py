"""A folder of real recordings in the raw layout: found, checked, and hard-linked into the pipeline."""

import os
import shutil
from pathlib import Path

from blaze2cap.data.inspection import Inspection, inspect
from blaze2cap.data.raw import CALIBRATION_FILE, vicon_folder
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE
from blaze2cap.errors import UserError

VARIABLE = "BLAZE2CAP_TOTALCAPTURE"


def find_recordings(path: str | None) -> Path:
    """Folder named by `dataset.path`, or else by the environment; UserError where it is not named absolutely."""
    name, origin = (path, "dataset.path") if path is not None else (os.environ.get(VARIABLE), VARIABLE)
    if not name:
        raise UserError(f"dataset.path is null and {VARIABLE} is not set: name the folder of recordings in one of them")
    folder = Path(name)
    if not folder.is_absolute():
        raise UserError(
            f"{origin} is the relative path {name!r}: give an absolute one, as experiments run in other folders"
        )
    if not folder.is_dir():
        raise UserError(f"{origin} is {name!r}, but there is no such folder")
    return folder


def link_totalcapture(recordings: Path, raw: Path, workers: int | None = None) -> Inspection:
    """Check all recordings and hard-link the sound ones (copy them across devices) into the new folder `raw`.

    Linked files share their content with the recordings and DVC makes them read-only: nothing ever edits them in place.
    """
    inspection = inspect(recordings, workers)
    files = [Path(CALIBRATION_FILE)]
    files += [vicon_folder(take) / name for take in inspection.takes for name in (POSITION_FILE, ROTATION_FILE)]
    for clip in inspection.clips:
        sidecar = clip.landmark_file.with_suffix(".json")
        files += [clip.landmark_file, *([sidecar] if (recordings / sidecar).exists() else [])]
    for file in files:
        _link((recordings / file).resolve(), raw / file)
    return inspection


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another device, or a file system or an owner that does not allow it
        shutil.copy2(source, target)
