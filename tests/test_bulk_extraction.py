"""Many videos: each as it would be alone; a bad one costs itself only, and a second run does what is left."""

import json
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner
from video_files import nobody, person, write_video

from blaze2cap.cli import app
from blaze2cap.errors import UserError
from blaze2cap.runtime.bulk_extraction import VideoJob, find_videos, is_whole
from blaze2cap.runtime.pose_model import find_pose_model


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["extract", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two videos of a person, one of nobody, one that is none, and notes; one of them in a folder of its own."""
    folder = tmp_path / "videos"
    (folder / "more").mkdir(parents=True)
    write_video(folder / "a.mp4", person(4))
    write_video(folder / "more" / "b.MOV", person(6), rate=25)
    write_video(folder / "empty.mp4", nobody(3))
    (folder / "text.mp4").write_text("no video")
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.mp4").write_text("")
    return folder


def test_a_folder_is_extracted_and_who_fails_is_told_at_the_end(videos: Path, tmp_path: Path) -> None:
    out, alone = tmp_path / "out", tmp_path / "alone"
    code, told, errors = run(videos, "-o", out, "--workers", 1, "--fov", 60)
    assert code == 1
    assert sorted(contents(out)) == ["a.json", "a.npy", "more/b.json", "more/b.npy"]
    assert told.splitlines()[-1] == "4 videos: 2 extracted, 0 were there already, 2 failed"
    assert f"{out}/more/b.npy: 6 rows at 25 frames/s, a person in 6 of them" in told
    assert "1 files are no videos by their names" in errors
    failures = [line for line in errors.splitlines() if line.startswith(f"blaze2cap extract: {videos}")]
    assert len(failures) == 2
    assert "nobody is detected in any of its 3 frames" in errors
    assert "Traceback" not in errors
    assert run(videos / "a.mp4", "-o", alone / "a.npy", "--fov", 60)[0] == 0
    assert contents(alone).items() <= contents(out).items()

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.npy")}
    (videos / "empty.mp4").unlink()
    (videos / "text.mp4").unlink()
    (out / "a.json").unlink()
    code, told, _ = run(videos, "-o", out, "--workers", 1, "--fov", 60)
    assert (code, told.splitlines()[-1]) == (0, "2 videos: 1 extracted, 1 were there already, 0 failed")
    assert (out / "more/b.npy").stat().st_mtime_ns == before[out / "more/b.npy"]


def test_what_is_there_counts_where_it_is_whole_and_made_as_asked_for(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", person(3))
    assert run(video, "-o", tmp_path / "a.npy")[0] == 0
    model = find_pose_model("full")
    job = VideoJob(video=video, out=tmp_path / "a.npy", model=model)
    assert is_whole(job)
    assert is_whole(VideoJob(video=video, out=job.out, model=model, fps=30.0))
    assert not is_whole(VideoJob(video=video, out=job.out, model=model, fps=60.0))
    assert not is_whole(VideoJob(video=video, out=job.out, model=model, field_of_view_deg=60.0))
    sidecar = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps(sidecar | {"told_fps": 30.0}))
    assert not is_whole(job), "a rate that was told by mistake is not kept"
    (tmp_path / "a.json").write_text(json.dumps(sidecar | {"resampled": True}))
    assert is_whole(job)
    assert not is_whole(replace(job, fps=30.0)), "rows between frames are none of frames that are said to come evenly"
    (tmp_path / "a.json").write_text(json.dumps(sidecar))
    later = job.out.stat().st_mtime_ns + 1
    os.utime(video, ns=(later, later))
    assert not is_whole(job)
    os.utime(video, ns=(0, 0))
    job.out.write_bytes(job.out.read_bytes()[:-1])
    assert not is_whole(job)


def test_a_file_in_a_sidecars_place_and_a_link_to_nothing_cost_their_video_before_it_is_looked_at(
    tmp_path: Path,
) -> None:
    landmarks = '{"fps": 30, "width": 256, "height": 256, "frames": []}'
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "a.mp4", nobody(2))
    (tmp_path / "in" / "gone.mp4").symlink_to(tmp_path / "unplugged.mp4")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.json").write_text(landmarks)
    code, told, errors = run(tmp_path / "in", "-o", tmp_path / "out", "--workers", 1)
    assert (code, told.splitlines()[-1]) == (1, "2 videos: 0 extracted, 0 were there already, 2 failed")
    assert "a.json: is there and no sidecar of landmarks" in errors
    assert "gone.mp4: no such file" in errors
    assert "Traceback" not in errors
    assert contents(tmp_path / "out") == {"a.json": landmarks.encode()}


def test_images_that_are_written_over_are_extracted_again(tmp_path: Path) -> None:
    folder = tmp_path / "shot"
    folder.mkdir()
    for number, picture in enumerate(person(2)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    job = VideoJob(video=folder, out=tmp_path / "shot.npy", model=find_pose_model("full"))
    assert run(folder, "-o", job.out)[0] == 0
    assert is_whole(job)
    later = job.out.stat().st_mtime_ns + 1
    os.utime(folder / "0.png", ns=(later, later))
    assert not is_whole(job)


def test_videos_are_named_files_and_what_folders_hold(tmp_path: Path) -> None:
    for name in (
        "in/a.mp4",
        "in/x/a.v2.mkv",
        "in/frames.1/1.png",
        "in/frames.1/notes.txt",
        "in/b.jpg",
        "odd",
        "in/.git/c.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found, others = find_videos([tmp_path / "in", tmp_path / "odd"])
    names = {video.relative_to(tmp_path).as_posix(): name.as_posix() for video, name in found.items()}
    assert names == {
        "in/a.mp4": "a.npy", "in/frames.1": "frames.1.npy", "in/x/a.v2.mkv": "x/a.v2.npy", "odd": "odd.npy",
    }  # fmt: skip
    assert others == 1
    assert find_videos([tmp_path / "in/frames.1"]).found == {tmp_path / "in/frames.1": Path("frames.1.npy")}
    (tmp_path / "in/a.mov").touch()
    with pytest.raises(UserError, match=r"a.mov and .*a.mp4 would both be written to a.npy"):
        find_videos([tmp_path / "in"])
    (tmp_path / "bare").mkdir()
    with pytest.raises(UserError, match="no video in the folder"):
        find_videos([tmp_path / "bare"])


def test_a_link_that_leads_back_and_a_folder_without_a_name_are_followed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in" / "frames").mkdir(parents=True)
    (tmp_path / "in" / "a.mp4").touch()
    (tmp_path / "in" / "frames" / "1.png").touch()
    (tmp_path / "in" / "again").symlink_to(".")
    assert len(find_videos([tmp_path / "in"]).found) == 2
    monkeypatch.chdir(tmp_path / "in" / "frames")
    assert find_videos([Path()]).found == {Path(): Path("frames.npy")}


def test_several_inputs_need_a_folder(tmp_path: Path) -> None:
    code, _, errors = run("a.mp4", "b.mp4", "-o", tmp_path / "out.npy")
    assert code == 1
    assert "one landmark file for 2 inputs; name a folder" in errors
    code, _, errors = run("missing.mp4", "-o", tmp_path / "out")
    assert code == 1
    assert "missing.mp4: no such file" in errors
    assert not (tmp_path / "out").exists()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").touch()
    (tmp_path / "b.mp4").touch()
    for number, inputs in enumerate(([tmp_path / "in"], [tmp_path / "in" / "a.mp4", tmp_path / "b.mp4"])):
        out = tmp_path / f"takes_v1.{number}"
        assert run(*inputs, "-o", out, "--workers", 1)[1].endswith(f"0 were there already, {1 + number} failed\n")
        assert out.is_dir()
    assert "cannot write .2; landmark files end in .npy" in run(tmp_path / "b.mp4", "-o", tmp_path / "one_v1.2")[2]


@pytest.mark.slow
def test_a_killed_worker_of_a_cluster_costs_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client, LocalCluster

    (tmp_path / "in").mkdir()
    for number in range(8):
        write_video(tmp_path / "in" / f"{number}.mp4", person(12, start=number))
    assert run(tmp_path / "in", "-o", tmp_path / "alone")[0] == 0
    monkeypatch.chdir(tmp_path)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        victim = next(iter(client.run(os.getpid).values()))

        def strike() -> None:
            while not list((tmp_path / "out").glob("*.npy")):
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)

        striker = threading.Thread(target=strike)
        striker.start()
        code, told, errors = run("in", "-o", "out", "--executor", "dask")
        striker.join()
        assert victim not in client.run(os.getpid).values()
    assert code == 0, errors
    assert told.splitlines()[-1] == "8 videos: 8 extracted, 0 were there already, 0 failed"
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")
