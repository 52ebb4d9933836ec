"""Errors that are the user's to mend: shown as one sentence, without a traceback."""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What a machine says that has no room, or may not be written to; never a fault of the program.
_UNWRITABLE = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS)))


class UserError(Exception):
    """One sentence: what is wrong, where, what was expected, what was found, what to do."""


@contextmanager
def one_sentence(command: str, code: int = 1) -> Iterator[None]:
    """Turn a `UserError` raised inside, a full or read-only disk, or Ctrl-C, into one line and an exit code.

    A bug keeps its traceback.
    """
    try:
        yield
    except UserError as error:
        print(f"{command}: {_printable(str(error))}", file=sys.stderr)
        raise SystemExit(code) from None
    except KeyboardInterrupt:
        print(f"{command}: interrupted; run the same command again to finish", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        reason = _unwritable(error)
        if reason is None:
            raise
        where = _printable(str(getattr(error, "filename", None) or "a file"))
        print(
            f"{command}: {where}: cannot be written ({reason}); make room there and run the same command again",
            file=sys.stderr,
        )
        raise SystemExit(code) from None


def _unwritable(error: Exception) -> str | None:
    """Why a file could not be written, where that is the machine's fault; libraries hand the reason on as text."""
    if isinstance(error, OSError) and re.fullmatch(r"\d+ requested and \d+ written", str(error)):  # NumPy's short write
        return os.strerror(errno.ENOSPC)
    return next((reason for reason in _UNWRITABLE if reason in str(error)), None)


def _printable(sentence: str) -> str:
    """A sentence may quote a file or its name: line ends, colours and what else moves a terminal are told, not done."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in sentence)
