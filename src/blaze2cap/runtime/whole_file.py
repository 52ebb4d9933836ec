"""A file of any kind that appears whole or not at all, and a sentence where it cannot be written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blaze2cap.errors import UserError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, renamed to it at the end; after an error nothing is left of it.

    Makes the folder where there is none. UserError where the file or its folder cannot be written.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise UserError(f"{target} is a folder, expected the name of a file to write")
        yield partial
        partial.replace(target)
    except OSError as error:
        raise UserError(f"{target}: cannot be written ({error.strerror or error}); choose another place") from None
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)
