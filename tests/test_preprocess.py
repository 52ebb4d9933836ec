"""Packing: segments and strides are rows of an index, truth is what Vicon measured, bytes do not depend on workers."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from recordings import detect, make_camera, make_motion, write_recordings

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import RAW_SCREEN, TRACKED
from blaze2cap.body.motion import BODY_SLOTS, ROOT_POSITION_SLOT, ROOT_ROTATION_SLOT
from blaze2cap.body.rotation import identity_6d, matrix_to_rotation_6d, rotation_6d_to_matrix
from blaze2cap.data.augment import strided, target_name
from blaze2cap.data.clipset import UNKNOWN, ClipSet
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.timing import SEARCH_FRAMES
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.packed import Span, allocate, packed_array, write_rows
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.raw import ClipName, write_landmarks
from blaze2cap.data.segment import Segment, find_segments, to_model_layout
from blaze2cap.errors import UserError

FRAMES = 30
TAKE = "S1/freestyle1"


def pack(raw: Path, packed: Path, workers: int = 1, **params: object) -> dict:
    write_manifest(raw, "totalcapture", [], None, workers=1)
    return preprocess(raw, packed, PreprocessParams(**params), workers)  # type: ignore[arg-type]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Two takes; camera 2 of the first loses the person in frames 10-11, is anchored anew at 20, and outlasts Vicon."""
    folder = write_recordings(tmp_path / "raw", {TAKE: FRAMES, "S2/rom1": 12}, cameras=2, unseen=("S2/rom1",))
    position, _ = make_motion(FRAMES, seed=0)
    landmarks = detect(torch.cat((position, position[-3:])), make_camera(6.0), anchors=(0, 20))
    landmarks[10:12] = 0
    write_landmarks(folder / ClipName("S1", "freestyle1", "2").landmark_file, landmarks)
    return folder


@pytest.fixture
def clipset(raw: Path, tmp_path: Path) -> ClipSet:
    pack(raw, tmp_path / "clips")
    return ClipSet.load(tmp_path / "clips")


# As another machine does that writes a whole page: read, and, a moment later, write back.
WRITES_WHILE_LOCKED = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    old = file.read()
    print("locked", flush=True)
    time.sleep(0.5)
    file.seek(0)
    file.write(old)
