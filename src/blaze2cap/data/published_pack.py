"""A folder in the published form -> packed clips (`clipset`), so that both kinds of recordings become one thing.

A clip is its segments one after another, from their stride-1 samples; samples at higher strides are rows of the index.
What the form does not hold is assumed: the camera (its frame is taken for the world's), and the bones. Every clip has
truth rows of its own, as two cameras' views of a take are not known to each other, and the absolute root is that of
`absolute_root` in each segment. Of the faults of recordings (`faults`) those are looked for that show without camera,
bones and positions.

Where a split map stands beside the files, it rules: its parts are those of the takes, and what it does not list in a
part is rejected.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from blaze2cap.body.camera import ASSUMED_INTRINSICS, Camera
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.motion import BODY_SLOTS
from blaze2cap.body.rotation import matrix_to_rotation_6d, rotation_6d_to_matrix
from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.augment import Layout
from blaze2cap.data.contract import FLAGS, PARTS
from blaze2cap.data.faults.bones import implausible_landmarks
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault, fault_report
from blaze2cap.data.faults.truth import twisted_hands
from blaze2cap.data.packed import (
    Rows,
    Span,
    allocate,
    consecutive,
    packed_array,
    take_row,
    write_cameras,
    write_given_parts,
    write_rows,
    write_source,
    write_tables,
)
from blaze2cap.data.parallel import parallel_map
from blaze2cap.data.published import DATASET_MAP_FILE, SampleName, scan_published
from blaze2cap.data.published_samples import absolute_root, read_published_sample
from blaze2cap.data.raw import ClipName, Sidecar
from blaze2cap.data.split import read_split_map
from blaze2cap.data.vicon import FPS
from blaze2cap.errors import UserError


class _ClipJob(NamedTuple):
    raw: Path
    packed: Path
    clip: str
    sources: list[str]
    span: Span
    faults: FaultParams


class _Clip(NamedTuple):
    """A clip's samples in their order, and the frames of its segments."""

    samples: list[SampleName]
    segments: dict[int, Span]

    @property
    def frames(self) -> int:
        return sum(span.frames for span in self.segments.values())


def preprocess_published(
    raw: Path,
    packed: Path,
    strides: tuple[int, ...],
    drop_camera5: bool,
    left_out: list[dict[str, str]],
    faults: FaultParams,
    workers: int | None = None,
) -> dict[str, Any]:
    """Pack a raw folder that download filled from a published one into `packed`, and return the report on it.

    With `drop_camera5`, views in which camera 5 followed another person are rejected. Raises UserError where the folder
    is not as download left it, or its map is of other samples.
    """
    found = scan_published(raw)
    if found.faults:
        raise UserError(f"{raw}: {found.faults[0].sentence}; run `dvc repro -f download`")
    clips, given = _clips(found.frames), _read_map(raw)
    if given is not None:
        _require_shared(raw / DATASET_MAP_FILE, given, [name.source(found.layout) for name in found.frames])
    reasons = {name: _reason(name.source(found.layout), name, given, drop_camera5) for name in found.frames}
    if all(reasons.values()):
        raise UserError(f"{raw}: all {len(reasons)} samples are rejected; {next(iter(reasons.values()))}")
    takes: Counter[str] = Counter()
    for name, clip in clips.items():
        takes[name.take] += clip.frames
    # Clips are in the order of their takes, so that rows of landmarks and of truth are the same.
    spans, truth = consecutive({name: clip.frames for name, clip in clips.items()}), consecutive(takes)
    samples = [
        row
        for name, clip in clips.items()
        for row in _sample_rows(name, clip, found.frames, found.layout, reasons)
        if row["stride"] in strides
    ]
    with replaced_folder(packed) as folder:
        allocate(folder, len(takes), takes.total(), takes.total())
        packed_array(folder, "offset", "r+")[:] = mean_offset()
        jobs = [
            _ClipJob(
                raw,
                folder,
                str(name),
                [n.source(found.layout) for n in clip.samples if n.stride == 1],
                spans[name],
                faults,
            )
            for name, clip in clips.items()
        ]
        data_faults = [fault for own in parallel_map(_pack_clip, jobs, workers, "packing clips") for fault in own]
        clip_rows = [_clip_row(name, clip, spans[name], reasons) for name, clip in clips.items()]
        write_tables(folder, [take_row(take, span) for take, span in truth.items()], clip_rows, samples)
        cameras = sorted({name.camera for name in clips}, key=int)
        write_cameras(folder, dict.fromkeys(cameras, assumed_camera()))
        write_source(folder, "published")
        if given is not None:
            write_given_parts(folder, {take: given.parts.get(take, "none") for take in takes})
    return _report(clips, samples, strides, left_out, data_faults)


def without_effect(samples_at_stride: Mapping[str, int], correct_lag: bool) -> list[str]:
    """One sentence for each parameter that asks for what samples cannot give: of a report, samples at the strides that
    were asked for; and whether lags were to be undone."""
    sentences = [
        f"preprocess.strides names {stride}, but no sample here has that stride: the published form is not thinned anew"
        for stride, count in samples_at_stride.items()
        if not count
    ]
    if correct_lag:
        sentences.append("preprocess.correct_lag is true, but changes nothing: no lag shows in the published form")
    return sentences


def assumed_camera() -> Camera:
    """A camera of usual optics whose frame is the world's."""
    return Camera.at_origin(ASSUMED_INTRINSICS, Sidecar.width, Sidecar.height)


