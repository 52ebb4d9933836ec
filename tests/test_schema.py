"""Contracts of the tables: a failure tells file, row, column and value; real and made-up tables keep them."""

import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from import_graph import ROOT
from recordings import write_recordings
from repository_files import repository_files
from small_study import small_tables

from blaze2cap.body.landmark import TRACKED, VISIBILITY
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data import schema
from blaze2cap.data.audit import audit_clips, audit_split
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.contract import contracts
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.data.split import (
    MAP_FILE,
    SplitParams,
    assign_parts,
    published_samples,
    read_parts,
    read_split_map,
    split_map,
    write_split,
)
from blaze2cap.errors import UserError
from blaze2cap.learning.headline import HEADLINE

pytestmark = pytest.mark.schema


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schema")
    raw = write_recordings(folder / "raw", {"S1/freestyle1": 20, "S2/rom1": 12}, cameras=2)
    write_manifest(raw, "totalcapture", [], None, workers=1)
    preprocess(raw, folder / "clips", PreprocessParams(), workers=1)
    return folder / "clips"


def joints() -> pd.DataFrame:
    """A table of per-joint metrics."""
    rows = [
        {
            "part": "val", "system": system, "joint": joint, "mpjpe_mm": 60.5, "mpjpe_local_mm": 50.0,
            "mare_rad": None if joint == "Hips" else 0.3, "mare_global_rad": 0.4,
        }
        for system in ("model", "constant_pose") for joint in JOINTS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def curves() -> pd.DataFrame:
    """Learning curves of two validations."""
    # The last one is a log-likelihood.
    values = {"loss": [0.5, 0.25], "rot": [0.3, 0.2], "root_position": [0.2, 0.1], "deviation": [0.1, -1.2]}
    losses = {f"{part}_{name}": values[name] for part in ("train", "val") for name in values}
    return pd.DataFrame({"step": [50, 100], "learning_rate": [1e-3, 1e-4], **losses})


def tables(clips: Path) -> dict[str, pd.DataFrame]:
    """One sound table of each kind."""
    clipset = ClipSet.load(clips)
    parts = assign_parts(clipset.takes.index, SplitParams())
    found = {name: getattr(clipset, name).reset_index(drop=True) for name in ("takes", "clips", "samples")}
    found["split_map"] = split_map(published_samples(clipset), parts)
    found["parts"] = pd.DataFrame({"take": list(parts), "part": list(parts.values())})
    found["joints"] = joints()
    found["curves"] = curves()
    found["study"] = pd.DataFrame([{"smooth": 5.0, "seed": seed, **dict.fromkeys(HEADLINE, 1.5)} for seed in (0, 1)])
    found["systems"] = pd.DataFrame([{"part": "val", "system": "model", **dict.fromkeys(HEADLINE, 1.5)}])
    found |= small_tables()
    return found


def test_every_column_says_what_it_holds() -> None:
    for name, contract in contracts().items():
        for column, definition in contract.columns.items():
            assert definition.description, f"{name}.{column}"


def test_every_contract_holds_for_a_sound_table_and_survives_the_disk(clips: Path, tmp_path: Path) -> None:
    sound = tables(clips)
    assert sound.keys() == contracts().keys()
    for name, table in sound.items():
        schema.write_table(table, tmp_path / f"{name}.csv", name)
        read = schema.read_table(tmp_path / f"{name}.csv", name)
        pd.testing.assert_frame_equal(read, table, check_dtype=False, rtol=1e-5)


BREACHES: list[tuple[str, str, int, object, str]] = [
    # table, column, row, value that breaks the contract, what the sentence must say of it
    ("takes", "take", 1, "S2-rom1", "row 1, column take is 'S2-rom1'"),
    ("takes", "subject", 1, "S3", "row 1, column take is 'S2/rom1', expected take to be subject/action"),
    ("takes", "frames", 0, 0, "row 0, column frames is 0"),
    ("takes", "first_row", 1, 19, "row 1, column first_row is 19, expected first_row to follow"),
    ("takes", "bone_residual_mm", 0, -0.1, "row 0, column bone_residual_mm is -0.1"),
    ("takes", "bone_residual_mm", 1, float("nan"), "row 1, column bone_residual_mm is nan"),
    ("takes", "bone_residual_mm", 1, float("inf"), "row 1, column bone_residual_mm is inf"),
    ("clips", "clip", 2, "S1/freestyle1/cam1", "column clip is 'S1/freestyle1/cam1'"),
    ("clips", "camera", 3, "7", "row 3, column clip is 'S2/rom1/cam2', expected clip to be take/camera"),
    ("clips", "detected", 1, 21, "row 1, column detected is 21, expected detected at most frames"),
    ("clips", "anchors", 1, 2, "row 1, column anchors is 2, expected anchors as many as segments"),
    ("clips", "detected", 1, 0, "row 1, column segments is 1, expected segments at most detected frames"),
    ("clips", "rejected_frames", 1, 21, "row 1, column rejected_frames is 21"),
    ("clips", "fps", 1, 0.0, "row 1, column fps is 0.0"),
    ("clips", "width", 1, 0, "row 1, column width is 0"),
    ("samples", "source", 1, "no name", "row 1, column source is 'no name'"),
    ("samples", "stride", 2, 1, "row 2, column offset is 1, expected offset below stride"),
    ("samples", "stride", 0, 0, "row 0, column stride is 0"),
    ("samples", "reason", 2, "too far", "row 2, column reason is 'too far', expected reason given exactly"),
    ("samples", "frames", 2, 0, "row 2, column frames is 0"),
    ("split_map", "target", 4, "../gt.txt", "row 4, column target"),
    ("split_map", "action", 4, "acting9", "row 4, column source"),
    ("split_map", "split_val", 4, True, "column split_train is True, expected split_train or split_val or"),
    ("parts", "part", 1, "validation", "row 1, column part is 'validation'"),
    ("joints", "joint", 20, "LeftToe", "row 20, column joint is 'LeftToe'"),
    ("joints", "mpjpe_mm", 3, float("inf"), "row 3, column mpjpe_mm is inf"),
    ("joints", "mare_rad", 3, 3.2, "row 3, column mare_rad is 3.2"),
    ("joints", "mare_rad", 0, 0.3, "row 0, column mare_rad is 0.3, expected mare_rad given for body joints only"),
    ("joints", "joint", 0, "Spine", "expected joint once a part and system"),
    ("study", "seed", 1, 0, "expected seed once a weight"),
    ("study", "jitter_ratio", 0, -1.0, "row 0, column jitter_ratio is -1.0"),
    ("error_groups", "error_share", 0, 1.1, "row 0, column error_share is 1.1"),
    ("error_joints", "joint", 1, "all", "expected joint once a system"),
    ("error_spectrum", "share", 2, 0.9, "expected share to add up to 1"),
    ("ceilings", "gain_mm", 0, float("nan"), "row 0, column gain_mm is nan"),
    ("worst_moments", "clip", 0, "S1", "row 0, column clip is 'S1'"),
    ("curves", "step", 1, 50, "expected step above that of the row before"),
    ("curves", "learning_rate", 0, 0.0, "row 0, column learning_rate is 0.0"),
    ("curves", "train_rot", 1, float("nan"), "row 1, column train_rot is nan"),
    ("curves", "val_root_position", 1, float("inf"), "row 1, column val_root_position is inf"),
]  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES, ids=lambda b: f"{b[0]}.{b[1]}={b[3]}")
def test_a_breach_tells_file_row_column_and_value(clips: Path, tmp_path: Path, breach: tuple) -> None:
    name, column, row, value, expected = breach
    table = tables(clips)[name]
    table.loc[row, column] = value
    path = tmp_path / f"{name}.csv"
    with pytest.raises(UserError) as caught:
        schema.write_table(table, path, name)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("column", ["mare_rad", "mare_global_rad"])
