"""Files that anybody may have made: only regular files are opened, no document runs code or fills the memory, and no
folder has no end.

A link is followed to where it leads. What is refused raises OSError or ValueError with the reason alone; whoever reads
says in a sentence what file it is and what was expected.
"""

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from reprlib import Repr
from typing import Any

MOST_BYTES = 64 << 20
"""Of a document that describes something, such as a sidecar; landmarks and tables may be of any size."""

_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother, _SHORT.maxlong = 2, 80, 80, 40


def regular_file(path: Path) -> Path:
    """The path itself; OSError for a folder, and for a device, a pipe or a socket, which may have no end."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file")
    return path


def files_in(folder: Path) -> Iterator[tuple[Path, list[Path]]]:
    """The folder and each one below it with its files, by name, none of them hidden.

    Links are followed, into each folder once: they may lead back. OSError where a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise error

    been = set[str]()
    for here, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        place = os.path.realpath(here)
        folders[:] = [] if place in been else sorted(name for name in folders if not name.startswith("."))
        if place not in been:
            yield Path(here), [Path(here, name) for name in sorted(names) if not name.startswith(".")]
        been.add(place)


def read_text(path: Path, most_bytes: int | None = None, encoding: str = "utf-8-sig") -> str:
    """All of a text file; OSError where it cannot be read, ValueError where it is too large or is not text."""
    size = regular_file(path).stat().st_size
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"{size:,} bytes, expected {most_bytes:,} at most")
    return path.read_text(encoding=encoding)


def read_json(path: Path, most_bytes: int | None = MOST_BYTES) -> Any:
    """Content of a JSON file; OSError where it cannot be read, ValueError where it is too large or is not JSON."""
    return parse_json(read_text(path, most_bytes))


def parse_json(text: str) -> Any:
    """`json.loads` with ValueError for what is nested too deep, too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def shown(value: object) -> str:
    """`repr` cut short, for a sentence on a value out of a file."""
    return _SHORT.repr(value)
