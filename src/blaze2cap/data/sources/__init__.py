"""Where recordings come from; every source ends in the same raw layout (`blaze2cap.data.raw`)."""

from dataclasses import dataclass, field
from typing import Literal

from blaze2cap.data.sources.sample.params import SampleParams


@dataclass(frozen=True, kw_only=True)
class DatasetParams:
    """Which source, the absolute path of real recordings (None: from the environment), and the generated sample."""

    source: Literal["sample", "totalcapture"] = "sample"
    path: str | None = None
    sample: SampleParams = field(default_factory=SampleParams)
