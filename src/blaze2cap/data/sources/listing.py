"""A downloaded folder held against the listing of the commit that it should be: names, sizes and bytes."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from blaze2cap.data.parallel import parallel_map


class ListedFile(NamedTuple):
    """What a commit says of one of its files: path in the repository, size, and the name that git gives its content."""

    path: str
    bytes: int
    blob_id: str


class Deviations(NamedTuple):
    """Paths at which a folder is not as listed."""

    missing: list[str]
    extra: list[str]
    damaged: list[str]

    def __str__(self) -> str:
        kinds = (("missing", self.missing), ("not listed", self.extra), ("of another size or content", self.damaged))
        return ", ".join(f"{len(paths)} {kind} ({paths[0]})" for kind, paths in kinds if paths)


class _Check(NamedTuple):
    folder: Path
    file: ListedFile


def deviations(
    folder: Path, found: set[str], listed: list[ListedFile], workers: int | None = None
) -> Deviations | None:
    """What differs between the files found in a folder and those listed; None: nothing.

    Every listed file is read once, as its size alone does not tell whether it is right.
    """
    here = [file for file in listed if file.path in found]
    sound = parallel_map(_is_as_listed, [_Check(folder, file) for file in here], workers, "checking bytes")
    names = {file.path for file in listed}
    result = Deviations(
        missing=sorted(names - found),
        extra=sorted(found - names),
        damaged=[file.path for file, right in zip(here, sound, strict=True) if not right],
    )
    return result if any(result) else None


def _is_as_listed(check: _Check) -> bool:
    path = check.folder / check.file.path
    if path.stat().st_size != check.file.bytes:
        return False
    content = path.read_bytes()
    return check.file.blob_id in (_blob_id(_lfs_pointer(content)), _blob_id(content))


def _blob_id(content: bytes) -> str:
    """Name of a content in git."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _lfs_pointer(content: bytes) -> bytes:
    """What stands in git for a content that Git LFS keeps."""
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
