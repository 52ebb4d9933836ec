"""A folder held against a listing: each path that is not as listed is told once, and as what it is."""

from pathlib import Path

from loopback_hub import git_blob_id

from blaze2cap.data.sources.listing import Deviations, ListedFile, deviations


def test_a_path_is_missing_or_extra_or_damaged(tmp_path: Path) -> None:
    listed = [ListedFile(name, 3, git_blob_id(b"abc")) for name in ("gone", "short", "sound", "torn")]
    for name, content in {"more": b"abc", "short": b"ab", "sound": b"abc", "torn": b"abd"}.items():
        (tmp_path / name).write_bytes(content)
    found = {path.name for path in tmp_path.iterdir()}
    assert deviations(tmp_path, found, listed, workers=1) == Deviations(["gone"], ["more"], ["short", "torn"])
    assert deviations(tmp_path, {"sound"}, [listed[2]], workers=1) is None
