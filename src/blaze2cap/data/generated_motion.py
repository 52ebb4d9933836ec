"""Made-up motion for training, by the sample's generator with people of its own.

Bending, kneeling, crawling, lying, of which recordings hold little; and what people do on two feet, by many more of
them than were recorded.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from blaze2cap.data.sources.sample.params import MADE_UP_SEED

if TYPE_CHECKING:
    import pandas as pd


class Repertoire(NamedTuple):
    """What is performed, an action after the other (`sources.sample.script`), and whether body rotations teach.

    Of floor work they do not, since made-up people tell nothing of what a calibration puts into recorded people's
    rotations: positions teach. They do where so many people are made up that one calibration is as good as another.
    """

    actions: tuple[str, ...]
    rotations_teach: bool


FLOOR = Repertoire(("floor1",), rotations_teach=False)
EVERYDAY = Repertoire(("freestyle1", "rom1", "walking1", "acting1", "rom2"), rotations_teach=True)

# A take opens in a T-pose, which need not be learned.
_OPENING_S = 3.0


@dataclass(frozen=True, kw_only=True)
class GeneratedParams:
    """Sections `train.generated` and `train.everyday` of params.yaml: the share of windows that show made-up motion,
    and how much of it there is."""

    share: float = 0.0
    takes: int = 40
    seconds: float = 24.0
    seed: int = 1000

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share is {self.share}, expected 0 to 1")
        if self.takes < 1:
            raise ValueError(f"takes is {self.takes}, expected 1 or more")
        if not 2 * _OPENING_S <= self.seconds <= 600:
            raise ValueError(f"seconds is {self.seconds}, expected {2 * _OPENING_S:g} to 600")
        if self.seed < MADE_UP_SEED:
            raise ValueError(f"seed is {self.seed}, expected {MADE_UP_SEED} or more: others make the sample's people")


@dataclass(frozen=True)
class GeneratedMotion:
    """Takes in the packed form of `ClipSet`: 6D rotations, root position [m], bones [m].

    Where rotations do not teach, every one but the root's is an `outlier`.
    """

    takes: "pd.DataFrame"
    rotation: Float32[np.ndarray, "T 21 6"]
    root_position: Float32[np.ndarray, "T 3"]
    outlier: Bool[np.ndarray, "T 21"]
    offset: Float32[np.ndarray, "takes 21 3"]

    @classmethod
    def perform(cls, params: GeneratedParams, repertoire: Repertoire) -> "GeneratedMotion":
        """All takes, the same for the same parameters; some 0.03 s of work for each take of 24 s."""
        import pandas as pd

        from blaze2cap.body.kinematics import global_to_local
        from blaze2cap.body.rotation import matrix_to_rotation_6d
        from blaze2cap.data.sources.sample.script import perform
        from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject
        from blaze2cap.data.vicon import FPS

        opening = round(_OPENING_S * FPS)
        names, rotations, positions, offsets = [], [], [], []
        for number in range(params.takes):
            generation, member = divmod(number, len(SUBJECTS))
            subject = make_subject(SUBJECTS[member], params.seed + generation)
            action = repertoire.actions[generation % len(repertoire.actions)]
            take = perform(subject, action, params.seconds, params.seed + generation)
            local = global_to_local(take.rotation[opening:])
            names.append(f"{params.seed + generation}/{subject.name}/{action}")
            rotations.append(matrix_to_rotation_6d(local).float().numpy())
            positions.append(take.position[opening:, 0].float().numpy())
            offsets.append(subject.offset.float().numpy())
        frames = np.array([len(rotation) for rotation in rotations])
        outlier = np.full((frames.sum(), rotations[0].shape[1]), not repertoire.rotations_teach)
        outlier[:, 0] = False
        return cls(
            pd.DataFrame({"first_row": frames.cumsum() - frames, "frames": frames}, index=names),
            np.concatenate(rotations),
            np.concatenate(positions),
            outlier,
            np.stack(offsets),
        )
