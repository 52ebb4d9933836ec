"""Laws of the causal world: what a stream places in it agrees with the world of whole files, and never jumps."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from test_checkpoint import checkpoint
from test_predict import clip_footage, seen_by_upright_camera, walker
from torch import Tensor

from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.motion import root_deltas
from blaze2cap.body.root_position import root_position
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint
from blaze2cap.runtime.animation import standing_height
from blaze2cap.runtime.causal_prediction import predict_causally
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import RAW, Finishing, FinishingParams
from blaze2cap.runtime.footage import Footage, read_footage
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.prediction import predict
from blaze2cap.runtime.rotation import geodesic_angle
from blaze2cap.runtime.streamer import StreamedPose, Streamer
from blaze2cap.runtime.torch_network import TorchNetwork, solver

FPS = 60.0


def true_poses(rotation: Tensor, way: Tensor, footage: Footage) -> list[StreamedPose]:
    """A stream of somebody whose motion in the camera's frame is known."""
    delta, _ = root_deltas(way, rotation[:, 0], torch.zeros(len(way), dtype=torch.bool))
    image = root_position(torch.from_numpy(footage.landmarks), torch.from_numpy(footage.intrinsics()))
    parts = zip(rotation.numpy(), delta.numpy(), footage.landmarks, image.numpy(), strict=True)
    return [
        StreamedPose(frame / FPS, turned, moved, bool(seen.any()), np.full(21, 0.2), seen, place)
        for frame, (turned, moved, seen, place) in enumerate(parts)
    ]


def walking(frames: int = 200) -> list[StreamedPose]:
    rotation, way = walker(frames)
    return true_poses(rotation, way, seen_by_upright_camera(rotation, way))


