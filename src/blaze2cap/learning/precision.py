"""In which numbers a device computes: what `train.precision` means on it."""

from typing import Literal

import torch

from blaze2cap.errors import UserError

Precision = Literal["auto", "fp32", "tf32", "bf16", "fp16"]


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

    `tf32` are fp32 whose products a GPU may round to 10 bits, which `allow_tf32` permits.
    Raises UserError for fp16 or tf32 without a GPU.
    """
    if precision in ("fp16", "tf32") and device.type == "cpu":
        raise UserError(f"train.precision is {precision!r}, which needs a GPU; on a CPU use auto")
    if precision == "auto":
        precision = "bf16" if computes_in_bf16(device) else "fp32"
    return {"fp32": None, "tf32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def allow_tf32(precision: Precision) -> None:
    """Let this process's matrix products on a GPU be rounded, or not: torch knows but one switch for all of them."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def numbers_of(precision: Precision, device: torch.device) -> str:
    """What a checkpoint says it was computed in: float32, tf32, bfloat16 or float16."""
    if precision == "tf32":
        return precision
    return str(autocast_dtype(precision, device) or torch.float32).removeprefix("torch.")
