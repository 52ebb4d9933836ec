"""Export: packed clips written in the published form are the same when they are read back."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from recordings import write_recordings
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.data.augment import LAYOUTS, Layout
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.export import export_dataset
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.published import DATASET_MAP_FILE
from blaze2cap.data.published_samples import read_published_sample
from blaze2cap.data.raw import ClipName, write_landmarks
from blaze2cap.data.sources.published import copy_published
from blaze2cap.data.split import SplitParams, assign_parts, published_samples, read_split_map, split_map, write_split
from blaze2cap.errors import UserError

TAKES = {"S1/freestyle1": 30, "S2/freestyle2": 12, "S4/acting3": 10, "S4/rom1": 8}
VALIDATED = "S2/freestyle2"


def pack(raw: Path, packed: Path, source: str = "totalcapture") -> ClipSet:
    write_manifest(raw, source, [], None, workers=1)
    preprocess(raw, packed, PreprocessParams(), workers=1)
    return ClipSet.load(packed)


def parts_of(clipset: ClipSet, validation: tuple[str, ...] = ()) -> dict[str, str]:
    return assign_parts(clipset.takes.index, SplitParams(validation=validation))


def assert_same_samples(clipset: ClipSet, other: ClipSet) -> None:
    kept = clipset.samples[~clipset.samples.rejected].index
    assert sorted(other.samples.index) == sorted(kept)
    for source in kept:
        ours, again = clipset.sample(source), other.sample(source)
        torch.testing.assert_close(again.landmarks, ours.landmarks, atol=1e-6, rtol=0)
        torch.testing.assert_close(again.slots, ours.slots, atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four takes before two cameras; camera 2 follows another person in the last 10 frames of the first."""
    folder = tmp_path_factory.mktemp("export")
    raw = write_recordings(folder / "raw", TAKES)
    path = raw / ClipName("S1", "freestyle1", "2").landmark_file
    landmarks = np.load(path)
    landmarks[20, :, [4, 9]] = 0
    landmarks[20:, :, 5] += 0.4
    write_landmarks(path, landmarks)
    pack(raw, folder / "clips")
    return folder / "clips"


@pytest.fixture
def split(clips: Path, tmp_path: Path) -> Path:
    clipset = ClipSet.load(clips)
    parts = parts_of(clipset, (VALIDATED,))
    write_split(tmp_path / "split", split_map(published_samples(clipset), parts), parts)
    return tmp_path / "split"


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_exported_samples_are_read_back_the_same(clips: Path, tmp_path: Path, layout: Layout) -> None:
    clipset = ClipSet.load(clips)
    exported = export_dataset(clips, parts_of(clipset), tmp_path / "out", layout, workers=1)
    assert exported.rejected == 6
    assert len(exported.table) == len(clipset.samples) - 6
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.npy")}
    assert files == {*exported.table.source, *exported.table.target}
    for source, row in clipset.samples[~clipset.samples.rejected].iterrows():
        name = source.replace("blaze_augmented", layout.source_folder).replace("/blaze_", f"/{layout.source_prefix}")
        read, ours = read_published_sample(tmp_path / "out", name), clipset.sample(str(source))
        assert len(read.landmarks) == row.frames
        torch.testing.assert_close(read.landmarks, ours.landmarks, atol=1e-6, rtol=0)
        torch.testing.assert_close(read.slots, ours.slots, atol=1e-6, rtol=0)


