"""A frame of a stream on one thread: onnxruntime's step and torch's, beside the last 64 frames over again."""

import time
from collections.abc import Callable

import numpy as np
import torch
from onnx_streaming import torch_window
from streaming import swaying

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.runtime.onnx_model import OnnxModel
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.torch_network import TorchNetwork
from speed.claim import HotPath, ratio, seconds
from speed.rounds import Seconds
from speed.workplace import Workplace

_FPS = 60.0
_FRAMES, _RARELY = 300, 20


def measure(workplace: Workplace) -> Seconds:
    """Median and 99th percentile of the frames of each round, passed and of the processor."""
    model, intrinsics = workplace.checkpoint.model, np.array(ASSUMED_INTRINSICS, np.float32)
    window = torch_window(model)
    onnx = Streamer(OnnxModel(workplace.exported), intrinsics, fps=_FPS)
    recorded = Streamer(TorchNetwork(model), intrinsics, fps=_FPS)
    systems: dict[str, Callable[[np.ndarray, float], object]] = {
        "onnx": onnx.push,
        "torch": recorded.push,
        "window": lambda frame, _: window(torch.from_numpy(frame)[None]),
    }
    figures: Seconds = {}
    rounds = workplace.rounds(7)
    frames = swaying((rounds + 1) * _FRAMES)
    with torch.inference_mode():
        for number in range(rounds + 1):
            for name, push in systems.items():
                every = _RARELY if name == "window" else 1
                spent = np.array([_spent(push, frames[f], f / _FPS) for f in _of_round(number)[::every]])
                if number:  # the first round warms up
                    for clock, column in zip(("passed", "worked"), spent.T, strict=True):
                        for order, figure in (("p50", np.median(column)), ("p99", np.quantile(column, 0.99))):
                            figures.setdefault(f"{name}_{clock}_{order}", []).append(float(figure))
    return figures


def _of_round(number: int) -> range:
    return range(number * _FRAMES, (number + 1) * _FRAMES)


def _spent(push: Callable[[np.ndarray, float], object], frame: np.ndarray, when: float) -> tuple[float, float]:
    passed, worked = time.perf_counter(), time.thread_time()
    push(frame, when)
    return time.perf_counter() - passed, time.thread_time() - worked


STREAM = HotPath(
    "stream, one thread, a frame a call",
    measure,
    (
        seconds("**`Streamer`, onnxruntime, p50**", "onnx_passed_p50", most=0.0005),
        seconds("**`Streamer`, onnxruntime, p99**", "onnx_passed_p99", most=0.001),
        seconds("`Streamer`, onnxruntime, p50 of the processor's time", "onnx_worked_p50"),
        seconds("`Streamer`, onnxruntime, p99 of the processor's time", "onnx_worked_p99"),
        seconds("**`Streamer`, torch, p50**", "torch_passed_p50", most=0.002),
        seconds("`Streamer`, torch, p99", "torch_passed_p99"),
        seconds("`Streamer`, torch, p50 of the processor's time", "torch_worked_p50"),
        seconds("64 frames over again, torch, p50 of the processor's time", "window_worked_p50"),
        ratio("**onnxruntime against 64 frames over again**", "window_worked_p50", "onnx_worked_p50", least=10),
        ratio("torch against 64 frames over again", "window_worked_p50", "torch_worked_p50"),
    ),
)
