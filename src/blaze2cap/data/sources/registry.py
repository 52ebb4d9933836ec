"""Every source by its name; each ends in the same raw layout (`blaze2cap.data.raw`).

A source is one function below, marked with its name in `dataset.source`. What it needs is imported inside it, so that
choosing one source does not load the others.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from blaze2cap.data.sources.sample.params import SampleParams

if TYPE_CHECKING:
    from blaze2cap.data.inspection import Inspection

Source = Callable[["DatasetParams", Path], "TakenOver"]
"""Fills a new folder; raises UserError where what can be taken over does not make a data set."""

SOURCES: dict[str, Source] = {}
"""Every source by its name."""


class TakenOver(NamedTuple):
    """What a source has put into the raw folder, and the outside folder that it came from (None: made here)."""

    inspection: "Inspection"
    recordings: Path | None


def source(name: str) -> Callable[[Source], Source]:
    """Mark a function as the source of that name."""

    def register(function: Source) -> Source:
        SOURCES[name] = function
        return function

    return register


@dataclass(frozen=True, kw_only=True)
class DatasetParams:
    """Which source, and what each needs.

    The absolute path of real recordings (None: from the environment); repository and commit of a hub's data set (None:
    the newest is named, and nothing fetched); the generated sample.
    """

    source: str = "sample"
    path: str | None = None
    repository: str = "Blazewild/Totalcap-blazepose"
    revision: str | None = None
    sample: SampleParams = field(default_factory=SampleParams)

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"source is {self.source!r}, expected {' or '.join(map(repr, SOURCES))}")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository, re.ASCII):
            raise ValueError(f"repository is {self.repository!r}, expected owner/name of a data set of the hub")
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError(
                f"revision is {self.revision!r}, expected the 40 hex digits of a commit, as branches and tags move; "
                "null names the newest"
            )

    def take_over(self, folder: Path) -> TakenOver:
        """Fill a new folder from the chosen source; UserError where that does not make a data set."""
        return SOURCES[self.source](self, folder)


@source("sample")
def generated_sample(params: DatasetParams, folder: Path) -> TakenOver:
    """The embedded miniature TotalCapture, generated from a seed."""
    from blaze2cap.data.inspection import inspect
    from blaze2cap.data.sources.sample import write_sample

    write_sample(folder, params.sample)
    return TakenOver(inspect(folder), None)


@source("totalcapture")
def copied_totalcapture(params: DatasetParams, folder: Path) -> TakenOver:
    """A folder of real recordings in the raw layout."""
    from blaze2cap.data.sources.totalcapture import copy_totalcapture, find_recordings

    recordings = find_recordings(params.path)
    return TakenOver(copy_totalcapture(recordings, folder), recordings)


@source("published")
def copied_published(params: DatasetParams, folder: Path) -> TakenOver:
    """A folder in the published form: landmarks 25 x 7 and motion 22 x 6 of every sample, without an absolute root."""
    from blaze2cap.data.sources.published import copy_published, find_published

    recordings = find_published(params.path)
    return TakenOver(copy_published(recordings, folder), recordings)


@source("huggingface")
def linked_huggingface(params: DatasetParams, folder: Path) -> TakenOver:
    """A commit of a data set in the published form, from the Hugging Face hub."""
    from blaze2cap.data.sources.huggingface import link_huggingface

    return TakenOver(link_huggingface(params.repository, params.revision, folder), None)
