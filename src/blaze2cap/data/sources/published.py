"""A folder in the published form as a source: every segment checked, and its sound pairs copied into the pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from blaze2cap.data.augment import Layout, strided
from blaze2cap.data.inspection import Inspection
from blaze2cap.data.manifest import Fault
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published import DATASET_MAP_FILE, SampleName, scan_published
from blaze2cap.data.published_samples import contradiction, read_published_sample
from blaze2cap.data.raw import ClipName
from blaze2cap.data.segment import Segment
from blaze2cap.data.sources.totalcapture import copy_recording, find_recordings
from blaze2cap.errors import UserError

PUBLISHED_STRIDES = (1, 2, 3)


@dataclass(frozen=True)
class PublishedInspection(Inspection):
    """Sound samples beside what they make up; `missing` are those that a segment's length and strides ask for."""

    layout: Layout
    samples: list[SampleName]
    missing: list[str]

    @property
    def notices(self) -> list[str]:
        """Samples that are not there."""
        if not self.missing:
            return []
        strides = ", ".join(map(str, PUBLISHED_STRIDES))
        return [f"{len(self.missing)} samples at strides {strides} of these segments are not there: {self.missing[0]}"]

    def report(self) -> dict[str, Any]:
        """The usual counts, and those of samples."""
        counts = {"samples": len(self.samples), "segments": sum(name.stride == 1 for name in self.samples)}
        return super().report() | counts | {"missing_samples": {"count": len(self.missing), "names": self.missing}}


class _Checked(NamedTuple):
    sound: list[SampleName]
    faults: list[Fault]


class _Job(NamedTuple):
    folder: Path
    layout: Layout
    samples: list[SampleName]


def find_published(path: str | None) -> Path:
    """Folder named by `dataset.path`; UserError where it is not named absolutely."""
    if path is None:
        raise UserError("dataset.path is null: name the folder of the published data set there")
    return find_recordings(path)


def copy_published(
    folder: Path, raw: Path, workers: int | None = None, copy: Callable[[Path, Path], None] = copy_recording
) -> PublishedInspection:
    """Check all samples and copy the sound ones into the new folder `raw`, with their map where there is one.

    Raises UserError where a copy fails, and for a map that is a link out of the folder.
    """
    inspection = inspect_published(folder, workers)
    map_file = folder / DATASET_MAP_FILE
    if map_file.exists():
        # All else is read before it is copied. In the hub's cache, links out of the folder are what its files are.
        if copy is copy_recording and not map_file.resolve().is_relative_to(folder.resolve()):
            raise UserError(f"{map_file}: a link out of the folder, expected a map; put the file itself there")
        copy(map_file, raw / DATASET_MAP_FILE)
    for name in inspection.samples:
        for file in (name.source(inspection.layout), name.target(inspection.layout)):
            copy(folder / file, raw / file)
    return inspection


def inspect_published(folder: Path, workers: int | None = None) -> PublishedInspection:
    """Read and check every sample, and hold those at higher strides against the stride-1 sample of their segment.

    Raises UserError where the folder is not one in the published form or nothing in it is sound.
    """
    found = scan_published(folder)
    faulty = {fault.left_out for fault in found.faults}
    segments: dict[tuple[ClipName, int], list[SampleName]] = {}
    for name in found.frames:
        segments.setdefault((name.clip, name.segment), []).append(name)
    jobs = [_Job(folder, found.layout, names) for names in segments.values()]
    checked = parallel_map(_check_segment, jobs, workers, "checking segments")
    faults = [*found.faults, *(fault for result in checked for fault in result.faults)]
    sound = [name for result in checked for name in result.sound]
    if not sound:
        raise UserError(f"{folder}: no sound segment: {'; '.join(fault.sentence for fault in faults[:3])}")
    frames = {name: found.frames[name] for name in sound if name.stride == 1}
    missing = [
        wanted.source(found.layout)
        for name, count in frames.items()
        for part in strided(Segment(0, count), PUBLISHED_STRIDES)
        for wanted in [name._replace(stride=part.stride, offset=part.offset)]
        if wanted not in found.frames and not {wanted.source(found.layout), wanted.target(found.layout)} & faulty
    ]
    clips: dict[ClipName, int] = {}
    takes: dict[str, int] = {}
    for name, count in frames.items():
        clips[name.clip] = clips.get(name.clip, 0) + count
        takes[name.clip.take] = takes.get(name.clip.take, 0) + count
    cameras = sorted({clip.camera for clip in clips}, key=int)
    return PublishedInspection(takes, clips, faults, cameras, found.layout, sound, missing)


def _check_segment(job: _Job) -> _Checked:
    """Sound samples of one segment, whose stride-1 sample comes first; without a sound one there are none."""
    sound, faults, whole = [], [], None
    for name in job.samples:
        source = name.source(job.layout)
        try:
            sample = read_published_sample(job.folder, source)
            if name.stride == 1:
                whole = sample
            elif whole is None:
                raise UserError(f"{source}: no sound stride-1 sample of its segment to hold it against")
            elif reason := contradiction(sample, whole, name.stride, name.offset):
                raise UserError(f"{source}: {reason}")
            sound.append(name)
        except UserError as error:
            faults.append(Fault(source, str(error).replace(f"{job.folder}/", "")))
    return _Checked(sound, faults)
