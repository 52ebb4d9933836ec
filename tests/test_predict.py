"""Laws of prediction: landmarks to an upright person in a world with a floor, and files that are whole or not there."""

import csv
import itertools
import json
import math
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from network_use import network_use
from PIL import Image
from test_checkpoint import checkpoint
from test_cli import run
from tiny import bones, tiny_clipset
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics as torch_forward_kinematics
from blaze2cap.body.landmark import (
    CHANNELS,
    LANDMARKS,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_SCREEN,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    SCREEN,
    TRACKED,
)
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, PARENTS
from blaze2cap.data.detector.observation import model_layout, project, ray_view
from blaze2cap.data.raw import Sidecar, read_landmarks, write_landmarks
from blaze2cap.learning.checkpoint import save_checkpoint
from blaze2cap.runtime.animation import Animation, standing_height
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.camera_tilt import estimated_tilt_deg
from blaze2cap.runtime.footage import Footage, camera_intrinsics, read_footage
from blaze2cap.runtime.kinematics import forward_kinematics, mean_offset
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.motion_table import csv_columns
from blaze2cap.runtime.network import Answer, Solver
from blaze2cap.runtime.prediction import predict
from blaze2cap.runtime.retiming import Track, spread
from blaze2cap.runtime.rotation import geodesic_angle, quaternion_to_matrix
from blaze2cap.runtime.rotation import rotation_vector_to_matrix as matrices
from blaze2cap.runtime.torch_network import solver

CLIPSET = tiny_clipset()
FACING_CAMERA = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


def seen_by_upright_camera(rotation: Tensor, way: Tensor) -> Footage:
    """Landmarks without error of a pose in the frame of a camera that spans 70 degrees."""
    view = ray_view(*torch_forward_kinematics(rotation, bones(), way))
    intrinsics = torch.from_numpy(camera_intrinsics(1920, 1080))
    landmarks = model_layout(view.truth, project(view.place, intrinsics), torch.ones(len(rotation), 25))
    landmarks[0, :, TRACKED] = 0
    return Footage(landmarks=landmarks.numpy(), width=1920, height=1080, fps=60.0)


def knowing(rotation: Tensor, way: Tensor) -> Solver:
    """A network that knows the true motion."""

    def system(landmarks: Tensor, intrinsics: Tensor, dt: float) -> Motion:
        valid = (landmarks != 0).flatten(1).any(1)
        return Motion(rotation, *root_deltas(way, rotation[:, 0], torch.zeros_like(valid)), valid)

    return solver(system)


def walker(frames: int = 200) -> tuple[Tensor, Tensor]:
    """Somebody who faces the camera, sways, raises the right arm, and walks to the camera's right and towards it."""
    time = torch.arange(frames) / 60
    sway = 0.05 * torch.sin(time[:, None, None] * torch.linspace(1, 3, 63).view(21, 3))
    rotation = rotation_vector_to_matrix(sway)
    rotation[:, 0] = FACING_CAMERA @ rotation_vector_to_matrix(0.1 * sway[:, 0])
    rotation[:, JOINT_INDEX["RightArm"]] = rotation_vector_to_matrix(torch.tensor([0.0, 1.4, 0.0]))
    way = torch.stack((0.5 * time, 0 * time, 5 - 0.3 * time), dim=1)
    return rotation, way


def clip_footage(clip: str = "S1/freestyle1/cam2", fps: float = 60.0) -> Footage:
    return Footage(landmarks=CLIPSET.clip_landmarks(clip).numpy(), width=1920, height=1080, fps=fps)


def network() -> Solver:
    return solver(checkpoint().system())


def at(animation: Animation, name: str) -> np.ndarray:
    return animation.joint_positions()[:, JOINT_INDEX[name]]


def test_who_faces_the_camera_stands_upright_faces_z_and_is_not_mirrored() -> None:
    rotation, way = walker()
    animation = predict(network(), seen_by_upright_camera(rotation, way), camera_tilt_deg=0.0)
    right, left, head, hips = (at(animation, name) for name in ("RightHand", "LeftHand", "Head", "Hips"))
    assert (head[:, 1] - hips[:, 1]).min() > 0.4
    assert (right[:, 1] > left[:, 1] + 0.3).all(), "the raised arm is the right one"
    assert (at(animation, "RightArm")[:, 0] < at(animation, "LeftArm")[:, 0] - 0.2).all()
    assert (animation.rotation[:, 0, 2, 2] > 0.9).all(), "the hips face +z"
    # To the camera's right is to the person's left, +x; towards the camera is +z.
    assert np.abs(hips[0, [0, 2]]).max() < 1e-6
    assert hips[-1, 0] > 0.9
    assert hips[-1, 2] > 0.5


