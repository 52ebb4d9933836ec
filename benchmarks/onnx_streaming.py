"""How long a frame takes: onnxruntime's step, torch's step, and the last 64 frames over again in torch.

One thread each, in turns, so that what else the machine does meets all three alike; the same landmarks for all.

    blaze2cap export models -o model.onnx
    python benchmarks/onnx_streaming.py models model.onnx
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.errors import one_sentence
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.model import PoseModel
from blaze2cap.runtime.onnx_export import rehearsal
from blaze2cap.runtime.onnx_model import OnnxModel

WINDOW = 64
# Frames of a round; the window is recomputed in every so-manieth of them, for it takes that much longer.
_ROUND, _RARELY = 64, 8
_INTRINSICS = torch.tensor([ASSUMED_INTRINSICS])


def onnx_step(model: OnnxModel) -> Callable[[Tensor], None]:
    """A stream through onnxruntime, a frame a call."""
    state, intrinsics, dt = model.start(), _INTRINSICS.numpy(), np.ones(1, np.float32)

    def push(landmarks: Tensor) -> None:
        nonlocal state
        _, state = model.step(landmarks.numpy(), intrinsics, dt, state)

    return push


def torch_step(model: PoseModel) -> Callable[[Tensor], None]:
    """A stream through torch, a frame a call."""
    state, dt = model.start(1), torch.ones(1)

    def push(landmarks: Tensor) -> None:
        nonlocal state
        _, state = model.step(landmarks, _INTRINSICS, dt, state)

    return push


def torch_window(model: PoseModel) -> Callable[[Tensor], None]:
    """What a stream costs without state: the last frames over again for each new one."""
    window, dt = torch.zeros(1, WINDOW, 25, 7), torch.ones(1, WINDOW)

    def push(landmarks: Tensor) -> None:
        nonlocal window
        window = torch.cat((window[:, 1:], landmarks[:, None]), dim=1)
        model(window, _INTRINSICS, dt)

    return push


def main(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of the checkpoint.")],
    exported: Annotated[Path, typer.Argument(help="The same, exported.")],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of 64 frames.")] = 40,
) -> None:
    """Print median, 99th percentile and the fastest of each, and what the graph is made of."""
    torch.set_num_threads(1)
    with one_sentence("onnx_streaming"), torch.inference_mode():
        model = load_checkpoint(checkpoint).model
        systems = {
            "onnxruntime, step": onnx_step(OnnxModel(exported)),
            "torch, step": torch_step(model),
            f"torch, {WINDOW} frames over again": torch_window(model),
        }
        frames = [landmarks for landmarks, _ in rehearsal(1, rounds * _ROUND, seed=1)]
        spent: dict[str, list[float]] = {name: [] for name in systems}
        for first in range(0, len(frames), _ROUND):
            for name, push in systems.items():
                for landmarks in frames[first : first + _ROUND : _RARELY if "again" in name else 1]:
                    start = perf_counter()
                    push(landmarks)
                    if first:  # the first round warms up
                        spent[name].append(1000 * (perf_counter() - start))
    for name, times in spent.items():
        median, late = np.percentile(times, (50, 99))
        print(f"{name:30} p50 {median:7.3f} ms   p99 {late:7.3f} ms   fastest {min(times):7.3f} ms   n {len(times)}")
    _inspect(exported)


def _inspect(exported: Path) -> None:
    import onnx

    graph = onnx.load(exported).graph
    kinds = Counter(node.op_type for node in graph.node)
    weights = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    print(f"{len(graph.node)} nodes, {weights / 1e6:.2f} million constants")
    print(", ".join(f"{count} {kind}" for kind, count in kinds.most_common(12)))


if __name__ == "__main__":
    typer.run(main)
