"""A folder of real recordings in the raw layout: found, checked, and copied into the pipeline."""

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


def copy_totalcapture(recordings: Path, raw: Path, workers: int | None = None) -> Inspection:
    """Check all recordings and copy the sound ones into the new folder `raw`; UserError where a copy fails.

    Never linked: DVC makes what it caches read-only, and a hard link would pass that on to the originals.
    """
    inspection = inspect(recordings, workers)
    files = [Path(CALIBRATION_FILE)]
    files += [vicon_folder(take) / name for take in inspection.takes for name in (POSITION_FILE, ROTATION_FILE)]
    for clip in inspection.clips:
        sidecar = clip.landmark_file.with_suffix(".json")
        files += [clip.landmark_file, *([sidecar] if (recordings / sidecar).exists() else [])]
    for file in files:
        copy_recording(recordings / file, raw / file)
    return inspection


def copy_recording(source: Path, target: Path) -> None:
    """Copy one file, and make its folder; UserError where that fails."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise UserError(f"{source}: could not be copied to {target.parent} ({error.strerror})") from None
