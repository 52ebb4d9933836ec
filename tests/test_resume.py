"""Where training's state lives: named by all that shapes it, held by one process at a time."""

from pathlib import Path

import pytest

from blaze2cap.errors import UserError
from blaze2cap.learning.resume import fingerprint, run_folder, sole_writer


def test_a_fingerprint_changes_with_parameters_and_with_data(tmp_path: Path) -> None:
    data = tmp_path / "a.npy"
    data.write_bytes(b"1")
    first = fingerprint({"seed": 1}, [data])
    assert fingerprint({"seed": 1}, [data]) == first
    assert fingerprint({"seed": 2}, [data]) != first
    data.write_bytes(b"2")
    assert fingerprint({"seed": 1}, [data]) != first


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLAZE2CAP_CACHE", str(tmp_path))
    assert run_folder("abc") == tmp_path / "checkpoints" / "abc"


def test_two_writers_of_one_run_are_told_apart(tmp_path: Path) -> None:
    refused = pytest.raises(UserError, match="another process trains with the same parameters")
    with sole_writer(tmp_path), refused, sole_writer(tmp_path):
        pass
    with sole_writer(tmp_path):
        assert (tmp_path / "lock").exists()