class _Map(NamedTuple):
    """Part of every take in a split map, sources of all its samples, and of those that are in a part."""

    parts: dict[str, str]
    sources: list[str]
    used: set[str]


def _read_map(raw: Path) -> _Map | None:
    if not (raw / DATASET_MAP_FILE).exists():
        return None
    table = read_split_map(raw / DATASET_MAP_FILE)
    take = table.subject + "/" + table.action
    parts = dict.fromkeys(take, "none")
    for part in PARTS[:3]:
        parts |= dict.fromkeys(take[table[f"split_{part}"]], part)
    return _Map(parts, table.source.tolist(), set(table.source[table[list(FLAGS)].any(axis=1)]))


def _require_shared(path: Path, given: _Map, here: list[str]) -> None:
    """UserError for a map that lists no sample that is here, as one of another layout."""
    if set(given.sources).isdisjoint(here):
        raise UserError(
            f"{path}: none of its {len(given.sources)} samples is among the {len(here)} beside it, where {here[0]} is, "
            f"while the map lists {given.sources[0]}; `blaze2cap map` writes one of what is there"
        )


def _reason(source: str, name: SampleName, given: _Map | None, drop_camera5: bool) -> str:
    """Why a sample is rejected; empty where it is not."""
    if drop_camera5 and name.is_of_another_person:
        return "camera 5 followed another person in this take"
    if given and source not in given.used and given.parts.get(name.clip.take, "none") != "none":
        return f"in no part of {DATASET_MAP_FILE}, other than its take"
    return ""


def _clips(frames: dict[SampleName, int]) -> dict[ClipName, _Clip]:
    samples: dict[ClipName, list[SampleName]] = {}
    for name in frames:
        samples.setdefault(name.clip, []).append(name)
    return {
        clip: _Clip(names, consecutive({name.segment: frames[name] for name in names if name.stride == 1}))
        for clip, names in samples.items()
    }


def _pack_clip(job: _ClipJob) -> list[DataFault]:
    """Write a clip's rows; what is wrong with its hands and with the bones of its landmarks."""
    segments = [read_published_sample(job.raw, source) for source in job.sources]
    roots = [absolute_root(segment.slots) for segment in segments]
    turns = torch.cat([matrix_to_rotation_6d(turn).float() for _, turn in roots])
    body = torch.cat([segment.slots[:, BODY_SLOTS] for segment in segments])
    landmarks, rotation = (
        torch.cat([segment.landmarks for segment in segments]),
        torch.cat((turns[:, None], body), dim=1),
    )
    faults, outlier = twisted_hands(job.clip, rotation_6d_to_matrix(rotation), job.faults)
    lengths = consecutive(dict(enumerate(len(segment.landmarks) for segment in segments)))
    for number, span in lengths.items():
        faults += implausible_landmarks(job.clip, number, span.rows, landmarks, job.faults)
    write_rows(job.packed, "landmarks", job.span, landmarks)
    write_rows(job.packed, "rotation", job.span, rotation)
    write_rows(job.packed, "outlier", job.span, outlier)
    write_rows(job.packed, "root_position", job.span, torch.cat([position for position, _ in roots]))
    return faults


def _clip_row(name: ClipName, clip: _Clip, span: Span, reasons: dict[SampleName, str]) -> dict[str, Any]:
    video = Sidecar()
    rejected = [sample.segment for sample in clip.samples if sample.stride == 1 and reasons[sample]]
    return {
        "clip": str(name),
        "take": name.take,
        "subject": name.subject,
        "action": name.action,
        "camera": name.camera,
        "first_row": span.first_row,
        "truth_row": span.first_row,
        "frames": clip.frames,
        "detected": clip.frames,
        "anchors": len(clip.segments),
        "segments": len(clip.segments),
        "rejected_frames": sum(clip.segments[segment].frames for segment in rejected),
        "width": video.width,
        "height": video.height,
        "fps": FPS,
    }


def _sample_rows(
    name: ClipName, clip: _Clip, frames: dict[SampleName, int], layout: Layout, reasons: dict[SampleName, str]
) -> Rows:
    return [
        {
            "source": sample.source(layout),
            "clip": str(name),
            "segment": sample.segment,
            "stride": sample.stride,
            "offset": sample.offset,
            "first_frame": clip.segments[sample.segment].first_row + sample.offset,
            "frames": frames[sample],
            "rejected": bool(reasons[sample]),
            "reason": reasons[sample],
        }
        for sample in clip.samples
    ]


def _report(
    clips: dict[ClipName, _Clip],
    samples: Rows,
    strides: tuple[int, ...],
    left_out: list[dict[str, str]],
    data_faults: list[DataFault],
) -> dict[str, Any]:
    at_stride = Counter(row["stride"] for row in samples)
    in_clip = Counter(row["clip"] for row in samples)
    return {
        "takes": len({name.take for name in clips}),
        "takes_without_absolute_root": len({name.take for name in clips}),
        "clips": len(clips),
        "frames": sum(clip.frames for clip in clips.values()),
        "segments": sum(len(clip.segments) for clip in clips.values()),
        "samples": len(samples),
        "rejected_samples": sum(row["rejected"] for row in samples),
        "rejected": dict(Counter(row["reason"] for row in samples if row["rejected"])),
        "samples_at_stride": {str(stride): at_stride[stride] for stride in strides},
        "faults": {"count": len(left_out), "left_out": left_out},
        "data_faults": fault_report(data_faults),
        "by_clip": {
            str(name): {"frames": clip.frames, "segments": len(clip.segments), "samples": in_clip[str(name)]}
            for name, clip in clips.items()
        },
    }
