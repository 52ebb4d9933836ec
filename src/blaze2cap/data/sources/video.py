"""A folder of somebody's own recordings as a source: found, and what there is to say of it once it is taken over."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blaze2cap.data.inspection import Inspection
from blaze2cap.data.raw import ClipName
from blaze2cap.data.sources.totalcapture import find_recordings
from blaze2cap.errors import UserError


@dataclass(frozen=True)
class OwnInspection(Inspection):
    """Clips of recordings that have no truth: takes have 0 frames of it, no camera is calibrated."""

    recordings: Mapping[ClipName, str]
    """Name in the folder of what a clip was made of."""
    told: list[str]

    @property
    def notices(self) -> list[str]:
        """What detection and files have to say, and which clip each recording is."""
        return [*self.told, *(f"{name} is {clip}" for clip, name in self.recordings.items())]

    @property
    def originals(self) -> Mapping[str, str]:
        """Landmark file of each clip -> its recording."""
        return {clip.landmark_file.as_posix(): name for clip, name in self.recordings.items()}

    def report(self) -> dict[str, Any]:
        """The usual counts, and which clip each recording is."""
        return super().report() | {"recordings": {str(clip): name for clip, name in self.recordings.items()}}


def find_own(path: str | None) -> Path:
    """Folder named by `dataset.path`; UserError where it is not named absolutely, or not there."""
    if path is None:
        raise UserError("dataset.path is null: name the folder of your videos there")
    return find_recordings(path)
