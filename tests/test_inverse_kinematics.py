"""Laws of the analytic pose: a rotation everywhere, equivariant, differentiable, true to what the landmarks show."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import cameras, tiny_clipset
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.inverse_kinematics import analytic_pose
from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, mirror_pose
from blaze2cap.body.landmark import KEPT_FROM_RAW, KEPT_RAW_CHANNELS, SCREEN, VISIBILITY, WORLD, indices
from blaze2cap.body.root_position import root_position
from blaze2cap.body.rotation import matrix_to_rotation_vector, quaternion_to_matrix, rotation_vector_to_matrix
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, read_landmarks, vicon_folder
from blaze2cap.data.vicon import read_vicon

HIPS = indices("left_hip", "right_hip")


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    return tiny_clipset(("S1/freestyle1",))


def random_world(*batch: int, seed: int = 0) -> Tensor:
    """Landmarks without any order [m], the hips' middle at the origin."""
    world = 0.4 * torch.randn(*batch, 25, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return world - world[..., HIPS, :].mean(-2, keepdim=True)


def pose(world: Tensor) -> Tensor:
    return analytic_pose(world, torch.ones_like(world[..., 0]))


def at_one_point(world: Tensor) -> Tensor:
    return torch.zeros_like(world)


def on_one_line(world: Tensor) -> Tensor:
    return world * world.new_tensor([0.0, 1.0, 0.0])


def in_one_plane(world: Tensor) -> Tensor:
    return world * world.new_tensor([1.0, 1.0, 0.0])


def without_arms(world: Tensor) -> Tensor:
    folded = world.clone()
    for side in ("left", "right"):
        arm = indices(*(f"{side}_{part}" for part in ("elbow", "wrist", "index", "pinky", "thumb")))
        folded[..., arm, :] = world[..., indices(f"{side}_shoulder"), :]
    return folded


def with_the_right_arm_to_the_left(world: Tensor) -> Tensor:
    """Opposite to where the arm lies at rest: the smallest rotation is not defined."""
    _, rotation = forward_kinematics(pose(world), torch.zeros(21, 3, dtype=world.dtype))
    turned = world.clone()
    shoulder, elbow = indices("right_shoulder", "right_elbow")
    turned[:, elbow] = world[:, shoulder] - 0.3 * rotation[:, skeleton.JOINT_INDEX["Spine3"], :, 0]
    return turned


DEGENERATE = (at_one_point, on_one_line, in_one_plane, without_arms, with_the_right_arm_to_the_left)


@pytest.mark.parametrize("make", [lambda world: world, *DEGENERATE])
def test_every_pose_is_made_of_rotations(make: Callable[[Tensor], Tensor]) -> None:
    rotation = pose(make(random_world(50)))
    identity = torch.eye(3, dtype=torch.float64).expand_as(rotation)
    torch.testing.assert_close(rotation.mT @ rotation, identity, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones_like(rotation[..., 0, 0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("make", DEGENERATE)
def test_gradients_are_finite_where_landmarks_say_nothing(make: Callable[[Tensor], Tensor]) -> None:
    world = make(random_world(20).float()).detach().requires_grad_()
    weight = torch.randn(20, 21, 3, 3, generator=torch.Generator().manual_seed(1))
    (pose(world) * weight).sum().backward()
    assert world.grad is not None
    assert world.grad.isfinite().all()


def test_gradients_are_those_of_the_pose() -> None:
    world = random_world(5).requires_grad_()
    assert torch.autograd.gradcheck(pose, (world,), fast_mode=True)


def test_a_frame_of_zeros_is_one_upright_pose_that_faces_the_camera() -> None:
    rotation = pose(torch.zeros(3, 25, 3))
    root = rotation[0, 0]
    assert torch.equal(rotation[0], rotation[2])
    assert root[:, 2].tolist() == [0, 1, 0]  # the body's down is the image's
    assert root[:, 1].tolist() == [0, 0, 1]  # its back is away from the camera
    assert torch.equal(rotation[0, 1:], torch.eye(3).expand(20, 3, 3))


def test_turning_the_landmarks_turns_the_root_alone() -> None:
    """A rolled camera, or any other frame for the same landmarks, shows the same body."""
    world = random_world(50)
    turn = rotation_vector_to_matrix(torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64))
    before, after = pose(world), pose(world @ turn.mT)
    torch.testing.assert_close(after[:, 0], turn @ before[:, 0])
    torch.testing.assert_close(after[:, 1:], before[:, 1:])


def test_the_mirrored_landmarks_have_the_mirrored_pose() -> None:
    world = random_world(50)
    mirrored = world[:, landmark.MIRROR] * world.new_tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(pose(mirrored), mirror_pose(pose(world)))


def test_size_and_place_of_the_body_do_not_matter() -> None:
    world = random_world(50)
    torch.testing.assert_close(pose(1.7 * world + 0.5), pose(world))


def test_each_frame_stands_alone_in_any_leading_dimensions() -> None:
    world = random_world(2, 3)
    assert torch.equal(pose(world)[1, 2], pose(world[1, 2]))


def test_limbs_point_where_the_landmarks_are() -> None:
    """Forward kinematics of unit bones along the limbs gives the directions from landmark to landmark back."""
    world = random_world(50)
    _, rotation = forward_kinematics(pose(world), torch.zeros(21, 3, dtype=torch.float64))
    for start, end, joint, axis in (
        ("right_shoulder", "right_elbow", "RightArm", [1, 0, 0]),
        ("left_elbow", "left_wrist", "LeftForeArm", [-1, 0, 0]),
        ("right_hip", "right_knee", "RightUpLeg", [0, 0, 1]),
        ("left_knee", "left_ankle", "LeftLeg", [0, 0, 1]),
        ("left_heel", "left_foot_index", "LeftFoot", [0, -1, 0]),
    ):
        first, second = indices(start, end)
        seen = torch.nn.functional.normalize(world[:, second] - world[:, first], dim=-1)
        found = rotation[:, skeleton.JOINT_INDEX[joint]] @ torch.tensor(axis, dtype=torch.float64)
        torch.testing.assert_close(found, seen, msg=joint)


def test_elbows_and_knees_bend_the_way_they_do() -> None:
    """Upright, forearms raised forwards and shins backwards: right elbow about -z, left about z, knees about -x."""
    body = {
        "shoulder": (-0.2, -0.5, 0.0), "elbow": (-0.2, -0.2, 0.0), "wrist": (-0.2, -0.2, -0.25),
        "hip": (-0.1, 0.0, 0.0), "knee": (-0.1, 0.4, 0.0), "ankle": (-0.1, 0.45, 0.4),
        "heel": (-0.1, 0.4, 0.45), "foot_index": (-0.1, 0.65, 0.45), "ear": (-0.07, -0.7, 0.0),
    }  # fmt: skip
    world = torch.zeros(25, 3)
    world[indices("nose")] = torch.tensor([0.0, -0.7, -0.1])
    for part, (x, y, z) in body.items():
        world[indices(f"right_{part}")] = torch.tensor([x, y, z])
        world[indices(f"left_{part}")] = torch.tensor([-x, y, z])
    turn = dict(zip(skeleton.JOINTS, matrix_to_rotation_vector(pose(world)), strict=True))
    right_angle = torch.pi / 2
    torch.testing.assert_close(turn["RightForeArm"], torch.tensor([0.0, 0.0, -right_angle]), atol=1e-3, rtol=0)
    torch.testing.assert_close(turn["LeftForeArm"], torch.tensor([0.0, 0.0, right_angle]), atol=1e-3, rtol=0)
    for side in ("Right", "Left"):
        torch.testing.assert_close(turn[f"{side}Leg"][1:], torch.zeros(2), atol=1e-3, rtol=0)
        assert -1.6 < turn[f"{side}Leg"][0] < -1.3


def test_exact_landmarks_give_nearly_the_true_pose(clipset: ClipSet) -> None:
    """In the camera's frame, with the viewing ray undone; what is left are the joints that no landmark shows."""
    clip = "S1/freestyle1/cam1"
    seen, truth = clipset.clip_landmarks(clip), clipset.clip_truth(clip)
    rotation = pose(seen[..., WORLD])
    ray = viewing_ray(seen[:, HIPS, SCREEN].mean(1), cameras()["1"].intrinsics)
    rotation = torch.cat((ray_rotation(ray)[:, None] @ rotation[:, :1], rotation[:, 1:]), dim=1)
    found, _ = forward_kinematics(rotation, truth.offset)
    true, _ = forward_kinematics(truth.rotation, truth.offset)
    assert 1000 * (found - true).norm(dim=-1).mean() < 60


def test_root_position_is_exact_for_exact_landmarks(clipset: ClipSet) -> None:
    """The middle of the hips of a body that a perspective camera sees without error."""
    seen = clipset.clip_landmarks("S1/freestyle1/cam1")
    intrinsics = cameras()["1"].intrinsics
    found = root_position(seen, intrinsics)
    rotation = ray_rotation(viewing_ray(seen[:, HIPS, SCREEN].mean(1), intrinsics))
    point = seen[..., WORLD] @ rotation.mT + found[:, None]
    again = point[..., :2] / point[..., 2:] * intrinsics[:2] + intrinsics[2:]
    torch.testing.assert_close(again, seen[..., SCREEN], atol=2e-3, rtol=0)


def test_root_position_grows_with_the_body_and_heeds_visibility(clipset: ClipSet) -> None:
    """Twice as large at the same size in the image is twice as far; a landmark that is not seen has no say."""
    seen = clipset.clip_landmarks("S1/freestyle1/cam1")
    intrinsics = cameras()["1"].intrinsics
    twice, wrong, unseen = seen.clone(), seen.clone(), seen.clone()
    twice[..., WORLD] *= 2
    (wrist,) = indices("left_wrist")
    wrong[:, wrist, WORLD] += 1
    wrong[:, wrist, VISIBILITY] = 0
    unseen[:, wrist, VISIBILITY] = 0
    torch.testing.assert_close(root_position(twice, intrinsics), 2 * root_position(seen, intrinsics), atol=1e-3, rtol=0)
    torch.testing.assert_close(root_position(wrong, intrinsics), root_position(unseen, intrinsics))


def test_root_position_without_anybody_is_finite_and_in_front() -> None:
    landmarks = torch.zeros(2, 25, 7, requires_grad=True)
    position = root_position(landmarks, torch.tensor([0.7, 1.2, 0.5, 0.5]))
    position.sum().backward()
    assert position.isfinite().all()
    assert (position[..., 2] > 0).all()
    assert landmarks.grad is not None
    assert landmarks.grad.isfinite().all()


@pytest.mark.parametrize("take", ["S1/freestyle1", "S2/freestyle2"])
def test_real_detections_give_a_pose_and_a_place(totalcapture_root: Path, take: str) -> None:
    """On real takes the pose is within 120 mm with the true bones, and the distance within 10 % on average."""
    clip = ClipName.parse(next(totalcapture_root.glob(f"landmarks/{take}/*_cam1.npy")))
    raw = read_landmarks(totalcapture_root / clip.landmark_file)
    vicon = read_vicon(totalcapture_root / vicon_folder(take))
    camera = read_calibration(totalcapture_root / CALIBRATION_FILE)["1"]
    frames = min(len(raw), len(vicon.position))
    seen = torch.from_numpy(np.ascontiguousarray(raw[:frames, KEPT_FROM_RAW][:, :, KEPT_RAW_CHANNELS]))
    detected = (seen != 0).flatten(1).any(1)
    position = camera.to_camera(torch.from_numpy(vicon.position[:frames]))[detected]
    turn = quaternion_to_matrix(torch.from_numpy(vicon.quaternion[:frames]))
    offset, _ = bone_offsets(torch.from_numpy(vicon.position[:frames]), turn)
    rotation = pose(seen[detected][..., WORLD])
    ray = ray_rotation(viewing_ray(seen[detected][:, HIPS, SCREEN].mean(1), camera.intrinsics))
    rotation = torch.cat((ray[:, None] @ rotation[:, :1], rotation[:, 1:]), dim=1)
    found, _ = forward_kinematics(rotation, offset.float())
    assert 1000 * (found - (position - position[:, :1])).norm(dim=-1).mean() < 120
    distance = root_position(seen[detected], camera.intrinsics)[:, 2]
    assert (distance / position[:, 0, 2] - 1).abs().mean() < 0.1