def test_true_motion_is_the_same_motion_in_the_world() -> None:
    rotation, way = walker()
    animation = predict(knowing(rotation, way), seen_by_upright_camera(rotation, way), camera_tilt_deg=0.0)
    to_world = np.diag([1.0, -1.0, -1.0])
    size = np.linalg.norm(animation.offset) / np.linalg.norm(mean_offset())
    expected, _ = forward_kinematics(rotation.numpy(), size * mean_offset())
    got = animation.joint_positions() - animation.root_position[:, None]
    assert np.allclose(got, expected @ to_world.T, atol=1e-5)
    # The landmarks' place is the middle between thighs of other bones than the mean skeleton's: some millimetres.
    moved = animation.root_position - animation.root_position[0]
    assert np.abs(moved - (way - way[0]).numpy() @ to_world.T)[:, [0, 2]].max() < 0.02


def test_who_walks_walks_on_the_floor_and_who_jumps_leaves_it() -> None:
    rotation, way = walker(400)
    # Seen the lower the farther away, as by a camera whose tilt is not quite known, and one jump of half a second.
    way[:, 1] = 0.1 * way[:, 2]
    jump = 0.4 * torch.sin(torch.linspace(0, torch.pi, 30))
    way[200:230, 1] -= jump
    animation = predict(knowing(rotation, way), seen_by_upright_camera(rotation, way), camera_tilt_deg=0.0)
    ankle = np.minimum(at(animation, "RightFoot")[:, 1], at(animation, "LeftFoot")[:, 1])
    stands = np.ones(400, bool)
    stands[200:230] = False
    assert ankle[stands].min() > 0.02
    assert ankle[stands].max() < 0.12
    assert ankle[215] == pytest.approx(0.4 + ankle[199], abs=0.05)


@pytest.mark.parametrize("tilt", [-15.0, 20.0])
def test_a_tilted_camera_that_is_told_gives_the_motion_of_an_upright_one(tilt: float) -> None:
    rotation, way = walker()
    level = predict(knowing(rotation, way), seen_by_upright_camera(rotation, way), camera_tilt_deg=0.0)
    # Into the frame of a camera that looks down, things ahead go up, which is -y.
    look_down = rotation_vector_to_matrix(torch.deg2rad(torch.tensor([tilt, 0.0, 0.0])))
    turned = torch.cat((look_down @ rotation[:, :1], rotation[:, 1:]), dim=1), way @ look_down.T
    assert turned[1][0, 1] * tilt < 0
    tilted = predict(knowing(*turned), seen_by_upright_camera(*turned), camera_tilt_deg=tilt)
    assert geodesic_angle(tilted.rotation, level.rotation).max() < 1e-3
    assert np.allclose(tilted.root_position, level.root_position, atol=0.02)
    found = [
        estimated_tilt_deg(seen.numpy(), motion.valid, 60.0)
        for seen, motion in ((turned[0], tilted), (rotation, level))
    ]
    assert found[0] - found[1] == pytest.approx(tilt, abs=0.5)
    assert found[1] == pytest.approx(0, abs=3)


def test_nothing_is_said_of_a_camera_before_somebody_who_does_not_stand() -> None:
    rotation, _ = walker()
    seen = np.ones(len(rotation), bool)
    sitting, lying = rotation.clone(), rotation.clone()
    sitting[:, JOINT_INDEX["RightLeg"]] = rotation_vector_to_matrix(torch.tensor([1.5, 0.0, 0.0]))
    lying[:, 0] = rotation_vector_to_matrix(torch.tensor([0.0, 0.0, 1.5])) @ lying[:, 0]
    assert estimated_tilt_deg(rotation.numpy(), seen, 60.0) is not None
    assert estimated_tilt_deg(sitting.numpy(), seen, 60.0) is None
    assert estimated_tilt_deg(lying.numpy(), seen, 60.0) is None
    assert estimated_tilt_deg(rotation[:20].numpy(), seen[:20], 60.0) is None


