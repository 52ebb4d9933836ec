"""Detections against the projected truth: another person, another camera, a mirrored world, left and right swapped."""

from collections.abc import Callable, Mapping
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
    kind, why = _explanation(seen, segment, params.max_explained_px) or ("wrong_person", "another person was followed")
    sentence = (
        f"{seen.clip} segment {number}: median distance of landmarks to the projected truth {error_px:.0f} px (at most "
        f"{max_reprojection_px:g} expected): {why}"
    )
    return DataFault(
        kind=kind, where=seen.clip, segment=number, frames=((segment.first_frame, segment.frames),),
        value=error_px, unit="px", threshold=max_reprojection_px, sentence=sentence,
    )  # fmt: skip


def exchanged_error_px(
    seen: Float[Tensor, "frames 12 2"], true: Float[Tensor, "frames 12 2"]
) -> Float[Tensor, "frames 12"]:
    """Distance of the limb landmarks to the true joints [px], left and right of either exchanged."""
    return (seen[:, _EXCHANGED] - true).norm(dim=-1)


def swapped_segment(
    seen: Seen,
    number: int,
    segment: Segment,
    error_px: Float[Tensor, "frames 12"],
    exchanged_px: Float[Tensor, "frames 12"],
    params: FaultParams,
) -> tuple[list[DataFault], Bool[Tensor, "n"]]:
    """Frames of a segment in which exchanging left and right brings the landmarks closer to the truth by a margin.

    A fault where there are more of them than a person seen from the side brings about: of the landmarks, or of the
    truth where that, mirrored, fits better still. Distances [px] are those of the clip.
    """
    error, exchanged = error_px[segment.rows], exchanged_px[segment.rows]
    swapped = error.mean(1) - exchanged.mean(1) > params.swap_margin_px
    share = float(swapped.double().mean())
    if share <= params.max_swapped_share:
        return [], swapped
    closer = min(float(exchanged.median()), float(error.median()) / 2, params.max_explained_px)
    kind, why = _explanation(seen, segment, closer) or ("left_right_swapped", "the detector took one for the other")
    sentence = (
        f"{seen.clip} segment {number}: exchanging left and right landmarks brings them closer to the truth in "
        f"{100 * share:.2g} % of the frames (at most {100 * params.max_swapped_share:g} expected): {why}"
    )
    fault = DataFault(
        kind=kind, where=seen.clip, segment=number,
        frames=tuple((segment.first_frame + first, frames) for first, frames in runs(swapped)),
        value=share, unit="share", threshold=params.max_swapped_share, sentence=sentence,
    )  # fmt: skip
    return [fault], swapped


def _explanation(seen: Seen, segment: Segment, at_most_px: float) -> tuple[str, str] | None:
    """Kind and name of what brings landmarks and truth closest, if that is close enough."""
    landmarks, position = seen.landmarks[segment.rows], seen.position[segment.rows]
    trials = {
        ("another_camera", f"camera {name}"): _error_px(landmarks, position, other)
        for name, other in seen.others.items()
    }
    trials |= {trial: _error_px(landmarks, undo(position), seen.camera) for trial, undo in _UNDONE.items()}
    kind, name = best = min(trials, key=lambda trial: trials[trial])
    return (kind, f"{name} fits, {trials[best]:.0f} px") if trials[best] <= at_most_px else None


def _error_px(landmarks: Float[Tensor, "frames 25 7"], position: Float[Tensor, "frames 21 3"], camera: Camera) -> float:
    return float(reprojection_error_px(landmarks, camera.to_camera(position), camera).median())
