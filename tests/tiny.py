"""A tiny data set in memory: people who sway and walk about before two cameras, seen by a detector without error."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.rotation import matrix_to_rotation_6d, rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.data.augment import source_name, strided
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import model_layout, project, ray_view
from blaze2cap.data.segment import Segment, find_segments

# Bones of the right side and the spine [m], in the parents' frames; the left side is their mirror image.
_BONES = {
    "Spine": (0, 0.05, -0.07), "Spine1": (0, 0.02, -0.09), "Spine2": (0, 0.01, -0.09), "Spine3": (0, 0, -0.09),
    "Neck": (0, -0.03, -0.23), "Head": (0, -0.02, -0.12), "Shoulder": (0.03, -0.05, -0.15), "Arm": (0.14, 0, 0),
    "ForeArm": (0.27, 0, 0), "Hand": (0.21, 0, 0), "UpLeg": (0.09, 0, 0.025), "Leg": (0, 0, 0.39), "Foot": (0, 0, 0.38),
}  # fmt: skip


def bones() -> Tensor:
    """Offsets [21, 3] of a person of usual size."""
    offset = torch.zeros(len(JOINTS), 3)
    for name, index in JOINT_INDEX.items():
        bone = torch.tensor(_BONES.get(name.removeprefix("Right").removeprefix("Left"), (0.0, 0.0, 0.0)))
        offset[index] = bone * torch.tensor([-1.0 if name.startswith("Left") else 1.0, 1.0, 1.0])
    return offset


def swaying(frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """Local rotations [frames, 21, 3, 3] and root position [frames, 3] in a world with y up; smooth, facing about."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / 60
    speed, phase = rng.uniform(1, 4, (1, 21, 3)), rng.uniform(0, 6, (1, 21, 3))
    size = rng.uniform(0.1, 0.35, (1, 21, 3))
    local = rotation_vector_to_matrix(torch.from_numpy(size * np.sin(speed * time + phase)).float())
    # Hips: up = -z to world +y, then a slow turn about the vertical.
    upright = rotation_vector_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))
    turn = torch.zeros(frames, 3)
    turn[:, 1] = torch.linspace(0, float(rng.uniform(-3, 3)), frames)
    local[:, 0] = rotation_vector_to_matrix(turn) @ upright @ local[:, 0]
    way = torch.from_numpy(np.cumsum(rng.normal(0, 0.004, (frames, 3)), axis=0)).float()
    return local, way + torch.tensor([0.0, 0.9, 0.0])


def cameras() -> dict[str, Camera]:
    """Two cameras four metres away, at right angles, 1.5 m high, y down."""
    front = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    side = torch.tensor([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    place = {"1": front, "2": side}
    return {
        name: Camera(
            fx=1300.0, fy=1300.0, cx=959.5, cy=539.5, width=1920, height=1080, rotation=rotation,
            translation=torch.tensor([0.0, 1.5, 4.0]),
        )
        for name, rotation in place.items()
    }  # fmt: skip


def tiny_clipset(
    takes: tuple[str, ...] = ("S1/freestyle1", "S2/freestyle2"), frames: int = 150, seed: int = 0
) -> ClipSet:
    """Every take seen by both cameras; in camera 2 nobody is detected in frames 60-69."""
    take_rows, clip_rows, sample_rows = [], [], []
    landmarks, rotations, positions = [], [], []
    for number, take in enumerate(takes):
        subject, action = take.split("/")
        local, way = swaying(frames, seed + number)
        take_rows.append((take, subject, action, number * frames, frames, 0.0, True, True, True))
        rotations.append(matrix_to_rotation_6d(local))
        positions.append(way)
        for camera, view in cameras().items():
            seen = _detections(local, way, view)
            if camera == "2":
                seen[60:70] = 0
                seen[70, :, TRACKED] = 0
            clip = f"{take}/cam{camera}"
            segments: list[Segment] = find_segments(seen.numpy())
            first = len(landmarks) * frames
            detected = int((seen != 0).any(2).any(1).sum())
            numbers = (first, number * frames, frames, detected, len(segments), len(segments), 0)
            clip_rows.append((clip, take, subject, action, camera, *numbers, 1920, 1080, 60.0))
            for index, segment in enumerate(segments):
                for part in strided(segment, (1, 2, 3)):
                    source = source_name(subject, action, camera, index, part.stride, part.offset)
                    sample_rows.append((source, clip, index, *part, False, ""))
            landmarks.append(seen)
    table = {
        "takes": (
            take_rows,
            "take subject action first_row frames bone_residual_mm has_landmarks root_known bones_known",
        ),
        "clips": (
            clip_rows,
            "clip take subject action camera first_row truth_row frames detected anchors segments rejected_frames "
            "width height fps",
        ),
        "samples": (sample_rows, "source clip segment stride offset first_frame frames rejected reason"),
    }
    frames_of = {name: pd.DataFrame(rows, columns=columns.split()) for name, (rows, columns) in table.items()}
    return ClipSet(
        **{name: frame.set_index(frame.columns[0], drop=False).rename_axis(None) for name, frame in frames_of.items()},
        landmarks=torch.cat(landmarks).numpy(),
        rotation=torch.cat(rotations).numpy(),
        root_position=torch.cat(positions).numpy(),
        outlier=np.zeros((len(takes) * frames, len(JOINTS)), bool),
        offset=bones().expand(len(takes), -1, -1).numpy().copy(),
        cameras=cameras(),
    )


def _detections(local: Tensor, way: Tensor, camera: Camera) -> Tensor:
    in_view = torch.cat((camera.rotation @ local[:, :1], local[:, 1:]), dim=1)
    position, rotation = forward_kinematics(in_view, bones(), camera.to_camera(way))
    view = ray_view(position, rotation)
    seen = model_layout(view.truth, project(view.place, camera.intrinsics), torch.ones(len(local), 25))
    seen[0, :, TRACKED] = 0
    return seen
