"""The five people of the sample: bones, the constant quirks of their calibration, and the way they move."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, MEAN_OFFSET_MM

SUBJECTS = ("S1", "S2", "S3", "S4", "S5")

_TORSO = ("Spine", "Spine1", "Spine2", "Spine3", "Neck", "Head", "Shoulder")
# Spread between people of the length of each group of bones, as a share of the mean.
_GROUPS = {"torso": 0.07, "Arm": 0.05, "ForeArm": 0.09, "Hand": 0.06, "UpLeg": 0.05, "Leg": 0.03, "Foot": 0.06}


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a person moves: multiples of a common measure, and angles of a posture."""

    speed: float
    cadence: float
    arm_swing: float
    amplitude: float
    tempo: float
    elbow_deg: float
    toe_out_deg: float
    stoop_deg: float
    pelvis_tilt_deg: float


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A person: bones, the constants of their calibration, style.

    `offset` is in the parents' frames [m]; `calibration` holds constant rotations by joint, `clavicle_deg` that of the
    right clavicle as a rotation vector, `knee_out_deg` how far the knees point outwards; `ankle_height` is in [m].
    """

    name: str
    offset: Float[Tensor, "21 3"]
    calibration: dict[str, Float[Tensor, "3 3"]]
    clavicle_deg: tuple[float, float, float]
    knee_out_deg: float
    ankle_height: float
    style: Style

    def length(self, joint: str) -> float:
        """Length of the bone that ends in a joint [m]."""
        return float(self.offset[JOINT_INDEX[joint]].norm())

    @property
    def leg(self) -> float:
        """Hip to ankle, stretched [m]."""
        return self.length("RightLeg") + self.length("RightFoot")


def make_subject(name: str, seed: int) -> Subject:
    """One of `SUBJECTS`, the same for the same seed."""
    rng = np.random.default_rng([seed, 1, SUBJECTS.index(name)])
    size = 1 + 0.03 * rng.uniform(-1, 1)
    scale = {group: size * (1 + spread * rng.uniform(-1, 1)) for group, spread in _GROUPS.items()}
    offset = []
    for joint in JOINTS:
        part = joint.removeprefix("Right").removeprefix("Left")
        x, y, z = (
            scale["torso" if part in _TORSO else part] * v if part != "Hips" else v for v in MEAN_OFFSET_MM[part]
        )
        offset.append((-x if joint.startswith("Left") else x, y, z))
    # Vicon's rest pose differs from person to person by a constant: clavicles raised, heads nodding, hands turned.
    quirk_deg = {
        "Neck": rng.normal(0, (5, 3, 2)),
        "Head": rng.normal(0, (11, 3, 4)),
        "Spine": rng.normal(0, (4, 0.5, 0.5)),
        "RightArm": np.array([rng.uniform(4, 32), 0, 0]),
        "LeftArm": np.array([rng.uniform(4, 32), 0, 0]),
        "RightHand": np.array([rng.normal(0, 8), rng.uniform(0, 44), rng.normal(0, 5)]),
        "LeftHand": np.array([rng.normal(0, 8), -rng.uniform(0, 44), rng.normal(0, 5)]),
    }
    vectors = torch.tensor(np.deg2rad(np.stack(list(quirk_deg.values()))))
    return Subject(
        name=name,
        offset=torch.tensor(offset, dtype=torch.float64) / 1000,
        calibration=dict(zip(quirk_deg, rotation_vector_to_matrix(vectors), strict=True)),
        clavicle_deg=(rng.uniform(-8, 16), rng.uniform(-4, 44), rng.uniform(-14, 14)),
        knee_out_deg=rng.uniform(-10, 16),
        ankle_height=rng.uniform(0.055, 0.085),
        style=Style(
            speed=rng.uniform(0.88, 1.12),
            cadence=rng.uniform(0.94, 1.06),
            arm_swing=rng.uniform(0.7, 1.3),
            amplitude=rng.uniform(0.9, 1.1),
            tempo=rng.uniform(0.55, 0.72),
            elbow_deg=rng.uniform(8, 48),
            toe_out_deg=rng.uniform(2, 16),
            stoop_deg=rng.uniform(-2, 7),
            pelvis_tilt_deg=rng.uniform(-13, 9),
        ),
    )
