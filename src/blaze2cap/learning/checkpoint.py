"""A checkpoint stands alone: tensors as safetensors, sizes and provenance as JSON; loading it runs no code."""

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import pad

from blaze2cap.body.motion import Motion
from blaze2cap.errors import UserError
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.model import ModelParams, PoseModel

FORMAT = 2
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"

# Frames that the network answers at once: a minute or two, beyond which memory would grow for nothing.
_AT_ONCE = 8192

System = Callable[[Float[Tensor, "N 25 7"], Float[Tensor, "4"], float], Motion]
"""Landmarks of a whole clip, intrinsics, time between frames [1/60 s] -> motion of every frame."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network, the baselines fitted on the same takes, and where both come from."""

    model: PoseModel
    baselines: Baselines
    provenance: dict[str, Any]

    def system(self) -> System:
        """The network as a function of a whole clip; a model with a look-ahead answers for the frame itself."""
        delay = self.model.params.delay_frames

        @torch.inference_mode()
        def run(landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"], dt: float) -> Motion:
            landmarks = pad(landmarks, (0, 0, 0, 0, 0, delay))[None]
            model, state, parts = self.model.eval(), None, []
            for frames in landmarks.split(_AT_ONCE, dim=1):
                motion, state = model(frames, intrinsics[None], torch.full(frames.shape[:2], dt), state)
                parts.append(motion.at(0))
            return _one_after_another(parts).at(slice(delay, None))

        return run


def save_checkpoint(folder: Path, checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> None:
    """Write both files, each whole or not at all; the network in `dtype`, of which float16 takes half the space."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": tensor.to(dtype).contiguous() for name, tensor in checkpoint.model.state_dict().items()}
    tensors |= {f"baseline.{name}": tensor.contiguous() for name, tensor in checkpoint.baselines.tensors().items()}
    description = {
        "format": FORMAT,
        "model": dataclasses.asdict(checkpoint.model.params),
        "provenance": checkpoint.provenance,
    }
    save_file(tensors, folder / f"{WEIGHTS}.part")
    (folder / f"{DESCRIPTION}.part").write_text(json.dumps(description, indent=2) + "\n")
    for name in (WEIGHTS, DESCRIPTION):
        os.replace(folder / f"{name}.part", folder / name)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint strictly.

    Raises UserError where a file is missing or unreadable, of another format, or its tensors do not fit its sizes.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        tensors = load_file(folder / WEIGHTS)
        tensors = {
            name: tensor.float() if tensor.dtype is torch.float16 else tensor for name, tensor in tensors.items()
        }
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename or folder}: not found; a checkpoint is a folder with {WEIGHTS} and {DESCRIPTION}"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, SafetensorError, OSError) as error:
        raise UserError(f"{folder}: not a readable checkpoint ({error}); train again or take another copy") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else description
        raise UserError(
            f"{folder / DESCRIPTION}: checkpoint format {found!r}, this version reads {FORMAT}; "
            "train again or take another copy"
        )
    try:
        model = PoseModel(ModelParams(**description["model"]))
        model.load_state_dict(_under("model.", tensors))
        baselines = Baselines.from_tensors(_under("baseline.", tensors))
        provenance = description["provenance"]
        lists = provenance["subjects"], provenance["takes"]["train"], provenance["takes"]["val"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder}: weights and description do not fit together ({reason}); train again") from None
    if not all(isinstance(names, list) for names in lists):
        raise UserError(f"{folder / DESCRIPTION}: provenance must list subjects, takes.train and takes.val")
    return Checkpoint(model.eval(), baselines, provenance)


def _one_after_another(motions: list[Motion]) -> Motion:
    parts: list[Any] = [None if parts[0] is None else torch.cat(parts) for parts in zip(*motions, strict=True)]
    return Motion(*parts)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
