"""The published form: its names, what a folder of it holds, its map, and its samples, each checked for what it says."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from published_files import write_arrays, write_published
from tiny import swaying
from typer.testing import CliRunner

from blaze2cap.body.landmark import SCREEN, TRACKED, VISIBILITY
from blaze2cap.body.motion import ROOT_POSITION_SLOT, ROOT_ROTATION_SLOT
from blaze2cap.body.rotation import IDENTITY_6D, rotation_6d_to_matrix
from blaze2cap.cli import app
from blaze2cap.data.augment import AUGMENTED, LAYOUTS, target_name
from blaze2cap.data.published import DATASET_MAP_FILE, SampleName, scan_published
from blaze2cap.data.published_samples import absolute_root, read_published_sample
from blaze2cap.data.split import read_split_map
from blaze2cap.errors import UserError

FINAL = LAYOUTS["final"]
KEYS = ["source", "target", "subject", "action", "camera", "split_train", "split_test"]
SOURCE = "blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg0_s1_o0.npy"
TARGET = "gt_augmented/S1/acting1/cam1/gt_S1_acting1_cam1_seg0_s1_o0.npy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two segments of a training clip and one of a test clip: 6 + 6 + 6 samples."""
    return write_published(tmp_path / "published", {"S1/acting1/cam1": [9, 7], "S4/walking2/cam10": [8]})


