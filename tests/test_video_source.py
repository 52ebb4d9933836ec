"""Own recordings as a source: what can be used becomes packed clips, the rest is named, and no stage takes them for
truth."""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recordings import detect, make_camera, make_motion
from test_data_stages import run
from typer.testing import CliRunner
from video_files import nobody, person, write_video

from blaze2cap.body.landmark import TRACKED
from blaze2cap.cli import app
from blaze2cap.data.audit import audit_clips
from blaze2cap.data.clipset import VIDEO, ClipSet
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.manifest import changes_since
from blaze2cap.data.own_pack import preprocess_own
from blaze2cap.data.own_recordings import list_own, own_clip
from blaze2cap.data.raw import Sidecar, read_landmarks, read_sidecar, write_landmarks
from blaze2cap.data.segment import to_model_layout
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.doctor import storage
from blaze2cap.doctor.finding import Status
from blaze2cap.errors import UserError
from blaze2cap.learning.absolute_root import require_absolute_root
from blaze2cap.runtime import video_source  # noqa: F401  makes dataset.source=video known
from blaze2cap.runtime.extraction import extract_landmarks
from blaze2cap.runtime.pose_model import find_pose_model
from blaze2cap.runtime.video import open_video

LANDMARKS = detect(make_motion(40, 0)[0], make_camera(), anchors=(0, 30))


def write_own(folder: Path) -> Path:
    """A video, a folder of two images, landmarks with and without a sidecar, and what cannot be used."""
    (folder / "images").mkdir(parents=True)
    for number, picture in enumerate(person(2)):
        Image.fromarray(picture).save(folder / "images" / f"{number}.png")
    write_video(folder / "walk.mp4", person(4), rate=25)
    write_video(folder / "empty.mp4", nobody(3))
    write_landmarks(folder / "dance.npy", LANDMARKS, Sidecar(width=640, height=480, fps=50.0))
    (folder / "dance.mp4").write_bytes(b"never looked at")
    write_landmarks(folder / "bare.npy", LANDMARKS[:5])
    np.save(folder / "thin.npy", LANDMARKS[:, :25, :7])
    (folder / "notes.txt").write_text("no video\n")
    (folder / ".hidden").write_text("")
    return folder


