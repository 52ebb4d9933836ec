"""Axes of the truth: a mirrored skeleton, exchanged axes, a person who does not stand upright when a take opens."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from blaze2cap.body.skeleton import indices
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault

OPENING_S = 1.0

_NECK = indices("Neck")[0]
_HIPS = indices("RightUpLeg", "LeftUpLeg")
_THIGHS = indices("RightLeg", "LeftLeg")


def mirrored_skeleton(take: str, offset: Float[Tensor, "21 3"], params: FaultParams) -> list[DataFault]:
    """In the hips frame the right hip lies along +x of the left one, and thighs along +z in the rest pose.

    One of them reversed is a mirrored or misnamed skeleton, one of them across is exchanged axes.
    """
    right, left = offset[_HIPS]
    faults = []
    for name, bone, axis in (("right hip", right - left, "x"), ("thigh", offset[_THIGHS].mean(0), "z")):
        angle = _angle_deg(bone, "xyz".index(axis))
        if angle > params.max_tilt_deg:
            mirrored = angle > 180 - params.max_tilt_deg
            why = "the truth is mirrored" if mirrored else "axes of the truth are exchanged"
            sentence = (
                f"{take}: the {name} lies {angle:.0f} deg from +{axis} of its parent's frame (at most "
                f"{params.max_tilt_deg:g} expected): {why}"
            )
            faults.append(_fault("mirrored" if mirrored else "axes", take, angle, params, sentence))
    return faults


def tilted_opening(
    take: str, position: Float[Tensor, "frames 21 3"], fps: float, params: FaultParams
) -> list[DataFault]:
    """A take opens with a person who stands: Hips to Neck [m, world] points along +y over its first second."""
    trunk = position[: max(round(OPENING_S * fps), 1)]
    angle = _angle_deg(normalize(trunk[:, _NECK] - trunk[:, 0], dim=-1).mean(0), "xyz".index("y"))
    if angle <= params.max_tilt_deg:
        return []
    sentence = (
        f"{take}: the trunk is {angle:.0f} deg from upright, +y, in the first second (at most {params.max_tilt_deg:g} "
        "expected): axes are exchanged, or the take does not open with a person standing"
    )
    return [_fault("axes", take, angle, params, sentence)]


def _angle_deg(vector: Float[Tensor, "3"], axis: int) -> float:
    return float(torch.rad2deg(torch.acos(normalize(vector, dim=-1)[axis].clamp(-1, 1))))


def _fault(kind: str, take: str, angle: float, params: FaultParams, sentence: str) -> DataFault:
    return DataFault(kind=kind, where=take, value=angle, unit="deg", threshold=params.max_tilt_deg, sentence=sentence)
