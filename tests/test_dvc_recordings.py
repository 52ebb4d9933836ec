"""Experiments in other folders find recordings that only the environment names, and run every stage on them."""

import json
from pathlib import Path

import pytest
from dvc_clone import Clone, committed_clone, wait_until
from recordings import write_recordings

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]

TAKES = {"S1/freestyle1": 60, "S2/freestyle2": 40, "S1/walking2": 40}
SOURCE = ("-S", "dataset.source=totalcapture")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A copy of the committed clone, with small recordings outside of it."""
    committed_clone().back_to_commit()
    clone = committed_clone().copy(tmp_path / "clone")
    recordings = write_recordings(tmp_path / "recordings", TAKES)
    clone.environment["BLAZE2CAP_TOTALCAPTURE"] = str(recordings)
    return clone


def test_queue_workers_find_recordings_by_the_environment(clone: Clone) -> None:
    before = clone.metrics("download")
    clone.dvc("exp", "run", "--queue", "--name", "recorded", *SOURCE)
    clone.dvc("queue", "start")
    wait_until(lambda: "Success" in clone.dvc("queue", "status") or "Failed" in clone.dvc("queue", "status"))
    assert "Success" in clone.dvc("queue", "status"), clone.dvc("queue", "logs", "recorded")
    assert clone.metrics("download") == before
    clone.dvc("exp", "apply", "recorded")
    assert clone.metrics("download")["source"] == "totalcapture"
    assert clone.metrics("evaluate")["test"]["by_subject"].keys() == {"S1"}
    assert json.loads((clone.folder / "data" / "raw" / "manifest.json").read_text())


def test_a_relative_path_is_refused_in_one_sentence(clone: Clone) -> None:
    clone.environment["BLAZE2CAP_TOTALCAPTURE"] = "recordings"
    printed = clone.dvc("exp", "run", "--temp", *SOURCE, expect=None)
    assert "give an absolute one, as experiments run in other folders" in printed
    assert "Traceback" not in printed
