"""Every recording of a raw folder opened and checked; what cannot be used is named in one sentence and left out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from blaze2cap.body.kinematics import bone_offsets
from blaze2cap.body.rotation import quaternion_to_matrix
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.manifest import Fault
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, read_landmarks, read_sidecar, scan, vicon_folder
from blaze2cap.data.vicon import FPS, read_vicon
from blaze2cap.errors import UserError

MAX_BONE_RESIDUAL_MM = 1.0
"""Bones of sound takes vary by 0.026 mm at most; above this, positions and rotations are not of one take."""


@dataclass(frozen=True)
class Inspection:
    """Sound takes and clips with their frames, and the faults of all others."""

    takes: dict[str, int]
    clips: dict[ClipName, int]
    faults: list[Fault]
    cameras: list[str]

    @property
    def notices(self) -> list[str]:
        """What to know although nothing was left out for it, one sentence each."""
        return []

    @property
    def originals(self) -> Mapping[str, str] | None:
        """Which file of the outside folder a raw file was made of, where the two have different names."""
        return None

    def report(self) -> dict[str, Any]:
        """Counts in all and by subject, views without landmarks, and the faults."""
        seen = {clip.take for clip in self.clips}
        views = {str(clip) for clip in self.clips}
        absent = {
            take: missing
            for take in sorted(seen)
            if (missing := [camera for camera in self.cameras if f"{take}/cam{camera}" not in views])
        }
        subjects = sorted({take.split("/")[0] for take in self.takes})
        return {
            **self._counts(self.takes),
            "cameras": len(self.cameras),
            "views_without_landmarks": {take: ", ".join(cameras) for take, cameras in absent.items()},
            "faults": {"count": len(self.faults), "left_out": [fault._asdict() for fault in self.faults]},
            "by_subject": {s: self._counts(t for t in self.takes if t.startswith(f"{s}/")) for s in subjects},
        }

    def _counts(self, takes: Iterable[str]) -> dict[str, int]:
        takes = list(takes)
        clips = [clip for clip in self.clips if clip.take in takes]
        return {
            "takes": len(takes),
            "motion_only_takes": len(set(takes) - {clip.take for clip in clips}),
            "clips": len(clips),
            "truth_frames": sum(self.takes[take] for take in takes),
            "landmark_frames": sum(self.clips[clip] for clip in clips),
        }


def inspect(folder: Path, workers: int | None = None) -> Inspection:
    """Check every recording of a folder in the raw layout.

    Raises UserError only where the rest does not make a data set: no folder, no usable calibration, or no clip that
    has both landmarks and truth.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of recordings")
    cameras = list(read_calibration(folder / CALIBRATION_FILE))
    takes, clips, misnamed = scan(folder)
    faults = [Fault(sentence.split(":")[0], sentence) for sentence in misnamed]

    checked = parallel_map(_check_take, [folder / vicon_folder(take) for take in takes], workers, "checking takes")
    sound_takes = {take: result for take, result in zip(takes, checked, strict=True) if isinstance(result, int)}
    for take, result in zip(takes, checked, strict=True):
        if isinstance(result, str):
            count = sum(clip.take == take for clip in clips)
            faults.append(Fault(take, f"{_relative(result, folder)}; take left out with its {count} clips"))

    sound_clips = {}
    results = parallel_map(_check_clip, [folder / clip.landmark_file for clip in clips], workers, "checking clips")
    for clip, frames in zip(clips, results, strict=True):
        if isinstance(frames, str):
            faults.append(Fault(str(clip), _relative(frames, folder)))
        elif clip.take not in takes:
            faults.append(Fault(str(clip), f"{clip.landmark_file}: no Vicon truth, expected {vicon_folder(clip.take)}"))
        elif clip.camera not in cameras:
            where = f"{clip.landmark_file}: camera {clip.camera} is not calibrated"
            faults.append(Fault(str(clip), f"{where}, {CALIBRATION_FILE} has {len(cameras)} cameras"))
        elif clip.take in sound_takes:
            sound_clips[clip] = frames
    if not sound_clips:
        reasons = "; ".join(fault.sentence for fault in faults[:3]) or "no landmark files and no Vicon files"
        raise UserError(f"{folder}: not a data set, no clip has both landmarks and truth: {reasons}")
    return Inspection(sound_takes, sound_clips, faults, cameras)


def _check_take(folder: Path) -> int | str:
    """Frames of a take, or the sentence on what is wrong with it."""
    try:
        vicon = read_vicon(folder)
    except UserError as error:
        return str(error)
    rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
    _, residual = bone_offsets(torch.from_numpy(vicon.position), rotation)
    if 1000 * residual > MAX_BONE_RESIDUAL_MM:
        return (
            f"{folder}: positions and rotations do not match, bones vary by {1000 * residual:.3g} mm "
            f"(at most {MAX_BONE_RESIDUAL_MM} expected)"
        )
    return len(vicon.position)


def _check_clip(path: Path) -> int | str:
    """Frames of a clip, or the sentence on what is wrong with it."""
    try:
        frames = len(read_landmarks(path))
        fps = read_sidecar(path).fps
    except UserError as error:
        return str(error)
    if fps != FPS:
        return f"{path}: its sidecar says {fps:g} frames/s, but the Vicon truth has {FPS:g}"
    return frames


def _relative(sentence: str, folder: Path) -> str:
    return sentence.replace(f"{folder}/", "")