def test_an_angle_is_half_a_turn_at_most(clips: Path, tmp_path: Path, column: str) -> None:
    table = tables(clips)["joints"]
    table.loc[3, column] = math.pi
    schema.write_table(table, tmp_path / "joints.csv", "joints")
    table.loc[3, column] = math.pi + 1e-3
    with pytest.raises(UserError, match=f"column {column} is 3.14"):
        schema.write_table(table, tmp_path / "joints.csv", "joints")


EDITS: list[tuple[str, Callable[[str], str], str]] = [
    ("a word for a number", lambda text: text.replace(",20,", ",twenty,"), "row 1, column first_row is 'twenty'"),
    ("half a frame", lambda text: text.replace(",20,", ",19.5,"), "row 1, column first_row is 19.5"),
    ("an empty cell", lambda text: text.replace(",20,", ",,", 1), "row 0, column frames is ''"),
    ("a column missing", lambda text: text.replace("frames,", "", 1), "more cells than the header"),
    ("a column unknown", lambda text: text.replace("frames,", "images,", 1), "column frames is missing"),
    ("a row too long", lambda text: text.replace(",20,", ",20,20,", 1), "takes.csv"),
    ("nothing", lambda text: "", "not readable as CSV"),
]


@pytest.mark.parametrize(("edit", "expected"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
def test_a_damaged_table_is_named_when_read(
    clips: Path, tmp_path: Path, edit: Callable[[str], str], expected: str
) -> None:
    path = tmp_path / "takes.csv"
    path.write_text(edit((clips / "takes.csv").read_text()))
    with pytest.raises(UserError, match=r"takes\.csv") as caught:
        schema.read_table(path, "takes")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "column", "value", "expected"),
    [
        ("clips", "take", "S3/rom1", "clips.csv: row 1, column take is 'S3/rom1', expected a take of takes.csv"),
        ("clips", "frames", 21, "clips.csv: row 1, column frames is 21, expected at most the frames of its take"),
        ("samples", "clip", "S1/rom1/cam1", "samples.csv: row 1, column clip is 'S1/rom1/cam1', expected a clip"),
        ("samples", "first_frame", 2, "samples.csv: row 1, column frames is 10, expected a last frame inside its clip"),
    ],
)
def test_tables_are_held_against_each_other(
    clips: Path, tmp_path: Path, table: str, column: str, value: object, expected: str
) -> None:
    three = {name: frame for name, frame in tables(clips).items() if name in ("takes", "clips", "samples")}
    three[table].loc[1, column] = value
    with pytest.raises(UserError) as caught:
        schema.check_index(**three, where=tmp_path)
    assert expected in str(caught.value)


