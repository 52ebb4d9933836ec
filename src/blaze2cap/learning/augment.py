"""Augmentation of batches: each kind keeps landmarks, camera and truth consistent and has one switch, 0 = off."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body import skeleton
from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.kinematics import mirror_pose, mirror_positions
from blaze2cap.body.landmark import MIRROR, SCREEN, VISIBILITY, WORLD, indices
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.data.windows import Batch
from blaze2cap.learning.features import detected_frames, hip_centre

_HIPS = indices("left_hip", "right_hip")


@dataclass(frozen=True, kw_only=True)
class AugmentParams:
    """Section `train.augment` of params.yaml: strength of each kind, 0 switches it off."""

    mirror: float = 0.5
    roll_deg: float = 5.0
    pitch_deg: float = 5.0
    yaw_deg: float = 10.0
    noise_mm: float = 0.0
    dropout: float = 0.0
    stride: float = 0.3

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            limit = {"mirror": 1, "dropout": 1, "stride": 1, "noise_mm": 1000}.get(field.name, 45)
            if not 0 <= value <= limit:
                raise ValueError(f"{field.name} is {value}, expected 0 to {limit}")


def augment(batch: Batch, params: AugmentParams, generator: torch.Generator) -> Batch:
    """All kinds in turn, drawn per window. (Strides are drawn with the windows.)"""
    count = len(batch.dt)
    if params.mirror:
        batch = where(torch.rand(count, generator=generator) < params.mirror, mirror(batch), batch)
    if params.roll_deg or params.pitch_deg or params.yaw_deg:
        spread = torch.tensor([params.pitch_deg, params.yaw_deg, params.roll_deg]).deg2rad()
        angles = torch.randn(count, 3, generator=generator).clamp(-2, 2) * spread
        batch = turn_camera(batch, rotation_vector_to_matrix(angles))
    if params.noise_mm:
        batch = add_noise(batch, params.noise_mm, generator)
    if params.dropout:
        batch = drop_landmarks(batch, params.dropout, generator)
    return batch


def where(chosen: Bool[Tensor, "B"], yes: Batch, no: Batch) -> Batch:
    """Window by window, one of two batches."""
    return Batch(*(torch.where(chosen.view(-1, *(1,) * (a.ndim - 1)), a, b) for a, b in zip(yes, no, strict=True)))


def mirror(batch: Batch) -> Batch:
    """Everything seen in a mirror: left and right exchanged, the camera's centre too. Its own inverse."""
    landmarks = batch.landmarks[:, :, MIRROR].clone()
    found = detected_frames(landmarks)[..., None]
    landmarks[..., WORLD.start] *= -1
    landmarks[..., SCREEN.start] = torch.where(found, 1 - landmarks[..., SCREEN.start], 0)
    intrinsics = batch.intrinsics.clone()
    intrinsics[:, 2] = 1 - intrinsics[:, 2]
    sign = torch.tensor([-1.0, 1.0, 1.0])
    return batch._replace(
        landmarks=landmarks,
        intrinsics=intrinsics,
        rotation=mirror_pose(batch.rotation),
        root_position=batch.root_position * sign,
        offset=mirror_positions(batch.offset),
        outlier=batch.outlier[..., skeleton.MIRROR],
    )


def turn_camera(batch: Batch, turn: Float[Tensor, "B 3 3"]) -> Batch:
    """The same scene from a camera turned about its centre; `turn` maps old camera coordinates to new ones.

    Image positions move as viewing rays do. World landmarks live in the ray frame, so they change only by what the
    turn does beyond moving the ray: R_ray'^T turn R_ray.
    """
    per_frame = turn[:, None]
    per_landmark = batch.intrinsics[:, None, None]
    ray = viewing_ray(batch.landmarks[..., SCREEN], per_landmark) @ per_frame.mT
    # A landmark that ends up beside the camera stays at the edge of what can be projected.
    screen = ray[..., :2] / ray[..., 2:].clamp_min(0.1) * per_landmark[..., :2] + per_landmark[..., 2:]
    found = detected_frames(batch.landmarks)[..., None, None]
    turned = torch.cat(
        (batch.landmarks[..., WORLD], torch.where(found, screen, 0), batch.landmarks[..., SCREEN.stop :]), dim=-1
    )
    before, after = (
        ray_rotation(viewing_ray(hip_centre(landmarks), batch.intrinsics[:, None]))
        for landmarks in (batch.landmarks, turned)
    )
    turned[..., WORLD] = turned[..., WORLD] @ (after.mT @ per_frame @ before).mT
    root = per_frame @ batch.rotation[..., 0, :, :]
    return batch._replace(
        landmarks=turned,
        rotation=torch.cat((root[..., None, :, :], batch.rotation[..., 1:, :, :]), dim=-3),
        root_position=batch.root_position @ turn.mT,
    )


def add_noise(batch: Batch, noise_mm: float, generator: torch.Generator) -> Batch:
    """White noise on the world positions of detected frames."""
    landmarks = batch.landmarks.clone()
    noise = torch.randn(landmarks[..., WORLD].shape, generator=generator) * (noise_mm / 1000)
    landmarks[..., WORLD] += noise * detected_frames(landmarks)[..., None, None]
    return batch._replace(landmarks=landmarks)


def drop_landmarks(batch: Batch, share: float, generator: torch.Generator) -> Batch:
    """Landmarks lost for a whole window: at the middle of the hips, in the image too, visibility 0. The hips stay."""
    lost = torch.rand(batch.landmarks.shape[0], 1, batch.landmarks.shape[2], generator=generator) < share
    lost[:, :, _HIPS] = False
    landmarks = batch.landmarks.clone()
    landmarks[..., WORLD] = torch.where(lost[..., None], 0, landmarks[..., WORLD])
    landmarks[..., SCREEN] = torch.where(lost[..., None], hip_centre(landmarks)[..., None, :], landmarks[..., SCREEN])
    landmarks[..., VISIBILITY] = torch.where(lost, 0, landmarks[..., VISIBILITY])
    return batch._replace(landmarks=landmarks)