def run_map(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["map", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def read_map(folder: Path) -> list[dict]:
    return json.loads((folder / DATASET_MAP_FILE).read_text())


def test_names_of_both_layouts_are_those_published() -> None:
    name = SampleName("S5", "freestyle3", "8", 12, 3, 2)
    assert name.source(AUGMENTED) == "blaze_augmented/S5/freestyle3/cam8/blaze_S5_freestyle3_cam8_seg12_s3_o2.npy"
    assert name.target(AUGMENTED) == "gt_augmented/S5/freestyle3/cam8/gt_S5_freestyle3_cam8_seg12_s3_o2.npy"
    assert name.source(FINAL) == "blazepose_final/S5/freestyle3/cam8/blazepose_S5_freestyle3_cam8_seg12_s3_o2.npy"
    assert target_name(name.source(FINAL)) == "gt_final/S5/freestyle3/cam8/gt_S5_freestyle3_cam8_seg12_s3_o2.npy"


def test_a_path_in_neither_layout_has_no_target() -> None:
    with pytest.raises(UserError, match=r"raw/S1\.npy: not a sample's published path"):
        target_name("raw/S1.npy")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_map_has_the_published_keys_order_and_flags(tmp_path: Path, layout: tuple) -> None:
    clips = ["S4/walking2/cam3", "S2/rom1/cam2", "S1/acting3/cam1", "S1/rom4/cam1", "S2/rom1/cam10", "S1/rom3/cam1"]
    write_published(tmp_path, {clip: [4, 5] for clip in clips}, layout)
    code, printed, said = run_map(tmp_path)
    assert code == 0, said
    assert "72 samples: 36 train, 0 val, 24 test, 12 in no part" in printed
    entries = read_map(tmp_path)
    keys = KEYS if layout == AUGMENTED else [*KEYS[:-1], "split_val", KEYS[-1]]
    assert all(list(entry) == keys for entry in entries)
    assert not any(entry.get("split_val") for entry in entries)
    published = sorted(
        entries,
        key=lambda e: (not e["split_train"], not e["split_test"], e["subject"], e["action"], e["camera"], e["source"]),
    )
    assert entries == published
    assert [f"{e['subject']}/{e['action']}/cam{e['camera']}" for e in entries[::12]] == [
        "S1/rom3/cam1", "S2/rom1/cam10", "S2/rom1/cam2", "S1/acting3/cam1", "S4/walking2/cam3", "S1/rom4/cam1",
    ]  # fmt: skip
    for entry in entries:
        assert (tmp_path / entry["source"]).is_file()
        assert (tmp_path / entry["target"]).is_file()


def test_camera_5_is_left_out_where_it_followed_another_person(tmp_path: Path) -> None:
    """A sample a camera of all takes: of camera 5's, 14 in train, 13 in test and 2 in neither are of somebody else.

    The published release has 12 samples in each of these views of train and test: 168 and 156 of 2,775 and 2,068.
    """
    actions = [f"{kind}{number}" for kind in ("acting", "freestyle", "rom", "walking") for number in (1, 2, 3)]
    for subject in ("S1", "S2", "S3", "S4", "S5"):
        for action in actions:
            for camera in ("1", "5"):
                name = SampleName(subject, action, camera, 0, 1, 0)
                arrays = np.ones((1, 25, 7), "f4"), np.ones((1, 22, 6), "f4")
                write_arrays(tmp_path, name.source(AUGMENTED), name.target(AUGMENTED), *arrays)
    code, printed, _ = run_map(tmp_path)
    assert code == 0
    assert "120 samples: 54 train, 0 val, 30 test, 36 in no part" in printed
    assert "followed another person: 29 samples among them" in printed
    _, printed, _ = run_map(tmp_path, "--exclude-camera5")
    assert "91 samples: 40 train, 0 val, 17 test, 34 in no part" in printed
    assert "followed another person: 29 samples left out" in printed
    kept = {(e["subject"], e["action"]) for e in read_map(tmp_path) if e["camera"] == "5"}
    assert ("S2", "acting3") in kept
    assert ("S1", "freestyle2") in kept
    assert ("S3", "rom2") not in kept


def test_a_validation_part_is_written_where_asked(folder: Path) -> None:
    code, printed, _ = run_map(folder, "--validation", "S1/acting1", "--out", folder / "new" / "own.json")
    assert code == 0
    assert "18 samples: 0 train, 12 val, 6 test" in printed
    table = read_split_map(folder / "new" / "own.json")
    assert table.split_val.sum() == 12
    assert not (folder / DATASET_MAP_FILE).exists()


def test_a_map_without_validation_flag_is_read(folder: Path) -> None:
    run_map(folder)
    assert "split_val" not in read_map(folder)[0]
    table = read_split_map(folder / DATASET_MAP_FILE)
    assert table[["split_train", "split_val", "split_test"]].sum().tolist() == [12, 0, 6]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def move(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    path.rename(to)


FILE_FAULTS: dict[str, tuple[Callable[[Path], object], str, int]] = {
    # what is done to the folder, what the sentence says, how many sentences
    "no target": (lambda f: (f / TARGET).unlink(), f"{SOURCE}: no target {TARGET}", 1),
    "no source": (lambda f: (f / SOURCE).unlink(), f"{TARGET}: no source {SOURCE}", 1),
    "a name that does not parse": (lambda f: move(f / SOURCE, f / SOURCE.replace("_o0", "")), "its name is not", 2),
    "not an array": (lambda f: move(f / SOURCE, f / SOURCE.replace(".npy", ".npz")), "its name is not", 2),
    "another take's folder": (lambda f: move(f / SOURCE, f / SOURCE.replace("S1/", "S2/")), "it belongs at", 2),
    "another camera's folder": (lambda f: move(f / TARGET, f / TARGET.replace("cam1/", "cam2/")), "it belongs at", 2),
    "a folder too deep": (lambda f: move(f / SOURCE, (f / SOURCE).parent / "more" / Path(SOURCE).name), "belongs", 2),
    "zeros before a number": (lambda f: move(f / SOURCE, f / SOURCE.replace("seg0", "seg00")), "it belongs at", 2),
    "offset not below stride": (lambda f: move(f / SOURCE, f / SOURCE.replace("o0", "o1")), "not below stride 1", 2),
    "truncated array": (lambda f: cut(f / SOURCE), f"{SOURCE}: not a readable .npy array", 1),
    "damaged header": (lambda f: (f / TARGET).write_bytes(b"\x93NUMPY"), f"{TARGET}: not a readable .npy array", 1),
    "pickled objects": (
        lambda f: np.save(f / SOURCE, np.array([{}, {}], object), allow_pickle=True), "not a readable .npy array", 1),
    "wrong landmarks": (lambda f: np.save(f / SOURCE, np.zeros((9, 33, 7), "f4")), "expected (frames, 25, 7)", 1),
    "wrong slots": (lambda f: np.save(f / TARGET, np.zeros((9, 21, 6), "f4")), "expected (frames, 22, 6)", 1),
    "whole numbers": (lambda f: np.save(f / TARGET, np.zeros((9, 22, 6), "i4")), "of int32", 1),
    "no frames": (lambda f: np.save(f / SOURCE, np.zeros((0, 25, 7), "f4")), "no frames", 1),
    "lengths that differ": (lambda f: np.save(f / TARGET, np.zeros((8, 22, 6), "f4")), "9 frames, but its target", 1),
}  # fmt: skip


@pytest.mark.parametrize("fault", FILE_FAULTS)
def test_a_fault_is_named_and_counted_and_the_rest_is_mapped(folder: Path, fault: str) -> None:
    damage, expected, sentences = FILE_FAULTS[fault]
    damage(folder)
    code, printed, said = run_map(folder)
    assert code == 1
    told = [line for line in said.splitlines() if line.startswith("left out: ")]
    assert len(told) == sentences
    assert expected in told[0]
    assert str(folder) not in "".join(told), "the sentence must read the same on every machine"
    assert said.splitlines()[-1] == f"blaze2cap map: {sentences} files or pairs left out"
    assert "17 samples: 11 train, 0 val, 6 test" in printed
    assert SOURCE not in {entry["source"] for entry in read_map(folder)}


def test_validation_takes_that_are_not_there_are_named(folder: Path) -> None:
    code, _, said = run_map(folder, "--validation", "S2/freestyle2", "--validation", "S1/acting1")
    assert code == 0
    assert "--validation names S2/freestyle2, which is not among the takes here" in said
    assert "S1/acting1" not in said


def test_a_link_that_leads_back_is_followed_once(folder: Path) -> None:
    names = scan_published(folder).frames
    (folder / "blaze_augmented" / "S1" / "again").symlink_to("..")
    again = scan_published(folder)
    assert (again.frames, again.faults) == (names, [])


def test_hidden_files_are_nobodys_fault(folder: Path) -> None:
    (folder / "blaze_augmented" / ".gitattributes").write_text("")
    (folder / "README.md").write_text("")
    assert scan_published(folder).faults == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("nowhere", "no such folder"),
        (
            "empty",
            "not the published layout, expected blaze_augmented and gt_augmented or blazepose_final and gt_final",
        ),
        ("both", "both layouts"),
        ("no pair", "no sample has both source and target"),
        ("no file", "no sample has both source and target: no files in blaze_augmented"),
        ("all of another person", "camera 5 followed another person in all 6 samples"),
        ("out", "could not be written"),
        ("validation", "--validation[0] is 'S4/walking2', which is not among the standard training takes"),
    ],
)
def test_what_is_no_published_folder_is_refused_in_one_sentence(
    folder: Path, tmp_path: Path, wrong: str, expected: str
) -> None:
    (folder / DATASET_MAP_FILE).write_text("as it was")
    arguments: list[object] = [folder]
    if wrong in ("nowhere", "empty"):
        arguments = [tmp_path / wrong]
        (tmp_path / "empty").mkdir()
    elif wrong == "both":
        (folder / "gt_final").mkdir()
    elif wrong == "no pair":
        for path in folder.glob("gt_augmented/**/*.npy"):
            path.unlink()
    elif wrong == "no file":
        for path in folder.glob("*_augmented/**/*.npy"):
            path.unlink()
    elif wrong == "all of another person":
        arguments = [write_published(tmp_path / "lost", {"S1/acting1/cam5": [4]}), "--exclude-camera5"]
    else:
        arguments += ["--out", tmp_path] if wrong == "out" else ["--validation", "S4/walking2"]
    code, printed, said = run_map(*arguments)
    assert (code, printed) == (2, "")
    last = said.splitlines()[-1]
    assert last.startswith("blaze2cap map: ")
    assert expected in last
    assert (folder / DATASET_MAP_FILE).read_text() == "as it was"


def test_a_sample_is_read_with_the_root_that_its_deltas_lead_to(folder: Path) -> None:
    sample = read_published_sample(folder, SOURCE)
    rotation, position = swaying(9, sum(b"S1/acting1/cam1"))
    np.testing.assert_array_equal(sample.landmarks, np.load(folder / SOURCE))
    np.testing.assert_array_equal(sample.slots, np.load(folder / TARGET))
    turned = rotation_6d_to_matrix(sample.root)
    torch.testing.assert_close(turned, rotation[:1, 0].mT @ rotation[:, 0], atol=1e-6, rtol=0)
    torch.testing.assert_close(absolute_root(sample.slots)[0].float(), position - position[:1], atol=1e-6, rtol=0)


def test_six_zeros_at_the_anchor_are_read_as_identity(folder: Path) -> None:
    expected = read_published_sample(folder, SOURCE)
    slots = np.load(folder / TARGET)
    slots[0, ROOT_ROTATION_SLOT] = 0
    np.save(folder / TARGET, slots)
    read = read_published_sample(folder, SOURCE)
    assert read.slots[0, ROOT_ROTATION_SLOT].tolist() == list(IDENTITY_6D)
    torch.testing.assert_close(read.slots, expected.slots, atol=0, rtol=0)
    torch.testing.assert_close(read.root, expected.root, atol=0, rtol=0)


def test_double_precision_is_read_as_single(folder: Path) -> None:
    np.save(folder / SOURCE, np.load(folder / SOURCE).astype(">f8"))
    assert read_published_sample(folder, SOURCE).landmarks.dtype == torch.float32


def test_visibilities_that_rounding_left_outside_are_put_inside(folder: Path) -> None:
    landmarks = np.load(folder / SOURCE)
    landmarks[2, 3, VISIBILITY], landmarks[4, 5, VISIBILITY] = 1.0004, -0.0004
    np.save(folder / SOURCE, landmarks)
    visibility = read_published_sample(folder, SOURCE).landmarks[..., VISIBILITY]
    assert (visibility[2, 3], visibility[4, 5]) == (1, 0)


VALUE_FAULTS: dict[str, tuple[str, tuple, float, str]] = {
    # file, place in it, value put there, what the sentence says
    "nan": (SOURCE, (3, 4, 0), np.nan, "1 frames hold NaN or infinity, first frame 3, right_shoulder"),
    "infinite motion": (TARGET, (8, 4, 0), np.inf, "1 frames hold NaN or infinity, first frame 8, Spine2"),
    "a flag of its own": (SOURCE, (3, 4, TRACKED), 0, "frame 3: the tracking flag, channel 6, must be 0 or 1, one"),
    "half a flag": (SOURCE, (3, slice(None), TRACKED), 0.5, "frame 3: the tracking flag, channel 6, must be 0 or 1"),
    "a flag alone": (SOURCE, (3, slice(None), slice(TRACKED)), 0, "1 frames are all zeros but for the tracking flag"),
    "pixels": (SOURCE, (3, 4, SCREEN), 960, "1 frames hold a screen position that is no share of the image's width"),
    "percent": (SOURCE, (3, 4, VISIBILITY), 98, "1 frames hold a visibility outside 0 to 1, first frame 3, right_sh"),
    "nobody": (SOURCE, (5, slice(None)), 0, "frame 5 shows nobody"),
    "no anchor": (SOURCE, (0, slice(None), TRACKED), 1, "frame 0 is tracked on"),
    "two segments": (SOURCE, (slice(4, 6), slice(None), TRACKED), 0, "frame 4 is an anchor, expected a segment to end "
                     "before the next one; so do 1 more"),
    "a start that moves": (TARGET, (0, ROOT_POSITION_SLOT, 1), 0.01, "frame 0 moves the root"),
    "a start that turns": (TARGET, (0, ROOT_ROTATION_SLOT), 0.5**0.5, "frame 0 moves the root"),
    "more than a position": (TARGET, (4, ROOT_POSITION_SLOT, 3), 1, "frame 4 has a root position other than"),
    "zeros at no anchor": (TARGET, (4, ROOT_ROTATION_SLOT), 0, "frame 4 has a 6D that is not two columns"),
    "stretched": (TARGET, (2, 9, 1), 1.5, "frame 2 has a 6D that is not two columns"),
}  # fmt: skip


@pytest.mark.parametrize("fault", VALUE_FAULTS)
def test_values_that_the_form_does_not_hold_are_refused(folder: Path, fault: str) -> None:
    file, place, value, expected = VALUE_FAULTS[fault]
    array = np.load(folder / file)
    array[place] = value
    np.save(folder / file, array)
    with pytest.raises(UserError, match=expected) as refused:
        read_published_sample(folder, SOURCE)
    assert str(folder / file) in str(refused.value)


def test_a_pair_of_two_lengths_is_refused(folder: Path) -> None:
    np.save(folder / TARGET, np.load(folder / TARGET)[:-1])
    with pytest.raises(UserError, match=r"9 frames, but its target .* has 8"):
        read_published_sample(folder, SOURCE)
