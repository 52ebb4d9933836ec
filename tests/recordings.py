"""Small recordings in the raw layout, made up for tests: a person who sways before cameras that look along -z."""

from pathlib import Path

import numpy as np
import torch

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LIMB_LANDMARKS, RAW_LANDMARKS
from blaze2cap.body.rotation import matrix_to_quaternion, rotation_vector_to_matrix
from blaze2cap.body.skeleton import joint_of_landmark
from blaze2cap.data.calibration import write_calibration
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, vicon_folder, write_landmarks
from blaze2cap.data.vicon import write_vicon


def make_camera(distance: float = 5.0) -> Camera:
    """A camera on the world's z axis: x right, y down, z forward, as y is up in the world."""
    rotation = torch.tensor([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
    return Camera(
        fx=1300.0, fy=1300.0, cx=959.5, cy=539.5, width=1920, height=1080,
        rotation=rotation, translation=torch.tensor([0.0, 1.0, distance]),
    )  # fmt: skip


def make_motion(frames: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """World positions [m] (frames, 21, 3) and global rotations (frames, 21, 3, 3) of a smooth, swaying motion."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames, dtype=torch.float64)[:, None, None] / 60
    phase, size = torch.rand(2, 1, 21, 3, generator=generator, dtype=torch.float64)
    local = rotation_vector_to_matrix(0.6 * size * torch.sin(2 * time + 6 * phase))
    offset = 0.2 * torch.randn(21, 3, generator=generator, dtype=torch.float64)
    root = torch.cat((0.3 * torch.sin(time[:, 0]), 1 + 0 * time[:, 0], 0.2 * torch.cos(time[:, 0])), dim=-1)
    return forward_kinematics(local, offset, root)


def detect(position: torch.Tensor, camera: Camera, anchors: tuple[int, ...] = (0,)) -> np.ndarray:
    """Perfect raw landmarks (frames, 33, 10) of world positions; anchors where told."""
    seen = camera.to_camera(position)
    image = camera.project(seen) / seen.new_tensor([camera.width, camera.height])
    raw = np.zeros((len(position), len(RAW_LANDMARKS), landmark.RAW_CHANNELS), dtype=np.float32)
    for name in RAW_LANDMARKS:
        joint = skeleton.JOINT_INDEX[joint_of_landmark(name) if name in LIMB_LANDMARKS else "Head"]
        here = raw[:, RAW_LANDMARKS.index(name)]
        here[:, landmark.RAW_WORLD] = seen[:, joint] - seen[:, 0]
        here[:, landmark.RAW_SCREEN] = image[:, joint]
    raw[:, :, [landmark.RAW_WORLD_VISIBILITY, landmark.RAW_SCREEN_VISIBILITY]] = 0.9
    flag = np.ones(len(position))
    flag[list(anchors)] = 0
    raw[:, :, [landmark.RAW_TRACKED, landmark.RAW_TRACKED_COPY]] = flag[:, None, None]
    return raw


def write_recordings(folder: Path, takes: dict[str, int], cameras: int = 2, unseen: tuple[str, ...] = ()) -> Path:
    """Takes by name with their frames, seen by all cameras but for those `unseen`, in the raw layout."""
    rig = {str(number): make_camera(4.0 + number) for number in range(1, cameras + 1)}
    folder.mkdir(parents=True, exist_ok=True)
    write_calibration(folder / CALIBRATION_FILE, rig)
    for seed, (take, frames) in enumerate(takes.items()):
        position, rotation = make_motion(frames, seed)
        write_vicon(folder / vicon_folder(take), position.numpy(), matrix_to_quaternion(rotation).numpy())
        for number, camera in rig.items() if take not in unseen else ():
            clip = ClipName(*take.split("/"), number)
            write_landmarks(folder / clip.landmark_file, detect(position, camera))
    return folder
