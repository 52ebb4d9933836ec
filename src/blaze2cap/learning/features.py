"""The 18 features of each landmark, and which frames are detected, which are anchors.

In this order, with the number of channels: world position from the hips' middle (3), its change since the frame before
(3), vector to the child landmark, 0 at leaves (3), vector from the parent landmark, 0 at roots (3), image position from
the hips' middle (2), change of the image position since the frame before, *not* centred, so that a person who walks
across the image shows (2), visibility (1), tracking flag (1).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.camera import viewing_ray
from blaze2cap.body.landmark import (
    CHILD_OF,
    LANDMARK_INDEX,
    LANDMARKS,
    PARENT_OF,
    SCREEN,
    TRACKED,
    VISIBILITY,
    WORLD,
    indices,
)

FEATURES = 18

_HIPS = indices("left_hip", "right_hip")
# A landmark without a child (or parent) points at itself, so that its vector is zero.
_CHILD = [LANDMARK_INDEX[CHILD_OF.get(name, name)] for name in LANDMARKS]
_PARENT = [LANDMARK_INDEX[PARENT_OF.get(name, name)] for name in LANDMARKS]


def detected_frames(landmarks: Float[Tensor, "*batch 25 7"]) -> Bool[Tensor, "*batch"]:
    """True where somebody was found; an undetected frame is all zeros."""
    return landmarks[..., WORLD].abs().amax((-2, -1)) > 0


def anchor_frames(known: Float[Tensor, "B known 25 7"]) -> tuple[Bool[Tensor, "B known-1"], Bool[Tensor, "B known-1"]]:
    """Detected frames, and those among them that start a segment, of all but the first, which is what came before.

    A detected frame after an undetected one is an anchor whatever its flag says: there is nothing to difference with.
    """
    detected = detected_frames(known)
    goes_on = (known[:, 1:, 0, TRACKED] != 0) & detected[:, :-1]
    return detected[:, 1:], detected[:, 1:] & ~goes_on


def hip_centre(landmarks: Float[Tensor, "*batch 25 7"]) -> Float[Tensor, "*batch 2"]:
    """Image position between the hips, fractions of width and height."""
    return _select(landmarks, -2, _HIPS)[..., SCREEN].mean(-2)


def _select(tensor: Tensor, dim: int, index: list[int]) -> Tensor:
    # One operation, in a graph too; advanced indexing turns the tensor before and after.
    return tensor.index_select(dim, torch.tensor(index, device=tensor.device))


def landmark_features(
    known: Float[Tensor, "B known 25 7"],
    intrinsics: Float[Tensor, "B 4"],
    frame: Float[Tensor, "B S 3 3"],
    tracked: Bool[Tensor, "B S"],
) -> Float[Tensor, "B S 25 18"]:
    """Features in the order above of all frames but the first, which is what came before; world vectors turned into
    `frame` (its axes are the columns).

    Differences are zero where not `tracked`, that is at anchors and in gaps. Image positions are divided by the focal
    length, so that x and y have one unit and the camera's zoom drops out.
    """
    world = known[..., WORLD]
    world = world - _select(world, -2, _HIPS).mean(-2, keepdim=True)
    image = viewing_ray(known[..., SCREEN], intrinsics[:, None, None])[..., :2]
    keep = tracked[..., None, None].to(world.dtype)

    now = world[:, 1:]
    vectors = torch.stack(
        (now, (now - world[:, :-1]) * keep, _select(now, -2, _CHILD) - now, now - _select(now, -2, _PARENT)), dim=-2
    )
    turned = (vectors.flatten(2, 3) @ frame).unflatten(2, (len(LANDMARKS), 4)).flatten(-2)
    centred = image[:, 1:] - _select(image[:, 1:], -2, _HIPS).mean(-2, keepdim=True)
    moved = (image[:, 1:] - image[:, :-1]) * keep
    flags = _select(known[:, 1:], -1, [VISIBILITY, TRACKED])
    return torch.cat((turned, centred, moved, flags), dim=-1)
