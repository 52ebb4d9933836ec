"""Detections against the projected truth: another person, another camera, a mirrored world, left and right swapped."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.camera import Camera
from blaze2cap.body.kinematics import mirror_positions
from blaze2cap.body.landmark import LIMB_LANDMARKS, mirrored
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault, runs
from blaze2cap.data.reprojection import reprojection_error_px
from blaze2cap.data.segment import Segment

_EXCHANGED = [LIMB_LANDMARKS.index(mirrored(name)) for name in LIMB_LANDMARKS]


class Seen(NamedTuple):
    """A clip's landmarks, the true joints in the world [m], its camera, and all others by name."""

    clip: str
    landmarks: Float[Tensor, "frames 25 7"]
    position: Float[Tensor, "frames 21 3"]
    camera: Camera
    others: Mapping[str, Camera]


# What may have been done to a truth that fits once it is undone.
_UNDONE: dict[tuple[str, str], Callable[[Tensor], Tensor]] = {
    ("mirrored", "the truth mirrored across x"): mirror_positions,
    ("mirrored", "the truth mirrored across z"): lambda p: mirror_positions(p) * p.new_tensor([-1, 1, -1]),
    ("mirrored", "the truth mirrored across x, left and right exchanged,"): lambda p: p * p.new_tensor([-1, 1, 1]),
    ("mirrored", "the truth mirrored across z, left and right exchanged,"): lambda p: p * p.new_tensor([1, 1, -1]),
    ("axes", "the truth with y and z exchanged"): lambda p: p[..., [0, 2, 1]],
}


def unfitting_segment(
    seen: Seen, number: int, segment: Segment, error_px: float, max_reprojection_px: float, params: FaultParams
) -> DataFault:
    """The fault of a segment whose landmarks are `error_px` from the projected truth, in the median.

    Another person, unless another camera's calibration, or a truth with something undone, brings them together.
    """
    trials = dict(_trials(seen, segment))
    best = min(trials, key=lambda trial: trials[trial])
    kind, why = "wrong_person", "another person was followed"
    if trials[best] <= params.max_explained_px:
        kind, why = best[0], f"{best[1]} fits, {trials[best]:.0f} px"
    sentence = (
        f"{seen.clip} segment {number}: median distance of landmarks to the projected truth {error_px:.0f} px (at most "
        f"{max_reprojection_px:g} expected): {why}"
    )
    return DataFault(
        kind=kind, where=seen.clip, segment=number, frames=((segment.first_frame, segment.frames),),
        value=error_px, unit="px", threshold=max_reprojection_px, sentence=sentence,
    )  # fmt: skip


def swapped_frames(
    seen: Float[Tensor, "frames 12 2"], true: Float[Tensor, "frames 12 2"], params: FaultParams
) -> Bool[Tensor, "frames"]:
    """Frames in which left and right limb landmarks [px], exchanged, lie closer to the truth by a margin."""
    as_seen, exchanged = ((points - true).norm(dim=-1).mean(1) for points in (seen, seen[:, _EXCHANGED]))
    return as_seen - exchanged > params.swap_margin_px


def swapped_segment(
    clip: str, number: int, segment: Segment, swapped: Bool[Tensor, "frames"], params: FaultParams
) -> list[DataFault]:
    """A segment with more of those frames than a person seen from the side brings about."""
    inside = swapped[segment.rows]
    share = float(inside.double().mean())
    if share <= params.max_swapped_share:
        return []
    sentence = (
        f"{clip} segment {number}: left and right landmarks are exchanged in {100 * share:.2g} % of the frames "
        f"(at most {100 * params.max_swapped_share:g} expected)"
    )
    fault = DataFault(
        kind="left_right_swapped", where=clip, segment=number,
        frames=tuple((segment.first_frame + first, frames) for first, frames in runs(inside)),
        value=share, unit="share", threshold=params.max_swapped_share, sentence=sentence,
    )  # fmt: skip
    return [fault]


def _trials(seen: Seen, segment: Segment) -> Iterator[tuple[tuple[str, str], float]]:
    landmarks, position = seen.landmarks[segment.rows], seen.position[segment.rows]
    for name, other in seen.others.items():
        yield ("another_camera", f"camera {name}"), _error_px(landmarks, position, other)
    for trial, undo in _UNDONE.items():
        yield trial, _error_px(landmarks, undo(position), seen.camera)


def _error_px(landmarks: Float[Tensor, "frames 25 7"], position: Float[Tensor, "frames 21 3"], camera: Camera) -> float:
    return float(reprojection_error_px(landmarks, camera.to_camera(position), camera).median())
