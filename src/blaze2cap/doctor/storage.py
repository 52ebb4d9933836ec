"""Checks of what is on disk: DVC's cache and remote, free space, recordings, and the states of training runs."""

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blaze2cap.doctor.finding import Finding, Status
from blaze2cap.errors import UserError

if TYPE_CHECKING:
    from dvc.repo import Repo

    from blaze2cap.data.sources.registry import DatasetParams

RAW, CLIPS, SPLIT = Path("data", "raw"), Path("data", "clips"), Path("data", "split")
LINKS = ("reflink", "hardlink", "symlink")
GENERATED = "sample"
"""The one source whose data are nobody's recordings."""

SAMPLE_GB = 0.5
"""Raw sample, packed clips and model: what the pipeline writes, stored once."""
SCRATCH_GB = 0.5
HUB_GB = 6.9
"""The published data set, which the client's cache, the raw folder and DVC's cache share; its stride 1 is packed."""
LARGE_STATES_GB = 1.0


def pipeline(folder: Path) -> Finding:
    """Whether this is the top of the repository."""
    missing = [name for name in ("dvc.yaml", ".dvc", "stages") if not (folder / name).exists()]
    if missing:
        found = f"no {', '.join(missing)} in {folder}"
        return Finding("pipeline", Status.PROBLEM, found, "run this from the top of the repository")
    return Finding("pipeline", Status.OK, str(folder))


def cache(folder: Path) -> Finding:
    """DVC's version, its cache, and the kind of link that it and this disk agree on."""
    import dvc

    with _repository(folder) as repo:
        store = repo.cache.local
        wanted, possible = list(store.cache_types), [*links(repo, folder), "copy"]
        link = next((kind for kind in wanted if kind in possible), "copy")
        found = f"{dvc.__version__}, cache {store.path} ({folder_gb(Path(store.path)):.1f} GB), links: {link}"
    if link == "copy":
        able = [kind for kind in possible if kind != "copy"]
        advice = (
            f"dvc config cache.type {','.join([*able, 'copy'])}"
            if able
            else "put the cache on the disk of the repository (dvc cache dir): everything is stored twice now"
        )
        return Finding("DVC", Status.WARNING, found, advice)
    return Finding("DVC", Status.OK, found)


def lock(folder: Path) -> Finding:
    """Whether DVC can read its lock file: killed while it writes it, it refuses every later run."""
    path = folder / ".dvc" / "tmp" / "rwlock"
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        pass
    except ValueError:
        return Finding("DVC's lock", Status.PROBLEM, f"{path} was torn by a kill", f"if no dvc is running: rm {path}")
    return Finding("DVC's lock", Status.OK, "none, or one that can be read")


def links(repo: "Repo", folder: Path) -> list[str]:
    """Kinds of link that work between DVC's cache and the data folder."""
    from dvc_objects.fs.generic import test_links

    store = repo.cache.local
    return list(test_links(list(LINKS), store.fs, store.path, repo.fs, str(folder / RAW)))


def remote(folder: Path, dataset: "DatasetParams") -> Finding:
    """Whether `dvc push` could publish recordings."""
    with _repository(folder) as repo:
        remotes = ", ".join(repo.config["remote"])
    if not remotes:
        return Finding("remote", Status.OK, "none: nothing leaves this machine")
    recorded = {dataset.source, _taken_over(folder).get("source")} - {GENERATED, None}
    if not recorded:
        return Finding("remote", Status.OK, f"{remotes}; the data here are generated")
    found = f"{remotes}; the data here are recordings ({', '.join(map(str, recorded))})"
    advice = "`dvc push` would publish licensed recordings: use no remote that others can read"
    return Finding("remote", Status.WARNING, found, advice)


def space(folder: Path, dataset: "DatasetParams") -> Finding:
    """Free space, against what the pipeline will write from the chosen source."""
    from blaze2cap.data.clipset import VIDEO

    free_gb = shutil.disk_usage(folder).free / 1e9
    needed_gb = SCRATCH_GB + SAMPLE_GB
    if dataset.source == "huggingface":
        needed_gb = SCRATCH_GB + HUB_GB * 4 / 3
    elif dataset.source not in (GENERATED, VIDEO):
        # Copied once, and packed into less than that again.
        try:
            needed_gb = SCRATCH_GB + 2 * folder_gb(_outside(dataset) or folder / RAW)
        except UserError:  # which the check of recordings tells
            needed_gb = SCRATCH_GB
    found = f"{free_gb:.1f} GB free, a run from nothing takes about {needed_gb:.1f} GB"
    if free_gb >= needed_gb:
        return Finding("disk space", Status.OK, found)
    advice = (
        "free some, or move DVC's cache: dvc cache dir PATH; "
        "dvc gc --workspace --all-commits --all-experiments drops what no commit or experiment here needs"
    )
    begun = (folder / RAW).exists()
    return Finding("disk space", Status.WARNING if begun else Status.PROBLEM, found, advice)


