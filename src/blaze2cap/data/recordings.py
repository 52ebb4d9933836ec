"""A folder that a user names, opened as packed clips, and the takes of it that a checkpoint is to be looked at on."""

import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from blaze2cap.data.clipset import CAMERAS_FILE, ClipSet
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.totalcapture import copy_totalcapture
from blaze2cap.data.split import standard_part
from blaze2cap.errors import UserError

ALL = "all"
FIELD_OF_VIEW_DEG = (20.0, 150.0)
"""Fields of view that are taken for those of a camera, from a long lens to a wide one, both ends included."""


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
        raw, packed = Path(scratch, "raw"), Path(scratch, "clips")
        inspection = copy_totalcapture(folder.resolve(), raw)
        for fault in inspection.faults:
            print(f"left out: {fault.sentence}", file=sys.stderr)
        write_manifest(raw, source, inspection.faults, folder.resolve())
        for told in preprocess(raw, packed, PreprocessParams(correct_lag=correct_lag))["data_faults"]["list"]:
            print(told["sentence"], file=sys.stderr)
        yield ClipSet.load(packed)


def takes_of_part(part: str, takes: Sequence[str], known: Mapping[str, Sequence[str]]) -> list[str]:
    """Takes of the wanted part of the standard split, `val` being the checkpoint's own, or all of them.

    `known` has the takes that the checkpoint was trained on and chosen by; where one leaks in, stderr tells.
    """
    parts = {take: "val" if take in known["val"] else standard_part(take) for take in takes}
    wanted = [take for take in takes if part in (ALL, parts[take])]
    for role, seen_for in (("train", "trained on"), ("val", "chosen by")):
        seen = [take for take in wanted if take in known[role]]
        if seen and part != role:
            print(f"{seen_for} {len(seen)} of these takes: {', '.join(seen)}", file=sys.stderr)
    return wanted


def uncalibrated(clipset: ClipSet, field_of_view_deg: float) -> ClipSet:
    """The data set as somebody has it who never calibrated a camera and gives all of them one field of view [degrees].

    Only what a system is told of a clip's camera changes: the truth needs no more than where a camera stands. Simulated
    clips must have been seen already, through their true cameras. UserError for what is no camera's field of view.
    """
    low, high = FIELD_OF_VIEW_DEG
    if not low <= field_of_view_deg <= high:
        raise UserError(f"the field of view is {field_of_view_deg:g} degrees, expected {low:g} to {high:g}, horizontal")
    cameras = {name: camera.uncalibrated(field_of_view_deg) for name, camera in clipset.cameras.items()}
    return dataclasses.replace(clipset, cameras=cameras)
