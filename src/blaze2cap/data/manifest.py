"""What the raw folder holds and where it came from: every file's size and SHA-256, and what was left out and why.

DVC does not see a folder outside the repository, so the manifest also keeps the modification time of each file that was
taken over from one: later commands can tell that the recordings have changed since.
"""

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from blaze2cap.data.augment import LAYOUTS
from blaze2cap.data.clipset import VIDEO
from blaze2cap.data.own_recordings import changed_own
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.raw import scan, vicon_folder
from blaze2cap.data.report import write_report
from blaze2cap.data.vicon import POSITION_FILE
from blaze2cap.errors import UserError
from blaze2cap.untrusted import read_json

MANIFEST_FILE = "manifest.json"


class Fault(NamedTuple):
    """A recording that was left out (a take, a clip or a path) and the sentence that says why."""

    left_out: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence if self.sentence.startswith(self.left_out) else f"{self.left_out}: {self.sentence}"


def write_manifest(
    raw: Path,
    source: str,
    faults: list[Fault],
    recordings: Path | None,
    workers: int | None = None,
    originals: Mapping[str, str] | None = None,
) -> None:
    """Write the manifest of a raw folder; with `recordings`, the outside folder that its files came from.

    `originals` says which file there each was made of; None: the one of the same name.
    """
    files = sorted(path for path in raw.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    hashes = parallel_map(_sha256, files, workers, "hashing")
    entries = []
    for path, digest in zip(files, hashes, strict=True):
        name = path.relative_to(raw).as_posix()
        entry: dict[str, Any] = {"path": name, "bytes": path.stat().st_size, "sha256": digest}
        if recordings is not None and originals is None:
            entry["modified_ns"] = (recordings / name).stat().st_mtime_ns
        elif recordings is not None and originals is not None and name in originals:
            state = (recordings / originals[name]).stat()
            entry |= {"original": originals[name], "original_bytes": state.st_size, "modified_ns": state.st_mtime_ns}
        entries.append(entry)
    origin = {"source": source} if recordings is None else {"source": source, "recordings": str(recordings)}
    write_report(raw / MANIFEST_FILE, origin | {"files": entries, "faults": [fault._asdict() for fault in faults]})


def read_manifest(raw: Path) -> dict[str, Any]:
    """Read the manifest of a raw folder; UserError where it is missing or damaged."""
    path = raw / MANIFEST_FILE
    try:
        manifest = read_json(path, None)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `dvc repro download`") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); run `dvc repro -f download`") from None
    if not isinstance(manifest, dict) or not {"source", "files", "faults"} <= manifest.keys():
        raise UserError(f"{path}: must hold source, files and faults; run `dvc repro -f download`")
    return manifest


def changes_since(raw: Path) -> str | None:
    """One sentence where the outside folder differs from what was taken over; None where not, or it is not here."""
    manifest = read_manifest(raw)
    recordings = Path(manifest.get("recordings", ""))
    if not recordings.is_absolute() or not recordings.is_dir():
        return None
    changed = _changed(manifest, recordings)
    if not changed:
        return None
    return (
        f"{len(changed)} recordings in {recordings} are not as taken over ({changed[0]}); run `dvc repro -f download`"
    )


def _changed(manifest: dict[str, Any], recordings: Path) -> list[str]:
    left_out = {fault["left_out"] for fault in manifest["faults"]}
    if manifest["source"] == VIDEO:
        return changed_own(recordings, manifest["files"], left_out)
    takes, clips, _ = scan(recordings)
    known = left_out | {entry["path"] for entry in manifest["files"]}
    changed = [entry["path"] for entry in manifest["files"] if not _is_same(entry, recordings / entry["path"])]
    changed += [take for take in takes if not {take, (vicon_folder(take) / POSITION_FILE).as_posix()} & known]
    for layout in LAYOUTS.values():
        samples = glob.glob(f"{layout.source_folder}/**/*.npy", root_dir=recordings, recursive=True)
        changed += [sample for sample in sorted(samples) if sample not in known]
    changed += [str(clip) for clip in clips if not {clip.take, str(clip), clip.landmark_file.as_posix()} & known]
    taken = [clip.landmark_file for clip in clips if clip.landmark_file.as_posix() in known]
    sidecars = [file.with_suffix(".json") for file in taken]
    changed += [str(file) for file in sidecars if file.as_posix() not in known and (recordings / file).exists()]
    return changed


def _is_same(entry: dict[str, Any], path: Path) -> bool:
    try:
        now = path.stat()
    except OSError:
        return False
    return (now.st_size, now.st_mtime_ns) == (entry["bytes"], entry.get("modified_ns"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
