"""A checkpoint's network, run by torch, as `network` has it: arrays in, arrays out."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor, nn

from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.body.motion import Motion
from blaze2cap.body.root_position import root_position
from blaze2cap.learning.checkpoint import System
from blaze2cap.learning.model import PoseModel
from blaze2cap.runtime.network import Solver
from blaze2cap.runtime.onnx_step import OUTPUTS, StreamingStep
from blaze2cap.runtime.recording import recorded


class TorchAnswer(NamedTuple):
    """As of `network.Answer`."""

    rotation: Float32[np.ndarray, "N 21 3 3"]
    delta_position: Float32[np.ndarray, "N 3"]
    valid: Bool[np.ndarray, "N"]
    deviation: Float32[np.ndarray, "N 21"]
    image_position: Float32[np.ndarray, "N 3"]


def solver(system: System) -> Solver:
    """What a network, or a baseline, says of a whole clip."""

    @torch.inference_mode()
    def solve(landmarks: Float32[np.ndarray, "N 25 7"], intrinsics: Float32[np.ndarray, "4"], dt: float) -> TorchAnswer:
        seen, camera = torch.from_numpy(landmarks), torch.from_numpy(intrinsics)
        return _answer(system(seen, camera, dt), root_position(seen, camera))

    return solve


def _answer(motion: Motion, image_position: Tensor) -> TorchAnswer:
    deviation = motion.deviation
    if deviation is None:
        deviation = torch.full(motion.rotation.shape[:2], torch.nan)
    parts = motion.rotation, motion.delta_position, motion.valid, deviation, image_position
    return TorchAnswer(*(part.numpy() for part in parts))


class _Asked(nn.Module):
    """Of all that a step says, what is asked for; recording drops what leads to the rest."""

    def __init__(self, model: PoseModel) -> None:
        super().__init__()
        self.step = StreamingStep(model)
        self.register_buffer("size", torch.ones(1), persistent=False)
        states = range(len(OUTPUTS), len(OUTPUTS) + len(self.step.state_names))
        self._kept = [*(OUTPUTS.index(name) for name in TorchAnswer._fields), *states]

    def forward(self, landmarks: Tensor, intrinsics: Tensor, dt: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        said = self.step(landmarks, intrinsics, dt, self.size, *state)
        return tuple(said[place] for place in self._kept)


class TorchNetwork:
    """A network's step. Making one takes a second or two, in which it is recorded (`recorded`) for one stream: frames
    take half the time then; `record` False leaves that out."""

    def __init__(self, model: PoseModel, *, record: bool = True) -> None:
        self.delay_frames = model.params.delay_frames
        self._asked = _Asked(model)
        frame = torch.zeros(1, len(LANDMARKS), CHANNELS), torch.ones(1, 4), torch.ones(1)
        self._run = recorded(self._asked, *frame, *self.start()) if record else self._asked

    def start(self, batch: int = 1) -> list[Tensor]:
        """State of streams that begin."""
        return self._asked.step.start(batch)

    @torch.inference_mode()
    def step(
        self,
        landmarks: Float32[np.ndarray, "B 25 7"],
        intrinsics: Float32[np.ndarray, "B 4"],
        dt: Float32[np.ndarray, "B"],
        state: list[Tensor],
    ) -> tuple[TorchAnswer, list[Tensor]]:
        """One frame of each stream, `dt` [1/60 s] after the one before, and the state after it."""
        outputs = self._run(*(torch.from_numpy(part) for part in (landmarks, intrinsics, dt)), *state)
        parts = len(TorchAnswer._fields)
        return TorchAnswer(*(part.numpy() for part in outputs[:parts])), list(outputs[parts:])
