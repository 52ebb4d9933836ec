"""Two cameras, one person, the same moments: how far apart are the motions that each camera gives on its own?

Local rotations need no common frame. Root orientations are compared after one constant rotation, that from one camera
to the other, is removed. Agreement is not truth: what both cameras get wrong in the same way does not show.

    python benchmarks/two_cameras.py CAM01.mp4 CAM02.mp4 models [--pose-model lite --pose-model full ...]
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NamedTuple

import torch
import typer
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.inverse_kinematics import camera_pose
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import geodesic_angle, mean_rotation
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.learning.checkpoint import Checkpoint, System, load_checkpoint
from blaze2cap.learning.features import detected_frames
from blaze2cap.runtime.footage import Footage, open_footage
from blaze2cap.runtime.side_guard import guarded


class Agreement(NamedTuple):
    """Mean angles between the two cameras' rotations [degrees], and over how many frames."""

    local_deg: float
    root_deg: float
    frames: int


def main(
    first: Annotated[Path, typer.Argument(help="Video of one camera.")],
    second: Annotated[Path, typer.Argument(help="Video of the other, of the same moments, frame by frame.")],
    checkpoint: Annotated[Path, typer.Argument(help="Folder with model.safetensors and model.json.")],
    pose_model: Annotated[list[str] | None, typer.Option(help="lite, full, heavy or a file; may be repeated.")] = None,
) -> None:
    """Print mean angles between the two cameras' motions, a row for each system and pose model."""
    with one_sentence("two_cameras"):
        loaded = load_checkpoint(checkpoint)
        print("| pose model | system | local rotations, 20 joints [deg] | root orientation [deg] | frames |")
        print("|---|---|---|---|---|")
        for name in pose_model or ["full"]:
            pair = [open_footage(video, pose_model=name) for video in (first, second)]
            mended = [replace(seen, landmarks=guarded(seen.landmarks, seen.fps)) for seen in pair]
            compared_systems = [(title, system, pair) for title, system in systems(loaded).items()]
            # What `blaze2cap predict` does.
            compared_systems.append(("guard of sides + model", loaded.system(), mended))
            for system_name, system, seen in compared_systems:
                found = agreement(seen, system)
                angles = f"{found.local_deg:.1f} | {found.root_deg:.1f}"
                print(f"| {Path(name).stem} | {system_name} | {angles} | {found.frames} |", flush=True)


def systems(checkpoint: Checkpoint) -> dict[str, System]:
    """What is compared, by name."""
    return {
        "raw landmarks + IK": analytic,
        "One-Euro + IK, tuned": checkpoint.baselines.one_euro_ik,
        "model": checkpoint.system(),
    }


def analytic(landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"], dt: float) -> Motion:
    """The analytic pose of each frame's landmarks as they are, the viewing ray undone; the root does not move."""
    rotation = camera_pose(landmarks, intrinsics)
    still = torch.zeros(len(landmarks), 3)
    return Motion(rotation, still, torch.eye(3).expand(len(landmarks), 3, 3), detected_frames(landmarks))


def agreement(pair: list[Footage], system: System) -> Agreement:
    """Of the frames in which both cameras saw somebody; UserError where there are none."""
    here, there = (
        system(torch.from_numpy(seen.landmarks), torch.from_numpy(seen.intrinsics()), 60 / seen.fps) for seen in pair
    )
    if pair[0].fps != pair[1].fps:
        raise UserError(f"the videos have {pair[0].fps:g} and {pair[1].fps:g} frames per second, expected one rate")
    frames = min(len(here.valid), len(there.valid))
    both = here.valid[:frames] & there.valid[:frames]
    if not both.any():
        raise UserError("in no frame do both cameras see somebody")
    return compared(here.rotation[:frames], there.rotation[:frames], both)


def compared(here: Float[Tensor, "N 21 3 3"], there: Float[Tensor, "N 21 3 3"], both: Bool[Tensor, "N"]) -> Agreement:
    """Angles between local rotations, and between root orientations after the mean rotation between them."""
    here, there = here[both], there[both]
    between = mean_rotation(here[:, 0] @ there[:, 0].mT)
    root = geodesic_angle(here[:, 0], between @ there[:, 0]).mean()
    local = geodesic_angle(here[:, 1:], there[:, 1:]).mean()
    return Agreement(math.degrees(local), math.degrees(root), len(here))


if __name__ == "__main__":
    typer.run(main)
