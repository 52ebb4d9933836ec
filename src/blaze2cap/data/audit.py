"""Packed arrays held against the tables beside them: what a row promises, its frames must keep."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from blaze2cap.body.landmark import TRACKED, VISIBILITY
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.contract import FLAGS
from blaze2cap.data.schema import refuse
from blaze2cap.data.segment import is_detected
from blaze2cap.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

_ORTHONORMAL = 1e-3
_LONGEST_BONE_M = 1.0
_ROWS_AT_ONCE = 65536


def audit_clips(clipset: ClipSet, folder: Path) -> None:
    """Hold landmarks and truth against takes.csv, clips.csv and samples.csv.

    Raises UserError naming file, row, column and value: a table that counts otherwise than the frames do, a segment
    that does not start at its anchor and run to the next break, numbers that are not finite or out of range.
    """
    clips, samples, takes = clipset.clips, clipset.samples, clipset.takes
    detected, flag = _landmarks(clipset, folder)
    anchor = detected & (flag == 0)
    follows_gap = detected & ~np.append(False, detected[:-1])
    first = clips.first_row.to_numpy()
    follows_gap[first] = detected[first]
    file = folder / "clips.csv"
    refuse(
        clips, "detected", np.add.reduceat(detected, first, dtype=int) != clips.detected, "the frames that are", file
    )
    refuse(clips, "anchors", np.add.reduceat(anchor, first, dtype=int) != clips.anchors, "the frames flagged so", file)
    unflagged = np.add.reduceat(follows_gap & ~anchor, first, dtype=int) > 0
    refuse(clips, "anchors", unflagged, "one wherever somebody is detected anew", file)
    refuse(clips, "camera", ~clips.camera.isin(list(clipset.cameras)), "a camera of cameras.json", file)

    # A segment runs from an anchor to the next anchor, the next gap or the end of its clip.
    ends = np.append(anchor | ~detected, True)
    ends[first] = True
    breaks = np.flatnonzero(ends)
    row = clips.first_row.loc[samples["clip"]].to_numpy() + samples.first_frame.to_numpy()
    start = row - samples.offset.to_numpy()
    length = breaks[np.searchsorted(breaks, start, side="right")] - start
    left = -(-(length - samples.offset) // samples.stride)
    file = folder / "samples.csv"
    refuse(samples, "first_frame", ~anchor[start], "an anchor, `offset` frames before it", file)
    refuse(samples, "frames", samples.frames != left, "every `stride`-th frame up to the next break", file)
    whole = samples[samples.stride == 1]
    counts = whole.groupby("clip")["segment"].nunique().reindex(clips["clip"], fill_value=0)
    rejected = whole[whole.rejected].groupby("clip").frames.sum().reindex(clips["clip"], fill_value=0)
    file = folder / "clips.csv"
    refuse(clips, "segments", counts.to_numpy() != clips.segments, "as many as samples.csv has", file)
    refuse(
        clips, "rejected_frames", rejected.to_numpy() != clips.rejected_frames, "those rejected in samples.csv", file
    )
    seen = takes["take"].isin(clips["take"])
    refuse(
        takes,
        "has_landmarks",
        seen != takes.has_landmarks,
        "whether clips.csv has any of its clips",
        folder / "takes.csv",
    )
    _truth(clipset, folder)


def audit_split(clipset: ClipSet, split_map: "pd.DataFrame", parts: dict[str, list[str]], folder: Path) -> None:
    """Hold a split against the clips it was made of; UserError naming the row.

    Every take has one part, every sample one entry, and an entry's flags are its take's part, or none where it is
    rejected: so no take is both trained and tested on.
    """
    part_of = {take: part for part, takes in parts.items() for take in takes}
    if sorted(take for takes in parts.values() for take in takes) != sorted(clipset.takes.index):
        raise UserError(f"{folder / 'takes.csv'}: its takes are not those of the clips; run `dvc repro split`")
    samples = clipset.samples
    file = folder / "split_map.json"
    refuse(split_map, "source", ~split_map.source.isin(samples.index), "a sample of samples.csv", file)
    if len(split_map) != len(samples):
        raise UserError(f"{file}: {len(split_map)} samples, but samples.csv has {len(samples)}; run `dvc repro split`")
    part = (split_map.subject + "/" + split_map.action).map(part_of)
    usable = ~samples.rejected.loc[split_map.source].to_numpy()
    for flag in FLAGS:
        expected = (part == flag.removeprefix("split_")) & usable
        refuse(split_map, flag, split_map[flag] != expected, "the part of its take, if not rejected", file)


def _landmarks(clipset: ClipSet, folder: Path) -> tuple[Bool[np.ndarray, "F"], np.ndarray]:
    """Detected frames and their tracking flags, read in pieces, as a data set may be larger than memory."""
    detected, flags = [], []
    for first in range(0, len(clipset.landmarks), _ROWS_AT_ONCE):
        piece = np.asarray(clipset.landmarks[first : first + _ROWS_AT_ONCE])
        seen, flag, visibility = is_detected(piece), piece[:, 0, TRACKED], piece[..., VISIBILITY]
        for broken, expected in (
            (~np.isfinite(piece).all(axis=(1, 2)), "finite numbers"),
            (
                (piece[..., TRACKED] != flag[:, None]).any(axis=1) | ~np.isin(flag, (0, 1)),
                "one flag, 0 or 1, in a frame",
            ),
            (((visibility < 0) | (visibility > 1)).any(axis=1), "visibilities from 0 to 1"),
        ):
            _refuse_row(folder / "landmarks.npy", broken, first, expected)
        detected.append(seen)
        flags.append(flag)
    return np.concatenate(detected), np.concatenate(flags)


def _truth(clipset: ClipSet, folder: Path) -> None:
    for first in range(0, len(clipset.rotation), _ROWS_AT_ONCE):
        rotation = np.asarray(clipset.rotation[first : first + _ROWS_AT_ONCE], dtype=float)
        columns = rotation.reshape(*rotation.shape[:2], 2, 3)
        gram = columns @ np.swapaxes(columns, 2, 3)
        broken = ~(np.abs(gram - np.eye(2)) < _ORTHONORMAL).all(axis=(1, 2, 3))
        _refuse_row(folder / "rotation.npy", broken, first, "two orthonormal columns of each rotation")
    finite = np.isfinite(clipset.root_position).all(axis=1)
    _refuse_row(folder / "root_position.npy", ~finite, 0, "finite numbers [m]")
    short = (np.linalg.norm(clipset.offset, axis=-1) < _LONGEST_BONE_M).all(axis=1)
    _refuse_row(folder / "offset.npy", ~short, 0, f"bones below {_LONGEST_BONE_M:g} m")


def _refuse_row(file: Path, broken: Any, first: int, expected: str) -> None:
    rows = np.flatnonzero(broken)
    if len(rows):
        raise UserError(f"{file}: row {first + rows[0]}, expected {expected}; run `dvc repro -f preprocess`")
