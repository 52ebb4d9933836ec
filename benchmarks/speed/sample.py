"""The embedded sample: simulated seconds a second of one core."""

import shutil

from blaze2cap.data.sources.sample import SampleParams, write_sample
from speed.claim import HotPath, rate
from speed.rounds import Case, Seconds, in_turns
from speed.workplace import Workplace

_TAKES = ("S1/freestyle1", "S1/acting2")


def measure(workplace: Workplace) -> Seconds:
    """A take with four cameras and one without, 20 seconds each."""
    params = SampleParams()

    def write(take: str) -> None:
        folder = workplace.scratch / "written"
        write_sample(folder, params, [take], workers=1)
        shutil.rmtree(folder)

    cases = {
        "watched": Case(lambda: write(_TAKES[0]), params.seconds),
        "motion": Case(lambda: write(_TAKES[1]), params.seconds),
    }
    measured = in_turns(cases, workplace.rounds(5))
    return measured | {"views": [spent / params.cameras for spent in measured["watched"]]}


SAMPLE = HotPath(
    "sample generation, files written",
    measure,
    (
        rate("**seconds of clips, four cameras a take**", "views", "s/s", least=500),
        rate("seconds of takes, four cameras each", "watched", "s/s"),
        rate("seconds of takes without cameras", "motion", "s/s"),
    ),
)
