"""What the raw folder holds and where it came from: every file's size and SHA-256, and what was left out and why.

DVC does not see a folder outside the repository, so the manifest also keeps the modification time of each file that was
taken over from one, and the state of those that were left out: later commands can tell that the recordings have changed
since.
"""

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from blaze2cap.data.augment import LAYOUTS, target_name
from blaze2cap.data.clipset import VIDEO
from blaze2cap.data.own_recordings import changed_own, own_files
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.raw import ClipName, is_take_name, scan, vicon_folder
from blaze2cap.data.report import write_report
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE
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
    manifest: dict[str, Any] = {"source": source}
    if recordings is not None:
        manifest["recordings"] = str(recordings)
    manifest |= {"files": entries, "faults": [fault._asdict() for fault in faults]}
    if recordings is not None and faults:
        names = dict.fromkeys(fault.left_out for fault in faults)
        manifest["faulty_files"] = [
            {"left_out": name, "path": file.as_posix()} | _state(recordings / file)
            for name in names
            for file in _files_of(name, source, recordings)
        ]
    write_report(raw / MANIFEST_FILE, manifest)


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
    mended = [
        file["left_out"]
        for file in manifest.get("faulty_files", [])  # which manifests of older versions lack
        if file | _state(recordings / file["path"]) != file
    ]
    if manifest["source"] == VIDEO:
        changed = changed_own(recordings, manifest["files"], left_out)
    else:
        changed = _changed_files(manifest, recordings, left_out)
    return list(dict.fromkeys([*changed, *mended]))


def _changed_files(manifest: dict[str, Any], recordings: Path, left_out: set[str]) -> list[str]:
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


def _files_of(left_out: str, source: str, recordings: Path) -> list[Path]:
    """Files, there or not, that decide whether what was left out stays so: of a take, a clip, a pair, or itself."""
    take, _, camera = left_out.rpartition("/cam")
    if source == VIDEO:
        return own_files(recordings, left_out)
    if is_take_name(left_out):
        return [vicon_folder(left_out) / name for name in (POSITION_FILE, ROTATION_FILE)]
    if is_take_name(take):
        subject, action = take.split("/")
        landmarks = ClipName(subject, action, camera).landmark_file
        return [landmarks, landmarks.with_suffix(".json")]
    if any(left_out.startswith(f"{layout.source_folder}/") for layout in LAYOUTS.values()):
        return [Path(left_out), Path(target_name(left_out))]
    return [Path(left_out)]


def _state(path: Path) -> dict[str, int | None]:
    """Size and time of a file; None where it cannot be asked."""
    try:
        now = path.stat()
    except OSError:
        return {"bytes": None, "modified_ns": None}
    return {"bytes": now.st_size, "modified_ns": now.st_mtime_ns}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