def test_an_export_is_a_source_that_gives_the_same_samples(clips: Path, tmp_path: Path) -> None:
    clipset = ClipSet.load(clips)
    export_dataset(clips, parts_of(clipset), tmp_path / "out", LAYOUTS["augmented"], workers=1)
    inspection = copy_published(tmp_path / "out", tmp_path / "raw", workers=1)
    assert inspection.faults == inspection.notices == []
    again = pack(tmp_path / "raw", tmp_path / "again", "published")
    assert_same_samples(clipset, again)
    export_dataset(tmp_path / "again", parts_of(again), tmp_path / "out2", LAYOUTS["augmented"], workers=1)
    assert (tmp_path / "out2" / DATASET_MAP_FILE).read_bytes() == (tmp_path / "out" / DATASET_MAP_FILE).read_bytes()


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_command_says_what_it_wrote_and_the_map_is_that_of_the_split(
    clips: Path, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
    out = tmp_path / "out"
    code, printed, said = run("export-dataset", out, "--clips", clips, "--split", split)
    assert code == 0, said
    assert f"{out}: 48 samples: 12 train, 12 val, 12 test, 12 in no part" in printed
    assert f"rejected, with reasons in {clips / 'samples.csv'}: 6 samples left out" in printed
    assert "exporting takes: 4 of 4" in said
    ours = read_split_map(split / "split_map.json")
    rejected = ClipSet.load(clips).samples.query("rejected").source
    ours = ours[~ours.source.isin(rejected)].reset_index(drop=True)
    pd.testing.assert_frame_equal(read_split_map(out / DATASET_MAP_FILE), ours)
    written = (out / DATASET_MAP_FILE).read_bytes()
    assert run("map", out, "--validation", VALIDATED)[0] == 0
    assert (out / DATASET_MAP_FILE).read_bytes() == written


def test_without_a_validation_part_the_first_layouts_map_has_no_flag_for_it(clips: Path, tmp_path: Path) -> None:
    parts = parts_of(ClipSet.load(clips))
    for name, layout in LAYOUTS.items():
        export_dataset(clips, parts, tmp_path / name, layout, workers=1)
        entries = json.loads((tmp_path / name / DATASET_MAP_FILE).read_text())
        assert ("split_val" in entries[0]) == (name == "final")
        written = (tmp_path / name / DATASET_MAP_FILE).read_bytes()
        assert run("map", tmp_path / name)[0] == 0
        assert (tmp_path / name / DATASET_MAP_FILE).read_bytes() == written


@pytest.mark.parametrize("occupied", ["folder", "file"])
def test_an_occupied_place_is_refused_and_left_alone(occupied: str, clips: Path, split: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    note = out / "note" if occupied == "folder" else out
    note.parent.mkdir(exist_ok=True)
    note.write_text("mine")
    code, _, said = run("export-dataset", out, "--clips", clips, "--split", split)
    assert code == 1
    assert said == f"blaze2cap export-dataset: {out}: is there and not an empty folder; name a new one\n"
    assert note.read_text() == "mine"


def test_an_export_is_there_whole_or_not_at_all(
    clips: Path, split: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []

    def full(path: Path, *_: object, **__: object) -> None:
        saved.append(path)
        if len(saved) > 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
    monkeypatch.setattr(np, "save", full)
    code, _, said = run("export-dataset", tmp_path / "out", "--clips", clips, "--split", split)
    assert code == 1
    assert said.splitlines()[-1].endswith("could not be written (No space left on device)")
    assert [path.name for path in tmp_path.iterdir()] == ["split"]


def test_takes_without_a_part_and_clips_that_are_not_there_are_refused(
    clips: Path, split: Path, tmp_path: Path
) -> None:
    parts = parts_of(ClipSet.load(clips))
    del parts["S4/rom1"]
    with pytest.raises(UserError, match="take S4/rom1 has no part in the split; run `dvc repro split`"):
        export_dataset(clips, parts, tmp_path / "out", LAYOUTS["augmented"], workers=1)
    code, _, said = run("export-dataset", tmp_path / "out", "--clips", tmp_path / "no", "--split", split)
    assert (code, len(said.splitlines())) == (1, 1)
    code, _, said = run("export-dataset", tmp_path / "out", "--clips", clips, "--split", tmp_path / "no")
    assert (code, len(said.splitlines())) == (1, 1)
    assert not (tmp_path / "out").exists()


def test_bytes_do_not_depend_on_the_number_of_workers(clips: Path, tmp_path: Path) -> None:
    parts = parts_of(ClipSet.load(clips))
    for workers in (1, 2):
        export_dataset(clips, parts, tmp_path / str(workers), LAYOUTS["augmented"], workers)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("1", "2")
    )
    assert one == two
    assert len(one) == 2 * 48 + 1


def linked(folder: Path, recordings: Path, *takes: str) -> Path:
    """Some takes of real recordings."""
    for name in ("calibration.cal", *(f"{kind}/{take}" for kind in ("landmarks", "vicon") for take in takes)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(recordings / name)
    return folder


@pytest.mark.slow
def test_real_takes_export_as_many_samples_as_are_published(totalcapture_root: Path, tmp_path: Path) -> None:
    """78, 78, 66 and 60 samples; six of the first are of another person."""
    takes = ["S1/freestyle1", "S1/freestyle2", "S2/freestyle1", "S2/freestyle2"]
    clipset = pack(linked(tmp_path / "recordings", totalcapture_root, *takes), tmp_path / "clips")
    export_dataset(tmp_path / "clips", parts_of(clipset), tmp_path / "out", LAYOUTS["final"], workers=1)
    code, printed, _ = run("map", tmp_path / "out")
    assert code == 0
    assert "276 samples: 276 train, 0 val, 0 test, 0 in no part" in printed
    table = read_split_map(tmp_path / "out" / DATASET_MAP_FILE)
    assert (table.subject + "/" + table.action).value_counts()[takes].tolist() == [78 - 6, 78, 66, 60]


def test_a_real_take_comes_back_the_same(totalcapture_root: Path, tmp_path: Path) -> None:
    recordings = linked(tmp_path / "recordings", totalcapture_root, "S2/freestyle2")
    clipset = pack(recordings, tmp_path / "clips")
    parts = dict.fromkeys(clipset.takes.index, "train")
    exported = export_dataset(tmp_path / "clips", parts, tmp_path / "out", LAYOUTS["augmented"], workers=1)
    assert (len(exported.table), exported.rejected) == (60, 0)
    written = (tmp_path / "out" / DATASET_MAP_FILE).read_bytes()
    assert run("map", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / DATASET_MAP_FILE).read_bytes() == written
    inspection = copy_published(tmp_path / "out", tmp_path / "raw", workers=1)
    assert inspection.faults == inspection.notices == []
    assert_same_samples(clipset, pack(tmp_path / "raw", tmp_path / "again", "published"))