def placed(world: CausalWorld, poses: list[StreamedPose]) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and places."""
    placed = [world.place(pose) for pose in poses]
    return np.stack([pose.rotation for pose in placed]), np.stack([pose.root_position for pose in placed])


def at(world: CausalWorld, rotation: np.ndarray, place: np.ndarray, name: str) -> np.ndarray:
    return forward_kinematics(rotation, world.offset, place)[0][:, JOINT_INDEX[name]]


def test_who_walks_goes_the_way_that_whole_files_show() -> None:
    rotation, way = walker(300)
    footage = seen_by_upright_camera(rotation, way)
    world = CausalWorld(camera_tilt_deg=0.0)
    turned, place = placed(world, true_poses(rotation, way, footage))
    whole = predict(solver(checkpoint().system()), footage, camera_tilt_deg=0.0)
    assert np.allclose(world.offset, whole.offset, atol=0.01)
    assert np.allclose(world.end, whole.end, atol=0.01)
    assert np.abs(place[0, [0, 2]]).max() < 1e-6
    moved = (way - way[0]).numpy() * [1.0, -1.0, -1.0]
    assert np.abs(place - moved)[:, [0, 2]].max() < 0.05
    assert (at(world, turned, place, "Head") - place)[:, 1].min() > 0.4
    assert (turned[:, 0, 2, 2] > 0.9).all(), "the hips face +z"


def test_nothing_later_changes_what_is_placed() -> None:
    poses = walking(80)
    ahead = [pose._replace(rotation=np.roll(pose.rotation, 1, axis=0)) for pose in poses[40:]]
    first, second = (placed(CausalWorld(), each)[1] for each in (poses, poses[:40] + ahead))
    assert np.array_equal(first[:40], second[:40])
    assert not np.array_equal(first[40:], second[40:])


def test_who_walks_walks_on_the_floor_and_who_jumps_leaves_it() -> None:
    rotation, way = walker(400)
    # Seen the lower the farther away, as by a camera whose tilt is not quite known, and one jump of half a second.
    way[:, 1] = 0.1 * way[:, 2]
    way[200:230, 1] -= 0.4 * torch.sin(torch.linspace(0, torch.pi, 30))
    world = CausalWorld(camera_tilt_deg=0.0)
    turned, place = placed(world, true_poses(rotation, way, seen_by_upright_camera(rotation, way)))
    ankle = np.minimum(at(world, turned, place, "RightFoot")[:, 1], at(world, turned, place, "LeftFoot")[:, 1])
    stands = np.ones(400, bool)
    stands[200:230] = False
    assert ankle[stands].min() > 0.02
    assert ankle[stands].max() < 0.12
    assert ankle[215] == pytest.approx(0.4 + ankle[199], abs=0.05)


@pytest.mark.parametrize("tilt", [-15.0, 20.0])
def test_a_tilted_camera_is_found_out_at_once_by_who_stands_and_gives_the_same_motion(tilt: float) -> None:
    rotation, way = walker(300)
    look_down = rotation_vector_to_matrix(torch.deg2rad(torch.tensor([tilt, 0.0, 0.0])))
    turned = torch.cat((look_down @ rotation[:, :1], rotation[:, 1:]), dim=1), way @ look_down.T
    poses = true_poses(*turned, seen_by_upright_camera(*turned))
    told, found = CausalWorld(camera_tilt_deg=tilt), CausalWorld()
    level = CausalWorld(camera_tilt_deg=0.0)
    assert (level.camera_tilt_known, found.camera_tilt_known) == (True, False)
    expected = placed(level, true_poses(rotation, way, seen_by_upright_camera(rotation, way)))
    got = placed(told, poses)
    assert geodesic_angle(got[0], expected[0]).max() < 1e-3
    assert np.allclose(got[1], expected[1], atol=0.05)
    # This person's ankles are a little before or behind the neck.
    assert geodesic_angle(placed(found, poses)[0], expected[0]).max() < math.radians(5)
    assert found.camera_tilt_deg == pytest.approx(tilt, abs=3)


def test_who_stands_up_later_is_straightened_slowly() -> None:
    rotation, way = walker(600)
    look_down = rotation_vector_to_matrix(torch.deg2rad(torch.tensor([20.0, 0.0, 0.0])))
    rotation[:, 0] = look_down @ rotation[:, 0]
    rotation[:120, JOINT_INDEX["RightLeg"]] = rotation_vector_to_matrix(torch.tensor([1.5, 0.0, 0.0]))
    world, tilts, known = CausalWorld(), [], []
    for pose in true_poses(rotation, way, seen_by_upright_camera(rotation, way)):
        world.place(pose)
        tilts.append(world.camera_tilt_deg)
        known.append(world.camera_tilt_known)
    assert tilts[119] == 0
    assert known == [False] * 120 + [True] * 480
    assert tilts[-1] == pytest.approx(20, abs=3)
    assert max(abs(b - a) for a, b in pairwise(tilts)) < 6.1 / FPS


def test_bones_stand_after_the_first_seconds() -> None:
    world, bones = CausalWorld(camera_tilt_deg=0.0), []
    for pose in walking(400):
        # Somebody who is seen larger and larger.
        world.place(pose._replace(landmarks=pose.landmarks * np.float32(1 + 0.2 * pose.time_s)))
        bones.append(float(np.linalg.norm(world.offset)))
    assert len(set(bones[301:])) == 1
    assert len(set(bones[:300])) > 100
    assert max(abs(b / a - 1) for a, b in pairwise(bones[60:])) < 2e-3


def test_a_known_height_sizes_the_bones_from_the_start_and_the_way() -> None:
    seen, tall = CausalWorld(camera_tilt_deg=0.0), None
    poses = walking(400)
    _, place = placed(seen, poses)
    tall = CausalWorld(camera_tilt_deg=0.0, subject_height_m=2.1)
    assert tall.size == pytest.approx(2.1 / standing_height())
    before = tall.offset
    _, tall_place = placed(tall, poses)
    assert np.array_equal(tall.offset, before)
    scale = tall.size / seen.size
    assert np.allclose(tall_place[-1] - tall_place[350], scale * (place[-1] - place[350]), atol=1e-3)


def test_gaps_hold_the_last_pose_and_before_anybody_a_t_pose_stands_on_the_floor() -> None:
    poses = walking(60)
    nobody = np.zeros((25, 7), np.float32)
    for frame in [*range(5), *range(30, 40)]:
        poses[frame] = poses[frame]._replace(valid=False, landmarks=nobody, delta_position=np.zeros(3))
    world = CausalWorld(camera_tilt_deg=0.0)
    got = [world.place(pose) for pose in poses]
    assert [pose.valid for pose in got] == [False] * 5 + [True] * 25 + [False] * 10 + [True] * 20
    assert np.array_equal(got[0].rotation, np.tile(np.eye(3), (21, 1, 1)))
    assert 0.8 < got[0].root_position[1] < 1
    for pose, other in zip(got[30:40], poses[30:40], strict=True):
        assert np.array_equal(pose.rotation, got[29].rotation)
        assert np.array_equal(pose.root_position, got[29].root_position)
        assert pose.time_s == other.time_s


def test_an_answer_given_twice_is_placed_once() -> None:
    once, twice = (CausalWorld(camera_tilt_deg=0.0) for _ in range(2))
    for pose in walking(50):
        first = twice.place(pose)
        assert twice.place(pose) is first
        assert np.array_equal(once.place(pose).root_position, first.root_position)


@pytest.mark.parametrize(("apart_m", "jumps"), [(0.3, False), (2.0, True)])
def test_who_is_anchored_anew_nearby_goes_on_and_who_appears_elsewhere_is_there(apart_m: float, jumps: bool) -> None:
    rotation, way = walker(100)
    way = way[:1].repeat(100, 1)
    # To the side, which the image shows.
    elsewhere = way.clone()
    elsewhere[50:, 0] += apart_m
    seen = seen_by_upright_camera(rotation, elsewhere)
    seen.landmarks[50, :, TRACKED] = 0
    _, place = placed(CausalWorld(camera_tilt_deg=0.0), true_poses(rotation, way, seen))
    step = np.linalg.norm(place[50] - place[49])
    assert step == pytest.approx(apart_m, abs=0.05) if jumps else step < 0.05
    assert (place[99] - place[49])[0] == pytest.approx(apart_m, abs=0.05)


def test_reset_forgets_the_person_and_the_camera() -> None:
    world, poses = CausalWorld(), walking(60)
    first = placed(world, poses)
    world.reset()
    again = placed(world, poses)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_a_world_does_not_grow() -> None:
    world, poses = CausalWorld(), walking(100)
    held = 0
    for lap in range(6):
        for pose in poses:
            world.place(pose._replace(time_s=pose.time_s + 100 / FPS * lap))
        leaves, _ = torch.utils._pytree.tree_flatten({**vars(world), "_floor": list(world._floor._lowest)})
        assert lap < 3 or len(leaves) <= held
        held = max(held, len(leaves))
    assert len(world._floor._lowest) <= 0.7 * FPS + 2


@pytest.mark.parametrize("given", [{"camera_tilt_deg": float("nan")}, {"subject_height_m": 178.0}])
def test_impossible_tilts_and_heights_end_in_a_sentence(given: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected"):
        CausalWorld(**given)


def batch(saved: Checkpoint, footage: Footage, params: FinishingParams) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The network over the whole clip at once, then the world and finishing frame by frame."""
    answer = solver(saved.system())(footage.landmarks, footage.intrinsics(), 60 / footage.fps)
    world, poses, sizes = CausalWorld(), [], []
    finishing = Finishing(world.offset, params)
    for frame, landmarks in enumerate(footage.landmarks):
        valid, image = bool(answer.valid[frame]), answer.image_position[frame]
        moved, deviation = answer.delta_position[frame], answer.deviation[frame]
        pose = StreamedPose(
            frame / footage.fps, answer.rotation[frame], moved, valid, deviation, landmarks, image
        )  # fmt: skip
        placed = world.place(pose)
        finishing.resize(world.offset)
        poses.append(finishing.step(placed))
        sizes.append(world.size)
    scale = world.size / np.array(sizes)[:, None]
    return (
        np.stack([pose.rotation for pose in poses]),
        np.stack([pose.root_position for pose in poses]) * scale,
        np.array([pose.valid for pose in poses]),
    )


