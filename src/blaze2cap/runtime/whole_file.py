"""Files that appear whole or not at all, and their folders; a sentence where one cannot be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blaze2cap.data.atomic import replaced_file
from blaze2cap.errors import UserError


def make_folder(folder: Path) -> None:
    """A folder that a user names, made where it is not there yet; UserError where there can be none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: no folder can be made there ({error.strerror})") from None


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """While files are written to a place that a user names; UserError where they cannot be, as on a full disk."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error}); choose another place") from None


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """`replaced_file` for what a user names; UserError where the file or its folder cannot be written."""
    with writing(target):
        if target.is_dir():
            raise UserError(f"{target} is a folder, expected the name of a file to write")
        with replaced_file(target) as partial:
            yield partial


def require_writable(target: Path) -> None:
    """UserError where `whole_file` could not write; asked before long work, and makes nothing."""
    # Of names that are too long, and inside folders of others, nothing can be asked.
    with writing(target):
        if target.is_dir():
            raise UserError(f"{target} is a folder, expected the name of a file to write")
        folder = next(folder for folder in target.absolute().parents if folder.exists())
        if not folder.is_dir():
            raise UserError(f"{target}: cannot be written ({folder} is a file); choose another place")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"{target}: cannot be written ({folder} is read-only); choose another place")
