"""The published form as a source: sound segments become clips, what contradicts or is not there is told."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from published_files import write_published
from test_data_stages import run

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.motion import BODY_SLOTS, ROOT_POSITION_SLOT, ROOT_ROTATION_SLOT
from blaze2cap.data.augment import AUGMENTED, LAYOUTS, Layout
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.manifest import changes_since, read_manifest, write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.published import DATASET_MAP_FILE, SampleName, dataset_map, scan_published, write_dataset_map
from blaze2cap.data.published_samples import read_published_sample
from blaze2cap.data.sources.published import PublishedInspection, copy_published, find_published
from blaze2cap.data.split import SplitParams, assign_parts, notices, read_parts, read_split_map
from blaze2cap.errors import UserError

CLIPS = {"S1/acting1/cam1": [9, 2], "S1/acting1/cam2": [7], "S4/walking2/cam10": [8]}
STRIDED = SampleName("S1", "acting1", "1", 0, 2, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training take seen by two cameras and a test take: 6 + 5 + 6 + 6 samples."""
    return write_published(tmp_path / "published", CLIPS)


def take_over(folder: Path, raw: Path) -> PublishedInspection:
    inspection = copy_published(folder, raw, workers=1)
    write_manifest(raw, "published", inspection.faults, folder, workers=1)
    return inspection


def packed(folder: Path, tmp_path: Path, **params: object) -> tuple[ClipSet, dict]:
    take_over(folder, tmp_path / "raw")
    report = preprocess(tmp_path / "raw", tmp_path / "clips", PreprocessParams(**params), workers=1)  # type: ignore[arg-type]
    return ClipSet.load(tmp_path / "clips"), report


def change(path: Path, place: tuple, by: float) -> None:
    array = np.load(path)
    array[place] += by
    np.save(path, array)


def keep_deltas_of_single_frames(folder: Path) -> None:
    slots = np.load(folder / STRIDED._replace(stride=1, offset=0).target(AUGMENTED))
    start = np.load(folder / STRIDED.target(AUGMENTED))[:1]
    np.save(folder / STRIDED.target(AUGMENTED), np.concatenate((start, slots[3::2])))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_every_published_sample_is_the_same_in_packed_clips(tmp_path: Path, layout: Layout) -> None:
    folder = write_published(tmp_path / "published", CLIPS, layout)
    clipset, report = packed(folder, tmp_path)
    assert len(clipset.samples) == report["samples"] == 23
    for source in clipset.samples.index:
        published, ours = read_published_sample(folder, source), clipset.sample(source)
        torch.testing.assert_close(ours.landmarks, published.landmarks, atol=0, rtol=0)
        torch.testing.assert_close(ours.slots, published.slots, atol=1e-6, rtol=0)
        if "_s1_" in source:
            torch.testing.assert_close(ours.root, published.root, atol=1e-6, rtol=0)


def test_a_clip_is_its_segments_one_after_another_with_truth_of_its_own(folder: Path, tmp_path: Path) -> None:
    clipset, _ = packed(folder, tmp_path)
    assert clipset.clips.frames.to_dict() == {clip: sum(frames) for clip, frames in CLIPS.items()}
    assert clipset.clips.truth_row.tolist() == [0, 11, 18]
    assert clipset.takes.frames.to_dict() == {"S1/acting1": 18, "S4/walking2": 8}
    assert clipset.clip_anchors("S1/acting1/cam1").nonzero().flatten().tolist() == [0, 9]
    assert clipset.scored_frames("S1/acting1/cam1").all()
    assert not clipset.takes[["root_known", "bones_known"]].any(axis=None)


def test_what_the_form_does_not_hold_is_assumed(folder: Path, tmp_path: Path) -> None:
    clipset, _ = packed(folder, tmp_path)
    camera = clipset.camera_of("S4/walking2/cam10")
    torch.testing.assert_close(camera.rotation, torch.eye(3))
    torch.testing.assert_close(camera.translation, torch.zeros(3))
    across = 2 * torch.rad2deg(torch.atan(torch.tensor(camera.width / 2 / camera.fx)))
    assert across == pytest.approx(70, abs=0.1)
    truth = clipset.clip_truth("S1/acting1/cam1")
    torch.testing.assert_close(truth.offset, mean_offset())
    position, _ = forward_kinematics(torch.eye(3).expand(21, 3, 3), truth.offset)
    assert position[:, 2].max() - position[:, 2].min() == pytest.approx(1.5, abs=0.1), "head joint to ankle [m]"


