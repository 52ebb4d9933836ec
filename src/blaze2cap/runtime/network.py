"""What all runtimes of a network have in common, and all that comes after it asks of one: arrays in, arrays out.

Nothing here, nor anything else between landmarks and files but `torch_network` and `onnx_export`, imports torch.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32


@runtime_checkable
class Answer(Protocol):
    """What a network says of the frames of a clip (N), or of a frame of each stream; camera's axes, metres, radians."""

    @property
    def rotation(self) -> Float32[np.ndarray, "N 21 3 3"]:
        """Local rotations, in the parents' frames; the root's own in the camera's."""

    @property
    def delta_position(self) -> Float32[np.ndarray, "N 3"]:
        """Root's way since the frame before."""

    @property
    def valid(self) -> Bool[np.ndarray, "N"]:
        """False where nobody is detected: the last pose, held."""

    @property
    def deviation(self) -> Float32[np.ndarray, "N 21"]:
        """Root mean square to expect of each rotation's error; not a number where that is not known."""

    @property
    def image_position(self) -> Float32[np.ndarray, "N 3"]:
        """Place of the middle of the hips, as far away as the size of the person in the image says."""


Solver = Callable[[Float32[np.ndarray, "N 25 7"], Float32[np.ndarray, "4"], float], Answer]
"""Motion of a whole clip: landmarks, intrinsics, time from frame to frame [1/60 s]."""


@runtime_checkable
class Network(Protocol):
    """One frame at a time, of any number of streams; a step answers for the frame `delay_frames` ago."""

    delay_frames: int

    def start(self, batch: int = 1) -> Any:
        """State of streams that begin."""
        ...

    def step(
        self,
        landmarks: Float32[np.ndarray, "B 25 7"],
        intrinsics: Float32[np.ndarray, "B 4"],
        dt: Float32[np.ndarray, "B"],
        state: Any,
    ) -> tuple[Answer, Any]:
        """One frame of each stream, `dt` [1/60 s] after the one before, and the state after it."""
        ...
