"""An exported network, run by onnxruntime: landmarks to motion where torch is not installed.

`blaze2cap export` writes the files that this reads; docs/onnx.md has every input and output. Nothing here, nor what it
imports, may import torch.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float32

from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.errors import UserError
from blaze2cap.untrusted import parse_json, shown

FORMAT = 1
DESCRIPTION_KEY = "blaze2cap"
"""Of the file's metadata: what the model is, as JSON."""

State = dict[str, np.ndarray]
"""By the names of the graph's inputs less `STATE_PREFIX`."""

STATE_PREFIX, NEXT_PREFIX = "state.", "next."
_TYPES = {"float32": np.float32, "bool": np.bool_}
# A look-ahead of ten seconds, and more numbers in a state than any network here keeps.
_MOST_DELAY_FRAMES, _MOST_NUMBERS = 600, 10**8


class Step(NamedTuple):
    """What the graph says of a frame of each stream, or of the frames of a clip; camera's axes, metres, radians.

    The camera's axes are x right, y down, z forward. With a look-ahead a step answers for the frame `delay_frames` ago.

    rotation         local rotations, in the parents' frames; the root's own in the camera's
    joint_position   from the Hips, of the mean skeleton times `size`
    global_rotation  of the joints in the camera's frame
    delta_position   root's way since the frame before
    delta_rotation   root's turn since the frame before, R[t-1]^T R[t]
    valid            false where nobody is detected: the last pose, held
    deviation        root mean square to expect of each rotation's error
    image_position   of the middle of the hips, as far away as the size of the person in the image says
    """

    rotation: Float32[np.ndarray, "B 21 3 3"]
    joint_position: Float32[np.ndarray, "B 21 3"]
    global_rotation: Float32[np.ndarray, "B 21 3 3"]
    delta_position: Float32[np.ndarray, "B 3"]
    delta_rotation: Float32[np.ndarray, "B 3 3"]
    valid: Bool[np.ndarray, "B"]
    deviation: Float32[np.ndarray, "B 21"]
    image_position: Float32[np.ndarray, "B 3"]


class OnnxModel:
    """A graph in memory, and what its file says of it in `description`."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        """Load a file; UserError where there is none, where it is no exported model, or onnxruntime is missing."""
        self._session = _session(path, threads)
        self.description = _description(path, self._session.get_modelmeta().custom_metadata_map)
        self.delay_frames: int = self.description["delay_frames"]
        self._states: list[dict[str, Any]] = self.description["states"]
        self._outputs = [*Step._fields, *(NEXT_PREFIX + state["name"] for state in self._states)]
        inputs = {"landmarks", "intrinsics", "dt", "size", *(STATE_PREFIX + state["name"] for state in self._states)}
        known = {put.name for put in self._session.get_inputs()}, {put.name for put in self._session.get_outputs()}
        shapes = {put.name: put.shape for put in self._session.get_inputs()}
        if known != (inputs, set(self._outputs)) or not all(
            _fits(state["shape"], shapes[STATE_PREFIX + state["name"]]) for state in self._states
        ):
            raise UserError(f"{path}: its inputs and outputs are not those that it describes; export it again")

    def start(self, batch: int = 1) -> State:
        """State of streams that begin. Zeros in one stream's part of every state let that stream begin anew."""
        return {
            state["name"]: np.zeros(
                [batch if size == "batch" else size for size in state["shape"]], _TYPES[state["type"]]
            )
            for state in self._states
        }

    def step(
        self,
        landmarks: Float32[np.ndarray, "B 25 7"],
        intrinsics: Float32[np.ndarray, "B 4"],
        dt: Float32[np.ndarray, "B"],
        state: State,
        size: Float32[np.ndarray, "B"] | None = None,
    ) -> tuple[Step, State]:
        """One frame of each stream; `dt` is the time since the frame before [1/60 s], `size` that of each person
        relative to the mean skeleton (1 if left out). UserError for landmarks that are not finite."""
        if not np.isfinite(landmarks).all():
            raise UserError("landmarks hold NaN or infinity, expected numbers; a frame with nobody in it is all zeros")
        if size is None:
            size = np.ones(len(landmarks), np.float32)
        inputs = {"landmarks": landmarks, "intrinsics": intrinsics, "dt": dt, "size": size}
        inputs |= {STATE_PREFIX + name: value for name, value in state.items()}
        answers = self._session.run(self._outputs, inputs)
        states = (s["name"] for s in self._states)
        return Step(*answers[: len(Step._fields)]), dict(zip(states, answers[len(Step._fields) :], strict=True))

    def run(
        self,
        landmarks: Float32[np.ndarray, "N 25 7"],
        intrinsics: Float32[np.ndarray, "4"],
        dt: float,
        size: float = 1.0,
    ) -> Step:
        """Motion of a whole clip, frames `dt` [1/60 s] apart: every row answers for its own frame."""
        ahead = np.zeros((self.delay_frames, len(LANDMARKS), CHANNELS), np.float32)
        state, answers = self.start(), []
        step, person = np.full(1, dt, np.float32), np.full(1, size, np.float32)
        for frame in np.concatenate((landmarks, ahead)):
            answer, state = self.step(frame[None], intrinsics[None], step, state, person)
            answers.append(answer)
        return Step(*(np.concatenate(part) for part in zip(*answers[self.delay_frames :], strict=True)))


def _session(path: Path, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(
            "onnxruntime is not installed, without which no ONNX model runs: pip install 'blaze2cap[onnx]'"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: no such file; `blaze2cap export CHECKPOINT -o {path.name}` makes one")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime has no class of its own above all that it raises.
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a readable ONNX model ({reason}); export it again") from None


def _possible(shape: list[Any]) -> bool:
    """Whether a state may be of this shape, "batch" standing for the number of streams."""
    sizes = [1 if size == "batch" else size for size in shape]
    return all(type(size) is int and size > 0 for size in sizes) and math.prod(sizes) <= _MOST_NUMBERS


def _fits(said: list[Any], shape: list[Any]) -> bool:
    """Whether a state of the shape that the description says is one that the graph takes, for one stream at least."""
    return len(said) == len(shape) and all(
        size in (1, None) or isinstance(size, str) if one == "batch" else one == size
        for one, size in zip(said, shape, strict=True)
    )


def _description(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    if DESCRIPTION_KEY not in metadata:
        raise UserError(f"{path}: not a model that `blaze2cap export` wrote, its metadata says nothing of it")
    try:
        description = parse_json(metadata[DESCRIPTION_KEY])
        found = description["format"]
        whole = found != FORMAT or (
            description["delay_frames"] in range(_MOST_DELAY_FRAMES)
            and all(s["type"] in _TYPES and _possible(s["shape"]) and s["name"] != "" for s in description["states"])
        )
    except (KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise UserError(f"{path}: what its metadata says of it is damaged; export the checkpoint again") from None
    if found != FORMAT:
        raise UserError(f"{path}: format {shown(found)}, this version reads {FORMAT}; export the checkpoint again")
    return description
