"""An error study as it is kept: tables, and what they and the worst moments say, as one report."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blaze2cap.learning.diagnosis.ceiling import CEILINGS, TITLES
from blaze2cap.learning.diagnosis.error_analysis import ErrorStudy
from blaze2cap.learning.diagnosis.error_spectrum import slow_share
from blaze2cap.learning.diagnosis.error_tables import ceiling_table, grouped_errors, joint_errors, spectrum_table
from blaze2cap.learning.diagnosis.worst_moment import Moment, cause

if TYPE_CHECKING:
    import pandas as pd

_MOMENT_COLUMNS = (
    "clip", "frame", "second", "mpjpe_mm", "mpjpe_local_mm", "root_deg", "pose", "side", "distance_m", "visibility",
    "since_anchor_s", "depth_share", "detector_mm", "image_mm",
)  # fmt: skip


def error_tables(study: ErrorStudy, moments: Sequence[Moment]) -> "dict[str, pd.DataFrame]":
    """Every table under the name of its contract, which is also that of its file."""
    return {
        "error_groups": grouped_errors(study),
        "error_joints": joint_errors(study),
        "error_spectrum": spectrum_table(study),
        "ceilings": ceiling_table(study),
        "worst_moments": moment_table(moments),
    }


def moment_table(moments: Sequence[Moment]) -> "pd.DataFrame":
    """The facts of each moment, the worst first, with what they say of its cause."""
    import pandas as pd

    rows = [
        {column: getattr(moment, column) for column in _MOMENT_COLUMNS}
        | {"pose": "+".join(moment.pose), "cause": cause(moment)}
        for moment in moments
    ]
    return pd.DataFrame(rows, columns=[*_MOMENT_COLUMNS, "cause"])


def error_report(study: ErrorStudy, moments: Sequence[Moment], about: Mapping[str, Any]) -> dict[str, Any]:
    """What no table holds: what was scored (`about`), slowness and lag by system, ceilings in words, whole moments."""
    return {
        **about,
        "frames": len(study.frames),
        "clips": int(study.frames["clip"].nunique()),
        "slow_share": {system: slow_share(power) for system, power in study.power.items()},
        "lag_frames": {system: dict(lags) for system, lags in study.lag.items()},
        "ceilings": {key: {"known": TITLES[key], "definition": _sentence(CEILINGS[key].__doc__)} for key in CEILINGS},
        "worst_moments": [moment._asdict() | {"cause": cause(moment)} for moment in moments],
    }


def _sentence(text: str | None) -> str:
    return " ".join((text or "").split())
