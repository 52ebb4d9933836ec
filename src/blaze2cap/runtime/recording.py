"""Functions of one frame as recorded graphs: their own operations, without Python in between.

The network's step is some 1,700 operations on small tensors, and calling them from Python takes as long as they do.
Recording runs a function once, and takes a second or two.
"""

import warnings
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils import _pytree as tree

from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.body.motion import Motion
from blaze2cap.learning.model import PoseModel, State

Step = Callable[[Float[Tensor, "1 1 25 7"], Float[Tensor, "1 4"], Float[Tensor, "1 1"], State], tuple[Motion, State]]
"""A frame, intrinsics, time since the frame before [1/60 s] and state -> motion of one frame, and the state after."""


class _Flat(nn.Module):
    """`PoseModel.forward` of tensors to tensors, as graphs take them."""

    def __init__(self, model: PoseModel, state: tree.TreeSpec) -> None:
        super().__init__()
        self.model, self._state = model, state
        self.answer: tree.TreeSpec | None = None

    def forward(self, landmarks: Tensor, intrinsics: Tensor, dt: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        answer = self.model(landmarks, intrinsics, dt, tree.tree_unflatten(state, self._state))
        tensors, self.answer = tree.tree_flatten(answer)
        return tuple(tensors)


@torch.inference_mode()
def recorded(function: Callable[..., tuple[Tensor, ...]], *examples: Tensor) -> Callable[..., tuple[Tensor, ...]]:
    """A function of tensors to tensors whose way does not depend on their values, for tensors of these sizes."""
    with warnings.catch_warnings():
        # Told of: indices that become constants and loops over layers, which are the same for every frame; and that
        # torch.compile is to follow, which needs a C++ compiler on the user's machine.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = torch.jit.trace(function, examples, check_trace=False)

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        # Optimising would take seconds at the first frames, and gains nothing on a CPU.
        with torch.jit.optimized_execution(False):
            return graph(*tensors)

    return run


@torch.inference_mode()
def recorded_step(model: PoseModel) -> Step:
    """The step of a model in evaluation mode with the weights that it has now, for a batch of one; no gradients."""
    tensors, spec = tree.tree_flatten(model.start(1))
    flat = _Flat(model, spec)
    landmarks = torch.zeros(1, 1, len(LANDMARKS), CHANNELS)
    graph = recorded(flat, landmarks, torch.ones(1, 4), torch.ones(1, 1), *tensors)
    answer = flat.answer
    assert answer is not None

    def step(landmarks: Tensor, intrinsics: Tensor, dt: Tensor, state: State) -> tuple[Motion, State]:
        motion, after = tree.tree_unflatten(graph(landmarks, intrinsics, dt, *tree.tree_leaves(state)), answer)
        return motion, after

    return step
