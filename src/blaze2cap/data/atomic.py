"""Files and folders that appear whole or not at all: written under another name beside the target, then renamed.

So nothing is written into a file that is there: an output may be a hard link to its copy in DVC's cache.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """A new folder to fill, which takes the place of `target` at the end; after an error `target` is as it was."""
    partial = _beside(target)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replaced_file(target: Path) -> Iterator[Path]:
    """A new file to write, which takes the place of `target` at the end; after an error `target` is as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(target)
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def replace_text(target: Path, text: str) -> None:
    """Write a text file in the place of `target`."""
    with replaced_file(target) as partial:
        partial.write_text(text)


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")
