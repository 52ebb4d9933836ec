"""Augmentation keeps landmarks, camera and truth of a window consistent."""

import numpy as np
import pytest
import torch
from tiny import tiny_clipset

from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LANDMARKS, SCREEN, WORLD, indices
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, joint_of_landmark
from blaze2cap.data.windows import Batch, Windows
from blaze2cap.learning.augment import AugmentParams, add_noise, augment, drop_landmarks, mirror, turn_camera
from blaze2cap.learning.features import hip_centre

LIMBS = [name for name in LANDMARKS if name.endswith(("elbow", "wrist", "knee", "ankle"))]


def batch() -> Batch:
    return Windows(tiny_clipset(), ["S1/freestyle1", "S2/freestyle2"], window=12).draw(6, 0.3, np.random.default_rng(0))


def seen_and_true(batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Limb vectors in the camera's frame and image positions, as detected and as the truth has them."""
    position, _ = forward_kinematics(batch.rotation, batch.offset[:, None], batch.root_position)
    joints = [JOINT_INDEX[joint_of_landmark(name)] for name in LIMBS]
    turn = ray_rotation(viewing_ray(hip_centre(batch.landmarks), batch.intrinsics[:, None]))
    world = batch.landmarks[..., WORLD] @ turn.mT
    pairs = indices(*LIMBS)
    focal, centre = batch.intrinsics[:, None, None, :2], batch.intrinsics[:, None, None, 2:]
    true_screen = position[..., joints, :2] / position[..., joints, 2:] * focal + centre
    detected = world[..., pairs, :] - world[..., pairs[:1], :]
    true = position[..., joints, :] - position[..., joints[:1], :]
    return detected, true, batch.landmarks[..., pairs, SCREEN], true_screen


def assert_consistent(batch: Batch) -> None:
    """Landmarks lie where the truth is, but for the places of joints inside the body."""
    detected, true, screen, true_screen = seen_and_true(batch)
    assert (detected - true)[batch.inside].norm(dim=-1).median() < 0.05
    assert (screen - true_screen)[batch.inside].norm(dim=-1).median() < 0.01


def test_the_tiny_data_set_is_consistent_to_begin_with() -> None:
    assert_consistent(batch())


def test_a_mirrored_batch_is_consistent_and_mirroring_twice_is_nothing() -> None:
    original = batch()
    assert_consistent(mirror(original))
    for a, b in zip(mirror(mirror(original)), original, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_a_turned_camera_sees_a_consistent_scene_and_can_be_turned_back() -> None:
    original = batch()
    turn = rotation_vector_to_matrix(torch.tensor([0.1, -0.2, 0.3])).expand(6, 3, 3)
    turned = turn_camera(original, turn)
    assert_consistent(turned)
    assert (turned.landmarks - original.landmarks)[turned.inside].abs().max() > 0.05
    for a, b in zip(turn_camera(turned, turn.mT), original, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_a_roll_of_the_camera_rolls_world_landmarks() -> None:
    original = batch()
    roll = rotation_vector_to_matrix(torch.tensor([0.0, 0.0, 0.5])).expand(6, 3, 3)
    rolled = turn_camera(original, roll).landmarks[..., WORLD]
    torch.testing.assert_close(rolled, original.landmarks[..., WORLD] @ roll[:, None].mT, atol=1e-6, rtol=0)


def test_frames_with_nobody_stay_empty() -> None:
    original = batch()
    landmarks = original.landmarks.clone()
    landmarks[:, 3] = 0
    everything = AugmentParams(mirror=1.0, roll_deg=10.0, noise_mm=5.0, dropout=0.2)
    augmented = augment(original._replace(landmarks=landmarks), everything, torch.Generator().manual_seed(0))
    assert augmented.landmarks[:, 3].abs().max() == 0
    assert augmented.landmarks[:, 4].abs().max() > 0


def test_noise_and_drop_out_have_their_strength() -> None:
    original = batch()
    generator = torch.Generator().manual_seed(1)
    inside = original.inside
    noise = (add_noise(original, 10.0, generator).landmarks - original.landmarks)[inside][..., WORLD]
    assert abs(noise.std() - 0.010) < 0.001
    dropped = drop_landmarks(original, 0.5, generator).landmarks[inside]
    assert 0.3 < (dropped[..., WORLD] == 0).all(-1).float().mean() < 0.6


def test_switched_off_augmentation_changes_nothing() -> None:
    off = AugmentParams(mirror=0.0, roll_deg=0.0, pitch_deg=0.0, yaw_deg=0.0)
    original = batch()
    assert augment(original, off, torch.Generator()) is original


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("mirror", 1),
        ("dropout", 1),
        ("stride", 1),
        ("noise_mm", 1000),
        ("roll_deg", 45),
        ("pitch_deg", 45),
        ("yaw_deg", 45),
    ],
)
def test_a_strength_is_refused_from_above_its_most(key: str, most: int) -> None:
    AugmentParams(**{key: float(most)})
    with pytest.raises(ValueError, match=rf"^{key} is .*, expected 0 to {most}$"):
        AugmentParams(**{key: most + 0.5})
