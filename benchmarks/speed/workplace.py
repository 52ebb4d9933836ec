"""What several paths are measured on, made when first asked for, in a folder that goes when the run ends."""

import os
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.recordings import opened_recordings
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.data.sources.totalcapture import copy_totalcapture
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint, load_checkpoint
from blaze2cap.runtime.default_checkpoint import chosen_checkpoint

RECORDINGS, VIDEOS = "BLAZE2CAP_TOTALCAPTURE", "BLAZE2CAP_VIDEOS"
SAMPLE_TAKES = ("S1/freestyle1", "S1/walking1", "S1/acting2", "S2/freestyle1", "S2/rom1", "S2/acting2")
ROOT = Path(__file__).parents[2]


def folder_of(variable: str) -> Path:
    """The folder that an environment variable names; UserError where it names none."""
    if not os.environ.get(variable):
        raise UserError(f"{variable} is not set")
    return Path(os.environ[variable])


class Workplace:
    """Recordings, packed clips, a checkpoint and its export."""

    def __init__(self, most_rounds: int) -> None:
        self._stack, self._most_rounds = ExitStack(), most_rounds

    def __enter__(self) -> "Workplace":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def rounds(self, count: int) -> int:
        """As many rounds, where this run may take so many."""
        return min(count, self._most_rounds)

    @cached_property
    def scratch(self) -> Path:
        """A folder of this run."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="blaze2cap-bench-")))

    @cached_property
    def sample_raw(self) -> Path:
        """Six takes of the sample, 20 seconds each, two of them without landmarks."""
        raw = self.scratch / "sample-raw"
        write_sample(raw, SampleParams(), SAMPLE_TAKES, workers=1)
        write_manifest(raw, "sample", [], None)
        return raw

    @cached_property
    def sample_packed(self) -> Path:
        """The same, packed."""
        packed = self.scratch / "sample-clips"
        preprocess(self.sample_raw, packed, PreprocessParams(), workers=1)
        return packed

    @cached_property
    def sample_clips(self) -> ClipSet:
        """The same, opened."""
        return ClipSet.load(self.sample_packed)

    def recorded_takes(self, *takes: str) -> Path:
        """Real takes in the raw layout, with all their clips."""
        recordings, chosen = folder_of(RECORDINGS), self.scratch / "-".join(takes).replace("/", "_")
        for kind in ("landmarks", "vicon"):
            for take in takes:
                link = chosen / "chosen" / kind / take
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(recordings / kind / take)
        (chosen / "chosen" / "calibration.cal").symlink_to(recordings / "calibration.cal")
        inspection = copy_totalcapture(chosen / "chosen", chosen / "raw", workers=1)
        write_manifest(chosen / "raw", "totalcapture", inspection.faults, None)
        return chosen / "raw"

    @cached_property
    def recorded_clips(self) -> ClipSet:
        """All recordings, packed."""
        return self._stack.enter_context(opened_recordings(folder_of(RECORDINGS), "totalcapture"))

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The weights that ship with the package."""
        return load_checkpoint(chosen_checkpoint(None))

    @cached_property
    def exported(self) -> Path:
        """The same as an .onnx file."""
        from blaze2cap.runtime.onnx_export import export_onnx

        path = self.scratch / "model.onnx"
        export_onnx(self.checkpoint, path)
        return path
