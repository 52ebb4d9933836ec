"""In which numbers a device computes: what `train.precision` means on it."""

from typing import Literal

import torch

from blaze2cap.errors import UserError

Precision = Literal["auto", "fp32", "bf16", "fp16"]


def computes_in_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16.

    A processor without them is some twenty times slower in bf16 than in fp32.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # The only place where torch says it of a processor; it has no public name.
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def autocast_dtype(precision: Precision, device: torch.device) -> torch.dtype | None:
    """The numbers of the backbone, None for those of its weights, fp32; `auto` is bf16 where the device computes in it.

    Raises UserError for fp16 without a GPU.
    """
    if precision == "fp16" and device.type == "cpu":
        raise UserError("train.precision is 'fp16', which needs a GPU; on a CPU use auto")
    if precision == "auto":
        precision = "bf16" if computes_in_bf16(device) else "fp32"
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
