"""Errors that are the user's to mend: shown as one sentence, without a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """One sentence: what is wrong, where, what was expected, what was found, what to do."""


@contextmanager
def one_sentence(command: str, code: int = 1) -> Iterator[None]:
    """Turn a `UserError` raised inside, or Ctrl-C, into one line and an exit code; a bug keeps its traceback."""
    try:
        yield
    except UserError as error:
        print(f"{command}: {_printable(str(error))}", file=sys.stderr)
        raise SystemExit(code) from None
    except KeyboardInterrupt:
        print(f"{command}: interrupted; run the same command again to finish", file=sys.stderr)
        raise SystemExit(130) from None


def _printable(sentence: str) -> str:
    """A sentence may quote a file or its name: line ends, colours and what else moves a terminal are told, not done."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in sentence)
