"""What a checkpoint has met of a data set: names alone do not tell, as every source calls its people S1 to S5."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from blaze2cap.data.clipset import UNKNOWN
from blaze2cap.errors import UserError

# The published form of TotalCapture shows the same people in the same takes.
_TOTALCAPTURE = ("totalcapture", "published")


class KnownTakes(NamedTuple):
    """Takes that a checkpoint was trained on and chosen by, and the people of its training."""

    train: tuple[str, ...]
    val: tuple[str, ...]
    subjects: tuple[str, ...]


def known_takes(provenance: Mapping[str, Any], source: str) -> KnownTakes:
    """What a checkpoint with this provenance knows of recordings from `source`: nothing where its own are others.

    Clips that do not say where they come from count as its own: no figure may look better for it. Raises UserError
    for a provenance without a source.
    """
    if "source" not in provenance:
        raise UserError("the checkpoint does not say what its recordings were (provenance.source); train it again")
    if not same_recordings(provenance["source"], source):
        return KnownTakes((), (), ())
    takes = provenance["takes"]
    return KnownTakes(tuple(takes["train"]), tuple(takes["val"]), tuple(provenance["subjects"]))


def same_recordings(one: str, other: str) -> bool:
    """Whether takes of the same name are the same takes in two sources."""
    if UNKNOWN in (one, other):
        return True
    return one == other or {one, other} == set(_TOTALCAPTURE)