FAULTS: dict[str, tuple[Callable[[Path], object], str, int]] = {
    # what is done to the folder, what the first sentence says, samples that remain of 23
    "landmarks of a stride": (
        lambda f: change(f / STRIDED.source(AUGMENTED), (3, 4, 0), 1e-3),
        f"{STRIDED.source(AUGMENTED)}: landmarks differ from stride 1 by 0.001 in frame 3", 22),
    "local rotations of a stride": (
        lambda f: change(f / STRIDED.target(AUGMENTED), (2, BODY_SLOTS.start, 0), 1e-4),
        "local rotations differ from stride 1 by 0.0001 in frame 2", 22),
    "root's way of a stride": (
        lambda f: change(f / STRIDED.target(AUGMENTED), (2, ROOT_POSITION_SLOT, 1), 0.01),
        "root's way differs from stride 1 by 0.01 in frame 2", 22),
    "root's turn of a stride": (
        lambda f: change(f / STRIDED.target(AUGMENTED), (1, ROOT_ROTATION_SLOT, 1), 0.004),
        "root's turn differs from stride 1", 22),
    "deltas not made anew for a stride": (
        lambda f: keep_deltas_of_single_frames(f),
        "root's way differs from stride 1", 22),
    "length of a stride": (
        lambda f: [np.save(f / p, np.load(f / p)[:-1]) for p in (STRIDED.source(AUGMENTED), STRIDED.target(AUGMENTED))],
        "3 frames, expected 4 of the 9 at stride 1", 22),
    "no stride 1": (
        lambda f: [(f / STRIDED._replace(stride=1, offset=0).source(AUGMENTED)).unlink(),
                   (f / STRIDED._replace(stride=1, offset=0).target(AUGMENTED)).unlink()],
        "no sound stride-1 sample of its segment", 17),
    "broken stride 1": (
        lambda f: change(f / STRIDED._replace(stride=1, offset=0).source(AUGMENTED), (0, 0, 0), np.nan),
        "1 frames hold NaN or infinity, first frame 0, nose", 17),
    "no target": (lambda f: (f / STRIDED.target(AUGMENTED)).unlink(), "no target", 22),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_counted_and_left_out(folder: Path, tmp_path: Path, fault: str) -> None:
    damage, expected, remaining = FAULTS[fault]
    damage(folder)
    inspection = take_over(folder, tmp_path / "raw")
    assert expected in inspection.faults[0].sentence
    assert str(tmp_path) not in inspection.faults[0].sentence
    report = inspection.report()
    assert report["samples"] == len(inspection.samples) == remaining
    assert report["faults"]["count"] == (6 if fault == "broken stride 1" else 5 if fault == "no stride 1" else 1)
    assert read_manifest(tmp_path / "raw")["faults"] == report["faults"]["left_out"]
    copied = sorted(path.name for path in (tmp_path / "raw").rglob("*.npy"))
    assert len(copied) == 2 * remaining
    told = preprocess(tmp_path / "raw", tmp_path / "clips", PreprocessParams(), workers=1)
    assert told["samples"] == remaining
    assert told["faults"] == report["faults"], "what was left out stays told"


def test_missing_strides_are_told_and_are_no_fault(folder: Path, tmp_path: Path) -> None:
    for name in (STRIDED.source(AUGMENTED), STRIDED.target(AUGMENTED)):
        (folder / name).unlink()
    inspection = take_over(folder, tmp_path / "raw")
    assert inspection.faults == []
    assert inspection.missing == [STRIDED.source(AUGMENTED)]
    assert inspection.notices == [
        f"1 samples at strides 1, 2, 3 of these segments are not there: {STRIDED.source(AUGMENTED)}"
    ]
    assert inspection.report()["missing_samples"]["count"] == 1


def test_strides_are_those_asked_for(folder: Path, tmp_path: Path) -> None:
    clipset, report = packed(folder, tmp_path, strides=(1, 3))
    assert report["samples_at_stride"] == {"1": 4, "3": 11}
    assert sorted(clipset.samples.stride.unique()) == [1, 3]


def test_nothing_sound_is_fatal(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("blaze_*_s1_o0.npy"):
        change(path, (0, 0, 0), np.nan)
    with pytest.raises(UserError, match=r"no sound segment: .*hold NaN"):
        copy_published(folder, tmp_path / "raw", workers=1)


def test_a_raw_folder_changed_since_download_is_refused(folder: Path, tmp_path: Path) -> None:
    take_over(folder, tmp_path / "raw")
    (tmp_path / "raw" / STRIDED.target(AUGMENTED)).unlink()
    with pytest.raises(UserError, match=r"no target .*dvc repro -f download"):
        preprocess(tmp_path / "raw", tmp_path / "clips", PreprocessParams(), workers=1)


def test_later_changes_of_the_data_set_are_told(folder: Path, tmp_path: Path) -> None:
    (folder / STRIDED.target(AUGMENTED)).unlink()
    take_over(folder, tmp_path / "raw")
    assert changes_since(tmp_path / "raw") is None, "a fault that is known is no change"
    target = folder / STRIDED.target(AUGMENTED)
    shutil.copy(folder / STRIDED._replace(stride=3).target(AUGMENTED), target)
    assert f"1 recordings in {folder} are not as taken over ({STRIDED.source(AUGMENTED)})" in str(
        changes_since(tmp_path / "raw")
    )
    target.unlink()
    os.utime(folder / STRIDED._replace(stride=3).target(AUGMENTED), ns=(0, 0))
    write_published(folder, {"S5/acting3/cam1": [4]})
    sentence = changes_since(tmp_path / "raw")
    assert sentence is not None
    assert "7 recordings" in sentence


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (None, "dataset.path is null: name the folder of the published data set"),
        ("published", "dataset.path is the relative path 'published'"),
        ("/no/such/folder", "there is no such folder"),
    ],
)
def test_the_folder_must_be_named_absolutely(
    path: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLAZE2CAP_TOTALCAPTURE", str(tmp_path))
    with pytest.raises(UserError, match=expected):
        find_published(path)


def test_stages_make_clips_with_parts_of_a_published_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
    shutil.rmtree(folder / "gt_augmented" / "S1" / "acting1" / "cam2")
    (folder / STRIDED.target(AUGMENTED)).unlink()
    (folder / STRIDED.source(AUGMENTED)).unlink()
    params = tmp_path / "params.yaml"
    params.write_text(
        f"dataset: {{source: published, path: {folder}}}\n"
        "preprocess: {strides: [1, 2, 3, 5], correct_lag: true}\n"
        "runtime: {executor: local}\n"
        "split: {validation: []}\n"
    )
    raw, clips, split, metrics = (tmp_path / name for name in ("raw", "clips", "split", "metrics"))
    run("download", raw, metrics / "download.json", params=params)
    run("preprocess", raw, clips, metrics / "preprocess.json", params=params)
    run("split", clips, split, metrics / "split.json", params=params)
    told = capsys.readouterr().err
    assert told.count("download: left out blaze_augmented/S1/acting1/cam2/") == 6
    assert "download: 1 samples at strides 1, 2, 3 of these segments are not there" in told
    assert [line for line in told.splitlines() if line.startswith("preprocess: ")] == [
        "preprocess: preprocess.strides names 5, but no sample here has that stride: the published form is not thinned "
        "anew",
        "preprocess: preprocess.correct_lag is true, but changes nothing: no lag shows in the published form",
    ]
    assert read_parts(split) == {"train": ["S1/acting1"], "val": [], "test": ["S4/walking2"], "none": []}
    assert read_split_map(split / "split_map.json")[["split_train", "split_test"]].sum().tolist() == [10, 6]
    download = json.loads((metrics / "download.json").read_text())
    assert (download["samples"], download["faults"]["count"], download["missing_samples"]["count"]) == (16, 6, 1)


def with_map(folder: Path, **changes: dict[str, bool] | None) -> Path:
    """The folder with its map, in which the flags of some clips' samples are changed or, by None, these left out."""
    table = dataset_map(scan_published(folder).frames, AUGMENTED, SplitParams())
    write_dataset_map(folder / DATASET_MAP_FILE, table, AUGMENTED)
    entries = []
    for entry in json.loads((folder / DATASET_MAP_FILE).read_text()):
        found = [flags for name, flags in changes.items() if name in entry["source"]]
        if None not in found:
            entries.append(entry | {key: value for flags in found if flags for key, value in flags.items()})
    (folder / DATASET_MAP_FILE).write_text(json.dumps(entries))
    return folder


def test_parts_are_those_of_the_map_beside_the_samples(folder: Path, tmp_path: Path) -> None:
    """It may say otherwise than the standard protocol, and have a validation part."""
    write_published(folder, {"S2/rom1/cam1": [6]})
    test, train = ({"split_train": train, "split_test": not train} for train in (False, True))
    clipset, _ = packed(with_map(folder, S1_acting1=test, S4_walking2=train), tmp_path)
    given = clipset.parts
    assert given == {"S1/acting1": "test", "S2/rom1": "train", "S4/walking2": "train"}
    takes = clipset.takes.index
    assert assign_parts(takes, SplitParams(), given) == given
    cut = SplitParams(validation=("S2/rom1", "S1/acting1"))
    parts = assign_parts(takes, cut, given)
    assert parts == given | {"S2/rom1": "val"}
    assert notices(parts, cut) == [
        "split.validation names S1/acting1, but the data set's own map has it in the test part, where it stays"
    ]
    validated = given | {"S4/walking2": "val"}
    assert assign_parts(takes, cut, validated) == validated, "its own validation part is the one"
    assert assign_parts(takes, SplitParams(exclude=("S1/acting1",)), given)["S1/acting1"] == "none"


def test_without_a_map_parts_are_the_standard_ones(folder: Path, tmp_path: Path) -> None:
    clipset, _ = packed(folder, tmp_path)
    assert clipset.parts is None
    parts = assign_parts(clipset.takes.index, SplitParams(), clipset.parts)
    assert parts == {"S1/acting1": "train", "S4/walking2": "test"}


def test_samples_that_the_map_leaves_out_are_rejected_and_counted(folder: Path, tmp_path: Path) -> None:
    clipset, report = packed(with_map(folder, S1_acting1_cam1_seg0=None), tmp_path)
    assert clipset.clips.rejected_frames.tolist() == [9, 0, 0]
    assert clipset.scored_frames("S1/acting1/cam1").tolist() == [False] * 9 + [True] * 2
    assert report["rejected_samples"] == 6
    assert report["rejected"] == {"in no part of dataset_map.json, other than its take": 6}


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("{", "dataset_map.json: not readable as a JSON list"),
        ('[{"source": "a.npy"}]', r"dataset_map.json: column \w+ is missing"),
    ],
)
def test_a_map_that_is_none_is_refused(folder: Path, tmp_path: Path, damage: str, expected: str) -> None:
    (folder / DATASET_MAP_FILE).write_text(damage)
    with pytest.raises(UserError, match=expected):
        packed(folder, tmp_path)


