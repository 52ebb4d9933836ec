"""A published folder with a map is packed as the map says: what it lists in no part is rejected, frame by frame."""

import json

import pytest
from published_files import write_published

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.published import DATASET_MAP_FILE, dataset_map, scan_published, write_dataset_map
from blaze2cap.data.published_pack import preprocess_published
from blaze2cap.data.split import SplitParams

CLIP, OTHER = "S1/acting1/cam1", "S4/walking2/cam2"
SEGMENTS = (9, 6, 2)
UNLISTED = 1


@pytest.fixture(scope="module")
def clipset(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    """Two takes; the map beside them leaves out the second segment of the first."""
    raw = write_published(tmp_path_factory.mktemp("published") / "raw", {CLIP: list(SEGMENTS), OTHER: [7]})
    found = scan_published(raw)
    write_dataset_map(raw / DATASET_MAP_FILE, dataset_map(found.frames, found.layout, SplitParams()), found.layout)
    listed = json.loads((raw / DATASET_MAP_FILE).read_text())
    kept = [entry for entry in listed if f"_seg{UNLISTED}_" not in entry["source"]]
    (raw / DATASET_MAP_FILE).write_text(json.dumps(kept))
    preprocess_published(
        raw, raw.parent / "clips", (1, 2, 3), drop_camera5=False, left_out=[], faults=FaultParams(), workers=1
    )
    return ClipSet.load(raw.parent / "clips")


def test_a_segment_that_the_map_does_not_list_is_rejected_with_its_frames(clipset: ClipSet) -> None:
    scored = clipset.scored_frames(CLIP)
    assert scored.tolist() == [True] * 9 + [False] * 6 + [True] * 2
    assert clipset.clips.rejected_frames.to_dict() == {CLIP: 6, OTHER: 0}
    rejected = clipset.samples[clipset.samples.rejected]
    assert set(rejected["clip"]) == {CLIP}
    assert set(rejected.segment) == {UNLISTED}
    assert rejected.groupby("stride").size().to_dict() == {1: 1, 2: 2, 3: 3}
    assert rejected.reason.unique().tolist() == [f"in no part of {DATASET_MAP_FILE}, other than its take"]


def test_samples_lie_in_their_segment_and_the_clips_one_after_another(clipset: ClipSet) -> None:
    starts = {CLIP: [0, 9, 15], OTHER: [0]}
    frames = {CLIP: SEGMENTS, OTHER: (7,)}
    for row in clipset.samples.itertuples():
        first, length = starts[row.clip][row.segment], frames[row.clip][row.segment]
        assert row.first_frame == first + row.offset
        assert row.frames == len(range(row.offset, length, row.stride))
    assert clipset.clips.first_row.tolist() == [0, 17]
    assert clipset.clips.segments.tolist() == clipset.clips.anchors.tolist() == [3, 1]
    assert clipset.parts == {"S1/acting1": "train", "S4/walking2": "test"}
