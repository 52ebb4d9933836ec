"""Recordings with a fault put into them: a take's truth and one camera's landmarks, and what is found in them."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import bone_offsets, global_to_local, mirror_pose, mirror_positions
from blaze2cap.body.rotation import quaternion_to_matrix
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.faults.detection import Seen
from blaze2cap.data.faults.examine import TakeFindings, examine_clip, examine_take
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault
from blaze2cap.data.faults.timing import Lag, estimate_lag, timing_faults
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, read_landmarks, vicon_folder
from blaze2cap.data.segment import find_segments, to_model_layout
from blaze2cap.data.vicon import FPS, read_vicon

MAX_REPROJECTION_PX = 200.0
PARAMS = FaultParams()


@dataclass(frozen=True)
class Recording:
    """World positions [m] and global rotations of a take, landmarks of one of its clips, all cameras."""

    name: ClipName
    position: Tensor
    rotation: Tensor
    landmarks: Tensor
    cameras: dict[str, Camera]

    @classmethod
    def read(cls, folder: Path, clip: str) -> "Recording":
        """A clip ("S1/walking1/cam1") of a folder in the raw layout."""
        subject, action, camera = clip.split("/")
        name = ClipName(subject, action, camera.removeprefix("cam"))
        vicon = read_vicon(folder / vicon_folder(name.take))
        landmarks = torch.from_numpy(to_model_layout(read_landmarks(folder / name.landmark_file)))
        rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
        cameras = read_calibration(folder / CALIBRATION_FILE)
        return cls(name, torch.from_numpy(vicon.position), rotation, landmarks, cameras)

    def truth_findings(self) -> TakeFindings:
        """What is found in the truth alone."""
        offset, _ = bone_offsets(self.position, self.rotation)
        return examine_take(self.name.take, self.position, global_to_local(self.rotation), offset, FPS, PARAMS)

    def clip_faults(self) -> tuple[list[DataFault], Lag | None]:
        """What is found in the landmarks before the truth, and the lag."""
        frames = min(len(self.position), len(self.landmarks))
        others = {name: camera for name, camera in self.cameras.items() if name != self.name.camera}
        own = self.cameras[self.name.camera]
        landmarks = self.landmarks[:frames]
        seen = Seen(str(self.name), landmarks, self.position[:frames].float(), own, others)
        findings = examine_clip(seen, find_segments(landmarks.numpy()), MAX_REPROJECTION_PX, PARAMS)
        lag = estimate_lag(findings.lag_sums)
        return [*findings.faults, *timing_faults({self.name.take: lag}, {str(self.name): lag}, PARAMS)], lag

    def kinds(self) -> set[str]:
        """Kinds of all faults."""
        faults, _ = self.clip_faults()
        return {fault.kind for fault in (*self.truth_findings().faults, *faults)}


def with_truth_of(recording: Recording, other: Recording) -> Recording:
    return replace(recording, position=other.position, rotation=other.rotation)


def delayed_truth(recording: Recording, frames: int) -> Recording:
    """The truth says later (or, below 0, earlier) what happened."""
    index = (torch.arange(len(recording.position)) - frames).clamp(0, len(recording.position) - 1)
    return replace(recording, position=recording.position[index], rotation=recording.rotation[index])


def mirrored(recording: Recording) -> Recording:
    """A sound skeleton in a mirrored world."""
    return replace(recording, position=mirror_positions(recording.position), rotation=mirror_pose(recording.rotation))


def mirrored_with_names_kept(recording: Recording) -> Recording:
    return _under(recording, torch.diag(torch.tensor([-1.0, 1.0, 1.0])))


def with_y_and_z_exchanged(recording: Recording) -> Recording:
    return _under(recording, torch.eye(3)[[0, 2, 1]])


def on_its_side(recording: Recording) -> Recording:
    """The same take in a world whose z axis points up."""
    turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]]).to(recording.position)
    return replace(recording, position=recording.position @ turn.mT, rotation=turn @ recording.rotation)


def scaled(recording: Recording, scale: float) -> Recording:
    return replace(recording, position=scale * recording.position)


def with_calibrations_exchanged(recording: Recording, other: str) -> Recording:
    own = recording.name.camera
    cameras = recording.cameras | {own: recording.cameras[other], other: recording.cameras[own]}
    return replace(recording, cameras=cameras)


def _under(recording: Recording, reflection: Tensor) -> Recording:
    reflection = reflection.to(recording.position)
    return replace(
        recording,
        position=recording.position @ reflection.mT,
        rotation=reflection @ recording.rotation @ reflection.mT,
    )
