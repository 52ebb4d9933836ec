"""The work of preprocess on one take and on one clip: each writes its own rows of the packed arrays (`clipset`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, global_to_local
from blaze2cap.body.landmark import RAW_CHANNELS, RAW_LANDMARKS
from blaze2cap.body.rotation import matrix_to_rotation_6d, quaternion_to_matrix, rotation_6d_to_matrix
from blaze2cap.data.augment import source_name, strided
from blaze2cap.data.faults.detection import Seen
from blaze2cap.data.faults.examine import TakeFindings, examine_clip, examine_take
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault
from blaze2cap.data.faults.timing import LagSums
from blaze2cap.data.packed import Rows, Span, packed_array, write_rows
from blaze2cap.data.raw import ClipName, Sidecar, read_landmarks, read_sidecar, vicon_folder
from blaze2cap.data.segment import Segment, find_segments, is_detected, to_model_layout
from blaze2cap.data.vicon import FPS, read_vicon

JOINT_POSITION = "joint_position"
"""Array (T, 21, 3), there while packing lasts: joints of the packed truth in the world [m], as all cameras share it."""


@dataclass(frozen=True, kw_only=True)
class TakeJob:
    """A take to be packed: from folder `raw` into the arrays of folder `packed`."""

    raw: Path
    packed: Path
    take: str
    number: int
    span: Span
    faults: FaultParams


@dataclass(frozen=True, kw_only=True)
class ClipJob:
    """A clip to be packed, after its take and into the same folder, its landmarks `lag_frames` earlier."""

    clip: ClipName
    span: Span
    landmark_frames: int
    take: TakeJob
    cameras: dict[str, Camera]
    strides: tuple[int, ...]
    max_reprojection_px: float
    lag_frames: int = 0


class PackedTake(NamedTuple):
    """The worst bone residual of a take [mm], and what was found in it."""

    residual_mm: float
    findings: TakeFindings


class PackedClip(NamedTuple):
    """Rows for the tables, what the report says of the clip, its faults, and sums that tell its lag."""

    row: dict[str, Any]
    samples: list[dict[str, Any]]
    report: dict[str, Any]
    faults: list[DataFault]
    lag_sums: LagSums


def pack_take(job: TakeJob) -> PackedTake:
    """Write a take's rotations, root positions, bone offsets, outliers and joints, and look for faults of its truth."""
    vicon = read_vicon(job.raw / vicon_folder(job.take))
    position = torch.from_numpy(vicon.position)
    rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
    offset, residual = bone_offsets(position, rotation)
    local = global_to_local(rotation)
    findings = examine_take(job.take, position, local, offset, FPS, job.faults)
    rotation_6d, root_position, offset = matrix_to_rotation_6d(local).float(), position[:, 0].float(), offset.float()
    joints, _ = forward_kinematics(rotation_6d_to_matrix(rotation_6d), offset, root_position)
    write_rows(job.packed, "rotation", job.span, rotation_6d)
    write_rows(job.packed, "root_position", job.span, root_position)
    write_rows(job.packed, JOINT_POSITION, job.span, joints)
    write_rows(job.packed, "outlier", job.span, findings.outlier)
    write_rows(job.packed, "offset", Span(first_row=job.number, frames=1), offset)
    return PackedTake(1000 * residual, findings)


def pack_clip(job: ClipJob) -> PackedClip:
    """Write a clip's landmarks, cut to the frames of the truth, and find its segments and those to reject."""
    path = job.take.raw / job.clip.landmark_file
    landmarks = to_model_layout(_shifted(read_landmarks(path), job.lag_frames, job.span.frames))
    write_rows(job.take.packed, "landmarks", job.span, landmarks)
    segments = find_segments(landmarks)
    findings = examine_clip(_seen(job, landmarks), segments, job.max_reprojection_px, job.take.faults)
    reasons = [
        f"median distance to the projected truth {error:.0f} px" if number in findings.rejected else ""
        for number, error in enumerate(findings.segment_error_px)
    ]
    rejected_frames = sum(segments[number].frames for number in findings.rejected)
    row = clip_row(job.clip, job.span, job.take.span.first_row, landmarks, rejected_frames, read_sidecar(path))
    samples = sample_rows(job.clip, segments, reasons, job.strides)
    report = {
        "frames": job.span.frames,
        "truncated_landmark_frames": job.landmark_frames - job.span.frames,
        "truth_frames_beyond": job.take.span.frames - job.span.frames,
        "detected": row["detected"],
        "detected_share": row["detected"] / job.span.frames,
        "segments": len(segments),
        "samples": len(samples),
        "swapped": findings.swapped,
        "shifted_frames": job.lag_frames,
        "segment_reprojection_px": findings.segment_error_px,
        "rejected_segments": [
            {"segment": number, **segments[number]._asdict(), "reason": reasons[number]} for number in findings.rejected
        ],
    }
    return PackedClip(row, samples, report, findings.faults, findings.lag_sums)


def clip_row(
    clip: ClipName,
    span: Span,
    truth_row: int,
    landmarks: Float32[np.ndarray, "frames 25 7"],
    rejected_frames: int,
    video: Sidecar,
) -> dict[str, Any]:
    """A clip's row of clips.csv."""
    segments = len(find_segments(landmarks))
    return {
        "clip": str(clip),
        "take": clip.take,
        "subject": clip.subject,
        "action": clip.action,
        "camera": clip.camera,
        "first_row": span.first_row,
        "truth_row": truth_row,
        "frames": span.frames,
        "detected": int(is_detected(landmarks).sum()),
        "anchors": segments,
        "segments": segments,
        "rejected_frames": rejected_frames,
        "width": video.width,
        "height": video.height,
        "fps": video.fps,
    }


def sample_rows(clip: ClipName, segments: list[Segment], reasons: list[str], strides: tuple[int, ...]) -> Rows:
    """A clip's rows of samples.csv, of a segment at every stride and offset; an empty reason: it is not rejected."""
    return [
        {
            "source": source_name(clip.subject, clip.action, clip.camera, number, sample.stride, sample.offset),
            "clip": str(clip),
            "segment": number,
            **sample._asdict(),
            "rejected": bool(reason),
            "reason": reason,
        }
        for number, (segment, reason) in enumerate(zip(segments, reasons, strict=True))
        for sample in strided(segment, strides)
    ]


def _shifted(raw: np.ndarray, lag_frames: int, frames: int) -> np.ndarray:
    """That many frames of raw landmarks, `lag_frames` earlier; nobody is detected where there are none."""
    shifted = np.zeros((frames, len(RAW_LANDMARKS), RAW_CHANNELS), dtype=raw.dtype)
    source = raw[max(lag_frames, 0) :][: max(frames - max(-lag_frames, 0), 0)]
    first = max(-lag_frames, 0)
    shifted[first : first + len(source)] = source
    return shifted


def _seen(job: ClipJob, landmarks: np.ndarray) -> Seen:
    """The landmarks beside the packed truth of the take, in the world."""
    rows = Span(first_row=job.take.span.first_row, frames=job.span.frames).rows
    position = torch.from_numpy(packed_array(job.take.packed, JOINT_POSITION)[rows].copy())
    own = job.clip.camera
    others = {name: camera for name, camera in job.cameras.items() if name != own}
    return Seen(str(job.clip), torch.from_numpy(landmarks), position, job.cameras[own], others)
