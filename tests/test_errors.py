"""What ends in a sentence: a user's mistake, a machine without room, Ctrl-C; a bug keeps its traceback."""

import errno
import os

import pytest
from safetensors import SafetensorError

from blaze2cap.errors import UserError, one_sentence

NO_ROOM = "No space left on device"


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        (UserError("params.yaml: loss.smooth is -1"), "params.yaml: loss.smooth is -1", 1),
        (KeyboardInterrupt(), "interrupted; run the same command again to finish", 130),
        (OSError(errno.ENOSPC, NO_ROOM, "models"), f"models: cannot be written ({NO_ROOM}); make room there", 1),
        (OSError(errno.ENOSPC, NO_ROOM), f"a file: cannot be written ({NO_ROOM}); make room there", 1),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "data"), "data: cannot be written (Read-only file system)", 1),
        (OSError("100000 requested and 8176 written"), f"a file: cannot be written ({NO_ROOM})", 1),
        (
            PermissionError(errno.EACCES, "Permission denied", "models"),
            "models: cannot be used (Permission denied);",
            1,
        ),
        (OSError(errno.ENAMETOOLONG, "File name too long", "n"), "n: cannot be used (File name too long); choose", 1),
        (SafetensorError(f"Error while serializing: I/O error: {NO_ROOM} (os error 28)"), NO_ROOM, 1),
    ],
)
def test_what_is_not_a_bug_is_one_sentence(
    error: BaseException, sentence: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped, one_sentence("train"):
        raise error
    told = capsys.readouterr().err
    assert stopped.value.code == code
    assert told.startswith("train: ")
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("3"), OSError(errno.ENOENT, "No such file or directory", "raw")])
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), one_sentence("train"):
        raise error