"""


def test_rows_are_not_taken_back_by_who_writes_the_rows_beside_them(tmp_path: Path) -> None:
    allocate(tmp_path, takes=1, truth_frames=4, landmark_frames=4)
    command = [sys.executable, "-c", WRITES_WHILE_LOCKED, str(tmp_path / "root_position.npy")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        write_rows(tmp_path, "root_position", Span(first_row=1, frames=2), torch.full((2, 3), 7.0))
    assert packed_array(tmp_path, "root_position")[:, 0].tolist() == [0, 7, 7, 0]


@given(flags=st.lists(st.sampled_from([None, 0, 1]), min_size=1, max_size=30))
def test_segments_cover_detected_frames_and_start_at_anchors(flags: list[int | None]) -> None:
    raw = np.ones((len(flags), 33, 10), np.float32)
    for frame, flag in enumerate(flags):
        raw[frame] = 0 if flag is None else raw[frame]
        raw[frame, :, [4, 9]] = flag or 0
    landmarks = to_model_layout(raw)
    segments = find_segments(landmarks)
    covered = [frame for segment in segments for frame in range(segment.rows.start, segment.rows.stop)]
    assert covered == [frame for frame, flag in enumerate(flags) if flag is not None]
    starts = [frame for frame in covered if flags[frame] == 0 or frame == 0 or flags[frame - 1] is None]
    assert [segment.first_frame for segment in segments] == starts
    assert [frame for frame in covered if landmarks[frame, 0, TRACKED] == 0] == starts


@given(st.integers(0, 9), st.integers(1, 40), st.integers(1, 5))
def test_offsets_of_a_stride_share_out_a_segment(first: int, frames: int, stride: int) -> None:
    samples = list(strided(Segment(first, frames), [stride]))
    rows = [s.first_frame + s.stride * i for s in samples for i in range(s.frames)]
    assert sorted(rows) == list(range(first, first + frames))
    assert [s.offset for s in samples] == list(range(min(stride, frames)))


def test_a_sample_is_every_nth_row_of_its_clip(clipset: ClipSet) -> None:
    for source, row in clipset.samples.iterrows():
        sample = clipset.sample(str(source))
        clip = clipset.clip_landmarks(row["clip"])
        for index in (0, row.frames - 1):
            frame = row.first_frame + row.stride * index
            torch.testing.assert_close(sample.landmarks[index, :, :TRACKED], clip[frame, :, :TRACKED])
        assert sample.landmarks[:, 0, TRACKED].tolist() == [0.0] + [1.0] * (row.frames - 1)


def test_samples_carry_their_published_names(clipset: ClipSet) -> None:
    source = "blaze_augmented/S1/freestyle1/cam2/blaze_S1_freestyle1_cam2_seg1_s3_o2.npy"
    assert source in clipset.samples.index
    assert target_name(source) == "gt_augmented/S1/freestyle1/cam2/gt_S1_freestyle1_cam2_seg1_s3_o2.npy"
    assert clipset.samples.groupby("clip").size().to_dict() == {"S1/freestyle1/cam1": 6, "S1/freestyle1/cam2": 18}


def test_root_deltas_of_a_stride_lead_from_pose_to_pose(clipset: ClipSet) -> None:
    """Integrated, they give the absolute root again: a delta over two frames is not a delta over one."""
    for source in clipset.samples.index[clipset.samples.stride > 1]:
        sample = clipset.sample(source)
        row = clipset.samples.loc[source]
        truth = clipset.clip_truth(row["clip"])
        rows = slice(row.first_frame, row.first_frame + row.stride * row.frames, row.stride)
        turned = rotation_6d_to_matrix(sample.root[0])
        for frame, delta in enumerate(rotation_6d_to_matrix(sample.slots[:, ROOT_ROTATION_SLOT])):
            turned = turned @ delta
            torch.testing.assert_close(turned, truth.rotation[rows][frame, 0], atol=1e-5, rtol=0)
        way = sample.slots[:, ROOT_POSITION_SLOT, :3].cumsum(0)
        torch.testing.assert_close(way, truth.root_position[rows] - truth.root_position[rows][:1], atol=1e-5, rtol=0)
        torch.testing.assert_close(sample.slots[0, ROOT_ROTATION_SLOT], identity_6d(sample.slots))
        torch.testing.assert_close(sample.slots[:, BODY_SLOTS], matrix_to_rotation_6d(truth.rotation[rows][:, 1:]))


def test_truth_is_vicons_in_the_frame_of_each_camera(clipset: ClipSet) -> None:
    position, rotation = make_motion(FRAMES, seed=0)
    for clip in clipset.clips.index:
        truth = clipset.clip_truth(clip)
        camera = clipset.camera_of(clip)
        seen, turned = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
        torch.testing.assert_close(seen, camera.to_camera(position).float(), atol=5e-5, rtol=0)
        torch.testing.assert_close(turned, (camera.rotation.double() @ rotation).float(), atol=1e-4, rtol=0)
    motion = clipset.take_motion("S2/rom1")
    position, _ = make_motion(12, seed=1)
    world, _ = forward_kinematics(motion.rotation, motion.offset, motion.root_position)
    torch.testing.assert_close(world, position.float(), atol=5e-5, rtol=0)


def test_landmarks_are_cut_to_the_truth(clipset: ClipSet) -> None:
    assert clipset.clips.frames.tolist() == [FRAMES, FRAMES]
    assert clipset.clips.detected.tolist() == [FRAMES, FRAMES - 2]
    assert clipset.takes.has_landmarks.to_dict() == {TAKE: True, "S2/rom1": False}


def test_another_persons_segment_is_rejected_alone(raw: Path, tmp_path: Path) -> None:
    path = raw / ClipName("S1", "freestyle1", "2").landmark_file
    landmarks = np.load(path)
    landmarks[20:, :, 5] += 0.4  # the rest of the clip follows somebody 768 px to the right
    write_landmarks(path, landmarks)
    report = pack(raw, tmp_path / "clips")
    clip = report["by_clip"]["S1/freestyle1/cam2"]
    assert report["rejected_segments"] == 1
    assert report["rejected_samples"] == 6
    assert clip["rejected_segments"] == [
        {"segment": 2, "first_frame": 20, "frames": 10, "reason": "median distance to the projected truth 768 px"}
    ]
    assert max(clip["segment_reprojection_px"][:2]) < 1
    clipset = ClipSet.load(tmp_path / "clips")
    assert clipset.scored_frames("S1/freestyle1/cam2").nonzero().flatten().tolist() == [*range(10), *range(12, 20)]
    assert clipset.scored_frames("S1/freestyle1/cam1").all()
    assert clipset.clip_anchors("S1/freestyle1/cam2").nonzero().flatten().tolist() == [0, 12, 20]
    assert clipset.samples.rejected.sum() == 6


def test_views_too_short_to_tell_a_lag_tell_that_of_their_take_together(tmp_path: Path) -> None:
    """Camera 1 sees the first half of a take, camera 2 the second, both two frames late."""
    raw = write_recordings(tmp_path / "raw", {TAKE: 200}, cameras=2)
    position, _ = make_motion(200, seed=0)
    late = torch.cat((position[:1], position[:1], position[:-2]))
    for camera, half in (("1", slice(0, 100)), ("2", slice(100, 200))):
        landmarks = detect(late, make_camera(4.0 + int(camera)), anchors=(half.start,))
        seen = np.zeros_like(landmarks)
        seen[half] = landmarks[half]
        write_landmarks(raw / ClipName("S1", "freestyle1", camera).landmark_file, seen)
    report = pack(raw, tmp_path / "clips")
    assert [clip["lag_frames"] for clip in report["by_clip"].values()] == [None, None]
    assert report["by_take"][TAKE]["lag_frames"] == pytest.approx(2, abs=0.5)


def _late_landmarks(raw: Path, frames: int, noise: float) -> None:
    """Landmarks of the one clip run behind by so many frames; the image of each joint jitters by `noise` widths."""
    position, _ = make_motion(200, seed=0)
    late = torch.cat((position[:1].expand(frames, -1, -1), position[: 200 - frames]))
    landmarks = detect(late, make_camera(5.0))
    landmarks[..., RAW_SCREEN] += noise * np.random.default_rng(0).standard_normal((200, 33, 2))
    write_landmarks(raw / ClipName("S1", "freestyle1", "1").landmark_file, landmarks)


def test_a_lag_without_correlation_is_not_corrected(tmp_path: Path) -> None:
    raw = write_recordings(tmp_path / "raw", {TAKE: 200}, cameras=1)
    _late_landmarks(raw, frames=2, noise=0.05)
    for lowest, corrected in ((-1.0, True), (0.25, False)):
        report = pack(raw, tmp_path / "clips", correct_lag=True, faults=FaultParams(min_correlation=lowest))
        take, clip = report["by_take"][TAKE], report["by_clip"][f"{TAKE}/cam1"]
        assert take["lag_correlation"] < 0.25
        assert round(take["lag_frames"]) not in (0, SEARCH_FRAMES, -SEARCH_FRAMES)
        assert clip["shifted_frames"] == corrected * round(take["lag_frames"])


@pytest.mark.parametrize(("late", "corrected"), [(SEARCH_FRAMES - 1, SEARCH_FRAMES - 1), (SEARCH_FRAMES + 3, 0)])
def test_a_lag_at_the_end_of_the_search_may_be_a_longer_one_and_is_not_corrected(
    tmp_path: Path, late: int, corrected: int
) -> None:
    raw = write_recordings(tmp_path / "raw", {TAKE: 200}, cameras=1)
    _late_landmarks(raw, late, noise=0)
    report = pack(raw, tmp_path / "clips", correct_lag=True)
    assert report["by_take"][TAKE]["lag_correlation"] > 0.9
    assert report["by_clip"][f"{TAKE}/cam1"]["shifted_frames"] == corrected


def test_the_report_counts_what_was_cut_and_lost(raw: Path, tmp_path: Path) -> None:
    report = pack(raw, tmp_path / "clips")
    assert report["by_clip"]["S1/freestyle1/cam2"]["truncated_landmark_frames"] == 3
    assert report["detected_share"] == pytest.approx((2 * FRAMES - 2) / (2 * FRAMES))
    assert (report["takes"], report["motion_only_takes"], report["clips"], report["samples"]) == (2, 1, 2, 24)
    assert report["worst_bone_residual_mm"] < 0.05


def test_bytes_do_not_depend_on_the_number_of_workers(raw: Path, tmp_path: Path) -> None:
    reports = [pack(raw, tmp_path / f"clips{workers}", workers) for workers in (1, 2)]
    assert reports[0] == reports[1]
    names = sorted(path.name for path in (tmp_path / "clips1").iterdir())
    assert len(names) == 10
    for name in names:
        assert (tmp_path / "clips1" / name).read_bytes() == (tmp_path / "clips2" / name).read_bytes(), name


def test_packed_clips_say_which_source_they_are_from(raw: Path, tmp_path: Path) -> None:
    pack(raw, tmp_path / "clips")
    assert ClipSet.load(tmp_path / "clips").source == "totalcapture"
    (tmp_path / "clips" / "source.json").write_text('{"source": 3}')
    with pytest.raises(UserError, match=r"source\.json: must hold the source of the recordings"):
        ClipSet.load(tmp_path / "clips")
    (tmp_path / "clips" / "source.json").unlink()
    assert ClipSet.load(tmp_path / "clips").source == UNKNOWN


def test_packing_again_replaces_what_was_there(raw: Path, tmp_path: Path) -> None:
    for strides, samples in (((1, 2, 3), 24), ((1,), 4)):
        pack(raw, tmp_path / "clips", strides=strides)
        assert len(ClipSet.load(tmp_path / "clips").samples) == samples
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_packed_folder_that_contradicts_itself_is_refused(raw: Path, tmp_path: Path) -> None:
    pack(raw, tmp_path / "clips")
    np.save(tmp_path / "clips" / "landmarks.npy", np.zeros((5, 25, 7), np.float32))
    with pytest.raises(UserError, match=r"landmarks\.npy: 5 rows, but the tables beside it count 60"):
        ClipSet.load(tmp_path / "clips")
    (tmp_path / "clips" / "landmarks.npy").unlink()
    with pytest.raises(UserError, match=r"landmarks\.npy: no such file; run `dvc repro -f preprocess`"):
        ClipSet.load(tmp_path / "clips")


def test_recordings_without_landmarks_are_refused(tmp_path: Path) -> None:
    raw = write_recordings(tmp_path / "raw", {"S2/rom1": 12}, unseen=("S2/rom1",))
    with pytest.raises(UserError, match="no landmarks of any clip"):
        pack(raw, tmp_path / "clips")


def test_a_folder_in_which_nobody_is_detected_is_refused(raw: Path, tmp_path: Path) -> None:
    for path in raw.rglob("*.npy"):
        write_landmarks(path, np.zeros((FRAMES, 33, 10), np.float32))
    with pytest.raises(UserError, match="nobody is detected"):
        pack(raw, tmp_path / "clips")


def test_recordings_whose_segments_are_all_rejected_are_refused(raw: Path, tmp_path: Path) -> None:
    for path in raw.rglob("*.npy"):
        landmarks = np.load(path)
        landmarks[landmarks.any(axis=(1, 2)), :, 5] += 0.4  # as if the cameras looked elsewhere
        write_landmarks(path, landmarks)
    with pytest.raises(UserError) as caught:
        pack(raw, tmp_path / "clips")
    assert re.fullmatch(
        r"all 4 segments are rejected: S1/freestyle1/cam1: median distance to the projected truth 768 px; look at "
        r"calibration\.cal, which must lead from the world to each camera, in metres",
        str(caught.value),
    )
    assert not (tmp_path / "clips").exists()


@pytest.mark.schema
def test_the_real_folder_has_its_known_counts(totalcapture_root: Path, tmp_path: Path) -> None:
    """Samples before rejection; one segment of another person; detected frames without it; all contracts."""
    from blaze2cap.data.sources.totalcapture import copy_totalcapture

    copy_totalcapture(totalcapture_root, tmp_path / "raw", workers=1)
    report = pack(tmp_path / "raw", tmp_path / "clips")
    clipset = ClipSet.load(tmp_path / "clips")
    takes = clipset.samples["clip"].str.rsplit("/", n=1).str[0]
    counts = takes.value_counts().to_dict()
    assert [counts[f"S{s}/freestyle{n}"] for s in (1, 2) for n in (1, 2)] == [78, 78, 66, 60]
    rejected = {clip: c["rejected_segments"] for clip, c in report["by_clip"].items() if c["rejected_segments"]}
    assert list(rejected) == ["S1/freestyle1/cam5"]
    assert [segment["first_frame"] for segment in rejected["S1/freestyle1/cam5"]] == [1378]
    errors = [e for c in report["by_clip"].values() for e in c["segment_reprojection_px"]]
    assert max(errors) > 1000
    assert sorted(errors)[-2] < 45
    assert sum(int(clipset.scored_frames(clip).sum()) for clip in clipset.clips.index) == 72676
    assert report["frames"] == 78093
    assert report["worst_bone_residual_mm"] < 0.05
