"""People's own recordings -> packed clips (`clipset`): landmarks as they are, at the rate of their video.

The form has a place for the truth, which nobody knows. There stand rotations of identity and usual bones, every joint
an outlier, and no root is known; `ClipSet` gives none of it out. Of the faults of recordings (`faults`) those are
looked for that landmarks show by themselves.
"""

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import torch

from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.rotation import matrix_to_rotation_6d
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.clipset import VIDEO
from blaze2cap.data.faults.bones import implausible_landmarks
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault, fault_report
from blaze2cap.data.pack import clip_row, sample_rows
from blaze2cap.data.packed import (
    Rows,
    Span,
    allocate,
    consecutive,
    packed_array,
    take_row,
    write_cameras,
    write_rows,
    write_source,
    write_tables,
)
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, count_landmark_frames, read_landmarks, read_sidecar, scan
from blaze2cap.data.segment import find_segments, to_model_layout
from blaze2cap.errors import UserError


class _ClipJob(NamedTuple):
    raw: Path
    packed: Path
    clip: ClipName
    span: Span
    strides: tuple[int, ...]
    faults: FaultParams


class _PackedClip(NamedTuple):
    row: dict[str, Any]
    samples: Rows
    faults: list[DataFault]


def preprocess_own(
    raw: Path,
    packed: Path,
    strides: tuple[int, ...],
    manifest: dict[str, Any],
    faults: FaultParams,
    workers: int | None = None,
) -> dict[str, Any]:
    """Pack a raw folder that download filled from somebody's own recordings into `packed`; return the report on it."""
    _, clips, misnamed = scan(raw)
    if misnamed or not clips:
        raise UserError(f"{raw}: {misnamed[0] if misnamed else 'no landmarks'}; run `dvc repro -f download`")
    spans = consecutive({clip: count_landmark_frames(raw / clip.landmark_file) for clip in clips})
    frames = sum(span.frames for span in spans.values())
    with replaced_folder(packed) as folder:
        # A clip is a take of its own, so rows of landmarks and of truth are the same.
        allocate(folder, len(clips), frames, frames)
        packed_array(folder, "rotation", "r+")[:] = matrix_to_rotation_6d(torch.eye(3))
        packed_array(folder, "outlier", "r+")[:] = True
        packed_array(folder, "offset", "r+")[:] = mean_offset()
        jobs = [_ClipJob(raw, folder, clip, span, strides, faults) for clip, span in spans.items()]
        results = parallel_map(_pack_clip, jobs, workers, "packing clips")
        samples = [sample for result in results for sample in result.samples]
        takes = [take_row(clip.take, span) for clip, span in spans.items()]
        write_tables(folder, takes, [result.row for result in results], samples)
        write_cameras(folder, read_calibration(raw / CALIBRATION_FILE))
        write_source(folder, VIDEO)
    return _report(manifest, results, strides)


def _pack_clip(job: _ClipJob) -> _PackedClip:
    path = job.raw / job.clip.landmark_file
    landmarks = to_model_layout(read_landmarks(path))
    write_rows(job.packed, "landmarks", job.span, landmarks)
    segments = find_segments(landmarks)
    row = clip_row(job.clip, job.span, job.span.first_row, landmarks, 0, read_sidecar(path))
    samples = sample_rows(job.clip, segments, [""] * len(segments), job.strides)
    faults = [
        fault
        for number, segment in enumerate(segments)
        for fault in implausible_landmarks(str(job.clip), number, segment.rows, torch.from_numpy(landmarks), job.faults)
    ]
    return _PackedClip(row, samples, faults)


def _report(manifest: dict[str, Any], packed: list[_PackedClip], strides: tuple[int, ...]) -> dict[str, Any]:
    originals = {entry["path"]: entry["original"] for entry in manifest["files"] if "original" in entry}
    samples = [sample for clip in packed for sample in clip.samples]
    at_stride = Counter(sample["stride"] for sample in samples)
    left_out = manifest["faults"]
    keys = ("frames", "detected", "segments")
    total = {key: sum(clip.row[key] for clip in packed) for key in keys}
    return {
        "takes": len(packed),
        "takes_without_truth": len(packed),
        "clips": len(packed),
        **total,
        "detected_share": total["detected"] / total["frames"],
        "samples": len(samples),
        "samples_at_stride": {str(stride): at_stride[stride] for stride in strides},
        "faults": {"count": len(left_out), "left_out": left_out},
        "data_faults": fault_report([fault for clip in packed for fault in clip.faults]),
        "by_clip": {
            clip.row["clip"]: {
                "recording": originals[_landmark_file(clip.row)],
                **{key: clip.row[key] for key in (*keys, "width", "height", "fps")},
                "samples": len(clip.samples),
            }
            for clip in packed
        },
    }


def _landmark_file(row: dict[str, Any]) -> str:
    return ClipName(row["subject"], row["action"], row["camera"]).landmark_file.as_posix()
