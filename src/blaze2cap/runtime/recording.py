"""Functions of one frame as recorded graphs: their own operations, without Python in between.

The network's step is some 1,000 operations on small tensors, and calling them from Python takes as long as they do.
Recording runs a function once, and takes a second or two.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor


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
