"""The figures as tensors over the 25 landmarks, left ones mirrored from the right."""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.landmark import LANDMARK_INDEX, LANDMARKS, PARENT_OF, mirrored
from blaze2cap.data.detector.anatomy import part_of
from blaze2cap.data.detector.figures import LENGTH, STRETCH
from blaze2cap.data.detector.part_figures import PARTS

SHARED = 7  # features uprightness or 1, the root's forward and right; the landmark's own place follows
_MIRROR_FEATURE = (1.0, -1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
_MIRROR_AXIS = (-1.0, 1.0, 1.0)
_MM = 1e-3


class Tables(NamedTuple):
    """See `part_figures.PartFigures`; lengths in metres.

    together, apart  own errors e become together * e + apart * (e of the other side), which correlates them
    handed_on        by axis: errors of all landmarks of their own errors, along the limbs
    chain            errors of all landmarks of the errors of the bones that end in them
    """

    mean: Float[Tensor, "7 75"]
    mean_by_place: Float[Tensor, "25 3 3"]
    asymmetry: Float[Tensor, "25 3"]
    spread: Float[Tensor, "25 3"]
    haste: Float[Tensor, "25"]
    together: Float[Tensor, "25 3"]
    apart: Float[Tensor, "25 3"]
    handed_on: Float[Tensor, "75 75"]
    bone: Float[Tensor, "75 75"]
    chain: Float[Tensor, "75 75"]
    stretch: Float[Tensor, "25"]
    length: Float[Tensor, "25"]
    visibility: Float[Tensor, "7 25"]
    visibility_by_place: Float[Tensor, "25 3"]
    usual_visibility: Float[Tensor, "25"]
    visibility_spread: Float[Tensor, "25"]
    visibility_handed_on: Float[Tensor, "25 25"]

    def to(self, device: torch.device) -> "Tables":
        """The same on another device."""
        return Tables(*(table.to(device) for table in self))


@cache
def tables() -> Tables:
    """All tables, built once."""
    figures = [PARTS[part_of(name)] for name in LANDMARKS]
    left = torch.tensor([name.startswith("left") for name in LANDMARKS])
    axis = torch.where(left[:, None], torch.tensor(_MIRROR_AXIS), 1.0)
    feature = torch.where(left[:, None], torch.tensor(_MIRROR_FEATURE), 1.0)
    alike = torch.tensor([part.alike for part in figures])
    asymmetry = torch.tensor([part.asymmetry_mm for part in figures]) * _MM
    # In x the right one's asymmetry is the left one's, in y and z its opposite.
    asymmetry = asymmetry * torch.where(left[:, None], 1.0, -torch.tensor(_MIRROR_AXIS))
    mean = torch.tensor([part.mean_mm for part in figures]) * axis[..., None] * feature[:, None] * _MM
    visibility = torch.tensor([part.visibility_logit for part in figures]) * feature
    gains = [_handed_on([part.gain[k] for part in figures]) for k in range(3)]
    handed_on = torch.einsum("alk,ab->kalb", torch.stack(gains), torch.eye(3)).reshape(75, 75)
    return Tables(
        mean=mean[..., :SHARED].flatten(0, 1).mT,
        mean_by_place=mean[..., SHARED:],
        asymmetry=asymmetry,
        spread=torch.tensor([part.spread_mm for part in figures]) * _MM,
        haste=torch.tensor([part.haste for part in figures]),
        together=((1 + alike).sqrt() + (1 - alike).sqrt()) / 2,
        apart=((1 + alike).sqrt() - (1 - alike).sqrt()) / 2,
        handed_on=handed_on,
        bone=torch.kron(_bones().mT.contiguous(), torch.eye(3)),
        chain=torch.kron(_ancestors().mT.contiguous(), torch.eye(3)),
        stretch=torch.tensor([STRETCH.get(part_of(name), 0.0) for name in LANDMARKS]),
        length=torch.tensor([LENGTH.get(part_of(name), (1.0, 1.0))[not name.startswith("left")] for name in LANDMARKS]),
        visibility=visibility[:, :SHARED].mT.contiguous(),
        visibility_by_place=visibility[:, SHARED:],
        usual_visibility=torch.tensor([part.usual_logit for part in figures]),
        visibility_spread=torch.tensor([part.visibility_spread for part in figures]),
        visibility_handed_on=_handed_on([part.visibility_gain for part in figures]).mT.contiguous(),
    )


def _parents(name: str) -> list[str]:
    """Landmarks whose mean error a landmark's own error is added to."""
    parent = PARTS[part_of(name)].parent
    if parent is None:
        return []
    if parent == "shoulders":
        return ["left_shoulder", "right_shoulder"]
    return [parent if parent in LANDMARK_INDEX else f"{name.split('_')[0]}_{parent}"]


def _handed_on(gain: list[float]) -> Float[Tensor, "25 25"]:
    """(I - G)^-1 where G holds the gain of every landmark on its parents."""
    direct = torch.zeros(len(LANDMARKS), len(LANDMARKS), dtype=torch.float64)
    for index, name in enumerate(LANDMARKS):
        parents = _parents(name)
        for parent in parents:
            direct[index, LANDMARK_INDEX[parent]] = gain[index] / len(parents)
    return torch.linalg.inv(torch.eye(len(LANDMARKS), dtype=torch.float64) - direct).float()


def _ancestors() -> Float[Tensor, "25 25"]:
    """1 where the column's landmark is the row's or lies between it and the trunk."""
    ancestors = torch.eye(len(LANDMARKS))
    for index, name in enumerate(LANDMARKS):
        while name in PARENT_OF:
            name = PARENT_OF[name]
            ancestors[index, LANDMARK_INDEX[name]] = 1.0
    return ancestors


def _bones() -> Float[Tensor, "25 25"]:
    """Each landmark less its parent, or less the middle between it and its other side."""
    matrix = torch.eye(len(LANDMARKS))
    for index, name in enumerate(LANDMARKS):
        if name in PARENT_OF:
            matrix[index, LANDMARK_INDEX[PARENT_OF[name]]] -= 1
        else:
            matrix[index, index] -= 0.5
            matrix[index, LANDMARK_INDEX[mirrored(name)]] -= 0.5
    return matrix
