"""How long a stream's frame takes on one core: the network's step with all around it, and its place in the world.

    python benchmarks/streaming.py --checkpoint models
    python benchmarks/streaming.py                       # an untrained network of the default size: as fast

One row a part, over frames of a person who sways, 30 a second: time that passed, median and 99th percentile, and time
that the processor spent on it, median. On a machine with other work the second says more than the first. Then the
seconds until a stream is there. With `--exported model.onnx` onnxruntime takes its turns, too.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
import typer
from jaxtyping import Float

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.body.landmark import CHANNELS, LANDMARKS, SCREEN, TRACKED, VISIBILITY, WORLD
from blaze2cap.errors import one_sentence
from blaze2cap.learning.checkpoint import load_checkpoint
from blaze2cap.learning.model import PoseModel
from blaze2cap.learning.model_params import ModelParams
from blaze2cap.runtime.animation import bones
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import Finishing
from blaze2cap.runtime.network import Network
from blaze2cap.runtime.onnx_model import OnnxModel
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.torch_network import TorchNetwork

_FPS = 30.0
_WARM_UP = 50


class Spent(NamedTuple):
    """Milliseconds of every call: passed, and of the processor."""

    passed: list[float]
    worked: list[float]

    def timed(self, function: Callable[..., Any], *arguments: object) -> Any:
        """What the function returns; its time is noted."""
        passed, worked = time.perf_counter(), time.thread_time()
        answer = function(*arguments)
        self.worked.append(1000 * (time.thread_time() - worked))
        self.passed.append(1000 * (time.perf_counter() - passed))
        return answer

    def row(self, name: str) -> str:
        """A line of the table."""
        passed, worked = np.array(self.passed[_WARM_UP:]), np.array(self.worked[_WARM_UP:])
        return f"| {name} | {np.median(passed):.2f} | {np.quantile(passed, 0.99):.2f} | {np.median(worked):.2f} |"


def swaying(frames: int) -> Float[np.ndarray, "N 25 7"]:
    """Landmarks that wander about a figure; what they are makes no difference to the time."""
    generator = torch.Generator().manual_seed(0)
    landmarks = torch.zeros(frames, len(LANDMARKS), CHANNELS)
    landmarks[..., WORLD] = 0.5 * torch.randn(1, len(LANDMARKS), 3, generator=generator)
    landmarks[..., WORLD] += 0.01 * torch.randn(frames, len(LANDMARKS), 3, generator=generator)
    landmarks[..., SCREEN] = 0.5 + 0.2 * landmarks[..., WORLD][..., :2]
    landmarks[..., VISIBILITY] = 0.9
    landmarks[1:, :, TRACKED] = 1
    return landmarks.numpy()


def main(
    checkpoint: Annotated[Path | None, typer.Option(help="Folder of a checkpoint.")] = None,
    exported: Annotated[Path | None, typer.Option(help="The same network, as an .onnx file.")] = None,
    frames: Annotated[int, typer.Option(help="Frames to time.", min=1)] = 1000,
) -> None:
    """Print the table."""
    torch.set_num_threads(1)
    with one_sentence("streaming"):
        model = load_checkpoint(checkpoint).model if checkpoint else PoseModel(ModelParams())
    intrinsics = np.array(ASSUMED_INTRINSICS, np.float32)
    print("| part | p50 ms | p99 ms | processor, p50 ms |\n|---|---|---|---|")
    started = {}
    networks: dict[str, Callable[[], Network]] = {
        "torch, recorded": lambda: TorchNetwork(model),
        "torch, not recorded": lambda: TorchNetwork(model, record=False),
    }
    if exported is not None:
        networks["onnxruntime"] = lambda: OnnxModel(exported)
    streams = {}
    for name, network in networks.items():
        begun = time.perf_counter()
        streams[name] = Streamer(network(), intrinsics, fps=_FPS), Spent([], [])
        started[name] = time.perf_counter() - begun
    world, finishing = CausalWorld(), Finishing(bones(1.0))
    places, finishes = Spent([], []), Spent([], [])
    # In turns, so that what else the machine does meets all alike.
    for frame, landmarks in enumerate(swaying(frames + _WARM_UP)):
        for streamer, spent in streams.values():
            answer = spent.timed(streamer.push, landmarks, frame / _FPS)
        finishes.timed(finishing.step, places.timed(world.place, answer))
    for name, (_, spent) in streams.items():
        print(spent.row(f"Streamer.push, {name}"))
    print(places.row("CausalWorld.place"))
    print(finishes.row("Finishing.step"))
    print(f"\na stream is there after {', '.join(f'{seconds:.1f} s ({name})' for name, seconds in started.items())}")


if __name__ == "__main__":
    typer.run(main)