def test_every_table_in_git_keeps_its_contract() -> None:
    """But for those that pin the sample and what releases wrote."""
    others = ("tests/pinned/", "tests/releases/")
    tables = [name for name in repository_files() if name.endswith(".csv") and not name.startswith(others)]
    assert tables
    names = {"ablations/smoothness.csv": "study"}
    for file in tables:
        assert len(schema.read_table(ROOT / file, names.get(file, Path(file).stem))), file


def packed(raw: Path, folder: Path, source: str) -> Path:
    """Clips and split of a raw folder, as the stages make them, through the disk."""
    write_manifest(raw, source, [], None, workers=1)
    preprocess(raw, folder / "clips", PreprocessParams(), workers=1)
    clipset = ClipSet.load(folder / "clips")
    parts = assign_parts(clipset.takes.index, SplitParams(validation=("S2/freestyle2",)))
    write_split(folder / "split", split_map(published_samples(clipset), parts), parts)
    return folder


def audit(folder: Path) -> None:
    """Every table read, which holds it against its contract, and held against the arrays and the split."""
    clipset = ClipSet.load(folder / "clips")
    audit_clips(clipset, folder / "clips")
    split = folder / "split"
    audit_split(clipset, read_split_map(split / MAP_FILE), read_parts(split), split)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short sample, with lost tracking, packed and split."""
    folder = tmp_path_factory.mktemp("sample")
    takes = ("S1/freestyle1", "S2/freestyle2", "S4/acting3", "S2/rom3")
    write_sample(folder / "raw", SampleParams(seed=1, seconds=8.0, cameras=2), takes, workers=1)
    return packed(folder / "raw", folder, "sample")


def test_arrays_and_split_of_the_sample_keep_what_the_tables_say(sample: Path) -> None:
    audit(sample)
    clips = ClipSet.load(sample / "clips").clips
    assert clips.segments.max() > 1, "a sample without a lost track proves little"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (lambda array: array.astype(np.float64), r"of float64, expected \(25, 7\) of float32"),
        (lambda array: array[:, :24], r"rows of shape \(24, 7\) of float32"),
    ],
)
def test_an_array_of_another_type_or_width_is_told(changed: Callable, told: str, clips: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(clips, tmp_path / "clips"))
    np.save(folder / "landmarks.npy", changed(np.load(folder / "landmarks.npy")))
    with pytest.raises(UserError, match=rf"landmarks\.npy: .*{told}.*dvc repro -f preprocess"):
        ClipSet.load(folder)


def test_arrays_and_split_of_the_recordings_keep_what_the_tables_say(totalcapture_root: Path, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(totalcapture_root, tmp_path / "raw", copy_function=os.symlink))
    audit(packed(raw, tmp_path, "totalcapture"))
    assert len(ClipSet.load(tmp_path / "clips").clips) == 33


def break_landmarks(
    row: int, channel: int, value: float, landmark: int | slice = slice(None)
) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        array = np.load(folder / "clips" / "landmarks.npy", mmap_mode="r+")
        array[row, landmark, channel] = value

    return edit


def break_array(name: str, value: float) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        np.load(folder / "clips" / f"{name}.npy", mmap_mode="r+")[2] = value

    return edit


def break_table(path: str, row: int, **changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        table = pd.read_csv(folder / path, dtype={"camera": str, "reason": str}, keep_default_na=False)
        for column, value in changes.items():
            table.loc[row, column] = value
        table.to_csv(folder / path, index=False)

    return edit


def swap_parts(folder: Path) -> None:
    path = folder / "split" / "takes.csv"
    path.write_text(path.read_text().replace("S4/acting3,test", "S4/acting3,train"))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (break_landmarks(3, TRACKED, 0.0), "clips.csv: row 0, column anchors is 1, expected the frames flagged so"),
        (break_landmarks(3, TRACKED, 0.0, landmark=4), "landmarks.npy: row 3, expected one flag"),
        (break_landmarks(3, 0, np.nan), "landmarks.npy: row 3, expected finite numbers"),
        (break_landmarks(3, VISIBILITY, 1.5), "landmarks.npy: row 3, expected visibilities from 0 to 1"),
        (break_landmarks(3, slice(None), 0.0), "clips.csv: row 0, column detected is 20, expected the frames that are"),
        (break_array("rotation", 0.5), "rotation.npy: row 2, expected two orthonormal columns"),
        (break_array("root_position", np.inf), "root_position.npy: row 2, expected finite numbers"),
        (break_array("offset", 2.0), "offset.npy: row 2, expected bones below 1 m"),
        (break_table("clips/clips.csv", 1, camera="2", rejected_frames=3), "those rejected in samples.csv"),
        (break_table("clips/samples.csv", 0, first_frame=1, frames=19), "row 0, column first_frame is 1, expected an"),
        (
            break_table("clips/samples.csv", 0, frames=19),
            "row 0, column frames is 19, expected every `stride`-th frame",
        ),
        (break_table("clips/takes.csv", 1, has_landmarks=False), "takes.csv: row 1, column has_landmarks is False"),
        (break_table("split/takes.csv", 1, take="S3/rom1"), "split/takes.csv: its takes are not those of the clips"),
        (swap_parts, "split_map.json: row 24, column split_train is False, expected the part of its take"),
    ],
)
def test_arrays_that_break_a_promise_of_a_table_are_named(
    tmp_path: Path, edit: Callable[[Path], None], expected: str
) -> None:
    raw = write_recordings(tmp_path / "raw", {"S1/freestyle1": 20, "S2/rom1": 12, "S4/acting3": 9}, cameras=2)
    folder = packed(raw, tmp_path, "totalcapture")
    audit(folder)
    edit(folder)
    with pytest.raises(UserError) as caught:
        audit(folder)
    assert expected in str(caught.value)
