"""An error study of two tiny takes: a system that knows the truth, and one that turns every joint by its noise."""

from functools import cache

import pandas as pd
import torch
from jaxtyping import Float
from tiny import bones, tiny_clipset
from torch import Tensor

from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.data.clipset import ClipSet
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.diagnosis.error_analysis import ErrorStudy, study_errors
from blaze2cap.learning.diagnosis.error_report import error_tables
from blaze2cap.learning.diagnosis.worst_moment import worst_moments

TAKES = ("S1/freestyle1", "S2/freestyle2")


@cache
def small_clipset() -> ClipSet:
    return tiny_clipset(TAKES, frames=150)


@cache
def small_study(noise: float = 0.2) -> ErrorStudy:
    """`model` errs by turns of `noise` [rad], `one_euro_ik` by twice as much."""
    systems = {"model": erring(noise), "one_euro_ik": erring(2 * noise)}
    return study_errors(small_clipset(), TAKES, systems, bones())


def small_tables() -> dict[str, pd.DataFrame]:
    """Every table of the study."""
    return error_tables(small_study(), worst_moments(small_study(), small_clipset(), "model", count=3))


def erring(noise: float) -> System:
    """The truth of whichever clip has these landmarks, every joint turned by slow noise."""
    clips = small_clipset()

    def run(landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"], dt: float) -> Motion:
        clip = next(clip for clip in clips.clips.index if torch.equal(clips.clip_landmarks(clip), landmarks))
        truth, detected = clips.clip_truth(clip), clips.clip_detected(clip)
        generator = torch.Generator().manual_seed(len(clip) + ord(clip[-1]))
        time = torch.arange(len(landmarks))[:, None, None] / 60
        speed, phase = 6 * torch.rand(2, 1, 21, 3, generator=generator)
        turned = truth.rotation @ rotation_vector_to_matrix(noise * torch.sin(speed * time + phase))
        rotation = turned if noise else truth.rotation
        return Motion(rotation, *root_deltas(truth.root_position, rotation[:, 0], ~detected), detected)

    return run
