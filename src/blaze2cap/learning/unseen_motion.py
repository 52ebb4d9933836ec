"""Motion that was held out of training but that no camera recorded, made part of an evaluation.

The detector that sees it is the one that the checkpoint was trained with, learned again from the training clips alone.
"""

import sys
from collections.abc import Mapping, Sequence

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import SimulatedDetector
from blaze2cap.data.known_takes import known_takes
from blaze2cap.data.parallel import one_thread
from blaze2cap.data.simulated import make_detector
from blaze2cap.data.simulated_clips import SimulatedParams, with_simulated_clips
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint

HELD_OUT = ("test", "val")
SIMULATED = "_simulated"
"""Ending of the name of a part whose takes are seen by simulation, beside the part of its recorded takes."""
_WITHOUT = "leave these takes out (--views 0, or evaluate.simulated.views=0; in `errors`, no --simulated)"


@one_thread()
def with_unseen_motion(
    clipset: ClipSet, takes_by_part: Mapping[str, Sequence[str]], checkpoint: Checkpoint, params: SimulatedParams
) -> tuple[ClipSet, dict[str, list[str]]]:
    """The data set with clips of the held-out takes that have no landmarks, and the parts with these as parts of
    their own: "val" keeps its recorded takes, "val_simulated" has the others.

    The training part stays as it is: its motion is not unseen.
    Raises UserError where the detector has to be learned and the checkpoint's training clips are not here.
    """
    recorded = set(clipset.clips["take"])
    lacking = {
        part: [take for take in takes if take not in recorded] if part in HELD_OUT and params.views else []
        for part, takes in takes_by_part.items()
    }
    takes = [take for held_out in lacking.values() for take in held_out]
    if not takes:
        return clipset, {part: list(takes) for part, takes in takes_by_part.items()}
    clipset = with_simulated_clips(clipset, takes, _detector(clipset, checkpoint, takes), params)
    parts: dict[str, list[str]] = {}
    for part, all_takes in takes_by_part.items():
        parts[part] = [take for take in all_takes if take not in lacking[part]]
        if lacking[part]:
            parts[part + SIMULATED] = lacking[part]
    return clipset, parts


def _detector(clipset: ClipSet, checkpoint: Checkpoint, takes: Sequence[str]) -> SimulatedDetector:
    """The error model of the checkpoint's training, from those of its training takes that have clips here."""
    name = checkpoint.provenance.get("parameters", {}).get("train", {}).get("detector")
    wanted = f"{len(takes)} held-out takes have no landmarks ({', '.join(takes)[:200]}) and are seen by simulation, "
    if name is None:
        raise UserError(f"{wanted}but the checkpoint does not say which detector it was trained with; {_WITHOUT}")
    learned = _learned(clipset, checkpoint)
    if name == "bootstrap" and not learned:
        raise UserError(
            f"{wanted}but none of the clips that the checkpoint was trained on is here for its {name} detector to "
            f"learn from; evaluate on the folder it was trained on, or {_WITHOUT}"
        )
    recorded = checkpoint.provenance.get("recorded", [])
    missing = [take for take in recorded if take not in learned]
    if name == "bootstrap" and missing:
        print(
            f"the simulated detector is learned from {len(learned)} of the {len(recorded)} takes that the checkpoint's "
            f"training had landmarks of; not here: {', '.join(missing)}",
            file=sys.stderr,
        )
    return make_detector(name, clipset, learned)


def _learned(clipset: ClipSet, checkpoint: Checkpoint) -> list[str]:
    """Those of the checkpoint's training takes that have clips here."""
    recorded = set(clipset.clips["take"])
    return [take for take in known_takes(checkpoint.provenance, clipset.source).train if take in recorded]
