"""`blaze2cap predict`: from landmarks to motion that animation programs open."""

from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

SUFFIXES = (".bvh", ".npz", ".csv")


def predict(
    landmarks: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Landmark file: .npy of (frames, 33, 10) or (frames, 25, 7).")
    ],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", help="File to write: .bvh, .npz or .csv, the suffix decides; may be repeated."),
    ],
    checkpoint: Annotated[Path, typer.Option(help="Folder with model.safetensors and model.json.")] = Path("models"),
    subject_height: Annotated[
        float | None, typer.Option(metavar="M", help="Height of the person [m]; seen in the landmarks if left out.")
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Camera's horizontal field of view; 70 along the longer side if left out."),
    ] = None,
    camera_tilt: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="How far down the camera looks; estimated if left out."),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames per second of the video; those of the sidecar if left out.")
    ] = None,
) -> None:
    """Turn landmarks into motion of a skeleton: BVH for animation programs, NPZ or CSV for one's own."""
    with one_sentence("blaze2cap predict"):
        _check(out)
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.runtime.footage import read_footage
        from blaze2cap.runtime.motion_files import write_motion
        from blaze2cap.runtime.prediction import predict as predicted

        footage = read_footage(landmarks, fps)
        system = load_checkpoint(checkpoint).system()
        animation = predicted(
            system, footage, field_of_view_deg=fov, camera_tilt_deg=camera_tilt, subject_height_m=subject_height
        )
        write_motion(out, animation)
        frames, unseen = len(animation.valid), int((~animation.valid).sum())
        held = f", {unseen} of them with nobody in view" if unseen else ""
        if camera_tilt is None:
            print(f"camera: taken to look down by {animation.camera_tilt_deg:.1f} degrees, as the person stands")
        for path in out:
            print(f"{path}: {frames} frames at {animation.fps:g} per second{held}")


def _check(outputs: list[Path]) -> None:
    """Before the work, not after it: UserError for outputs that cannot be written."""
    from blaze2cap.runtime.whole_file import require_writable

    seen: set[Path] = set()
    for path in outputs:
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path}: cannot write {path.suffix or 'a name without suffix'}; use {', '.join(SUFFIXES)}")
        if path.resolve() in seen:
            raise UserError(f"{path} is named twice; name each output once")
        seen.add(path.resolve())
        require_writable(path)
