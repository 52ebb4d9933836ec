"""The network's step as a function of tensors with names, which is what an ONNX graph is: explicit state in and out.

A stream begins with zeros in all its states, whatever the network begins with: who runs the graph need not know.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from blaze2cap.body.kinematics import kinematics_by_doubling
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.learning.model import PoseModel

INPUTS = ("landmarks", "intrinsics", "dt", "size")
OUTPUTS = (
    "rotation", "joint_position", "global_rotation", "delta_position", "delta_rotation", "valid", "deviation",
    "image_position",
)  # fmt: skip
# In the network's own state this is "fresh", the other way round.
STARTED = "started"


class StreamingStep(nn.Module):
    """One frame: INPUTS and the states of `state_names` -> OUTPUTS and the same states after it.

    landmarks        [B, 25, 7]      the model's layout; a frame with nobody in it is all zeros
    intrinsics       [B, 4]          (fx / width, fy / height, cx / width, cy / height)
    dt               [B]             time since the frame before [1/60 s]
    size             [B]             of the person, relative to the mean skeleton
    rotation         [B, 21, 3, 3]   local rotations, the root's own in the camera's frame
    joint_position   [B, 21, 3]      camera's axes, from the Hips, of the mean skeleton times `size` [m]
    global_rotation  [B, 21, 3, 3]   of the joints in the camera's frame
    delta_position, delta_rotation, valid, deviation    as in `body.motion.Motion`
    image_position   [B, 3]          of the middle of the hips, as far away as the landmarks' size says [m]
    """

    offset: Tensor

    def __init__(self, model: PoseModel) -> None:
        super().__init__()
        self.model = model.eval()
        self.register_buffer("offset", mean_offset(), persistent=False)
        self._start = model.start(1)
        self._begins_with_zeros = [not begin.any().item() for _, begin in _named(self._start)]
        self.state_names = [STARTED if name == "fresh" else name for name, _ in _named(self._start)]
        pairs = zip(_named(model.start(2)), _named(model.start(3)), strict=True)
        self.batch_axes = [_batch_axis(two, three) for (_, two), (_, three) in pairs]

    def start(self, batch: int) -> list[Tensor]:
        """States of streams that begin: zeros."""
        return [torch.zeros_like(tensor) for _, tensor in _named(self.model.start(batch))]

    def forward(
        self,
        landmarks: Float[Tensor, "B 25 7"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        size: Float[Tensor, "B"],
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        """OUTPUTS, then the new states."""
        motion, after, base = self.model.solve(landmarks[:, None], intrinsics, dt[:, None], self._state(state))
        motion = motion.at(slice(None), 0)
        offset = size[:, None, None] * self.offset
        joint_position, global_rotation = kinematics_by_doubling(motion.rotation, offset)
        outputs = {
            **motion._asdict(),
            "joint_position": joint_position,
            "global_rotation": global_rotation,
            "image_position": base.position[:, 0],
        }
        states = (~tensor if name == "fresh" else tensor for name, tensor in _named(after))
        return *(outputs[name] for name in OUTPUTS), *states

    def _state(self, given: tuple[Tensor, ...]) -> Any:
        """The network's state: where a stream has not started, what the network begins with instead of zeros."""
        started = given[self.state_names.index(STARTED)]
        tensors = []
        known = zip(_named(self._start), self.batch_axes, self._begins_with_zeros, given, strict=True)
        for (name, begin), axis, zeros, tensor in known:
            if name == "fresh":
                tensors.append(~tensor)
            elif zeros:
                tensors.append(tensor)
            else:
                # A sum, for where a stream has not started its states are zeros.
                shape = [-1 if dim == axis else 1 for dim in range(tensor.ndim)]
                fresh = (~started).to(tensor.dtype).view(shape)
                tensors.append(tensor + fresh * begin)
        return _rebuilt(self._start, iter(tensors))


def _named(part: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested tuples, by the names of their fields."""
    if isinstance(part, Tensor):
        yield name, part
        return
    for field, value in zip(getattr(part, "_fields", range(len(part))), part, strict=True):
        yield from _named(value, f"{name}.{field}" if name else str(field))


def _rebuilt(like: Any, tensors: Iterator[Tensor]) -> Any:
    """Nested tuples like these, of other tensors; inverse of `_named`."""
    if isinstance(like, Tensor):
        return next(tensors)
    parts = [_rebuilt(part, tensors) for part in like]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def _batch_axis(two: Tensor, three: Tensor) -> int:
    """The axis in which states of two streams differ from those of three."""
    (axis,) = (axis for axis, (a, b) in enumerate(zip(two.shape, three.shape, strict=True)) if a != b)
    return axis
