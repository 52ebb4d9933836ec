"""People's own recordings, `dataset.source=video`: a folder of videos, of folders of images, and of landmark files.

They have landmarks and no truth. Each that can be used is a take of its own, of a person who is not known, by a camera
of its own that nobody calibrated: the n-th in the order of their names is the clip S0/video{n}/cam{n}.
"""

from pathlib import Path
from typing import Any, NamedTuple

from blaze2cap.data.raw import ClipName
from blaze2cap.errors import UserError

LANDMARK_SUFFIX = ".npy"


class OwnRecordings(NamedTuple):
    """Names in a folder: recordings, and videos for which a landmark file of the same stem stands."""

    names: list[str]
    extracted: list[str]


def own_clip(number: int) -> ClipName:
    """Name of the n-th recording that can be used, from 1 on."""
    return ClipName("S0", f"video{number}", str(number))


def list_own(folder: Path) -> OwnRecordings:
    """All that is in a folder but hidden files and sidecars, in the order of names; UserError where it cannot be read.

    A landmark file stands for a video of the same stem, which need not be looked at again.
    """
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None
    stems = {entry.stem for entry in entries if entry.suffix == LANDMARK_SUFFIX}
    others = [entry for entry in entries if entry.suffix != LANDMARK_SUFFIX and entry.stem in stems]
    names = [entry.name for entry in entries if entry not in others]
    return OwnRecordings(names, [entry.name for entry in others if entry.suffix != ".json"])


def changed_own(folder: Path, files: list[dict[str, Any]], left_out: set[str]) -> list[str]:
    """Recordings that are not as a manifest with these files says, or that it does not know."""
    entries = [entry for entry in files if "original" in entry]
    changed = [entry["original"] for entry in entries if not _is_same(entry, folder / entry["original"])]
    known = left_out | {entry["original"] for entry in entries}
    changed += [name for name in list_own(folder).names if name not in known]
    return list(dict.fromkeys(changed))


def _is_same(entry: dict[str, Any], path: Path) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (entry["original_bytes"], entry["modified_ns"])
