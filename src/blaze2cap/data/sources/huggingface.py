"""A data set of the Hugging Face hub as a source: one commit in the published form, fetched by the hub's own client.

The client's variables (HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE, ...) mean what they mean elsewhere. It keeps
every file that came whole in its cache, so a second run fetches only the others. Nothing counts before all of it is
there: the cache is held against the listing of the commit, and what is damaged is dropped from it. Sound files are
linked into the pipeline, so that the client's cache, the raw folder and DVC's cache share them.
"""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

from huggingface_hub import HfApi, constants, get_cached_repo_tree, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import filter_repo_objects, tqdm

from blaze2cap.data.augment import LAYOUTS
from blaze2cap.data.published import DATASET_MAP_FILE, MapDifferences, map_differences
from blaze2cap.data.sources.listing import ListedFile, deviations
from blaze2cap.data.sources.published import PublishedInspection, copy_published
from blaze2cap.data.sources.totalcapture import copy_recording
from blaze2cap.errors import UserError

FOLDERS = [folder for layout in LAYOUTS.values() for folder in (layout.source_folder, layout.target_folder)]
PATTERNS = [*(f"{folder}/*.npy" for folder in FOLDERS), DATASET_MAP_FILE]
"""What is fetched of a repository; a star stands for folders, too."""
WORKERS = 8
"""Files that are fetched at once."""

_KIND = "dataset"
_AGAIN = "what came whole is kept, so run the same command again"
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class _Progress(tqdm):
    """The client's bar; in a log, a line every half minute, as nothing can be written over there."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        in_log = {} if sys.stderr.isatty() else {"mininterval": 30, "maxinterval": 30, "ascii": True, "ncols": 80}
        super().__init__(*args, **kwargs | in_log)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """How a state is shown, again and again."""
        if file.isatty():
            return tqdm.status_printer(file)
        return lambda text: print(text, file=file, flush=True)


@dataclass(frozen=True)
class HubInspection(PublishedInspection):
    """Where samples came from, and what their map has else than the standard one (None: no map that can be read)."""

    repository: str
    revision: str | None
    map_differences: MapDifferences | None
    map_notices: list[str]

    @property
    def notices(self) -> list[str]:
        """Samples that are not there, and a map that is another one."""
        return super().notices + self.map_notices

    def report(self) -> dict[str, Any]:
        """The counts of the published form, their origin, and the map's differences."""
        origin = {"repository": self.repository, "revision": self.revision}
        differences = None if self.map_differences is None else self.map_differences._asdict()
        return origin | super().report() | {"map_differences": differences}


def link_huggingface(repository: str, revision: str | None, raw: Path, workers: int | None = None) -> HubInspection:
    """Fetch a commit, check it, and link its sound samples and its map into the new folder `raw`.

    Raises UserError where no commit is named, where it does not come whole and as listed, and where it is not in the
    published form.
    """
    folder = fetch(repository, revision, workers)
    inspection = copy_published(folder, raw, workers, link_recording)
    differences, notices = None, []
    if (raw / DATASET_MAP_FILE).exists():
        try:
            differences = map_differences(raw / DATASET_MAP_FILE, inspection.samples, inspection.layout)
            notices = [f"{DATASET_MAP_FILE} is not the standard one: {differences}"] if any(differences) else []
        except UserError as error:
            notices = [str(error).replace(f"{raw}/", "")]
    return HubInspection(
        **vars(inspection),
        repository=repository,
        revision=revision,
        map_differences=differences,
        map_notices=notices,
    )


def fetch(repository: str, revision: str | None, workers: int | None = None) -> Path:
    """Folder of the client's cache that holds a commit's samples and map, whole; UserError where it cannot be had."""
    with _told(repository, revision):
        if revision is None:
            newest = HfApi().repo_info(repository, repo_type=_KIND).sha
            raise UserError(f"dataset.revision is null; pin the newest commit with -S dataset.revision={newest}")
        place = snapshot_download(
            repository,
            repo_type=_KIND,
            revision=revision,
            allow_patterns=PATTERNS,
            max_workers=WORKERS,
            tqdm_class=_Progress,
        )
        tree = get_cached_repo_tree(repository, repo_type=_KIND, revision=revision)
    folder = Path(place)
    listed = [ListedFile(file.path, file.size, file.blob_id) for file in tree]
    wanted = list(filter_repo_objects(listed, allow_patterns=PATTERNS, key=lambda file: file.path))
    if not wanted:
        raise UserError(f"{repository}: {revision} has no files in {' or '.join(FOLDERS)}, so not the published form")
    names = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    found = deviations(folder, set(filter_repo_objects(names, allow_patterns=PATTERNS)), wanted, workers)
    if found is not None:
        for path in found.damaged:
            _drop(folder / path)
        raise UserError(
            f"{repository}: {folder} is not as {revision} is listed: {found}; what is damaged was dropped, remove what "
            "is not listed, and run the same command again for the rest"
        )
    return folder


def link_recording(source: Path, target: Path) -> None:
    """Put one file of the client's cache into the pipeline, as a hard link where the disk allows, else as a copy.

    DVC makes what it caches read-only, which the client's cache is by nature: it replaces files and never edits them.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source.resolve(), target)
    except OSError:
        copy_recording(source, target)


def _drop(path: Path) -> None:
    """Remove a file of a snapshot, and the content that it points to."""
    content = path.resolve()
    path.unlink()
    content.unlink(missing_ok=True)


@contextmanager
def _told(repository: str, revision: str | None) -> Iterator[None]:
    """Turn what the client raises into one sentence."""
    try:
        yield
    except (CachedRepoTreeNotFoundError, HTTPError, OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{repository}: {_sentence(error, repository, revision)}") from None


def _sentence(error: Exception, repository: str, revision: str | None) -> str:
    chain = [e for e in (error, error.__cause__) if e is not None]
    status = next((e.response.status_code for e in chain if isinstance(e, HfHubHTTPError)), None)
    hub, said = constants.ENDPOINT, shorten(str(chain[-1]), 160, placeholder=" ...")
    if any(isinstance(e, OSError) and e.errno in _DISK_FULL for e in chain) or "No space left" in said:
        return f"the disk of {constants.HF_HUB_CACHE} is full; free some, or set HF_HOME to another; {_AGAIN}"
    if isinstance(error, RevisionNotFoundError):
        return f"no commit {revision} at {hub}; with dataset.revision=null the newest one is named"
    if isinstance(error, GatedRepoError):
        page = f"{hub}/datasets/{repository}"
        return f"gated; accept its conditions at {page} and set HF_TOKEN to a token of that account"
    if isinstance(error, RepositoryNotFoundError):
        return f"no such data set at {hub}, or it is private; check dataset.repository, or set HF_TOKEN"
    if status in (401, 403):
        return f"{hub} does not let this token in ({status}); set HF_TOKEN to a valid one, or unset it"
    if constants.is_offline_mode():
        lacking = "cannot name the newest commit" if revision is None else f"does not hold all of {revision}"
        return f"HF_HUB_OFFLINE is set, and the cache {constants.HF_HUB_CACHE} {lacking}; unset it for one run"
    if status == 429:
        return f"{hub} asks to wait, too many requests; {_AGAIN} in some minutes, with HF_TOKEN set for a higher limit"
    if status is not None:
        return f"{hub} answers with {status}; {_AGAIN} later"
    return f"not fetched from {hub} ({said or type(error).__name__}); {_AGAIN}"
