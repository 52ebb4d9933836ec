"""How much of `mpjpe_local_mm` is the calibration of the hips: one constant turn of their frame, take by take.

Aligning the root's orientation puts whatever Vicon calls upright hips into every joint. Here the predicted hips are
turned by the constant that brings a take nearest to its truth, which only who has the truth can know.

    python benchmarks/hips_constant.py RECORDINGS CHECKPOINT
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import typer
from torch import Tensor

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.recordings import opened_recordings, takes_of_part
from blaze2cap.errors import one_sentence
from blaze2cap.learning.checkpoint import Checkpoint, load_checkpoint
from blaze2cap.learning.diagnosis.ceiling import constant_turns
from blaze2cap.learning.measure import Compared, compare
from blaze2cap.learning.metric import mpjpe_local_mm
from blaze2cap.learning.scoring import reference_of


def main(path: Path, checkpoint: Path) -> None:
    """Print both figures of the takes that the checkpoint was validated on."""
    with one_sentence("hips_constant"), opened_recordings(path, "totalcapture") as clipset:
        loaded = load_checkpoint(checkpoint)
        for take in takes_of_part("val", clipset, loaded.provenance):
            if clips := list(compared(clipset, take, loaded)):
                turn = constant_turns(clips)[0]
                plain, turned = (mean_local_mm(clips, by) for by in (torch.eye(3), turn))
                angle = geodesic_angle(torch.eye(3), turn).rad2deg()
                print(f"{take}: local {plain:.1f} mm, with the hips turned by {angle:.1f} degrees {turned:.1f}")


def compared(clipset: ClipSet, take: str, checkpoint: Checkpoint) -> Iterator[Compared]:
    """The network's motion of every clip of a take beside the truth."""
    system, offset = checkpoint.system(), checkpoint.baselines.offset
    for clip in clipset.clips.index[clipset.clips["take"] == take]:
        landmarks, fps = clipset.clip_landmarks(clip), float(clipset.clips.fps[clip])
        motion = system(landmarks, clipset.camera_of(clip).intrinsics.float(), 60 / fps)
        yield compare(motion, reference_of(clipset, clip, landmarks, offset))


def mean_local_mm(clips: list[Compared], turn: Tensor) -> float:
    """Mean over the scored frames, the predicted hips turned from their right."""
    errors = [
        mpjpe_local_mm(c.position, c.truth.position, c.motion.rotation[:, 0] @ turn, c.truth.rotation[:, 0])
        for c in clips
    ]
    return float(torch.cat([error[c.truth.scored] for error, c in zip(errors, clips, strict=True)]).mean())


if __name__ == "__main__":
    typer.run(main)