@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("params", [RAW, FinishingParams(low_pass=True)], ids=["raw", "finished"])
def test_a_stream_gives_the_animation_of_the_whole_clip(delay: int, params: FinishingParams) -> None:
    saved = checkpoint(delay_frames=delay)
    footage = Footage(landmarks=clip_footage().landmarks[:90].copy(), width=1920, height=1080, fps=30.0)
    footage.landmarks[-3:] = 0
    streamed = predict_causally(TorchNetwork(saved.model, record=False), footage, params=params)
    rotation, place, valid = batch(saved, footage, params)
    assert np.array_equal(streamed.valid, valid)
    # Finishing decides by thresholds, and differences of the network's last digits pass through it.
    tolerance = 1e-5 if params is RAW else 1e-4
    np.testing.assert_allclose(streamed.rotation, rotation, atol=tolerance)
    np.testing.assert_allclose(streamed.root_position, place, atol=1e-4)


def test_the_last_frame_of_a_fast_video_goes_on_from_those_that_are_answered() -> None:
    """Frames 0, 2, 4 and 6 of 8 are answered; the last one has nobody after it who would be, and is tracked."""
    network, footage = TorchNetwork(checkpoint().model, record=False), clip_footage(fps=120.0)
    footage = Footage(landmarks=footage.landmarks[:8].copy(), width=1920, height=1080, fps=120.0)
    animation = predict_causally(network, footage)
    turn = animation.rotation[5].mT @ animation.rotation[6]
    assert np.abs(turn - np.eye(3)).max() > 1e-4
    np.testing.assert_allclose(animation.rotation[7], animation.rotation[6] @ turn, atol=1e-5)
    way = animation.root_position[6] - animation.root_position[5]
    np.testing.assert_allclose(animation.root_position[7], animation.root_position[6] + way, atol=1e-6)
    footage.landmarks[7] = 0
    held = predict_causally(network, footage)
    assert np.array_equal(held.rotation[:7], animation.rotation[:7])
    assert np.array_equal(held.rotation[7], held.rotation[6])