def test_a_map_of_other_samples_is_refused(folder: Path, tmp_path: Path) -> None:
    """As where the map of one layout lies beside the files of the other."""
    text = (with_map(folder) / DATASET_MAP_FILE).read_text()
    renamed = text.replace("blaze_augmented", "blazepose_final").replace("gt_augmented", "gt_final")
    (folder / DATASET_MAP_FILE).write_text(renamed.replace("/blaze_S", "/blazepose_S"))
    with pytest.raises(UserError) as caught:
        packed(folder, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/raw/dataset_map.json: none of its 23 samples is among the 23 beside it, where "
        "blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg0_s1_o0.npy is, while the map lists "
        "blazepose_final/S1/acting1/cam1/blazepose_S1_acting1_cam1_seg0_s1_o0.npy; `blaze2cap map` writes one of what "
        "is there"
    )


def test_a_map_that_lists_all_samples_in_no_part_of_their_takes_is_refused(folder: Path, tmp_path: Path) -> None:
    """Their takes are in one by segments that are not here."""
    entries = json.loads((with_map(folder) / DATASET_MAP_FILE).read_text())
    in_no_part = [entry | {"split_train": False, "split_test": False} for entry in entries]
    elsewhere = json.loads(json.dumps(entries).replace("_seg", "_seg9"))
    (folder / DATASET_MAP_FILE).write_text(json.dumps(in_no_part + elsewhere))
    with pytest.raises(UserError, match=r"all 23 samples are rejected; in no part of dataset_map\.json"):
        packed(folder, tmp_path)


def test_views_that_camera_5_lost_are_left_out_unless_asked_for(folder: Path, tmp_path: Path) -> None:
    write_published(folder, {"S1/acting1/cam5": [5], "S1/freestyle2/cam5": [4]})
    clipset, report = packed(folder, tmp_path)
    lost = clipset.samples["clip"] == "S1/acting1/cam5"
    assert clipset.samples.rejected.tolist() == lost.tolist()
    assert report["rejected"] == {"camera 5 followed another person in this take": 6}
    (tmp_path / "kept").mkdir()
    kept, report = packed(folder, tmp_path / "kept", drop_camera5=False)
    assert not kept.samples.rejected.any()
    assert report["rejected"] == {}
