"""Raw recordings -> packed clips (`clipset`): takes, then clips, in parallel, one clip a worker in memory."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blaze2cap.body.camera import Camera
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.manifest import read_manifest
from blaze2cap.data.pack import ClipJob, PackedClip, TakeJob, pack_clip, pack_take
from blaze2cap.data.packed import allocate, consecutive, write_cameras, write_tables
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published_pack import preprocess_published
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, count_landmark_frames, scan, vicon_folder
from blaze2cap.data.vicon import count_frames
from blaze2cap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PreprocessParams:
    """Stride augmentation, and when a segment counts as another person's."""

    strides: tuple[int, ...] = (1, 2, 3)
    max_reprojection_px: float = 200.0

    def __post_init__(self) -> None:
        if 1 not in self.strides or min(self.strides) < 1 or len(set(self.strides)) < len(self.strides):
            raise ValueError(f"strides is {list(self.strides)}, expected different numbers from 1 on, 1 among them")
        if not 0 < self.max_reprojection_px < float("inf"):
            raise ValueError(f"max_reprojection_px is {self.max_reprojection_px}, expected a number of pixels above 0")


def preprocess(raw: Path, packed: Path, params: PreprocessParams, workers: int | None = None) -> dict[str, Any]:
    """Pack a folder in the raw layout into `packed`, and return the report on it.

    The bytes do not depend on the number of workers (None: one a core), and `packed` is replaced at the end.
    Raises UserError where a recording cannot be used or none has both landmarks and truth.
    """
    manifest = read_manifest(raw)
    faults = manifest["faults"]
    if manifest["source"] == "published":
        return preprocess_published(raw, packed, params.strides, faults, workers)
    takes, clips = _recordings(raw)
    cameras = read_calibration(raw / CALIBRATION_FILE)
    with replaced_folder(packed) as folder:
        take_jobs = _take_jobs(raw, folder, takes)
        clip_jobs = _clip_jobs(clips, take_jobs, cameras, params)
        truth_frames = sum(job.span.frames for job in take_jobs.values())
        allocate(folder, len(take_jobs), truth_frames, sum(job.span.frames for job in clip_jobs))
        residuals = parallel_map(pack_take, list(take_jobs.values()), workers, "packing takes")
        packed_clips = parallel_map(pack_clip, clip_jobs, workers, "packing clips")
        _write_tables(folder, take_jobs, residuals, packed_clips)
        seen_by = {clip.camera for clip in clips}
        write_cameras(folder, {number: camera for number, camera in cameras.items() if number in seen_by})
    return _report(take_jobs, residuals, packed_clips, faults)


def _take_jobs(raw: Path, folder: Path, takes: list[str]) -> dict[str, TakeJob]:
    spans = consecutive({take: count_frames(raw / vicon_folder(take)) for take in takes})
    return {
        take: TakeJob(raw=raw, packed=folder, take=take, number=number, span=spans[take])
        for number, take in enumerate(takes)
    }


def _clip_jobs(
    clips: list[ClipName], takes: dict[str, TakeJob], cameras: dict[str, Camera], params: PreprocessParams
) -> list[ClipJob]:
    files = {clip: takes[clip.take].raw / clip.landmark_file for clip in clips}
    landmark_frames = {clip: count_landmark_frames(file) for clip, file in files.items()}
    spans = consecutive({clip: min(landmark_frames[clip], takes[clip.take].span.frames) for clip in clips})
    for clip in clips:
        if clip.camera not in cameras:
            raise UserError(f"{files[clip]}: camera {clip.camera} is not among the {len(cameras)} calibrated ones")
    return [
        ClipJob(
            clip=clip,
            span=spans[clip],
            landmark_frames=landmark_frames[clip],
            take=takes[clip.take],
            camera=cameras[clip.camera],
            strides=params.strides,
            max_reprojection_px=params.max_reprojection_px,
        )
        for clip in clips
    ]


def _recordings(raw: Path) -> tuple[list[str], list[ClipName]]:
    takes, clips, misnamed = scan(raw)
    if misnamed:
        raise UserError(f"{raw}: {misnamed[0]}; run `dvc repro -f download`")
    if not clips:
        raise UserError(f"{raw}: no landmarks of any clip; run `dvc repro download`")
    for clip in clips:
        if clip.take not in takes:
            raise UserError(f"{raw / clip.landmark_file}: no Vicon truth of take {clip.take} beside it")
    return takes, clips


def _write_tables(
    folder: Path, takes: dict[str, TakeJob], residuals: list[float], packed_clips: list[PackedClip]
) -> None:
    seen = {clip.row["take"] for clip in packed_clips}
    rows = [
        {
            "take": take,
            "subject": take.split("/")[0],
            "action": take.split("/")[1],
            "first_row": job.span.first_row,
            "frames": job.span.frames,
            "bone_residual_mm": residual,
            "has_landmarks": take in seen,
            "root_known": True,
        }
        for (take, job), residual in zip(takes.items(), residuals, strict=True)
    ]
    samples = [sample for clip in packed_clips for sample in clip.samples]
    if not samples:
        raise UserError(f"nobody is detected in any of the {len(packed_clips)} clips")
    write_tables(folder, rows, [clip.row for clip in packed_clips], samples)


def _report(
    takes: dict[str, TakeJob], residuals: list[float], packed_clips: list[PackedClip], faults: list[dict[str, str]]
) -> dict[str, Any]:
    clips = {clip.row["clip"]: clip.report for clip in packed_clips}
    rejected = [segment for clip in clips.values() for segment in clip["rejected_segments"]]
    total: Counter[str] = Counter()
    for clip in clips.values():
        total.update(
            {key: clip[key] for key in ("frames", "detected", "segments", "samples", "truncated_landmark_frames")}
        )
    return {
        "takes": len(takes),
        "motion_only_takes": len(takes) - len({clip.row["take"] for clip in packed_clips}),
        "truth_frames": sum(job.span.frames for job in takes.values()),
        "clips": len(clips),
        **total,
        "detected_share": total["detected"] / total["frames"],
        "rejected_segments": len(rejected),
        "rejected_frames": sum(segment["frames"] for segment in rejected),
        "rejected_samples": sum(sample["rejected"] for clip in packed_clips for sample in clip.samples),
        "worst_bone_residual_mm": max(residuals),
        "faults": {"count": len(faults), "left_out": faults},
        "by_take": {
            take: {"frames": job.span.frames, "bone_residual_mm": residual}
            for (take, job), residual in zip(takes.items(), residuals, strict=True)
        },
        "by_clip": clips,
    }
