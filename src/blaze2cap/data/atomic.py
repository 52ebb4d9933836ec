"""Files and folders that appear whole or not at all: written in a hidden folder beside the target, then renamed.

What is renamed has reached the disk, so that a power cut, too, leaves the old or the new one. Nothing is written into a
file that is there: an output may be a hard link to its copy in DVC's cache. The hidden folder is held by one process at
a time; what a killed one has left in it is removed by the next.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TextIO

from blaze2cap.errors import UserError

# Of a target, for that of its hidden folder is longer, and 255 bytes are the most.
_LONGEST_NAME = 200


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `target` at the end; after an error `target` is as it was.

    Raises UserError where another process is filling one.
    """
    with _workshop(target) as workshop:
        new, old = workshop / target.name, workshop / ".old"
        new.mkdir()
        yield new
        for path in new.rglob("*"):
            _to_disk(path)
        _to_disk(new)
        # Moved away in one piece: a kill while it is deleted would leave a part of it.
        if target.exists():
            target.rename(old)
        new.rename(target)
        _to_disk(target.parent)


@contextmanager
def replaced_file(target: Path) -> Iterator[Path]:
    """A new file to write, which takes the place of `target` at the end; after an error `target` is as it was.

    Raises UserError where another process is writing one.
    """
    if target.exists() and not target.is_file() and not target.is_dir():
        raise UserError(f"{target}: is a device or a pipe, expected the name of a file to write")
    with _workshop(target) as workshop:
        yield workshop / target.name
        _to_disk(workshop / target.name)
        (workshop / target.name).replace(target)
        _to_disk(target.parent)


def replace_text(target: Path, text: str) -> None:
    r"""Write a text file in UTF-8 in the place of `target`.

    What UTF-8 lacks, as in a file's name that is of another encoding, is written as JSON does it: \udce9.
    """
    with replaced_file(target) as new:
        new.write_text(text, encoding="utf-8", errors="backslashreplace")


def _to_disk(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk; Windows has no such call for folders."""
    if sys.platform == "win32":
        return
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """An empty folder beside the target, held alone, which is gone at the end."""
    name = os.fsencode(target.name)
    hidden = target.name if len(name) <= _LONGEST_NAME else sha256(name).hexdigest()
    folder = target.with_name(f".{hidden}.partial")
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / ".lock"
    taken = UserError(f"{target}: another process is writing it; wait for that one, or end it")
    try:
        opened = lock.open("w")
    except FileNotFoundError:  # that one has just ended, and removed the folder
        raise taken from None
    with opened as file:
        if not _held(file, lock):
            raise taken
        try:
            for left in folder.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                elif left != lock:
                    left.unlink()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _held(file: TextIO, path: Path) -> bool:
    """Lock a file that another process may hold, or remove as it ends; the lock goes with the process."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
