"""The work of preprocess on one take and on one clip: each writes its own rows of the packed arrays (`clipset`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, global_to_local
from blaze2cap.body.rotation import matrix_to_rotation_6d, quaternion_to_matrix, rotation_6d_to_matrix
from blaze2cap.data.augment import source_name, strided
from blaze2cap.data.clipset import camera_truth
from blaze2cap.data.packed import Span, packed_array
from blaze2cap.data.raw import ClipName, read_landmarks, read_sidecar, vicon_folder
from blaze2cap.data.reprojection import reprojection_error_px
from blaze2cap.data.segment import Segment, find_segments, is_detected, to_model_layout
from blaze2cap.data.vicon import read_vicon


@dataclass(frozen=True, kw_only=True)
class TakeJob:
    """A take to be packed: from folder `raw` into the arrays of folder `packed`."""

    raw: Path
    packed: Path
    take: str
    number: int
    span: Span


@dataclass(frozen=True, kw_only=True)
class ClipJob:
    """A clip to be packed, after its take and into the same folder."""

    clip: ClipName
    span: Span
    landmark_frames: int
    take: TakeJob
    camera: Camera
    strides: tuple[int, ...]
    max_reprojection_px: float


class PackedClip(NamedTuple):
    """Rows for the tables, and what the report says of the clip."""

    row: dict[str, Any]
    samples: list[dict[str, Any]]
    report: dict[str, Any]


def pack_take(job: TakeJob) -> float:
    """Write a take's local rotations, root positions and bone offsets; return the worst bone residual [mm]."""
    vicon = read_vicon(job.raw / vicon_folder(job.take))
    position = torch.from_numpy(vicon.position)
    rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
    offset, residual = bone_offsets(position, rotation)
    packed_array(job.packed, "rotation", "r+")[job.span.rows] = matrix_to_rotation_6d(global_to_local(rotation))
    packed_array(job.packed, "root_position", "r+")[job.span.rows] = position[:, 0]
    packed_array(job.packed, "offset", "r+")[job.number] = offset
    return 1000 * residual


def pack_clip(job: ClipJob) -> PackedClip:
    """Write a clip's landmarks, cut to the frames of the truth, and find its segments and those to reject."""
    path = job.take.raw / job.clip.landmark_file
    landmarks = to_model_layout(read_landmarks(path)[: job.span.frames])
    packed_array(job.take.packed, "landmarks", "r+")[job.span.rows] = landmarks
    segments = find_segments(landmarks)
    errors = _segment_errors_px(job, torch.from_numpy(landmarks), segments)
    reasons = [
        f"median distance to the projected truth {error:.0f} px" if error > job.max_reprojection_px else ""
        for error in errors
    ]
    rejected = [number for number, reason in enumerate(reasons) if reason]
    detected = int(is_detected(landmarks).sum())
    clip = job.clip
    sidecar = read_sidecar(path)
    row = {
        "clip": str(clip),
        "take": clip.take,
        "subject": clip.subject,
        "action": clip.action,
        "camera": clip.camera,
        "first_row": job.span.first_row,
        "truth_row": job.take.span.first_row,
        "frames": job.span.frames,
        "detected": detected,
        "anchors": len(segments),
        "segments": len(segments),
        "rejected_frames": sum(segments[number].frames for number in rejected),
        "width": sidecar.width,
        "height": sidecar.height,
        "fps": sidecar.fps,
    }
    samples = [
        {
            "source": source_name(clip.subject, clip.action, clip.camera, number, sample.stride, sample.offset),
            "clip": str(clip),
            "segment": number,
            **sample._asdict(),
            "rejected": bool(reason),
            "reason": reason,
        }
        for number, (segment, reason) in enumerate(zip(segments, reasons, strict=True))
        for sample in strided(segment, job.strides)
    ]
    report = {
        "frames": job.span.frames,
        "truncated_landmark_frames": job.landmark_frames - job.span.frames,
        "truth_frames_beyond": job.take.span.frames - job.span.frames,
        "detected": detected,
        "detected_share": detected / job.span.frames,
        "segments": len(segments),
        "samples": len(samples),
        "segment_reprojection_px": errors,
        "rejected_segments": [
            {"segment": number, **segments[number]._asdict(), "reason": reasons[number]} for number in rejected
        ],
    }
    return PackedClip(row, samples, report)


def _segment_errors_px(job: ClipJob, landmarks: torch.Tensor, segments: list[Segment]) -> list[float]:
    rows = slice(job.take.span.first_row, job.take.span.first_row + job.span.frames)
    rotation = rotation_6d_to_matrix(torch.from_numpy(packed_array(job.take.packed, "rotation")[rows].copy()))
    root_position = torch.from_numpy(packed_array(job.take.packed, "root_position")[rows].copy())
    offset = torch.from_numpy(packed_array(job.take.packed, "offset")[job.take.number].copy())
    truth = camera_truth(rotation, root_position, offset, job.camera)
    position, _ = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    errors = reprojection_error_px(landmarks, position, job.camera)
    return [errors[segment.rows].median().item() for segment in segments]