def test_a_gap_holds_the_last_pose_and_the_time_before_anybody_the_first() -> None:
    footage = clip_footage()
    footage = replace(footage, landmarks=footage.landmarks.copy())
    footage.landmarks[:5] = 0
    animation = predict(network(), footage)
    unseen = [*range(5), *range(60, 70)]
    assert np.flatnonzero(~animation.valid).tolist() == unseen
    for frame, held in [*((frame, 5) for frame in range(5)), *((frame, 59) for frame in range(60, 70))]:
        assert np.array_equal(animation.rotation[frame], animation.rotation[held])
        assert np.array_equal(animation.root_position[frame], animation.root_position[held])
    assert not np.array_equal(animation.rotation[70], animation.rotation[59])


def test_a_known_height_sizes_the_bones_and_the_way() -> None:
    rotation, way = walker()
    footage = seen_by_upright_camera(rotation, way)
    seen, tall = (predict(knowing(rotation, way), footage, subject_height_m=height) for height in (None, 2.1))
    upright = forward_kinematics(np.tile(np.eye(3), (21, 1, 1)), tall.offset)[0]
    height = upright[JOINT_INDEX["Head"], 1] + tall.end[0, 1] - upright[JOINT_INDEX["LeftFoot"], 1] - tall.end[4, 1]
    assert height == pytest.approx(2.1, abs=1e-5)
    assert standing_height() == pytest.approx(1.73, abs=0.01)
    scale = np.linalg.norm(tall.offset[5]) / np.linalg.norm(seen.offset[5])
    assert np.allclose(tall.root_position, scale * seen.root_position, atol=1e-4)


def test_a_field_of_view_is_that_of_an_uncalibrated_camera() -> None:
    footage = clip_footage()
    camera = Camera(
        fx=1.0, fy=1.0, cx=0.0, cy=0.0, width=1920, height=1080, rotation=torch.eye(3), translation=torch.zeros(3)
    )  # fmt: skip
    assert np.allclose(footage.intrinsics(50.0), camera.uncalibrated(50.0).intrinsics)
    assert np.allclose(footage.intrinsics(), camera.uncalibrated(70.0).intrinsics)
    upright = Footage(landmarks=footage.landmarks, width=1080, height=1920, fps=60.0)
    assert np.allclose(upright.intrinsics(), footage.intrinsics()[[1, 0, 3, 2]])


def test_the_field_of_view_of_an_upright_phone_is_that_of_the_same_lens() -> None:
    document = (Path(__file__).parent.parent / "docs" / "animators.md").read_text()
    ((sideways, upright),) = re.findall(r"about (\d+) held sideways, (\d+) upright", document)
    assert int(upright) == round(2 * math.degrees(math.atan(9 / 16 * math.tan(math.radians(int(sideways)) / 2))))


def test_fast_footage_is_seen_every_second_frame_and_comes_back_whole() -> None:
    footage = clip_footage(fps=120.0)
    animation = predict(network(), footage)
    coarse = predict(network(), Footage(landmarks=footage.landmarks[::2], width=1920, height=1080, fps=60.0))
    assert animation.fps == 120
    assert np.allclose(animation.rotation[::2], coarse.rotation, atol=1e-5)
    assert animation.valid.tolist() == footage.landmarks.any((-2, -1)).tolist()
    between = geodesic_angle(animation.rotation[1:-1:2], animation.rotation[:-2:2])
    whole = geodesic_angle(animation.rotation[2::2], animation.rotation[:-2:2])
    tracked = animation.valid[:-2:2] & animation.valid[2::2]
    assert np.allclose(between[tracked], whole[tracked] / 2, atol=2e-3)


