"""Raw recordings -> packed clips (`clipset`): takes, then clips, in parallel, one clip a worker in memory."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from blaze2cap.body.camera import Camera
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.clipset import VIDEO
from blaze2cap.data.faults.examine import examine_subjects
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault, fault_report
from blaze2cap.data.faults.timing import SEARCH_FRAMES, Lag, estimate_lag, timing_faults
from blaze2cap.data.manifest import read_manifest
from blaze2cap.data.own_pack import preprocess_own
from blaze2cap.data.pack import JOINT_POSITION, ClipJob, PackedClip, PackedTake, TakeJob, pack_clip, pack_take
from blaze2cap.data.packed import (
    allocate,
    consecutive,
    packed_array,
    scratch_array,
    take_row,
    write_cameras,
    write_source,
    write_tables,
)
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published import PUBLISHED_SOURCES
from blaze2cap.data.published_pack import preprocess_published
from blaze2cap.data.raw import CALIBRATION_FILE, ClipName, count_landmark_frames, scan, vicon_folder
from blaze2cap.data.vicon import count_frames
from blaze2cap.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PreprocessParams:
    """Stride augmentation, when a segment counts as another person's, whether lags are undone, and other faults.

    `drop_camera5` is for the published form, whose segments nothing else can tell of: it has no calibrated cameras.
    """

    strides: tuple[int, ...] = (1, 2, 3)
    max_reprojection_px: float = 200.0
    drop_camera5: bool = True
    correct_lag: bool = False
    faults: FaultParams = field(default_factory=FaultParams)

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
    if manifest["source"] == VIDEO:
        return preprocess_own(raw, packed, params.strides, manifest, params.faults, workers)
    if manifest["source"] in PUBLISHED_SOURCES:
        return preprocess_published(raw, packed, params.strides, params.drop_camera5, faults, params.faults, workers)
    takes, clips = _recordings(raw)
    cameras = read_calibration(raw / CALIBRATION_FILE)
    with replaced_folder(packed) as folder:
        take_jobs = _take_jobs(raw, folder, takes, params)
        clip_jobs = _clip_jobs(clips, take_jobs, cameras, params)
        truth_frames = sum(job.span.frames for job in take_jobs.values())
        allocate(folder, len(take_jobs), truth_frames, sum(job.span.frames for job in clip_jobs))
        with scratch_array(folder, JOINT_POSITION, (truth_frames, len(JOINTS), 3)):
            results = parallel_map(pack_take, list(take_jobs.values()), workers, "packing takes")
            packed_takes = dict(zip(takes, results, strict=True))
            packed_clips = parallel_map(pack_clip, clip_jobs, workers, "packing clips")
            timing = _timing(packed_clips)
            if params.correct_lag:
                shifted = [replace(job, lag_frames=_correction(timing[job.clip.take], params)) for job in clip_jobs]
                packed_clips = parallel_map(pack_clip, shifted, workers, "undoing lags")
        data_faults = _faults(packed_takes, packed_clips, timing, params)
        _mark_calibration(folder, take_jobs, data_faults)
        _write_tables(folder, take_jobs, packed_takes, packed_clips)
        seen_by = {clip.camera for clip in clips}
        write_cameras(folder, {number: camera for number, camera in cameras.items() if number in seen_by})
        write_source(folder, manifest["source"])
    return _report(take_jobs, packed_takes, packed_clips, timing, faults, data_faults)


def _take_jobs(raw: Path, folder: Path, takes: list[str], params: PreprocessParams) -> dict[str, TakeJob]:
    spans = consecutive({take: count_frames(raw / vicon_folder(take)) for take in takes})
    return {
        take: TakeJob(raw=raw, packed=folder, take=take, number=number, span=spans[take], faults=params.faults)
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
            cameras=cameras,
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


def _timing(clips: list[PackedClip]) -> dict[str, Lag | None]:
    """Lag of every clip and, from all its cameras together, of every take that has landmarks."""
    sums = {clip.row["clip"]: clip.lag_sums for clip in clips}
    for clip in clips:
        take = clip.row["take"]
        sums[take] = sums.get(take, 0) + clip.lag_sums
    return {name: estimate_lag(sums[name]) for name in sums}


def _correction(lag: Lag | None, params: PreprocessParams) -> int:
    """Whole frames to undo: 0 where a lag shows without correlation or at the end of the search, and may be another."""
    if lag is None or lag.correlation < params.faults.min_correlation or abs(lag.frames) >= SEARCH_FRAMES:
        return 0
    return round(lag.frames)


def _faults(
    takes: dict[str, PackedTake], clips: list[PackedClip], timing: dict[str, Lag | None], params: PreprocessParams
) -> list[DataFault]:
    own = [fault for take in takes.values() for fault in take.findings.faults]
    shared = examine_subjects({name: take.findings for name, take in takes.items()}, params.faults)
    seen = [fault for clip in clips for fault in clip.faults]
    by_clip = {clip.row["clip"]: timing[clip.row["clip"]] for clip in clips}
    by_take = {name: lag for name, lag in timing.items() if name not in by_clip}
    return [*own, *shared, *seen, *timing_faults(by_take, by_clip, params.faults)]


def _mark_calibration(folder: Path, takes: dict[str, TakeJob], faults: Iterable[DataFault]) -> None:
    """No rotation of the body counts in a take that is calibrated otherwise than the person's others."""
    outlier = packed_array(folder, "outlier", "r+")
    for fault in faults:
        if fault.kind == "calibration":
            outlier[takes[fault.where].span.rows, 1:] = True


