"""A checkpoint stands alone: tensors as safetensors, sizes and provenance as JSON; loading it runs no code."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn.functional import pad

from blaze2cap.body.motion import Motion, joined
from blaze2cap.data.atomic import replaced_file
from blaze2cap.errors import UserError
from blaze2cap.learning.baseline import Baselines
from blaze2cap.learning.model import ModelParams, PoseModel
from blaze2cap.untrusted import read_json, regular_file, shown

FORMAT = 2
WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"

# The network takes 40 kB a frame while it works; hours in one go would be tens of gigabytes.
_FRAMES_AT_ONCE = 8192

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
            parts, state = [], None
            for seen in pad(landmarks, (0, 0, 0, 0, 0, delay)).split(_FRAMES_AT_ONCE):
                times = torch.full((1, len(seen)), dt)
                motion, state = self.model.eval()(seen[None], intrinsics[None], times, state)
                parts.append(motion.at(0))
            return joined(parts).at(slice(delay, None))

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
    with replaced_file(folder / DESCRIPTION) as text, replaced_file(folder / WEIGHTS) as weights:
        weights.write_bytes(save(tensors))  # which others may read, unlike what `save_file` makes
        description["weights_sha256"] = _sha256(weights)
        text.write_text(json.dumps(description, indent=2) + "\n")
        # Gone until both are there: new weights beside what describes the old ones would be believed.
        (folder / DESCRIPTION).unlink(missing_ok=True)


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint strictly.

    Raises UserError where a file is missing or unreadable, of another format, its tensors do not fit its sizes, or the
    weights are not those that were written with the description (of older checkpoints that is not known).
    """
    try:
        description = read_json(folder / DESCRIPTION)
        tensors = load_file(regular_file(folder / WEIGHTS))
        tensors = {
            name: tensor.float() if tensor.dtype is torch.float16 else tensor for name, tensor in tensors.items()
        }
    except FileNotFoundError as error:
        raise UserError(
            f"{error.filename or folder}: not found; a checkpoint is a folder with {WEIGHTS} and {DESCRIPTION}"
        ) from None
    except (ValueError, SafetensorError, OSError) as error:
        raise UserError(f"{folder}: not a readable checkpoint ({error}); train again or take another copy") from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else description
        raise UserError(
            f"{folder / DESCRIPTION}: checkpoint format {shown(found)}, this version reads {FORMAT}; "
            "train again or take another copy"
        )
    if description.get("weights_sha256", found := _sha256(folder / WEIGHTS)) != found:
        # Safetensors and DVC believe a read-only file, whatever a disk has made of it.
        raise UserError(
            f"{folder / WEIGHTS}: not the weights that {DESCRIPTION} was written with; they are damaged or of another "
            "checkpoint: train again or take another copy"
        )
    try:
        model = _network(ModelParams(**description["model"]), _under("model.", tensors))
        baselines = Baselines.from_tensors(_under("baseline.", tensors))
        provenance = description["provenance"]
        broken = next((name for name, tensor in tensors.items() if not tensor.isfinite().all()), None)
        if broken is not None:
            raise ValueError(f"{broken} holds NaN or infinity")
        lists = provenance["subjects"], provenance["takes"]["train"], provenance["takes"]["val"]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder}: weights and description do not fit together ({reason}); train again") from None
    if not all(isinstance(names, list) for names in lists) or not isinstance(provenance.get("source"), str):
        raise UserError(
            f"{folder / DESCRIPTION}: provenance must name its source and list subjects, takes.train and takes.val"
        )
    return Checkpoint(model.eval(), baselines, provenance)


def _network(params: ModelParams, tensors: dict[str, Tensor]) -> PoseModel:
    """The network of these sizes and weights; RuntimeError where they do not fit, before any memory is asked for."""
    with torch.device("meta"):
        PoseModel(params).load_state_dict(tensors, assign=True)
    model = PoseModel(params)
    model.load_state_dict(tensors)
    return model


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
