"""The first three stages on made-up recordings: each reads what the one before it wrote, and says what it did."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
from recordings import write_recordings

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.split import read_parts, read_split_map

STAGES = Path(__file__).parents[1] / "stages"


def run(stage: str, *paths: Path, params: Path) -> None:
    specification = importlib.util.spec_from_file_location(stage, STAGES / f"{stage}.py")
    assert specification is not None
    assert specification.loader is not None
    door = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(door)
    door.main(*paths, params_file=params)


def run_first_three(folder: Path, params: Path) -> tuple[Path, Path, Path, Path]:
    """Folders of raw recordings, clips, parts and reports that download, preprocess and split have written."""
    raw, clips, split, metrics = (folder / name for name in ("raw", "clips", "split", "metrics"))
    run("download", raw, metrics / "download.json", params=params)
    run("preprocess", raw, clips, metrics / "preprocess.json", params=params)
    run("split", clips, split, metrics / "split.json", params=params)
    return raw, clips, split, metrics


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)  # seven frames are not worth starting a worker
    recordings = write_recordings(tmp_path / "recordings", {"S1/rom1": 9, "S2/freestyle2": 8, "S4/acting3": 7})
    (recordings / "vicon/S4/acting3/gt_skel_gbl_ori.txt").unlink()
    path = tmp_path / "params.yaml"
    path.write_text(
        f"dataset: {{source: totalcapture, path: {recordings}}}\n"
        "preprocess: {strides: [1, 2], max_reprojection_px: 200}\n"
        "split: {validation: [S2/freestyle2], exclude: [S3/rom1]}\n"
        "runtime: {executor: local}\n"
    )
    return path


def test_recordings_become_clips_with_parts(tmp_path: Path, params: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, clips, split, metrics = run_first_three(tmp_path, params)
    assert read_parts(split) == {"train": ["S1/rom1"], "val": ["S2/freestyle2"], "test": [], "none": []}
    assert len(ClipSet.load(clips).samples) == len(read_split_map(split / "split_map.json")) == 2 * 2 * 3

    download, preprocess, parts = (
        json.loads((metrics / f"{stage}.json").read_text()) for stage in ("download", "preprocess", "split")
    )
    fault = "vicon/S4/acting3/gt_skel_gbl_ori.txt: no such file"
    assert fault in download["faults"]["left_out"][0]["sentence"]
    assert preprocess["faults"] == download["faults"], "what was left out stays told"
    assert (parts["train"]["samples"], parts["val"]["samples"], parts["test"]["samples"]) == (6, 6, 0)
    told = capsys.readouterr().err
    assert f"download: left out S4/acting3: {fault}" in told
    assert "split: split.exclude names S3/rom1, which is not among the takes here" in told
    assert "split: the test part has no take here" in told


def test_preprocess_tells_that_recordings_have_changed(
    tmp_path: Path, params: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("download", tmp_path / "raw", tmp_path / "download.json", params=params)
    os.utime(tmp_path / "recordings" / "calibration.cal", ns=(0, 0))
    run("preprocess", tmp_path / "raw", tmp_path / "clips", tmp_path / "preprocess.json", params=params)
    assert "(calibration.cal); run `dvc repro -f download`" in capsys.readouterr().err
