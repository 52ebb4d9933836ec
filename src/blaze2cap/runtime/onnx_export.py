"""A checkpoint as an ONNX file that runs without torch, checked against torch before it appears."""

import dataclasses
import json
import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

import blaze2cap
from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LANDMARKS, TRACKED
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.body.skeleton import JOINTS, PARENTS
from blaze2cap.data.detector.observation import model_layout, project, ray_view
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint
from blaze2cap.runtime.onnx_model import DESCRIPTION_KEY, FORMAT, NEXT_PREFIX, STATE_PREFIX, OnnxModel
from blaze2cap.runtime.onnx_step import INPUTS, OUTPUTS, StreamingStep
from blaze2cap.runtime.retiming import KNOWN_FPS
from blaze2cap.runtime.whole_file import whole_file

TOLERANCE = 1e-4
"""Largest difference between onnxruntime and torch in any output: of matrices, metres and radians."""

# The rehearsal: frames of so many streams, some with nobody in view, some where tracking starts again.
_FRAMES, _STREAMS = 300, 3
_GAP, _LONGEST_GAP, _ANCHOR = 0.02, 12, 0.02
_FACING_CAMERA = ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))


class Difference(NamedTuple):
    """The largest between onnxruntime and torch over the rehearsal: how large, in which output, in which frame."""

    largest: float
    output: str
    frame: int


def export_onnx(checkpoint: Checkpoint, output: Path) -> Difference:
    """Write the network's step as an ONNX file and return how far it is from torch.

    UserError where it cannot be written, where onnx, onnxscript or onnxruntime is missing, and where the outputs differ
    by more than TOLERANCE; then there is no file, and one of before is as it was.
    """
    step = StreamingStep(checkpoint.model)
    program = _program(step)
    states = _drop_unread_states(program.model.graph)
    _tidy(program.model.graph)
    description = _describe(checkpoint, step, states)
    program.model.metadata_props[DESCRIPTION_KEY] = json.dumps(description)
    program.model.producer_name, program.model.producer_version = "blaze2cap", blaze2cap.__version__
    program.model.doc_string = "BlazePose landmarks of one camera to motion, a frame a call"
    return write_checked(program, step, output)


def write_checked(program: Any, step: StreamingStep, output: Path) -> Difference:
    """Save a program, which appears if it says what the step says; UserError where it does not."""
    with whole_file(output) as partial:
        program.save(partial, external_data=False)
        difference = largest_difference(step, OnnxModel(partial))
        if not difference.largest <= TOLERANCE:
            raise UserError(
                f"{output}: not written, for onnxruntime's {difference.output} is off by {difference.largest:.2g} "
                f"from torch's in frame {difference.frame}, expected {TOLERANCE:g} at most; take another onnxruntime"
            )
    return difference


