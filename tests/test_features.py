"""The 18 features against a slow loop, their invariances, and zeros where there is nothing to compare."""

import torch

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.body.landmark import CHILD_OF, LANDMARK_INDEX, LANDMARKS, PARENT_OF
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.learning.base_pose import BasePose
from blaze2cap.learning.features import anchor_frames, detected_frames, landmark_features
from blaze2cap.learning.model_params import ModelParams

INTRINSICS = torch.tensor([ASSUMED_INTRINSICS])


def landmarks(frames: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.rand(1, frames, 25, 7, generator=generator)
    rows[..., 6] = 1
    return rows


def features(rows: torch.Tensor, frame: torch.Tensor | None = None, tracked: bool = True) -> torch.Tensor:
    frames = rows.shape[1] - 1
    frame = torch.eye(3).expand(1, frames, 3, 3) if frame is None else frame
    return landmark_features(rows, INTRINSICS, frame, torch.full((1, frames), tracked))


def test_features_equal_a_loop_over_landmarks() -> None:
    rows = landmarks(5)
    fast = features(rows)[0]
    focal, centre = INTRINSICS[0, :2], INTRINSICS[0, 2:]
    hips = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
    for t in range(1, 5):
        now, before = rows[0, t], rows[0, t - 1]
        for index, name in enumerate(LANDMARKS):
            world = now[:, :3] - now[hips, :3].mean(0)
            world_before = before[:, :3] - before[hips, :3].mean(0)
            image, image_before = (now[:, 3:5] - centre) / focal, (before[:, 3:5] - centre) / focal
            zero = torch.zeros(3)
            child = world[LANDMARK_INDEX[CHILD_OF[name]]] - world[index] if name in CHILD_OF else zero
            parent = world[index] - world[LANDMARK_INDEX[PARENT_OF[name]]] if name in PARENT_OF else zero
            slow = torch.cat(
                (
                    world[index], world[index] - world_before[index], child, parent,
                    image[index] - image[hips].mean(0), image[index] - image_before[index], now[index, 5:7],
                )
            )  # fmt: skip
            torch.testing.assert_close(fast[t - 1, index], slow, atol=1e-6, rtol=0)


def test_vectors_turned_with_the_frame_they_are_seen_in_stay_the_same() -> None:
    rows = landmarks(4)
    turn = rotation_vector_to_matrix(torch.tensor([0.3, -1.0, 0.5]))
    turned = rows.clone()
    turned[..., :3] = rows[..., :3] @ turn.mT
    torch.testing.assert_close(features(turned, turn.expand(1, 3, 3, 3)), features(rows), atol=1e-5, rtol=0)


def test_a_person_who_walks_across_the_image_shows_in_the_image_differences_only() -> None:
    rows = landmarks(1).expand(1, 3, 25, 7).clone()
    rows[:, 2, :, 3] += 0.1
    change = features(rows)[0, 1] - features(rows)[0, 0]
    assert change[:, 14].abs().min() > 0.1
    change[:, 14] = 0
    assert change.abs().max() < 1e-6


def test_differences_are_zero_where_not_tracked() -> None:
    untracked = features(landmarks(4), tracked=False)
    assert untracked[..., 3:6].abs().max() == 0
    assert untracked[..., 14:16].abs().max() == 0
    assert untracked[..., :3].abs().max() > 0


def test_an_anchor_is_detected_and_fresh_and_a_gap_is_neither() -> None:
    rows = landmarks(6)
    rows[0, 2] = 0
    rows[0, 5, :, 6] = 0
    detected, anchor = anchor_frames(torch.cat((torch.zeros(1, 1, 25, 7), rows), dim=1))
    assert detected_frames(rows)[0].tolist() == [True, True, False, True, True, True]
    assert detected[0].tolist() == [True, True, False, True, True, True]
    assert anchor[0].tolist() == [True, False, False, True, False, True]


def test_the_frame_of_the_network_turns_with_the_person() -> None:
    """As it is that of the hips; what the other joints do in it stays what it was."""
    rows = landmarks(6)
    turn = rotation_vector_to_matrix(torch.tensor([0.3, -1.0, 0.5]))
    turned = rows.clone()
    turned[..., :3] = rows[..., :3] @ turn.mT
    before, after = (BasePose.of(each, INTRINSICS, ModelParams()) for each in (rows, turned))
    torch.testing.assert_close(after.body, turn @ before.body, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.pose[:, :, 1:], before.pose[:, :, 1:], atol=1e-4, rtol=0)
    torch.testing.assert_close(after.at(slice(2, 4)).body, after.body[:, 2:4])
