"""A folder that a user names, opened as packed clips, and the takes of it that a checkpoint is to be looked at on."""

import dataclasses
import errno
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from blaze2cap.data.clipset import CAMERAS_FILE, ClipSet
from blaze2cap.data.field_of_view import require_field_of_view
from blaze2cap.data.known_takes import known_takes, same_recordings
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.totalcapture import copy_totalcapture
from blaze2cap.data.split import standard_part
from blaze2cap.errors import UserError

ALL, TRAIN, VAL = "all", "train", "val"

_ROLES = {TRAIN: "trained on", VAL: "chosen by"}


@contextmanager
def opened_recordings(folder: Path, source: str, correct_lag: bool = False) -> Iterator[ClipSet]:
    """Clips of recordings in the raw layout, checked and packed aside for as long as this lasts; what is left out, and
    what is suspicious, is told on stderr. A folder of packed clips is opened as it is.

    `correct_lag` moves landmarks earlier by as much as the video runs behind the truth; UserError for packed clips.
    """
    if (folder / CAMERAS_FILE).exists():
        if correct_lag:
            raise UserError(f"{folder}: these clips are packed with the lag they have; give the recordings themselves")
        yield ClipSet.load(folder)
        return
    with tempfile.TemporaryDirectory(prefix="blaze2cap-") as scratch:
        try:
            packed = _packed(folder.resolve(), Path(scratch), source, correct_lag)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise UserError(f"no room to pack the recordings in {scratch}; free some or move TMPDIR") from None
        yield ClipSet.load(packed)


def _packed(recordings: Path, scratch: Path, source: str, correct_lag: bool) -> Path:
    raw, packed = scratch / "raw", scratch / "clips"
    inspection = copy_totalcapture(recordings, raw)
    for fault in inspection.faults:
        print(f"left out: {fault.sentence}", file=sys.stderr)
    write_manifest(raw, source, inspection.faults, recordings)
    for told in preprocess(raw, packed, PreprocessParams(correct_lag=correct_lag))["data_faults"]["list"]:
        print(told["sentence"], file=sys.stderr)
    return packed


def takes_of_part(part: str, clipset: ClipSet, provenance: Mapping[str, Any]) -> list[str]:
    """Takes to look at: `train` and `val` are those of the checkpoint with this provenance, `test` those of the
    standard split, `all` every one.

    Where a take leaks in that the checkpoint was trained on or chosen by, stderr tells, and so it does where training
    left a take of the standard training part out. UserError where the checkpoint has none of the takes here.
    """
    takes, known = list(clipset.takes.index), known_takes(provenance, clipset.source)
    if not same_recordings(provenance["source"], clipset.source):
        print(
            f"the checkpoint was trained on {provenance['source']}, these recordings are {clipset.source}: takes and "
            "people of the same name are others",
            file=sys.stderr,
        )
    if part in (TRAIN, VAL):
        wanted = [take for take in takes if take in getattr(known, part)]
        if not wanted:
            raise UserError(
                f"none of the {len(takes)} takes here is one that the checkpoint was {_ROLES[part]}; take another part"
            )
    else:
        wanted = [take for take in takes if part in (ALL, standard_part(take))]
    if part == TRAIN:
        unused = [take for take in takes if standard_part(take) == TRAIN and take not in (*known.train, *known.val)]
        if unused:
            print(f"left out, as the checkpoint was not trained on them: {', '.join(unused)}", file=sys.stderr)
    for role, told in _ROLES.items():
        seen = [take for take in wanted if take in getattr(known, role)]
        if seen and part != role:
            print(f"{told} {len(seen)} of these takes: {', '.join(seen)}", file=sys.stderr)
    return wanted


def uncalibrated(clipset: ClipSet, field_of_view_deg: float) -> ClipSet:
    """The data set as somebody has it who never calibrated a camera and gives all of them one field of view [degrees].

    Only what a system is told of a clip's camera changes: the truth needs no more than where a camera stands. Simulated
    clips must have been seen already, through their true cameras. UserError for what is no camera's field of view.
    """
    require_field_of_view(field_of_view_deg)
    cameras = {name: camera.uncalibrated(field_of_view_deg) for name, camera in clipset.cameras.items()}
    return dataclasses.replace(clipset, cameras=cameras)
