"""How much of a device's memory a training step takes, told before it starts."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from blaze2cap.errors import UserError

_GIB = 2.0**30


class MemoryNeed(NamedTuple):
    """Bytes of a training step: `fixed` whatever the batch, and `window` more for each window of it."""

    fixed: int
    window: int

    def of(self, windows: int) -> int:
        """Bytes with so many windows in the batch."""
        return self.fixed + windows * self.window

    def windows_in(self, memory: int) -> int:
        """Most windows that so many bytes hold."""
        return max(0, (memory - self.fixed) // self.window)


def memory_need(model: nn.Module, loss: Callable[[], Tensor], windows: int) -> MemoryNeed:
    """What AdamW's state and the activations kept for the backward pass take, measured on a forward pass of `windows`.

    The kept tensors are counted as they are kept, views of one memory once (`torch.autograd.graph`); what is needed
    for a moment only comes on top.
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in model.state_dict().values()}
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        memory = tensor.untyped_storage()
        if memory.data_ptr() not in own:
            kept[memory.data_ptr()] = memory.nbytes()
        return tensor

    with saved_tensors_hooks(count, lambda tensor: tensor):
        # Held until counted: memory that is freed would be given out, and counted, again.
        value = loss()
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    del value
    # The weights, their gradient, AdamW's two moments, the moving average and the best so far.
    return MemoryNeed(6 * weights, sum(kept.values()) // windows)


def refuse_too_large(need: MemoryNeed, batch: int, processes: int, device: torch.device) -> str:
    """What its part of a batch takes of a process's device, in a sentence.

    Raises UserError where a GPU has not as much left, with the batch that it would hold, if it holds any.
    """
    part = batch // processes
    share = need.of(part)
    sentence = f"a step of {part} windows takes about {share / _GIB:.1f} GiB of {_name(device)}"
    if processes > 1:
        sentence = f"in each of {processes} processes {sentence}"
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # What torch has taken and not given out is free, too.
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        sentence += f", which has {free / _GIB:.1f} GiB left"
        if share > free:
            fitting = need.windows_in(free)
            if not fitting:
                raise UserError(
                    f"{sentence}, not enough for one window; end what else uses the GPU, lower model.width or "
                    "model.layers, or set runtime.device=cpu"
                )
            raise UserError(f"{sentence}; train.batch = {fitting * processes} would fit, or more runtime.devices")
    return sentence


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "this machine's memory"
