"""What a check of the environment says: how a thing stands, what was found, and what to do about it."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from blaze2cap.errors import UserError


class Status(StrEnum):
    """How a check ended; a problem makes the pipeline impossible, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """What was looked at, how it stands, what was found, and what to do (empty where there is nothing to do)."""

    what: str
    status: Status
    found: str
    advice: str = ""


Check = Callable[[], Finding]


def examined(what: str, check: Check) -> Finding:
    """The check's finding; what it cannot import or read, or a sentence it ends in, is a finding too."""
    try:
        return check()
    except ImportError as error:
        return Finding(what, Status.PROBLEM, f"not importable ({error})", "pip install -e .")
    except (UserError, OSError) as error:
        return Finding(what, Status.PROBLEM, str(error))