def recordings(folder: Path, dataset: "DatasetParams") -> Finding:
    """Whether recordings are where they are said to be, and as they were taken over."""
    from blaze2cap.data.manifest import changes_since
    from blaze2cap.data.sources.totalcapture import VARIABLE

    try:
        outside = _outside(dataset)
    except UserError as error:
        status = Status.WARNING if dataset.source == GENERATED else Status.PROBLEM
        return Finding("recordings", status, str(error), f"export {VARIABLE}=/absolute/path, or set dataset.path")
    if outside is None:
        return Finding("recordings", Status.OK, f"none asked for: dataset.source is {dataset.source}")
    manifest = _taken_over(folder)
    # To DVC, another folder in the environment is no change.
    other = Path(manifest.get("recordings", outside))
    if manifest.get("source") == dataset.source and other.resolve() != outside.resolve():
        found = f"{RAW} was taken from {other}, not from {outside}"
        return Finding("recordings", Status.WARNING, found, "dvc repro -f download")
    changes = changes_since(folder / RAW) if manifest.get("source", GENERATED) != GENERATED else None
    if changes:
        sentence, _, command = changes.partition("; run ")
        return Finding("recordings", Status.WARNING, sentence, command.strip("`"))
    return Finding("recordings", Status.OK, str(outside))


def clips(folder: Path) -> Finding:
    """Whether packed clips and their split hold together: tables, arrays, parts."""
    from blaze2cap.data.audit import audit_clips, audit_split
    from blaze2cap.data.clipset import ClipSet
    from blaze2cap.data.split import MAP_FILE, read_parts, read_split_map

    packed, split = folder / CLIPS, folder / SPLIT
    if not packed.exists():
        return Finding("clips", Status.OK, "none yet: dvc repro")
    try:
        clipset = ClipSet.load(packed)
        audit_clips(clipset, packed)
        if split.exists():
            audit_split(clipset, read_split_map(split / MAP_FILE), read_parts(split), split)
    except UserError as error:
        return Finding(
            "clips", Status.WARNING, str(error), "dvc repro, or dvc repro -f preprocess if it finds no change"
        )
    return Finding(
        "clips", Status.OK, f"{len(clipset.takes)} takes, {len(clipset.clips)} clips: tables and arrays agree"
    )


def training_states() -> Finding:
    """What training keeps outside the repository, to go on after a kill."""
    from blaze2cap.learning.resume import run_folder

    folder = run_folder("any").parent
    runs = sorted(path for path in folder.glob("*") if path.is_dir())
    if not runs:
        return Finding("training states", Status.OK, f"none in {folder}")
    unfinished = sum(1 for run in runs if any(run.glob("step_*.safetensors")))
    size_gb = folder_gb(folder)
    found = f"{len(runs)} runs, {unfinished} of them unfinished, {size_gb:.1f} GB in {folder}"
    if size_gb <= LARGE_STATES_GB:
        return Finding("training states", Status.OK, found)
    advice = f"rm -r {folder}, while nothing trains; an unfinished run starts anew then"
    return Finding("training states", Status.WARNING, found, advice)


def folder_gb(folder: Path) -> float:
    """Size of a folder's files, links not followed."""
    size = 0
    for file in (Path(top, name) for top, _, names in os.walk(folder) for name in names):
        with suppress(FileNotFoundError):  # a training that runs removes old states
            size += file.lstat().st_size
    return size / 1e9


def _repository(folder: Path) -> "Repo":
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import SCMError

    try:
        return Repo(str(folder))
    except (DvcException, SCMError) as error:
        raise UserError(f"DVC cannot open {folder} ({error})") from None


def _taken_over(folder: Path) -> dict[str, Any]:
    """Manifest of what lies in the raw folder; empty where there is none."""
    from blaze2cap.data.manifest import read_manifest

    try:
        return read_manifest(folder / RAW)
    except UserError:
        return {}


def _outside(dataset: "DatasetParams") -> Path | None:
    """Folder or file that the source takes recordings from, None where it needs none; UserError where it is missing."""
    from blaze2cap.data.clipset import VIDEO
    from blaze2cap.data.sources.published import find_published
    from blaze2cap.data.sources.totalcapture import VARIABLE, find_recordings
    from blaze2cap.data.sources.video import find_own

    if dataset.source == VIDEO:
        return find_own(dataset.path)
    if dataset.source == "published":
        return find_published(dataset.path)
    if dataset.source == "totalcapture" or (dataset.source == GENERATED and os.environ.get(VARIABLE)):
        return find_recordings(dataset.path)
    return Path(dataset.path) if dataset.source != GENERATED and dataset.path else None