@pytest.mark.parametrize("keep", [2, 3, 4])
def test_steady_motion_of_thinned_footage_is_steady_up_to_the_last_frame(keep: int) -> None:
    """After the last frame that is kept, others follow; the motion goes on through them while somebody is tracked."""
    frames = np.arange(2 * keep)
    turn = matrices(0.02 * frames[:, None, None] * np.linspace(-1, 1, 63).reshape(21, 3))
    way, valid = frames[:, None] * np.array([0.01, 0.0, -0.02]), np.ones(2, bool)
    track = Track(turn[::keep], way[::keep], valid, np.array([[0.1], [0.2]]) + np.zeros(21))
    landmarks = clip_footage().landmarks[: len(frames)].copy()
    whole = spread(track, keep, landmarks)
    np.testing.assert_allclose(whole.rotation, turn, atol=1e-6)
    np.testing.assert_allclose(whole.root_position, way, atol=1e-9)
    assert whole.deviation[:, 0].tolist() == [0.1] * keep + [0.2] * keep
    lost, found_anew = landmarks.copy(), landmarks.copy()
    lost[-1], found_anew[-1, :, TRACKED] = 0, 0
    for broken in (lost, found_anew):
        held = spread(track, keep, broken)
        assert np.array_equal(held.rotation[:-1], whole.rotation[:-1])
        assert np.array_equal(held.rotation[-1], held.rotation[keep])
    alone = spread(track.at(slice(1)), keep, landmarks[:keep])
    assert np.array_equal(alone.rotation, turn[np.zeros(keep, int)])


def test_slow_footage_is_filled_up_and_comes_back_as_it_was() -> None:
    asked = []

    def asking(landmarks: np.ndarray, intrinsics: np.ndarray, dt: float) -> Answer:
        asked.append((landmarks, dt))
        return network()(landmarks, intrinsics, dt)

    footage = clip_footage(fps=12.0)
    animation = predict(asking, footage)
    seen, dt = asked[0]
    assert (len(seen), dt) == (2 * len(footage.landmarks) - 1, 2.5)
    assert np.array_equal(seen[::2], footage.landmarks)
    assert np.allclose(seen[1, :, :TRACKED], footage.landmarks[:2, :, :TRACKED].mean(0))
    # Nobody is made up on the way into a gap, in it, and out of it.
    assert not seen[119:140].any()
    assert animation.valid.tolist() == footage.landmarks.any((-2, -1)).tolist()


def test_tables_hold_what_the_animation_holds(tmp_path: Path) -> None:
    animation = predict(network(), clip_footage())
    write_motion([tmp_path / "a.npz", tmp_path / "a.csv"], animation)
    arrays = np.load(tmp_path / "a.npz", allow_pickle=False)
    assert arrays["joint_names"].tolist() == list(JOINTS)
    assert arrays["parents"].tolist() == list(PARENTS)
    quaternion = arrays["local_quaternion"]
    assert geodesic_angle(quaternion_to_matrix(quaternion), animation.rotation).max() < 1e-3
    assert (quaternion[1:] * quaternion[:-1]).sum(-1).min() >= 0, "quaternions do not change sides"
    assert np.array_equal(arrays["valid"], animation.valid)
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == csv_columns()
    assert len(rows) == len(animation.valid)
    for name, joint in JOINT_INDEX.items():
        written = [float(rows[90][f"{name}_{part}"]) for part in ("x_m", "y_m", "z_m", "qx", "qy", "qz", "qw")]
        assert written == pytest.approx(
            [*arrays["joint_position"][90, joint], *quaternion[90, joint].tolist()], abs=1e-5
        )
    assert [row["valid"] for row in rows] == [str(int(valid)) for valid in animation.valid]
    assert float(rows[60]["time_s"]) == 1


