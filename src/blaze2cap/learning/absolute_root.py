"""Nearly all losses and metrics compare with the root's absolute pose; a published data set does not hold it."""

from collections.abc import Iterable

from blaze2cap.data.clipset import ClipSet
from blaze2cap.errors import UserError


def require_absolute_root(clipset: ClipSet, takes: Iterable[str]) -> None:
    """UserError where the absolute root of a take is not known, so that no wrong figure is made of it."""
    clipset.require_truth()
    unknown = [take for take in takes if not clipset.takes.root_known[take]]
    if unknown:
        raise UserError(
            f"{len(unknown)} takes have no absolute root ({unknown[0]}): the published form holds only its way from "
            "frame to frame, so neither training nor evaluation can stand on it; take recordings in the raw layout "
            "(dataset.source=totalcapture)"
        )
