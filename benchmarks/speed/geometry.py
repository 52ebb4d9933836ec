"""Forward kinematics and the 18 features, each beside the same joint by joint and landmark by landmark."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import (
    CHILD_OF,
    LANDMARK_INDEX,
    PARENT_OF,
    SCREEN,
    TRACKED,
    VISIBILITY,
    WORLD,
)
from blaze2cap.body.rotation import rotation_6d_to_matrix
from blaze2cap.body.skeleton import PARENTS
from blaze2cap.learning.features import FEATURES, landmark_features
from speed.claim import HotPath, rate, ratio
from speed.rounds import Case, Seconds, in_turns
from speed.workplace import Workplace

FRAMES = 4096


def measure_kinematics(workplace: Workplace) -> Seconds:
    """Positions and their gradient, 4,096 frames."""
    generator = torch.Generator().manual_seed(0)
    local = rotation_6d_to_matrix(torch.randn(FRAMES, len(PARENTS), 6, generator=generator)).requires_grad_()
    offset = torch.randn(len(PARENTS), 3, generator=generator)
    for mine, plain in zip(forward_kinematics(local, offset), joint_by_joint(local, offset), strict=True):
        torch.testing.assert_close(mine, plain, atol=1e-4, rtol=1e-4)

    def forward_backward(function):
        def run() -> None:
            local.grad = None
            position, rotation = function(local, offset)
            (position.square().sum() + rotation[..., 0].sum()).backward()

        return Case(run, FRAMES)

    return in_turns(
        {"levels": forward_backward(forward_kinematics), "loop": forward_backward(joint_by_joint)}, workplace.rounds(7)
    )


def joint_by_joint(
    local: Float[Tensor, "N 21 3 3"], offset: Float[Tensor, "21 3"]
) -> tuple[Float[Tensor, "N 21 3"], Float[Tensor, "N 21 3 3"]]:
    """Forward kinematics as a textbook has it: a joint after its parent."""
    position, rotation = [local.new_zeros(len(local), 3)], [local[:, 0]]
    for joint, parent in enumerate(PARENTS[1:], start=1):
        position.append(position[parent] + rotation[parent] @ offset[joint])
        rotation.append(rotation[parent] @ local[:, joint])
    return torch.stack(position, 1), torch.stack(rotation, 1)


def measure_features(workplace: Workplace) -> Seconds:
    """Features of a clip of the sample, 1,200 frames."""
    clips = workplace.sample_clips
    name = clips.clips.index[0]
    landmarks = clips.clip_landmarks(name)
    intrinsics = clips.camera_of(name).intrinsics
    frames = len(landmarks)
    frame = torch.eye(3).expand(1, frames, 3, 3)
    known = torch.cat((torch.zeros(1, *landmarks.shape[1:]), landmarks))
    tracked = (landmarks[:, 0, TRACKED] != 0)[None]

    def mine() -> Tensor:
        return landmark_features(known[None], intrinsics[None], frame, tracked)[0]

    def plain() -> np.ndarray:
        return frame_by_frame(landmarks.numpy(), intrinsics.numpy(), tracked[0].numpy())

    def clip() -> np.ndarray:
        return landmark_by_landmark(landmarks.numpy(), intrinsics.numpy(), tracked[0].numpy())

    for reference in (plain, clip):
        np.testing.assert_allclose(mine().numpy(), reference(), atol=1e-5)
    return in_turns(
        {"module": Case(mine, frames), "clip": Case(clip, frames), "frames": Case(plain, frames)}, workplace.rounds(7)
    )


def landmark_by_landmark(
    landmarks: Float[np.ndarray, "N 25 7"], intrinsics: Float[np.ndarray, "4"], tracked: np.ndarray
) -> Float[np.ndarray, "N 25 18"]:
    """The features of a clip, written down as SPEC has them: arrays over frames, a loop over landmarks."""
    hips = LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]
    world = landmarks[..., WORLD] - landmarks[:, hips, WORLD].mean(1, keepdims=True)
    image = (landmarks[..., SCREEN] - intrinsics[2:]) / intrinsics[:2]
    centre = image[:, hips].mean(1)
    features = np.zeros((*landmarks.shape[:2], FEATURES), np.float32)
    for name, index in LANDMARK_INDEX.items():
        own, seen, answer = world[:, index], image[:, index], features[:, index]
        answer[:, 0:3] = own
        answer[1:, 3:6] = np.diff(own, axis=0) * tracked[1:, None]
        answer[:, 6:9] = world[:, LANDMARK_INDEX[CHILD_OF.get(name, name)]] - own
        answer[:, 9:12] = own - world[:, LANDMARK_INDEX[PARENT_OF.get(name, name)]]
        answer[:, 12:14] = seen - centre
        answer[1:, 14:16] = np.diff(seen, axis=0) * tracked[1:, None]
        answer[:, 16], answer[:, 17] = landmarks[:, index, VISIBILITY], landmarks[:, index, TRACKED]
    return features


def frame_by_frame(
    landmarks: Float[np.ndarray, "N 25 7"], intrinsics: Float[np.ndarray, "4"], tracked: np.ndarray
) -> Float[np.ndarray, "N 25 18"]:
    """The same with a loop over frames around it, as a stream would have it."""
    pairs = np.stack((landmarks[[0, *range(len(landmarks) - 1)]], landmarks), axis=1)
    return np.stack(
        [
            landmark_by_landmark(pair, intrinsics, np.array([False, follows]))[1]
            for pair, follows in zip(pairs, tracked, strict=True)
        ]
    )


KINEMATICS = HotPath(
    "forward kinematics, forward + backward, 4,096 frames x 21",
    measure_kinematics,
    (
        rate("level by level", "levels", "frames/s"),
        rate("joint by joint", "loop", "frames/s"),
        ratio("**level by level against joint by joint**", "loop", "levels", least=9),
    ),
)
FEATURES_OF_CLIP = HotPath(
    "features from 25 x 7, a clip of 1,200 frames",
    measure_features,
    (
        rate("the model's module", "module", "frames/s"),
        rate("NumPy over the clip, landmark by landmark", "clip", "frames/s"),
        rate("NumPy frame by frame", "frames", "frames/s"),
        ratio("**module against NumPy over the clip**", "clip", "module", least=10),
        ratio("module against NumPy frame by frame", "frames", "module"),
    ),
)