@pytest.mark.parametrize("fps", [30.0, 120.0])
@pytest.mark.parametrize("params", [RAW, FinishingParams()], ids=["raw", "finished"])
def test_the_time_before_anybody_is_seen_has_the_first_pose(params: FinishingParams, fps: float) -> None:
    footage = clip_footage(fps=fps)
    footage.landmarks[:9] = 0
    footage.landmarks[9, :, TRACKED] = 0
    animation = predict_causally(TorchNetwork(checkpoint().model, record=False), footage, params=params)
    first = int(animation.valid.argmax())
    assert first == (9 if fps < 60 else 10)
    assert geodesic_angle(animation.rotation[first], np.tile(np.eye(3), (21, 1, 1))).max() > 0.1, "no T-pose"
    for frame in range(first):
        assert np.array_equal(animation.rotation[frame], animation.rotation[first])
        assert np.array_equal(animation.root_position[frame], animation.root_position[first])
        assert np.array_equal(animation.deviation[frame], animation.deviation[first])


def test_nobody_is_in_view_of_a_fast_video_where_nobody_is_detected() -> None:
    """Of 240 frames a second every fourth is answered; who is lost right after one is lost then."""
    footage = clip_footage(fps=240.0)
    footage.landmarks[21:38] = 0
    footage.landmarks[38, :, TRACKED] = 0
    animation = predict_causally(TorchNetwork(checkpoint().model, record=False), footage, params=FinishingParams())
    assert not animation.valid[21:38].any()
    assert animation.valid[[20, 40]].all()
    for frame in range(21, 38):
        assert np.array_equal(animation.rotation[frame], animation.rotation[20])


@pytest.mark.parametrize("low_pass", [False, True])
def test_the_documented_loop_over_a_fast_camera_is_the_causal_prediction(low_pass: bool) -> None:
    """Above 60 frames per second answers come twice; the prediction leaves the second ones out."""
    document = (Path(__file__).parent.parent / "docs" / "motion_quality.md").read_text()
    start = document.index("for landmarks, time_s in frames:")
    loop = compile(document[start : document.index("```", start)] + "    poses.append(pose)\n", "loop", "exec")
    network, footage = TorchNetwork(checkpoint().model, record=False), clip_footage(fps=120.0)
    world, params = CausalWorld(), FinishingParams(low_pass=low_pass)
    names = {
        "frames": [(landmarks, frame / 120) for frame, landmarks in enumerate(footage.landmarks)],
        "streamer": Streamer(network, footage.intrinsics(), fps=120.0),
        "world": world,
        "finishing": Finishing(world.offset, params),
        "poses": [],
    }
    exec(loop, names)
    expected = predict_causally(network, footage, params=params)
    assert len(names["poses"]) == len(footage.landmarks)
    got = np.stack([pose.rotation for pose in names["poses"]])
    np.testing.assert_allclose(got[::2], expected.rotation[::2], atol=1e-6)
    assert np.array_equal(got[1::2], got[::2])


@pytest.mark.parametrize(("fps", "delay"), [(120.0, 0), (120.0, 2), (10.0, 0), (10.0, 3)])
def test_every_frame_of_any_rate_is_answered_in_order(fps: float, delay: int) -> None:
    saved, footage = checkpoint(delay_frames=delay), clip_footage(fps=fps)
    footage = Footage(landmarks=footage.landmarks[:40], width=1920, height=1080, fps=fps)
    animation = predict_causally(TorchNetwork(saved.model, record=False), footage, camera_tilt_deg=0.0)
    whole = predict(solver(saved.system()), footage, camera_tilt_deg=0.0)
    assert len(animation.rotation) == len(animation.deviation) == 40
    assert animation.fps == fps
    tracked = whole.valid & animation.valid
    assert tracked.mean() > 0.9
    # Interpolated or not, the pose is the network's, a few frames after the start.
    apart = geodesic_angle(animation.rotation[:, 1:], whole.rotation[:, 1:])[tracked][5:]
    assert apart.mean() < 0.03
    assert np.isfinite(animation.root_position).all()


def test_real_clips_stand_upright_and_on_the_floor(totalcapture_root: Path) -> None:
    footage = read_footage(totalcapture_root / "landmarks/S2/freestyle2/blaze_S2_freestyle2_cam1.npy")
    footage = Footage(landmarks=footage.landmarks[:150], width=1920, height=1080, fps=60.0)
    animation = predict_causally(TorchNetwork(checkpoint().model, record=False), footage)
    joints = animation.joint_positions()
    assert 5 < animation.camera_tilt_deg < 40
    assert np.median(joints[:, JOINT_INDEX["Head"], 1] - joints[:, 0, 1]) > 0.4
    assert -0.1 < np.median(joints[..., 1].min(1)) < 0.15
