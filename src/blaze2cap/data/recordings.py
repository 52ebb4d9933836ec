"""A folder that a user names, opened as packed clips, and the takes of it that a checkpoint is to be looked at on."""

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
