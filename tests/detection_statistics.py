"""Statistics of detections against the truth: over the 12 limb joints, in the camera frame,
landmarks about the middle of their hips and truth about the Hips joint, the viewing ray *not* undone.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from blaze2cap.body import skeleton
from blaze2cap.body.landmark import LIMB_LANDMARKS, SCREEN, TRACKED, VISIBILITY, WORLD, indices
from blaze2cap.learning.metric import jitter_km_per_s3, pa_mpjpe_mm, unbroken

PARTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
VISIBILITY_EDGES = (0.0, 0.3, 0.7, 0.95, 1.01)
BONES = {
    "upper arm": ("shoulder", "elbow"), "forearm": ("elbow", "wrist"), "thigh": ("hip", "knee"),
    "shin": ("knee", "ankle"),
}  # fmt: skip
_LANDMARKS = indices(*LIMB_LANDMARKS)
_JOINTS = skeleton.indices(*map(skeleton.joint_of_landmark, LIMB_LANDMARKS))


class Detections(NamedTuple):
    """One clip: landmarks [N, 25, 7], true positions in the camera frame [N, 21, 3], intrinsics [4]."""

    landmarks: Tensor
    position: Tensor
    intrinsics: Tensor

    @property
    def detected(self) -> Tensor:
        return (self.landmarks != 0).flatten(1).any(1)

    def weight(self, order: int) -> Tensor:
        """Frames whose `order`-th difference crosses no gap and no anchor."""
        return unbroken(self.detected, self.landmarks[:, 0, TRACKED] == 0, order)

    @property
    def world(self) -> Tensor:
        return self.landmarks[:, _LANDMARKS, WORLD]

    @property
    def truth(self) -> Tensor:
        return self.position[:, _JOINTS] - self.position[:, :1]

    @property
    def screen_error_px(self) -> Tensor:
        place = self.position[:, _JOINTS]
        true = place[..., :2] / place[..., 2:] * self.intrinsics[:2] + self.intrinsics[2:]
        return ((self.landmarks[:, _LANDMARKS, SCREEN] - true) * torch.tensor([1920.0, 1080.0])).norm(dim=-1)


def _over(clips: list[Detections], value, order: int = 0) -> Tensor:
    """A per-frame value of all clips, at the frames where an `order`-th difference means something."""
    return torch.cat([value(clip)[clip.weight(order)] for clip in clips])


def _by_part(limbs: Tensor) -> dict[str, Tensor]:
    """[N, 12, ...] -> [2 N, ...] of each part, left and right together."""
    return {part: limbs[:, 2 * k : 2 * k + 2].flatten(0, 1) for k, part in enumerate(PARTS)}


def errors(clips: list[Detections]) -> Tensor:
    """All errors [N, 12, 3] in metres."""
    return _over(clips, lambda clip: clip.world - clip.truth)


def mpjpe_12_mm(clips: list[Detections]) -> float:
    return 1000 * float(errors(clips).norm(dim=-1).mean())


def pa_mpjpe_12_mm(clips: list[Detections], every: int = 10) -> float:
    world, truth = _over(clips, lambda clip: clip.world), _over(clips, lambda clip: clip.truth)
    return float(pa_mpjpe_mm(world[::every], truth[::every]).mean())


def acceleration_error_mm(clips: list[Detections]) -> float:
    def second(clip: Detections) -> Tensor:
        error = clip.world - clip.truth
        return torch.cat((torch.zeros_like(error[:2]), error.diff(n=2, dim=0))).norm(dim=-1)

    return 1000 * float(_over(clips, second, 2).mean())


def jitter(clips: list[Detections]) -> float:
    return float(_over(clips, lambda clip: jitter_km_per_s3(clip.world, 60.0), 3).mean())


def velocity_error_medians_mm(clips: list[Detections]) -> Tensor:
    def first(clip: Detections) -> Tensor:
        error = clip.world - clip.truth
        return torch.cat((torch.zeros_like(error[:1]), error.diff(dim=0))).abs()

    return 1000 * _over(clips, first, 1).flatten(0, 1).median(0).values


def standard_deviations_mm(clips: list[Detections]) -> dict[str, Tensor]:
    """By part: x, y, z, over all clips together."""
    return {part: 1000 * error.std(0) for part, error in _by_part(errors(clips)).items()}


def excess_kurtosis(clips: list[Detections]) -> dict[str, Tensor]:
    """By part: x, y, z."""
    centred = {part: error - error.mean(0) for part, error in _by_part(errors(clips)).items()}
    return {part: error.pow(4).mean(0) / error.square().mean(0).square() - 3 for part, error in centred.items()}


def autocorrelation_z(clips: list[Detections], lag: int) -> dict[str, float]:
    """By part, within clips: of the depth error about its mean in the clip."""
    product = torch.zeros(len(LIMB_LANDMARKS))
    power = torch.zeros(len(LIMB_LANDMARKS))
    for clip in clips:
        error = (clip.world - clip.truth)[..., 2]
        error = error - error[clip.detected].mean(0)
        both = clip.detected[lag:] & clip.detected[:-lag]
        product += (error[lag:] * error[:-lag])[both].mean(0)
        power += error[clip.detected].square().mean(0)
    pairs = (product.unflatten(0, (-1, 2)).sum(1) / power.unflatten(0, (-1, 2)).sum(1)).tolist()
    return dict(zip(PARTS, pairs, strict=True))


def error_by_visibility_mm(clips: list[Detections]) -> list[float]:
    """Mean error in bins of visibility: below 0.3, 0.3-0.7, 0.7-0.95, above."""
    visibility = _over(clips, lambda clip: clip.landmarks[:, _LANDMARKS, VISIBILITY])
    size = errors(clips).norm(dim=-1)
    low, high = VISIBILITY_EDGES[:-1], VISIBILITY_EDGES[1:]
    return [1000 * float(size[(visibility >= a) & (visibility < b)].mean()) for a, b in zip(low, high, strict=True)]


def visibility_by_part(clips: list[Detections]) -> dict[str, Tensor]:
    """All visibilities by part."""
    return _by_part(_over(clips, lambda clip: clip.landmarks[:, _LANDMARKS, VISIBILITY]))


def size_ratios(clips: list[Detections]) -> dict[str, tuple[float, float]]:
    """Detected over true length of each limb bone, left and right."""

    def length(place: Tensor, bone: tuple[str, str], side: str) -> Tensor:
        start, end = (LIMB_LANDMARKS.index(f"{side}_{part}") for part in bone)
        return (place[:, start] - place[:, end]).norm(dim=-1)

    world, truth = _over(clips, lambda clip: clip.world), _over(clips, lambda clip: clip.truth)
    ratio = {
        (name, side): float((length(world, bone, side) / length(truth, bone, side)).mean())
        for name, bone in BONES.items()
        for side in ("left", "right")
    }
    return {name: (ratio[name, "left"], ratio[name, "right"]) for name in BONES}
