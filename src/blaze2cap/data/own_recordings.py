"""People's own recordings, `dataset.source=video`: a folder of videos, of folders of images, and of landmark files.

They have landmarks and no truth. Each that can be used is a take of its own, of a person who is not known, by a camera
of its own that nobody calibrated: the n-th in the order of their names is the clip S0/video{n}/cam{n}.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from blaze2cap.data.raw import ClipName
from blaze2cap.errors import UserError
from blaze2cap.untrusted import regular_file

LANDMARK_SUFFIX = ".npy"
VIDEO_SUFFIXES = (
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".webm", ".wmv",
)  # fmt: skip
"""By which videos in a folder are known; one that is named by itself may end in anything."""


class OwnRecordings(NamedTuple):
    """Names in a folder: recordings, and those for which the landmark file stands that `extract` makes of them."""

    names: list[str]
    extracted: list[str]


def own_clip(number: int) -> ClipName:
    """Name of the n-th recording that can be used, from 1 on."""
    return ClipName("S0", f"video{number}", str(number))


def list_own(folder: Path) -> OwnRecordings:
    """All that is in a folder but hidden files and sidecars, in the order of names; UserError where it cannot be read.

    A landmark file stands for a video of the same stem, and for a folder of images whose whole name that is: these need
    not be looked at again.
    """
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None
    stems = {entry.stem for entry in entries if entry.suffix == LANDMARK_SUFFIX and not entry.is_dir()}
    extracted = [entry.name for entry in entries if _extracted_stem(entry) in stems]
    sidecars = {f"{stem}.json" for stem in stems}
    names = [entry.name for entry in entries if entry.name not in {*extracted, *sidecars}]
    return OwnRecordings(names, extracted)


def _extracted_stem(entry: Path) -> str | None:
    """Stem of the landmark file that `extract` makes of a video or folder; None for anything else."""
    if entry.is_dir():
        return entry.name
    return entry.stem if entry.suffix.lower() in VIDEO_SUFFIXES else None


def own_files(folder: Path, name: str) -> list[Path]:
    """Files in a folder that decide whether a recording can be used; none for a file that is not named like one."""
    recording = Path(name)
    if recording.suffix == LANDMARK_SUFFIX and not (folder / name).is_dir():
        return [recording, recording.with_suffix(".json")]
    return [recording] if _extracted_stem(folder / name) else []


def changed_own(folder: Path, files: list[dict[str, Any]], left_out: set[str]) -> list[str]:
    """Recordings and sidecars that are not as a manifest with these files says, or that it does not know."""
    entries = [entry for entry in files if "original" in entry]
    changed = [entry["original"] for entry in entries if not _is_same(entry, folder / entry["original"])]
    changed += _changed_sidecars(folder, files)
    known = left_out | {entry["original"] for entry in entries}
    changed += [name for name in list_own(folder).names if name not in known]
    return list(dict.fromkeys(changed))


def _changed_sidecars(folder: Path, files: list[dict[str, Any]]) -> list[str]:
    copies = {entry["path"]: entry for entry in files}
    changed = []
    for entry in files:
        original = folder / entry.get("original", "")
        if original.suffix == LANDMARK_SUFFIX and not original.is_dir():
            sidecar, copy = original.with_suffix(".json"), Path(entry["path"]).with_suffix(".json")
            if not _is_copied(copies.get(copy.as_posix()), sidecar):
                changed.append(sidecar.name)
    return changed


def _is_copied(copy: dict[str, Any] | None, sidecar: Path) -> bool:
    """Whether a sidecar is what was copied of it; without a copy, whether there still is none."""
    try:
        content = regular_file(sidecar).read_bytes()
    except FileNotFoundError:
        return copy is None
    except OSError:
        return False
    return copy is not None and hashlib.sha256(content).hexdigest() == copy["sha256"]


def _is_same(entry: dict[str, Any], path: Path) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (entry["original_bytes"], entry["modified_ns"])