def _program(step: StreamingStep) -> Any:
    """The step as an ONNX graph with named inputs and outputs, and any number of streams."""
    try:
        import onnx  # noqa: F401
        from onnxscript import opset20 as op
    except ImportError as error:
        raise UserError(
            f"{error.name} is not installed, without which nothing is exported: pip install 'blaze2cap[export]'"
        ) from None

    # What the exporter would make several operations of, in fewer.
    def cross(a: Any, b: Any, dim: int = -1) -> Any:
        turn: Any = op.Constant(value_ints=[1, 2, 0])
        turned = op.Gather(a, turn, axis=dim), op.Gather(b, turn, axis=dim)
        return op.Gather(op.Sub(op.Mul(a, turned[1]), op.Mul(turned[0], b)), turn, axis=dim)

    def unbind(values: Any, dim: int = 0) -> list[Any]:
        places: list[Any] = [op.Constant(value_int=place) for place in range(values.shape[dim])]
        return [op.Gather(values, place, axis=dim) for place in places]

    # ONNX's own is stable for large values, which torch's threshold is for.
    def softplus(values: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
        return op.Softplus(values)

    batch = torch.export.Dim("batch")
    state = step.start(2)
    example = (*(torch.ones(2, *shape) for shape in ((len(LANDMARKS), 7), (4,), (), ())), *state)
    shapes = (*({0: batch} for _ in INPUTS), tuple({axis: batch} for axis in step.batch_axes))
    with _quiet():
        traced = torch.export.export(step, example, dynamic_shapes=shapes)
        program = torch.onnx.export(
            traced,
            input_names=[*INPUTS, *(STATE_PREFIX + name for name in step.state_names)],
            output_names=[*OUTPUTS, *(NEXT_PREFIX + name for name in step.state_names)],
            custom_translation_table={
                torch.ops.aten.linalg_cross.default: cross,
                torch.ops.aten.unbind.int: unbind,
                torch.ops.aten.softplus.default: softplus,
            },
            optimize=True,
            verbose=False,
        )
    assert program is not None
    return program


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own remarks, as that torchvision is missing; what fails is raised."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _drop_unread_states(graph: Any) -> list[Any]:
    """Take states that no output depends on out of a graph; the states that stay."""
    for state in [put for put in graph.inputs if put.name.startswith(STATE_PREFIX) and not put.uses()]:
        graph.inputs.remove(state)
        after = NEXT_PREFIX + state.name.removeprefix(STATE_PREFIX)
        graph.outputs.remove(next(put for put in graph.outputs if put.name == after))
    return [put for put in graph.inputs if put.name.startswith(STATE_PREFIX)]


def _tidy(graph: Any) -> None:
    """Name the number of streams, and leave out what the exporter noted of every node: lines of code, and the folders
    of the machine that it ran on."""
    from onnxscript import ir

    for node in graph:
        node.metadata_props.clear()
        for value in node.outputs:
            value.metadata_props.clear()
            if not value.is_graph_output():
                value.shape = None
    for put in [*graph.inputs, *graph.outputs]:
        put.metadata_props.clear()
        put.shape = ir.Shape([size if isinstance(size, int) else "batch" for size in put.shape])


def _describe(checkpoint: Checkpoint, step: StreamingStep, states: list[Any]) -> dict[str, Any]:
    """What a program must know of the file to use it."""
    axis_of = dict(zip(step.state_names, step.batch_axes, strict=True))
    described = []
    for state in states:
        name = state.name.removeprefix(STATE_PREFIX)
        shape = ["batch" if axis == axis_of[name] else int(size) for axis, size in enumerate(state.shape)]
        described.append({"name": name, "shape": shape, "type": "bool" if state.dtype.name == "BOOL" else "float32"})
    return {
        "format": FORMAT,
        "model": dataclasses.asdict(checkpoint.model.params),
        "delay_frames": checkpoint.model.params.delay_frames,
        "fps": list(KNOWN_FPS),
        "landmarks": list(LANDMARKS),
        "joints": list(JOINTS),
        "parents": list(PARENTS),
        "offset_m": [[round(value, 6) for value in bone] for bone in mean_offset().tolist()],
        "axes": {
            "camera": "x right, y down, z forward",
            "rest pose": "right arm +x, forward -y, up -z in the frame of the Hips and of every other joint",
            "rotation": "matrices act on column vectors; rows, then columns",
        },
        "units": {"length": "m", "angle": "rad", "dt": "1/60 s", "image": "fractions of width and height"},
        "states": described,
        "provenance": checkpoint.provenance,
    }


def largest_difference(step: StreamingStep, exported: OnnxModel) -> Difference:
    """Run both over the same landmarks of several streams, with gaps, anchors and changing rates, each by its own
    state; infinite where one of them says that nobody is there, or what is no number."""
    intrinsics = torch.tensor([ASSUMED_INTRINSICS]).repeat(_STREAMS, 1)
    size = torch.linspace(0.9, 1.1, _STREAMS)
    torch_state, state = step.start(_STREAMS), exported.start(_STREAMS)
    worst = Difference(0.0, "", 0)
    with torch.inference_mode():
        for frame, (landmarks, dt) in enumerate(rehearsal(_STREAMS, _FRAMES, seed=0)):
            answers = step(landmarks, intrinsics, dt, size, *torch_state)
            torch_state = list(answers[len(OUTPUTS) :])
            got, state = exported.step(landmarks.numpy(), intrinsics.numpy(), dt.numpy(), state, size.numpy())
            for name, wanted in zip(OUTPUTS, answers, strict=False):
                apart = _apart(wanted, torch.from_numpy(getattr(got, name)))
                if apart > worst.largest:
                    worst = Difference(apart, name, frame)
    return worst


def _apart(wanted: Tensor, got: Tensor) -> float:
    apart = (wanted.double() - got.double()).abs().max().item()
    exact = wanted.dtype == torch.bool
    return math.inf if math.isnan(apart) or (exact and apart) else apart


def rehearsal(streams: int, frames: int, seed: int) -> Iterator[tuple[Float[Tensor, "B 25 7"], Float[Tensor, "B"]]]:
    """Landmarks of people who sway before a camera, and the time since the frame before [1/60 s], frame by frame."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(frames)[:, None, None, None] / 60
    # Each axis of each joint turns to and fro at its own rate.
    rate, phase = (torch.rand(2, streams, len(JOINTS), 3, generator=generator)).unbind()
    rotation = rotation_vector_to_matrix(0.4 * torch.sin(2 * math.pi * (rate * time + phase)))
    rotation[:, :, 0] = torch.tensor(_FACING_CAMERA) @ rotation[:, :, 0]
    way = torch.cat((torch.sin(time[..., 0] + phase[:, 0, :2]), 4 + torch.sin(time[..., 0] + phase[:, 0, 2:])), dim=-1)
    view = ray_view(*forward_kinematics(rotation, mean_offset(), way))
    world = view.truth + 0.01 * torch.randn(view.truth.shape, generator=generator)
    screen = project(view.place, torch.tensor(ASSUMED_INTRINSICS))
    seen = model_layout(world, screen, torch.rand(screen.shape[:-1], generator=generator))
    dt = torch.randint(1, 4, (frames, streams), generator=generator).float()

    gap = torch.rand(frames, streams, generator=generator) < _GAP
    length = torch.randint(1, _LONGEST_GAP, (frames, streams), generator=generator)
    anchor = torch.rand(frames, streams, generator=generator) < _ANCHOR
    left = torch.zeros(streams, dtype=torch.long)
    for frame in range(frames):
        left = torch.where(gap[frame], length[frame], left - 1)
        landmarks = seen[frame] * (left <= 0)[:, None, None]
        landmarks[..., TRACKED] *= ~anchor[frame, :, None]
        yield landmarks, dt[frame]
