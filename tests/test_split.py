"""The split: the standard protocol, whole takes only, and the map as it is published."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from import_graph import ROOT

from blaze2cap.data.augment import source_name, target_name
from blaze2cap.data.sources.sample.write import SAMPLE_TAKES
from blaze2cap.data.split import (
    MAP_FILE,
    SplitParams,
    assign_parts,
    notices,
    read_parts,
    read_split_map,
    split_map,
    standard_part,
    write_split,
)
from blaze2cap.errors import UserError

KINDS = {"rom": 4, "walking": 3, "freestyle": 3, "acting": 3}
ACTIONS = [f"{kind}{number}" for kind, last in KINDS.items() for number in range(1, last + 1)]
TAKES = [f"S{subject}/{action}" for subject in range(1, 7) for action in ACTIONS]
TRAIN_TAKES = [take for take in TAKES if standard_part(take) == "train"]


def make_samples(takes: list[str], rejected: tuple[str, ...] = ()) -> pd.DataFrame:
    """Two cameras, two segments, all strides and offsets of each take, in no order."""
    rows = []
    for take in takes:
        subject, action = take.split("/")
        for camera in ("2", "10"):
            for segment in (1, 0):
                for stride in (3, 1, 2):
                    for offset in range(stride):
                        source = source_name(subject, action, camera, segment, stride, offset)
                        names = {"source": source, "target": target_name(source), "camera": camera}
                        rows.append({**names, "subject": subject, "action": action, "rejected": source in rejected})
    return pd.DataFrame(rows)


def test_standard_protocol() -> None:
    parts = assign_parts(TAKES, SplitParams())
    assert [take for take in TAKES if parts[take] == "train"] == [
        f"S{s}/{a}" for s in (1, 2, 3)
        for a in ("rom1", "rom2", "rom3", "walking1", "walking3", "freestyle1", "freestyle2", "acting1", "acting2")
    ]  # fmt: skip
    assert [take for take in TAKES if parts[take] == "test"] == [
        f"S{s}/{a}" for s in (1, 2, 3, 4, 5) for a in ("walking2", "freestyle3", "acting3")
    ]
    assert parts["S1/rom4"] == parts["S4/rom1"] == parts["S6/acting3"] == "none"


@settings(max_examples=25)
@given(
    takes=st.lists(st.sampled_from(TAKES), unique=True),
    validation=st.lists(st.sampled_from(TRAIN_TAKES), unique=True, max_size=8),
    exclude=st.lists(st.sampled_from(TAKES), unique=True, max_size=8),
)
def test_a_take_is_never_in_two_parts(takes: list[str], validation: list[str], exclude: list[str]) -> None:
    """In no camera, segment, stride or offset, whatever is validated on or left out; and the test part is fixed."""
    validation = [take for take in validation if take not in exclude]
    params = SplitParams(validation=tuple(validation), exclude=tuple(exclude))
    parts = assign_parts([*takes, "S1/rom1"] if "S1/rom1" not in (*takes, *validation, *exclude) else TAKES, params)
    table = split_map(make_samples(list(parts)), parts)
    flags = ["split_train", "split_val", "split_test"]
    per_take = table.groupby(["subject", "action"])[flags].nunique()
    assert (per_take == 1).all(axis=None), "samples of one take differ in their flags"
    assert (table[flags].sum(axis=1) <= 1).all()
    in_test = table[table.split_test]
    assert {standard_part(take) for take in in_test.subject + "/" + in_test.action} <= {"test"}


def test_validation_is_cut_from_train_by_whole_take() -> None:
    parts = assign_parts(TAKES, SplitParams(validation=("S2/freestyle2",), exclude=("S1/rom1", "S4/acting3")))
    assert [take for take, part in parts.items() if part == "val"] == ["S2/freestyle2"]
    assert parts["S1/rom1"] == parts["S4/acting3"] == "none"
    assert list(parts.values()).count("train") == 27 - 2


def test_map_has_the_published_keys_and_order(tmp_path: Path) -> None:
    takes = ["S1/acting3", "S4/rom1", "S2/freestyle2", "S1/acting1", "S1/rom1"]
    parts = assign_parts(takes, SplitParams(validation=("S2/freestyle2",)))
    write_split(tmp_path, split_map(make_samples(takes), parts), parts)
    entries = json.loads((tmp_path / MAP_FILE).read_text())
    keys = ["source", "target", "subject", "action", "camera", "split_train", "split_val", "split_test"]
    assert all(list(entry) == keys for entry in entries)
    published = sorted(
        entries,
        key=lambda e: (not e["split_train"], not e["split_test"], e["subject"], e["action"], e["camera"], e["source"]),
    )
    assert entries == published
    order = [(entry["subject"], entry["action"]) for entry in entries[::24]]
    assert order == [("S1", "acting1"), ("S1", "rom1"), ("S1", "acting3"), ("S2", "freestyle2"), ("S4", "rom1")]
    assert entries[0] == {
        "source": "blaze_augmented/S1/acting1/cam10/blaze_S1_acting1_cam10_seg0_s1_o0.npy",
        "target": "gt_augmented/S1/acting1/cam10/gt_S1_acting1_cam10_seg0_s1_o0.npy",
        "subject": "S1", "action": "acting1", "camera": "10",
        "split_train": True, "split_val": False, "split_test": False,
    }  # fmt: skip


def test_map_and_parts_are_read_as_written(tmp_path: Path) -> None:
    parts = assign_parts(TAKES, SplitParams(validation=("S3/acting2",)))
    table = split_map(make_samples(TAKES), parts)
    write_split(tmp_path, table, parts)
    pd.testing.assert_frame_equal(read_split_map(tmp_path / MAP_FILE), table)
    assert {take: part for part, takes in read_parts(tmp_path).items() for take in takes} == parts


def test_published_map_without_validation_flag_is_read(tmp_path: Path) -> None:
    parts = assign_parts(["S1/rom1"], SplitParams())
    table = split_map(make_samples(["S1/rom1"]), parts)
    path = tmp_path / "dataset_map.json"
    path.write_text(table.drop(columns="split_val").to_json(orient="records"))
    pd.testing.assert_frame_equal(read_split_map(path), table)


def test_rejected_samples_are_in_no_part() -> None:
    rejected = source_name("S1", "rom1", "2", 0, 2, 1)
    table = split_map(make_samples(["S1/rom1"], (rejected,)), assign_parts(["S1/rom1"], SplitParams()))
    assert table[~table.split_train].source.tolist() == [rejected]


def test_a_map_with_a_take_in_two_parts_is_refused(tmp_path: Path) -> None:
    table = split_map(make_samples(["S1/rom1"]), {"S1/rom1": "train"})
    table.loc[3, ["split_train", "split_test"]] = [False, True]
    with pytest.raises(UserError, match="never two within a take"):
        write_split(tmp_path, table, {"S1/rom1": "train"})
    assert list(tmp_path.iterdir()) == []


def test_empty_parts_and_unknown_names_are_told_not_fatal() -> None:
    params = SplitParams(validation=("S3/rom2",), exclude=("S9/walking1",))
    told = notices(assign_parts(["S1/rom1", "S2/rom1"], params), params)
    assert told == [
        "split.validation names S3/rom2, which is not among the takes here",
        "split.exclude names S9/walking1, which is not among the takes here",
        "the val part has no take here, so nothing is reported on it",
        "the test part has no take here, so nothing is reported on it",
    ]


def test_takes_that_are_in_no_part_unasked_are_told() -> None:
    params = SplitParams(validation=("S2/freestyle2",), exclude=("S1/rom1", "S6/rom2"))
    used = [*TRAIN_TAKES, "S4/acting3"]
    assert notices(assign_parts([*used, "S6/rom2"], params), params) == []
    sampled = SplitParams(validation=("S2/freestyle2",))
    assert notices(assign_parts(SAMPLE_TAKES, sampled), sampled) == []
    told = "the standard protocol, or the data set's own map, puts {} of the {} takes here in no part, so nothing uses "
    told += "them"
    takes = [*used, "S6/rom2", "S4/rom1"]
    assert notices(assign_parts(takes, params), params) == [f"{told.format(1, 30)}: S4/rom1"]
    takes += ["S1/dance1", "S1/dance2", "S1/dance3"]
    assert notices(assign_parts(takes, params), params) == [f"{told.format(4, 33)}: S4/rom1, S1/dance1, S1/dance2, ..."]
    given = dict.fromkeys(used, "train") | {"S4/acting3": "none", "S2/freestyle2": "val", "S5/acting3": "test"}
    assert notices(assign_parts(given, params, given), params)[-1] == f"{told.format(1, 29)}: S4/acting3"


def test_validation_takes_without_landmarks_are_told() -> None:
    params = SplitParams(validation=("S2/freestyle2", "S3/rom3"))
    parts = assign_parts([*TRAIN_TAKES, "S4/acting3"], params)
    assert notices(parts, params, ["S3/rom3", "S1/rom1"]) == [
        "S3/rom3 of split.validation have no landmarks: they are scored with simulated detections and do not choose "
        "the weights"
    ]
    assert parts["S3/rom3"] == "val"


PROTOCOLS = {
    "totalcapture": (["S2/freestyle2"], ["S2/freestyle2"]),
    "unseen_motion": (
        ["S1/rom1", "S2/freestyle2", "S3/freestyle1", "S3/freestyle2", "S3/rom3"],
        ["S1/rom1", "S2/freestyle2", "S3/freestyle1", "S3/freestyle2", "S3/rom3"],
    ),
    "unseen_subject": (
        ["S2/acting1", "S2/freestyle1", "S2/freestyle2"],
        sorted(take for take in TRAIN_TAKES if take.startswith("S2/")),
    ),
    "unseen_subject_s1": (
        ["S1/freestyle1", "S1/freestyle2"],
        sorted(take for take in TRAIN_TAKES if take.startswith("S1/")),
    ),
}
"""Protocols by their preset: what is validated, and what training must not see."""


@pytest.mark.parametrize("preset", PROTOCOLS)
def test_a_protocol_holds_out_what_it_promises(preset: str) -> None:
    split: dict = {}
    for name in ("totalcapture", preset):
        split |= yaml.safe_load((ROOT / "presets" / f"{name}.yaml").read_text())["split"]
    parts = assign_parts(TAKES, SplitParams(**{key: tuple(takes) for key, takes in split.items()}))
    validated, unseen = PROTOCOLS[preset]
    assert sorted(take for take, part in parts.items() if part == "val") == validated
    assert sorted(take for take in TRAIN_TAKES if parts[take] != "train") == unseen


@pytest.mark.parametrize(
    ("takes", "params", "given", "expected"),
    [
        (
            ["S2/freestyle2", "S4/acting3"], SplitParams(validation=("S2/freestyle2",)), None,
            "no take is left for training among S2/freestyle2, S4/acting3; look at split.validation and split.exclude",
        ),
        (
            ["S6/dance1", "S1/walking2"], SplitParams(), None,
            "none of the takes here (S6/dance1, S1/walking2) is a training take of the standard protocol, S1, S2, S3 "
            "in rom1, rom2, rom3, walking1, walking3, freestyle1, freestyle2, acting1, acting2; name takes",
        ),
        (
            ["S1/rom1"], SplitParams(), {"S1/rom1": "test"},
            "the data set's own map has none of the takes here (S1/rom1) in its training part; set split_train in it",
        ),
        (
            ["S6/dance1"], SplitParams(exclude=("S6/dance1",)), {"S6/dance1": "train"},
            "no take is left for training among S6/dance1; look at split.validation and split.exclude",
        ),
    ],
)  # fmt: skip
def test_nothing_left_to_train_on_is_fatal(
    takes: list[str], params: SplitParams, given: dict[str, str] | None, expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        assign_parts(takes, params, given)
    assert str(caught.value).startswith(expected)


def test_only_training_takes_can_be_validated_on() -> None:
    """Those of the standard protocol, or of the recordings' own map, where there is one, whatever they are called."""
    params = SplitParams(validation=("S1/rom1", "S6/dance1"))
    given = {"S6/dance1": "train", "S6/dance2": "train"}
    assert assign_parts(given, params, given) == {"S6/dance1": "val", "S6/dance2": "train"}
    with pytest.raises(UserError) as caught:
        assign_parts(["S1/rom2", "S6/dance1"], params)
    assert str(caught.value).startswith(
        "split.validation[1] is 'S6/dance1', which is not among the standard training takes, S1, S2, S3 in rom1, rom2"
    )
