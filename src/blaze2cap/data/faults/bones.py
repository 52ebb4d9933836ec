"""Bones: implausible for any human, in the truth or in the landmarks, and differing between takes of one person."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.landmark import WORLD
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault

ADULT_MM = {"upper arm": 264.0, "forearm": 215.0, "thigh": 387.0, "shin": 388.0}
"""Mean of TotalCapture's S1, S2 and S3 [mm]."""

FEWEST_TAKES = 3
"""With fewer takes of a person, nobody can tell which of them is off."""

FEWEST_FRAMES = 60
"""Landmarks of a segment shorter than a second are not worth a word on bones."""

# A text file in another unit than the inches that it is read as: what bones are multiplied by.
_UNITS = {
    "metres": 0.0254,
    "feet": 0.0254 / 0.3048,
    "centimetres": 2.54,
    "millimetres": 25.4,
    "inches that were multiplied by 39.37, as metres are": 1 / 0.0254,
}

_SIDES = ("left", "right")
_ENDS = {"upper arm": "elbow", "forearm": "wrist", "thigh": "knee", "shin": "ankle"}
_NAMES = tuple(f"{side} {bone}" for bone in ADULT_MM for side in _SIDES)
_ADULT = torch.tensor([ADULT_MM[bone] for bone in ADULT_MM for _ in _SIDES])
_END_LANDMARKS = tuple(f"{side}_{_ENDS[bone]}" for bone in ADULT_MM for side in _SIDES)
_JOINTS = skeleton.indices(*(skeleton.joint_of_landmark(name) for name in _END_LANDMARKS))
_END = landmark.indices(*_END_LANDMARKS)
_START = landmark.indices(*(landmark.PARENT_OF[name] for name in _END_LANDMARKS))


def implausible_bones(take: str, length: Float[Tensor, "21"], params: FaultParams) -> list[DataFault]:
    """Limb bones of a take's truth [m] against an adult's: no human is off by more than `max_bone_ratio`."""
    fault = _implausible("bones_implausible", take, 1000 * length[_JOINTS].float(), params)
    return [fault] if fault else []


def implausible_landmarks(
    clip: str, segment: int, rows: slice, landmarks: Float[Tensor, "frames 25 7"], params: FaultParams
) -> list[DataFault]:
    """The same for the median lengths of a segment's world landmarks."""
    world = landmarks[rows, :, WORLD]
    if len(world) < FEWEST_FRAMES:
        return []
    length = (world[:, _END] - world[:, _START]).norm(dim=-1).median(0).values
    frames = ((rows.start, len(world)),)
    fault = _implausible("landmark_bones", clip, 1000 * length, params, segment, frames)
    return [fault] if fault else []


def differing_bones(length_by_take: Mapping[str, Float[Tensor, "21"]], params: FaultParams) -> list[DataFault]:
    """Takes of one person [m] whose bones are off the median of all takes; none where there are fewer than three."""
    if len(length_by_take) < FEWEST_TAKES:
        return []
    median = torch.stack(list(length_by_take.values())).median(0).values
    faults = []
    for take, length in length_by_take.items():
        difference = 1000 * (length - median)
        worst = int(difference.abs().argmax())
        value, end = abs(float(difference[worst])), skeleton.JOINTS[worst]
        if value > params.max_bone_difference_mm:
            sentence = (
                f"{take}: the bone to {end} is {1000 * length[worst]:.1f} mm long, {value:.1f} mm off the median of "
                f"the subject's takes (at most {params.max_bone_difference_mm:g} mm expected)"
            )
            faults.append(
                DataFault(
                    kind="bones_differ", where=take, value=value, unit="mm", threshold=params.max_bone_difference_mm,
                    sentence=sentence,
                )
            )  # fmt: skip
    return faults


def _implausible(
    kind: str,
    where: str,
    length_mm: Float[Tensor, "8"],
    params: FaultParams,
    segment: int | None = None,
    frames: tuple[tuple[int, int], ...] | None = None,
) -> DataFault | None:
    ratio = length_mm.clamp_min(1e-6) / _ADULT
    worst = int(ratio.log().abs().argmax())
    value = float(torch.maximum(ratio, 1 / ratio)[worst])
    if value <= params.max_bone_ratio:
        return None
    unit = next((name for name, factor in _UNITS.items() if 0.7 < float(ratio.median()) / factor < 1.4), None)
    place = where if segment is None else f"{where} segment {segment}"
    sentence = (
        f"{place}: the {_NAMES[worst]} is {float(length_mm[worst]):.3g} mm long, an adult's "
        f"{_ADULT[worst]:.0f} mm (at most {params.max_bone_ratio:g} times more or less expected)"
    )
    if unit and segment is None:
        sentence += f"; the file seems to hold {unit}, it is read as inches"
    return DataFault(
        kind=kind, where=where, segment=segment, frames=frames, value=value, unit="ratio",
        threshold=params.max_bone_ratio, sentence=sentence,
    )  # fmt: skip