def write_params(path: Path, folder: object) -> Path:
    path.write_text(
        f"dataset: {{source: video, path: {folder}}}\n"
        "preprocess: {strides: [1, 2]}\nsplit: {}\nruntime: {executor: local}\n"
    )
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, params.yaml, and what download and preprocess made of them."""
    folder = tmp_path_factory.mktemp("done")
    params = write_params(folder / "params.yaml", write_own(folder / "own"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
        run("download", folder / "raw", folder / "metrics" / "download.json", params=params)
        run("preprocess", folder / "raw", folder / "clips", folder / "metrics" / "preprocess.json", params=params)
    return folder


def metrics(done: Path, stage: str) -> dict:
    return json.loads((done / "metrics" / f"{stage}.json").read_text())


def test_recordings_become_clips_in_the_order_of_their_names(done: Path) -> None:
    expected = {
        "S0/video1/cam1": "bare.npy",
        "S0/video2/cam2": "dance.npy",
        "S0/video3/cam3": "images",
        "S0/video4/cam4": "walk.mp4",
    }
    assert metrics(done, "download")["recordings"] == expected
    by_clip = metrics(done, "preprocess")["by_clip"]
    assert {clip: row["recording"] for clip, row in by_clip.items()} == expected
    clipset = ClipSet.load(done / "clips")
    assert clipset.source == VIDEO
    assert clipset.clips.fps.to_dict() == dict(zip(expected, (60.0, 50.0, 30.0, 25.0), strict=True))
    assert clipset.clips.frames.tolist() == [5, 40, 2, 4]
    audit_clips(clipset, done / "clips")


def test_the_report_counts_what_is_detected(done: Path) -> None:
    report, clipset = metrics(done, "preprocess"), ClipSet.load(done / "clips")
    detected = sum(int(clipset.clip_detected(clip).sum()) for clip in clipset.clips.index)
    assert (report["frames"], report["detected"]) == (51, detected)
    assert report["detected_share"] == pytest.approx(detected / 51, rel=1e-5)


@pytest.mark.parametrize("name", [None, "blaze_S0_walk_cam1.npy"])
def test_a_raw_folder_without_recordings_is_to_be_filled_again(name: str | None, tmp_path: Path) -> None:
    (tmp_path / "landmarks/S0/video1").mkdir(parents=True)
    if name:
        np.save(tmp_path / "landmarks/S0/video1" / name, LANDMARKS)
    with pytest.raises(UserError, match=rf"{name or 'no landmarks'}.*; run `dvc repro -f download`"):
        preprocess_own(tmp_path, tmp_path / "clips", (1,), {"files": [], "faults": []}, FaultParams(), workers=1)


def test_landmarks_are_those_of_the_files_and_of_the_videos(done: Path) -> None:
    clipset = ClipSet.load(done / "clips")
    np.testing.assert_array_equal(clipset.clip_landmarks("S0/video2/cam2").numpy(), to_model_layout(LANDMARKS))
    walk = extract_landmarks(open_video(done / "own" / "walk.mp4"), find_pose_model("full")).landmarks
    np.testing.assert_array_equal(clipset.clip_landmarks("S0/video4/cam4").numpy(), to_model_layout(walk))
    whole = clipset.samples.query("clip == 'S0/video2/cam2' and stride == 1")
    assert whole.frames.tolist() == [30, 10], "an anchor begins a segment"
    assert (clipset.clip_landmarks("S0/video2/cam2")[:, 0, TRACKED] == 0).nonzero().flatten().tolist() == [0, 30]


def test_a_camera_has_the_size_of_its_video_and_the_field_of_view_that_is_assumed(done: Path) -> None:
    camera = ClipSet.load(done / "clips").camera_of("S0/video2/cam2")
    assert (camera.width, camera.height) == (640, 480)
    assert camera.field_of_view_deg == pytest.approx(70, abs=1e-3)
    assert camera.fx == camera.fy
    assert camera.rotation.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_a_known_field_of_view_is_the_cameras(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    write_landmarks(folder / "dance.npy", LANDMARKS)
    (folder / "dance.json").write_text('{"width": 1000, "height": 500, "fps": 60, "field_of_view_deg": 90}')
    DatasetParams(source=VIDEO, path=str(folder)).take_over(tmp_path / "raw")
    fx = float((tmp_path / "raw" / "calibration.cal").read_text().split()[6])
    assert fx == pytest.approx(500 / math.tan(math.radians(45)))
    assert (tmp_path / "raw/landmarks/S0/video1/blaze_S0_video1_cam1.json").read_text().count("field_of_view_deg") == 1
    np.testing.assert_array_equal(
        read_landmarks(tmp_path / "raw/landmarks/S0/video1/blaze_S0_video1_cam1.npy"), LANDMARKS
    )


def test_what_cannot_be_used_is_named_and_stays_told(done: Path) -> None:
    faults = {fault["left_out"]: fault["sentence"] for fault in metrics(done, "download")["faults"]["left_out"]}
    assert faults.keys() == {"empty.mp4", "thin.npy", "notes.txt"}
    assert "nobody is detected in any of its 3 frames" in faults["empty.mp4"]
    assert "(40, 25, 7)" in faults["thin.npy"]
    assert faults["notes.txt"].startswith("notes.txt: ")
    assert metrics(done, "preprocess")["faults"] == metrics(done, "download")["faults"]


def test_notices_say_what_was_not_looked_at_and_what_is_assumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "own"
    write_landmarks(folder / "bare.npy", LANDMARKS)
    (folder / "bare.mov").write_bytes(b"")
    params = write_params(tmp_path / "params.yaml", folder)
    run("download", tmp_path / "raw", tmp_path / "download.json", params=params)
    told = capsys.readouterr().err
    assert "download: bare.mov is not looked at, as a landmark file of the same stem lies beside it" in told
    assert "download: bare.npy: no sidecar bare.json beside it, taken for 1920 x 1080 pixels at 60 frames/s" in told
    assert "download: bare.npy is S0/video1/cam1" in told


def test_the_stages_after_preprocess_refuse_in_one_sentence(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("split", done / "clips", done / "split", done / "metrics" / "split.json", params=done / "params.yaml")
    assert ended.value.code == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith("split: the 4 clips here are recordings of your own (dataset.source=video)")
    assert "`blaze2cap predict VIDEO -o FILE`" in sentence
    assert not (done / "split").exists()
    shown = CliRunner().invoke(app, ["show", "S0/video2/cam2", "-o", "x.html", "--clips", str(done / "clips")])
    assert (shown.exit_code, shown.stderr.count("\n")) == (1, 1)
    assert "recordings of your own" in shown.stderr


def test_nothing_is_given_out_in_place_of_a_truth(done: Path) -> None:
    clipset = ClipSet.load(done / "clips")
    for ask in (
        lambda: clipset.clip_truth("S0/video2/cam2"),
        lambda: clipset.take_motion("S0/video2"),
        lambda: clipset.sample(clipset.samples.index[0]),
        lambda: require_absolute_root(clipset, []),  # as training and evaluation begin
    ):
        with pytest.raises(UserError, match="recordings of your own"):
            ask()
    assert clipset.clip_outliers("S0/video2/cam2").all()
    assert not clipset.takes.root_known.any()


def test_changes_of_the_folder_are_told(done: Path, tmp_path: Path) -> None:
    own, raw = shutil.copytree(done / "own", tmp_path / "own"), shutil.copytree(done / "raw", tmp_path / "raw")
    manifest = json.loads((raw / "manifest.json").read_text())
    (raw / "manifest.json").write_text(json.dumps(manifest | {"recordings": str(own)}))
    assert changes_since(raw) is None
    (own / "notes.txt").write_text("left out before, and still\n")
    assert changes_since(raw) is None
    faulty = (own / "empty.mp4").read_bytes(), (own / "empty.mp4").stat()
    shutil.copy(own / "walk.mp4", own / "empty.mp4")
    assert changes_since(raw) == (
        f"1 recordings in {own} are not as taken over (empty.mp4); run `dvc repro -f download`"
    )
    (own / "empty.mp4").write_bytes(faulty[0])
    os.utime(own / "empty.mp4", ns=(0, faulty[1].st_mtime_ns))
    sidecar = (own / "dance.json").read_text()
    (own / "dance.json").write_text(sidecar.replace("50", "25"))
    (own / "bare.json").write_text(sidecar)
    assert changes_since(raw) == (
        f"2 recordings in {own} are not as taken over (bare.json); run `dvc repro -f download`"
    )
    (own / "dance.json").write_text(sidecar)
    (own / "bare.json").unlink()
    assert changes_since(raw) is None
    shutil.copy(own / "walk.mp4", own / "again.mp4")
    assert changes_since(raw) == (
        f"1 recordings in {own} are not as taken over (again.mp4); run `dvc repro -f download`"
    )
    (own / "walk.mp4").unlink()
    (own / "dance.mp4").unlink()  # not looked at, so nothing is lost
    assert changes_since(raw).startswith(f"2 recordings in {own} are not as taken over (walk.mp4)")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (None, "dataset.path is null: name the folder of your videos there"),
        ("videos", "dataset.path is the relative path 'videos'"),
        ("/nowhere/at/all", "there is no such folder"),
    ],
)
def test_the_folder_must_be_named_and_there(path: str | None, told: str, tmp_path: Path) -> None:
    dataset = DatasetParams(source=VIDEO, path=path)
    with pytest.raises(UserError, match=told):
        dataset.take_over(tmp_path / "raw")
    finding = storage.recordings(tmp_path, dataset)
    assert finding.status is Status.PROBLEM
    assert told in finding.found


@pytest.mark.parametrize("left", [(), ("notes.txt",)])
def test_a_folder_of_nothing_usable_is_one_sentence(left: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    for name in left:
        (tmp_path / "own" / name).write_text("no video\n")
    reason = "notes.txt: not a video" if left else "it is empty"
    with pytest.raises(UserError, match=f"nothing in this folder can be used: {reason}"):
        DatasetParams(source=VIDEO, path=str(tmp_path / "own")).take_over(tmp_path / "raw")


def test_a_landmark_file_stands_for_the_video_or_folder_that_it_is_extracted_from(tmp_path: Path) -> None:
    """Names of folders have no suffix: `extract` makes e.v2.npy of e.v2."""
    for name in ("a.mov", "a.MP4", "a.csv", "a.npy", "a.json", "b.json", "c.mp4", ".d.mp4", "e.npy", "f.v2.npy"):
        (tmp_path / name).touch()
    for name in ("e", "e.take2", "f.v2", "g.npy", "g"):
        (tmp_path / name).mkdir()
    assert list_own(tmp_path) == (
        ["a.csv", "a.npy", "b.json", "c.mp4", "e.npy", "e.take2", "f.v2.npy", "g", "g.npy"],
        ["a.MP4", "a.mov", "e", "f.v2"],
    )


def test_a_sidecar_that_no_camera_has_costs_its_recording_only(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    write_landmarks(folder / "dance.npy", LANDMARKS, Sidecar())
    write_landmarks(folder / "walk.npy", LANDMARKS)
    (folder / "walk.json").write_text('{"width": 640, "height": 480, "fps": 25, "field_of_view_deg": 500}')
    write_landmarks(folder / "zumba.npy", LANDMARKS)
    inspection = DatasetParams(source=VIDEO, path=str(folder)).take_over(tmp_path / "raw").inspection
    assert [str(fault) for fault in inspection.faults] == [
        "walk.npy: walk.json: the field of view is 500 degrees, expected 20 to 150, horizontal"
    ]
    assert list(inspection.clips) == [own_clip(1), own_clip(2)]
    assert read_sidecar(tmp_path / "raw" / own_clip(2).landmark_file) == Sidecar(), "zumba.npy has none"