def test_every_column_and_array_is_documented(tmp_path: Path) -> None:
    document = (Path(__file__).parent.parent / "docs" / "predict.md").read_text()
    write_motion([tmp_path / "a.npz"], predict(network(), clip_footage()))
    columns = {name.split("_", 1)[1] for name in csv_columns()[3:]}
    for name in (*csv_columns()[:3], *(f"JOINT_{column}" for column in columns), *np.load(tmp_path / "a.npz").files):
        assert f"`{name}`" in document, name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a checkpoint and landmark files of both layouts."""
    save_checkpoint(tmp_path / "models", checkpoint())
    known = clip_footage().landmarks
    np.save(tmp_path / "model_layout.npy", known)
    raw = np.zeros((len(known), len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
    kept = [RAW_LANDMARKS.index(name) for name in LANDMARKS]
    raw[:, kept, :3], raw[:, kept, 5:7], raw[:, kept, 8] = known[..., :3], known[..., 3:5], known[..., 5]
    raw[..., 4] = raw[..., 9] = known[:, :1, TRACKED]
    write_landmarks(tmp_path / "raw.npy", raw, Sidecar(width=1280, height=720, fps=30.0))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_command_writes_all_that_is_asked_for(folder: Path) -> None:
    code, printed, said = run("predict", "raw.npy", "-o", "a.bvh", "-o", "new/b.NPZ", "-o", "c.csv")
    assert (code, said) == (0, "")
    assert printed.splitlines()[0].startswith("camera: taken to look down by ")
    assert printed.splitlines()[1] == "a.bvh: 150 frames at 30 per second, 10 of them with nobody in view"
    assert read_bvh(folder / "a.bvh").frame_time == pytest.approx(1 / 30)
    assert {"a.bvh", "new/b.NPZ", "c.csv"} <= set(files(folder))
    assert np.load(folder / "new" / "b.NPZ")["joint_position"].shape == (150, 21, 3)


def test_a_tilt_that_nothing_tells_is_said_to_be_unknown(folder: Path) -> None:
    write_landmarks(folder / "short.npy", read_landmarks(folder / "raw.npy")[:14], Sidecar(fps=30.0))
    code, printed, said = run("predict", "short.npy", "-o", "a.npz")
    assert (code, said) == (0, "")
    assert printed.splitlines()[0] == (
        "camera: how far it looks down is unknown, as nobody stands straight for long enough, and taken for 0 degrees; "
        "if the person leans, give --camera-tilt"
    )
    assert np.load("a.npz")["camera_tilt_deg"] == 0
    _, printed, _ = run("predict", "short.npy", "-o", "a.npz", "--camera-tilt", 0)
    assert not printed.startswith("camera")


def test_a_tilt_is_known_that_is_given_or_that_somebody_who_stands_shows() -> None:
    rotation, way = walker()
    footage, sitting = seen_by_upright_camera(rotation, way), rotation.clone()
    sitting[:, JOINT_INDEX["RightLeg"]] = rotation_vector_to_matrix(torch.tensor([1.5, 0.0, 0.0]))
    assert predict(knowing(rotation, way), footage).camera_tilt_known
    assert predict(knowing(sitting, way), footage, camera_tilt_deg=0.0).camera_tilt_known
    unknown = predict(knowing(sitting, way), footage)
    assert (unknown.camera_tilt_deg, unknown.camera_tilt_known) == (0.0, False)


def test_a_prediction_asks_nobody_in_the_network(folder: Path) -> None:
    with network_use() as uses:
        code, _, said = run("predict", "raw.npy", "-o", "motion.html", "-o", "motion.glb")
    assert (code, said) == (0, "")
    assert uses == []


def test_causal_motion_does_not_know_what_comes(folder: Path) -> None:
    """Two frames with somebody are nobody where somebody is seen for longer, later: which is not known then."""
    raw = read_landmarks(folder / "raw.npy")
    raw[:15] = np.where(np.isin(np.arange(15), (5, 6))[:, None, None], raw[:15], 0)
    raw[5, :, [4, 9]] = raw[15, :, [4, 9]] = 0
    read = {}
    for frames in (15, 150):
        write_landmarks(folder / "cut.npy", raw[:frames], Sidecar(fps=30.0))
        for options in ((), ("--causal",)):
            code, _, said = run("predict", "cut.npy", "-o", "cut.csv", *options)
            assert code == 0, said
            with (folder / "cut.csv").open() as file:
                read[frames, options] = [
                    [row["valid"], *(value for name, value in row.items() if "_q" in name)]
                    for row in itertools.islice(csv.DictReader(file), 15)
                ]
    assert read[15, ("--causal",)] == read[150, ("--causal",)]
    assert read[15, ()] != read[150, ()]


@pytest.mark.parametrize("options", [("--subject-height", "1.8"), ("--causal",), ()])
def test_landmarks_that_lie_upon_each_other_are_somebody_of_usual_size(options: tuple[str, ...], folder: Path) -> None:
    raw = read_landmarks(folder / "raw.npy")
    raw[..., :3] = raw[..., 5:7] = 0.5
    write_landmarks(folder / "point.npy", raw, Sidecar(fps=30.0))
    code, _, said = run("predict", "point.npy", "-o", "point.npz", *options)
    assert code == 0, said
    assert np.isfinite(np.load(folder / "point.npz")["joint_position"]).all()


def test_moments_of_landmarks_are_a_picture(folder: Path) -> None:
    code, printed, said = run("predict", "raw.npy", "-o", "moments.png")
    assert (code, said) == (0, "")
    assert "moments.png: 150 frames at 30 per second" in printed
    with Image.open(folder / "moments.png") as picture:
        assert picture.size == (92 + 8 * 174, 58 + 2 * (20 + 2 * 206 + 6))
        assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 20


def test_both_layouts_give_the_same_motion(folder: Path) -> None:
    (folder / "model_layout.json").write_text((folder / "raw.json").read_text())
    for name in ("raw", "model_layout"):
        assert run("predict", f"{name}.npy", "-o", f"{name}.bvh", "--fps", "60")[0] == 0
    assert (folder / "raw.bvh").read_bytes() == (folder / "model_layout.bvh").read_bytes()


def test_what_is_taken_for_granted_without_a_sidecar_is_told(folder: Path) -> None:
    (folder / "raw.json").unlink()
    assumed = "no sidecar raw.json beside it, taken for 1920 x 1080 pixels"
    _, _, said = run("predict", "raw.npy", "-o", "a.bvh")
    assert said == f"blaze2cap predict: raw.npy: {assumed} at 60 frames/s\n"
    for name in ("raw", "model_layout"):
        _, _, said = run("predict", f"{name}.npy", "-o", "a.bvh", "--fps", 30)
        assert said == f"blaze2cap predict: raw.npy: {assumed}\n".replace("raw", name)


def test_a_sidecar_says_the_field_of_view(folder: Path) -> None:
    known = json.loads((folder / "raw.json").read_text())
    (folder / "raw.json").write_text(json.dumps(known | {"field_of_view_deg": 40.0}))
    assert read_footage(folder / "raw.npy").intrinsics()[0] == pytest.approx(0.5 / np.tan(np.radians(20)))
    (folder / "raw.json").write_text(json.dumps(known | {"field_of_view_deg": "wide"}))
    code, _, said = run("predict", "raw.npy", "-o", "a.bvh")
    assert code == 1
    assert "field_of_view_deg is 'wide'" in said


def _spoiled(folder: Path, name: str, change: object) -> str:
    landmarks = np.load(folder / name)
    np.save(folder / "spoiled.npy", change(landmarks))  # type: ignore[operator]
    return "spoiled.npy"


def _set(landmarks: np.ndarray, *index: object, value: float) -> np.ndarray:
    landmarks[index] = value
    return landmarks


def _flags(landmarks: np.ndarray) -> list[int]:
    return [TRACKED] if landmarks.shape[-1] == CHANNELS else [RAW_TRACKED, RAW_TRACKED_COPY]


def _screen_y(landmarks: np.ndarray) -> int:
    return (SCREEN if landmarks.shape[-1] == CHANNELS else RAW_SCREEN).stop - 1


FAULTS = {
    "nan": (lambda x: _set(x, 7, 3, 1, value=np.nan), "1 frames hold NaN or infinity, first frame 7"),
    "infinity": (lambda x: _set(x, slice(3, 5), 3, value=np.inf), "2 frames hold NaN or infinity, first frame 3"),
    "nobody": (lambda x: 0 * x, "nobody is detected in any of its 150 frames"),
    "shape": (lambda x: x[..., :5], r"expected landmarks of shape (frames, 33, 10) or (frames, 25, 7)"),
    "a frame": (lambda x: x[0], r"expected landmarks of shape (frames, 33, 10) or (frames, 25, 7)"),
    "no frames": (lambda x: x[:0], "frames"),
    "integers": (lambda x: x.astype(int), "float32"),
    "flag": (lambda x: _set(x, 4, slice(None), -1, value=0.5), "frame 4: the tracking flag"),
    "visibility": (lambda x: _set(x, 9, 3, -2, value=1.5), "visibility outside 0 to 1, first frame 9"),
    "pixels": (lambda x: _set(x, ..., _screen_y(x), value=540), "150 frames hold a screen position"),
    "flag alone": (lambda x: _set(_set(x, 5, value=0), 5, slice(None), _flags(x), value=1),
                   "all zeros but for the tracking flag, first frame 5"),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "layout"), [*itertools.product(FAULTS, ("raw.npy", "model_layout.npy"))])
def test_bad_landmarks_end_in_a_sentence_and_leave_nothing(fault: str, layout: str, folder: Path) -> None:
    change, told = FAULTS[fault]
    before = [*files(folder), "spoiled.npy"]
    code, printed, said = run("predict", _spoiled(folder, layout, change), "-o", "out/a.bvh", "--fps", 60)
    assert (code, printed) == (1, "")
    assert told in said
    assert said.count("\n") == 1
    assert files(folder) == sorted(before)
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("raw.npy", "-o", "a.fbx"), "a.fbx: cannot write .fbx; use .bvh, .glb, .npz, .csv, .html, .png, .mp4"),
        (("raw.npy", "-o", "a"), "cannot write a name without suffix"),
        (("raw.npy", "-o", "a.npz", "--skeleton", "vrm"), "--skeleton names the bones of .bvh and .glb files"),
        (("raw.npy", "-o", "a.npz", "--pose-model", "lite"), "--pose-model is for videos"),
        (("raw.npy", "-o", "a.npz", "--smooth", "--raw"), "--smooth and --raw: give one of the two"),
        (("raw.npy", "-o", "a.bvh", "-o", "models/../a.bvh"), "is named twice"),
        (("raw.npy", "-o", "folder.bvh"), "folder.bvh is a folder"),
        (("raw.npy", "-o", "raw.json/a.bvh"), "raw.json is a file"),
        (("none.npy", "-o", "a.bvh"), "none.npy: no such file"),
        (("raw.json", "-o", "a.bvh"), "expected a landmark file"),
        (("model_layout.npy", "-o", "a.bvh"), "give --fps"),
        (("raw.npy", "-o", "a.bvh", "--fps", "nan"), "frames per second"),
        (("raw.npy", "-o", "a.bvh", "--fps", "0"), "frames per second"),
        (("raw.npy", "-o", "a.bvh", "--fov", "190"), "the field of view is 190 degrees"),
        (("raw.npy", "-o", "a.bvh", "--subject-height", "178"), "the subject's height is 178 m"),
        (("raw.npy", "-o", "a.bvh", "--camera-tilt", "nan"), "the camera's tilt is nan degrees"),
        (("raw.npy", "-o", "a.bvh", "--checkpoint", "none"), "a checkpoint is a folder with model.safetensors"),
        (("raw.npy", "-o", "a.bvh", "--checkpoint", "old"), "checkpoint format 1"),
    ],
)
def test_bad_arguments_end_in_a_sentence_and_leave_nothing(arguments: tuple, told: str, folder: Path) -> None:
    (folder / "folder.bvh").mkdir()
    save_checkpoint(folder / "old", checkpoint())
    (folder / "old" / "model.json").write_text('{"format": 1}')
    before = files(folder)
    code, printed, said = run("predict", *arguments)
    assert (code, printed) == (1, "")
    assert told in said
    assert said.count("\n") == 1
    assert files(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_a_read_only_folder_ends_in_a_sentence(folder: Path) -> None:
    (folder / "locked").mkdir(mode=0o555)
    code, _, said = run("predict", "raw.npy", "-o", "locked/a.bvh")
    assert code == 1
    assert "read-only" in said


def test_a_full_disk_leaves_neither_of_two_outputs_and_the_earlier_one_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.bvh").write_text("of before")
    before = files(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    code, _, said = run("predict", "raw.npy", "-o", "a.bvh", "-o", "a.npz")
    assert code == 1
    assert "a.npz: cannot be written (No space left on device)" in said
    assert (folder / "a.bvh").read_text() == "of before"
    assert files(folder) == before


def test_real_landmarks_give_whole_files(totalcapture_root: Path, folder: Path) -> None:
    clip = totalcapture_root / "landmarks/S2/freestyle2/blaze_S2_freestyle2_cam1.npy"
    assert run("predict", clip, "-o", "a.bvh", "-o", "a.npz", "--camera-tilt", 20)[0] == 0
    read, arrays = read_bvh(folder / "a.bvh"), np.load(folder / "a.npz")
    position, _ = read.forward_kinematics()
    joints = [read.names.index(name) for name in JOINTS]
    assert np.abs(position[:, joints] / 100 - arrays["joint_position"]).max() < 1e-4
    head, hips = (arrays["joint_position"][:, JOINT_INDEX[name], 1] for name in ("Head", "Hips"))
    assert np.quantile(head - hips, 0.2) > 0.4
