"""An evaluation in a few figures: the headline that `dvc metrics diff` shows, and one row for each part and system."""

from typing import TYPE_CHECKING, Any

from blaze2cap.learning.evaluation import MODEL, Report, without_empty
from blaze2cap.learning.measure import STAND_INS

if TYPE_CHECKING:
    import pandas as pd

HEADLINE = (
    "mpjpe_mm",
    "mpjpe_local_mm",
    "mare_rad",
    "mare_root_rad",
    "acceleration_error_mm_per_frame2",
    "jitter_ratio",
)
# The pose class that is hardest, as a row of its own.
HARD = "bent"
# What a user would do instead: as strong as it gets without training.
BASELINE = "one_euro_ik"


def headline(report: Report) -> Report:
    """The report cut down to its headline, under the same keys: `<part>.<key>`, `<part>.baseline.one_euro_ik.<key>`.

    Of the bent poses, where there are any, it has the position error alone. What no frame speaks for is represented by
    its stand-in, under the stand-in's name. The full report has more than a thousand figures, and a comparison of two
    would print them all.
    """
    return {
        part: {**_with_hard_pose(figures), "baseline": {BASELINE: _with_hard_pose(figures["baseline"][BASELINE])}}
        for part, figures in report.items()
    }


def system_table(report: Report) -> "pd.DataFrame":
    """The headline of the model and of every baseline that has a skeleton: part, system and the figures."""
    import pandas as pd

    rows = [
        {"part": part, "system": system, **_known(values)}
        for part, figures in report.items()
        for system, values in {MODEL: figures, **figures["baseline"]}.items()
        if {HEADLINE[0], STAND_INS[HEADLINE[0]]} & values.keys()
    ]
    stand_ins = dict.fromkeys(STAND_INS[key] for key in HEADLINE if key in STAND_INS)
    return without_empty(pd.DataFrame(rows, columns=["part", "system", *HEADLINE, *stand_ins]), stand_ins)


def _with_hard_pose(figures: dict[str, Any]) -> Report:
    hard = figures.get("by_pose", {}).get(HARD)
    return _known(figures) | ({"by_pose": {HARD: {HEADLINE[0]: hard[HEADLINE[0]]}}} if hard else {})


def _known(figures: dict[str, Any]) -> Report:
    shown = dict.fromkeys(key if key in figures else STAND_INS.get(key, key) for key in HEADLINE)
    return {key: figures[key] for key in shown if key in figures}
