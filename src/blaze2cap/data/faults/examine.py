"""Everything that is looked at in a take, in a clip, and across the takes of a person."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.landmark import TRACKED
from blaze2cap.data.faults.bones import differing_bones, implausible_bones, implausible_landmarks
from blaze2cap.data.faults.calibration import differing_calibration, t_pose_rotation
from blaze2cap.data.faults.detection import Seen, exchanged_error_px, swapped_segment, unfitting_segment
from blaze2cap.data.faults.orientation import mirrored_skeleton, tilted_opening
from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.faults.record import DataFault
from blaze2cap.data.faults.timing import LagSums, lag_sums
from blaze2cap.data.faults.truth import glitches, twisted_hands
from blaze2cap.data.reprojection import seen_px, true_px
from blaze2cap.data.segment import Segment


class TakeFindings(NamedTuple):
    """Faults of a take's truth, joints not to be believed (of the root: none in that frame, for the truth jumps), and
    what other takes of the person are compared with."""

    faults: list[DataFault]
    outlier: Bool[Tensor, "frames 21"]
    bone_length: Float[Tensor, "21"]
    t_pose: Float[Tensor, "20 3 3"] | None


class ClipFindings(NamedTuple):
    """Faults of a clip, numbers of its segments to reject with their distances [px], and sums that tell its lag."""

    faults: list[DataFault]
    segment_error_px: list[float]
    rejected: list[int]
    swapped: int
    lag_sums: LagSums


def examine_take(
    take: str,
    position: Float[Tensor, "frames 21 3"],
    local: Float[Tensor, "frames 21 3 3"],
    offset: Float[Tensor, "21 3"],
    fps: float,
    params: FaultParams,
) -> TakeFindings:
    """Look at one take's truth: positions in the world [m], local rotations, bone offsets [m]."""
    length = offset.norm(dim=-1)
    twisted, outlier = twisted_hands(take, local, params)
    jumping, glitch = glitches(take, position, fps, params)
    faults = [
        *implausible_bones(take, length, params),
        *mirrored_skeleton(take, offset, params),
        *tilted_opening(take, position, fps, params),
        *twisted,
        *jumping,
    ]
    outlier[:, 0] |= glitch
    return TakeFindings(faults, outlier, length, t_pose_rotation(position, local, fps))


def examine_subjects(takes: Mapping[str, TakeFindings], params: FaultParams) -> list[DataFault]:
    """Compare the takes ("S1/walking1") of each person with one another."""
    faults = []
    for subject in dict.fromkeys(take.split("/")[0] for take in takes):
        own = {take: findings for take, findings in takes.items() if take.startswith(f"{subject}/")}
        faults += differing_bones({take: findings.bone_length for take, findings in own.items()}, params)
        t_poses = {take: findings.t_pose for take, findings in own.items() if findings.t_pose is not None}
        faults += differing_calibration(t_poses, params)
    return faults


def examine_clip(seen: Seen, segments: list[Segment], max_reprojection_px: float, params: FaultParams) -> ClipFindings:
    """Look at one clip's landmarks, its truth before the camera."""
    image, true_image = seen_px(seen.landmarks), true_px(seen.camera.to_camera(seen.position), seen.camera)
    error_px = (image - true_image).norm(dim=-1)
    segment_error_px = [error_px[segment.rows].median().item() for segment in segments]
    rejected = [number for number, error in enumerate(segment_error_px) if error > max_reprojection_px]
    exchanged_px = exchanged_error_px(image, true_image)
    own, swapped = torch.zeros(2, len(image), dtype=torch.bool)
    faults = []
    for number, segment in enumerate(segments):
        if number in rejected:
            error = segment_error_px[number]
            faults.append(unfitting_segment(seen, number, segment, error, max_reprojection_px, params))
        else:
            own[segment.rows] = True
            exchanged, swapped[segment.rows] = swapped_segment(seen, number, segment, error_px, exchanged_px, params)
            faults += exchanged
            faults += implausible_landmarks(seen.clip, number, segment.rows, seen.landmarks, params)
    tracked = own & (seen.landmarks[:, 0, TRACKED] > 0)
    return ClipFindings(faults, segment_error_px, rejected, int(swapped.sum()), lag_sums(image, true_image, tracked))
