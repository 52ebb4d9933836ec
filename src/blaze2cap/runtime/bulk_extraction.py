"""Many videos to raw landmarks: each by itself, side by side, going on where an earlier run ended."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from blaze2cap.data.own_recordings import VIDEO_SUFFIXES
from blaze2cap.data.parallel import outcomes
from blaze2cap.data.raw import count_landmark_frames
from blaze2cap.errors import UserError
from blaze2cap.runtime.extraction import SUFFIX, extract_landmarks, require_landmark_file, write_extraction
from blaze2cap.runtime.image_folder import SUFFIXES as IMAGE_SUFFIXES
from blaze2cap.runtime.pose_model import PoseModel
from blaze2cap.runtime.video import open_video
from blaze2cap.untrusted import files_in, read_json


@dataclass(frozen=True, kw_only=True)
class VideoJob:
    """A video, the landmark file to make of it, and what `extract` was told."""

    video: Path
    out: Path
    model: PoseModel
    fps: float | None = None
    field_of_view_deg: float | None = None


class Extracted(NamedTuple):
    """What is in a landmark file: its rows, their rate [frames/s], how many show a person; and what to know of it."""

    rows: int
    fps: float
    detected: int
    notices: list[str]


class Videos(NamedTuple):
    """Videos, each with the name of its landmark file below the output folder, and how many files are none."""

    found: dict[Path, Path]
    others: int


def find_videos(inputs: Sequence[Path]) -> Videos:
    """Videos that are named, and those in named folders and the folders in them; images in a folder are one video.

    UserError where an input is not there, holds no video or cannot be listed, or two would be written to the same file.
    """
    found: dict[Path, Path] = {}
    others = 0
    for path in inputs:
        if not path.exists():
            raise UserError(f"{path}: no such file; expected a video, or a folder of videos or images")
        try:
            own, left_out = _in_folder(path) if path.is_dir() else ({path: Path(path.name).with_suffix(SUFFIX)}, 0)
        except OSError as error:
            raise UserError(f"{error.filename}: could not be listed ({error.strerror})") from None
        if not own:
            raise UserError(f"{path}: no video in the folder; expected files ending in {', '.join(VIDEO_SUFFIXES)}")
        found |= own
        others += left_out
    taken: dict[Path, Path] = {}
    for video, name in found.items():
        if name in taken:
            raise UserError(f"{taken[name]} and {video} would both be written to {name}; rename one of them")
        taken[name] = video
    return Videos(found, others)


def is_whole(job: VideoJob) -> bool:
    """Whether the job's landmark file and sidecar are there, made as the job says, after the video last changed."""
    try:
        sidecar = read_json(job.out.with_suffix(".json"))
        made = sidecar["model_sha256"], sidecar["field_of_view_deg"]
        at_rate = _has_told_rate(sidecar, job.fps) if job.fps else sidecar.get("told_fps") is None
        later = job.out.stat().st_mtime_ns >= _changed_ns(job.video)
        count_landmark_frames(job.out)
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return False
    return made == (job.model.sha256, job.field_of_view_deg) and at_rate and later


def _has_told_rate(sidecar: dict, fps: float) -> bool:
    """Whether rows are the video's frames at a rate that is told; those of a variable rate lie between frames."""
    return math.isclose(sidecar["fps"], fps) and not sidecar["resampled"]


def extract_all(
    jobs: Sequence[VideoJob], workers: int | None = None
) -> Iterator[tuple[VideoJob, Extracted | BaseException]]:
    """Extract many videos, spread as `parallel.outcomes` does it; tells of each, as it ends, what came of it.

    The largest begin, so that none of them is waited for at the end.
    """
    ordered = sorted(jobs, key=lambda job: -_bytes(job.video))
    for number, outcome in outcomes(_extract, ordered, workers, "extract"):
        yield ordered[number], outcome


def _extract(job: VideoJob) -> Extracted:
    require_landmark_file(job.out)
    extraction = extract_landmarks(open_video(job.video, job.fps), job.model, shown=False)
    written = write_extraction(job.out, extraction, job.field_of_view_deg, job.fps)
    detected = int(written.landmarks.any(axis=(1, 2)).sum())
    return Extracted(len(written.landmarks), written.fps, detected, extraction.notices)


def _in_folder(folder: Path) -> tuple[dict[Path, Path], int]:
    found: dict[Path, Path] = {}
    others = 0
    for here, files in files_in(folder):
        videos = [file for file in files if file.suffix.lower() in VIDEO_SUFFIXES]
        if not videos and any(file.suffix.lower() in IMAGE_SUFFIXES for file in files):
            name = Path(folder.resolve().name) if here == folder else here.relative_to(folder)
            found[here] = name.with_name(name.name + SUFFIX)
            continue
        found |= {video: video.relative_to(folder).with_suffix(SUFFIX) for video in videos}
        others += len(files) - len(videos)
    return found, others


def _changed_ns(video: Path) -> int:
    """When a video last changed, or the newest of its images: their folder does not change with one written over."""
    images = [file for file in video.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES] if video.is_dir() else []
    return max(path.stat().st_mtime_ns for path in (video, *images))


def _bytes(video: Path) -> int:
    """Size of a video or its images; 0 where that cannot be asked: what opens the video says why."""
    try:
        return sum(file.stat().st_size for file in (video.iterdir() if video.is_dir() else (video,)))
    except OSError:
        return 0