def _write_tables(
    folder: Path, jobs: dict[str, TakeJob], takes: dict[str, PackedTake], packed_clips: list[PackedClip]
) -> None:
    seen = {clip.row["take"] for clip in packed_clips}
    rows = [
        take_row(
            take,
            job.span,
            bone_residual_mm=takes[take].residual_mm,
            has_landmarks=take in seen,
            root_known=True,
            bones_known=True,
        )
        for take, job in jobs.items()
    ]
    samples = [sample for clip in packed_clips for sample in clip.samples]
    if not samples:
        raise UserError(f"nobody is detected in any of the {len(packed_clips)} clips")
    if all(sample["rejected"] for sample in samples):
        segments = sum(clip.report["segments"] for clip in packed_clips)
        raise UserError(
            f"all {segments} segments are rejected: {samples[0]['clip']}: {samples[0]['reason']}; look at "
            f"{CALIBRATION_FILE}, which must lead from the world to each camera, in metres"
        )
    write_tables(folder, rows, [clip.row for clip in packed_clips], samples)


def _report(
    jobs: dict[str, TakeJob],
    takes: dict[str, PackedTake],
    packed_clips: list[PackedClip],
    timing: dict[str, Lag | None],
    left_out: list[dict[str, str]],
    data_faults: list[DataFault],
) -> dict[str, Any]:
    clips = {clip.row["clip"]: clip.report | _lag_report(timing[clip.row["clip"]]) for clip in packed_clips}
    rejected = [segment for clip in clips.values() for segment in clip["rejected_segments"]]
    total: Counter[str] = Counter()
    for clip in clips.values():
        total.update(
            {
                key: clip[key]
                for key in ("frames", "detected", "segments", "samples", "truncated_landmark_frames", "swapped")
            }
        )
    return {
        "takes": len(takes),
        "motion_only_takes": len(takes) - len({clip.row["take"] for clip in packed_clips}),
        "truth_frames": sum(job.span.frames for job in jobs.values()),
        "clips": len(clips),
        **total,
        "detected_share": total["detected"] / total["frames"],
        "rejected_segments": len(rejected),
        "rejected_frames": sum(segment["frames"] for segment in rejected),
        "rejected_samples": sum(sample["rejected"] for clip in packed_clips for sample in clip.samples),
        "worst_bone_residual_mm": max(take.residual_mm for take in takes.values()),
        "faults": {"count": len(left_out), "left_out": left_out},
        "data_faults": fault_report(data_faults),
        "by_take": {
            take: {
                "frames": job.span.frames,
                "bone_residual_mm": takes[take].residual_mm,
                **_lag_report(timing.get(take)),
            }
            for take, job in jobs.items()
        },
        "by_clip": clips,
    }


def _lag_report(lag: Lag | None) -> dict[str, float | None]:
    return {"lag_frames": lag and lag.frames, "lag_correlation": lag and lag.correlation}
