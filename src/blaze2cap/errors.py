"""Errors that are the user's to mend: shown as one sentence, without a traceback."""

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What a machine says that has no room, or may not be written to; never a fault of the program.
_UNWRITABLE = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS)))
# Of files that belong to others, and of names that are too long.
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG)


class UserError(Exception):
    """One sentence: what is wrong, where, what was expected, what was found, what to do."""


@contextmanager
def one_sentence(command: str, code: int = 1) -> Iterator[None]:
    """Turn a `UserError` raised inside, a disk or file that may not be used, or Ctrl-C, into one line and an exit code.

    A bug keeps its traceback.
    """
    try:
        yield
    except UserError as error:
        print(f"{command}: {printable(str(error))}", file=sys.stderr)
        raise SystemExit(code) from None
    except KeyboardInterrupt:
        print(f"{command}: interrupted; run the same command again to finish", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        reason = _unwritable(error) or _forbidden(error)
        if reason is None:
            raise
        where = printable(str(getattr(error, "filename", None) or "a file"))
        print(f"{command}: {where}: {reason} and run the same command again", file=sys.stderr)
        raise SystemExit(code) from None


def _forbidden(error: Exception) -> str | None:
    """Why a file could not be used, where its owner does not wish it, or its name is no name."""
    if not isinstance(error, OSError) or error.errno not in _FORBIDDEN or error.filename is None:
        return None
    return f"cannot be used ({error.strerror}); choose another place or change its permissions,"


def _unwritable(error: Exception) -> str | None:
    """Why a file could not be written, where that is the machine's fault; libraries hand the reason on as text."""
    if isinstance(error, OSError) and re.fullmatch(r"\d+ requested and \d+ written", str(error)):  # NumPy's short write
        reason: str | None = os.strerror(errno.ENOSPC)
    else:
        reason = next((reason for reason in _UNWRITABLE if reason in str(error)), None)
    return reason and f"cannot be written ({reason}); make room there"


def printable(sentence: str) -> str:
    """A sentence may quote a file or its name: line ends, colours and what else moves a terminal are told, not done."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in sentence)
