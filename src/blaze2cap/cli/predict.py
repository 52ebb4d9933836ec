"""`blaze2cap predict`: from a video, or its landmarks, to motion that animation programs open."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.cli.extract import require_opencv
from blaze2cap.errors import UserError, one_sentence, printable
from blaze2cap.runtime.open_network import Runtime

if TYPE_CHECKING:
    from blaze2cap.runtime.animation import Animation

SUFFIXES = (".bvh", ".glb", ".npz", ".csv", ".html", ".png", ".mp4")


def predict(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Video, folder of images, or landmark file: .npy, .csv, .json.")
    ],
    out: Annotated[
        list[Path],
        typer.Option("--out", "-o", help=f"File to write: {', '.join(SUFFIXES)}, its suffix decides; may be repeated."),
    ],
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint's folder or an exported .onnx file; the package's own, or models, if left out."
        ),
    ] = None,
    runtime: Annotated[
        Runtime | None, typer.Option(help="What runs the network: onnx needs no torch; for .onnx files if left out.")
    ] = None,
    pose_model: Annotated[
        str | None,
        typer.Option(help="Of a video: lite, full, heavy, or the path of a .tflite file; full if left out."),
    ] = None,
    subject_height: Annotated[
        float | None,
        typer.Option(metavar="M", help="Height of the person in metres; seen in the landmarks if left out."),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEG",
            help="Camera's horizontal field of view, of the picture as shown; 70 along its longer side if left out.",
        ),
    ] = None,
    camera_tilt: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="How far down the camera looks; estimated if left out."),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second, instead of those that the input says.")] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(help="Bones of .bvh and .glb: totalcapture, mixamo, unreal or vrm; the first if left out."),
    ] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Less tremor, for a little lag: a low-pass that follows what is fast.")
    ] = False,
    causal: Annotated[
        bool, typer.Option("--causal", help="What live would have shown: each frame by those before it alone.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Motion as the network has it: feet may slide, sides may be exchanged.")
    ] = False,
) -> None:
    """Turn a video, or landmarks, into motion of a skeleton: files for programs, a page and an overlay to look at."""
    with one_sentence("blaze2cap predict"):
        _require_outputs(source, out)
        if smooth and raw:
            raise UserError("--smooth and --raw: give one of the two")
        if pose_model is not None and _is_landmarks(source):
            raise UserError(f"--pose-model is for videos: in {source} the landmarks are detected; leave it out")
        from blaze2cap.data.field_of_view import require_field_of_view
        from blaze2cap.runtime.animation import require_height, require_tilt
        from blaze2cap.runtime.brief_sightings import without_brief_sightings
        from blaze2cap.runtime.finishing.chain import RAW, FinishingParams
        from blaze2cap.runtime.footage import open_footage
        from blaze2cap.runtime.motion_files import require_bones, write_motion
        from blaze2cap.runtime.side_guard import guarded

        # All that can be wrong is looked at before a video is, which takes long.
        for require, value in (
            (require_field_of_view, fov),
            (require_tilt, camera_tilt),
            (require_height, subject_height),
        ):
            if value is not None:
                require(value)
        require_bones(skeleton, out)
        follow = _follower(checkpoint, runtime, causal)
        if not _is_landmarks(source) or any(path.suffix.lower() == ".png" for path in out):
            require_opencv()
        footage = open_footage(source, fps, pose_model or "full")
        for notice in footage.notices:
            print(f"blaze2cap predict: {notice}", file=sys.stderr)
        if not raw:
            # Who is seen only briefly is known later.
            seen = footage.landmarks if causal else without_brief_sightings(footage.landmarks, footage.fps)
            footage = replace(footage, landmarks=guarded(seen, footage.fps))
        params = RAW if raw else FinishingParams(low_pass=smooth)
        known = {"field_of_view_deg": fov, "camera_tilt_deg": camera_tilt, "subject_height_m": subject_height}
        animation = follow(footage, params=params, **known)
        write_motion(out, animation, footage, fov, skeleton)
        if camera_tilt is None:
            print(f"camera: {_tilt(animation)}")
        for path in out:
            print(f"{printable(str(path))}: {_summary(animation)}")


def _follower(checkpoint: Path | None, runtime: Runtime | None, causal: bool) -> Callable[..., "Animation"]:
    """What turns footage into an animation, finished as its `params` say."""
    from blaze2cap.runtime.causal_prediction import predict_causally
    from blaze2cap.runtime.finishing.chain import finish
    from blaze2cap.runtime.open_network import open_network, open_solver
    from blaze2cap.runtime.prediction import predict as predicted

    if causal:
        return partial(predict_causally, open_network(checkpoint, runtime))
    solve = open_solver(checkpoint, runtime)
    return lambda footage, params, **known: finish(predicted(solve, footage, **known), params)


def _tilt(animation: "Animation") -> str:
    """What was found of the camera's tilt."""
    if animation.camera_tilt_known:
        return f"taken to look down by {animation.camera_tilt_deg:.1f} degrees, as the person stands"
    return (
        "how far it looks down is unknown, as nobody stands straight for long enough, and taken for 0 degrees; "
        "if the person leans, give --camera-tilt"
    )


def _summary(animation: "Animation") -> str:
    frames, unseen = len(animation.valid), int((~animation.valid).sum())
    held = f", {unseen} of them with nobody in view" if unseen else ""
    return f"{frames} frames at {animation.fps:g} per second{held}"


def _is_landmarks(source: Path) -> bool:
    from blaze2cap.runtime.footage import LANDMARK_SUFFIXES

    return source.suffix.lower() in LANDMARK_SUFFIXES and not source.is_dir()


def _require_outputs(source: Path, outputs: list[Path]) -> None:
    """Before the work, not after it: UserError for outputs that cannot be written."""
    from blaze2cap.runtime.whole_file import require_writable

    taken = {source.resolve(): "is the input, and would be replaced"}
    for path in outputs:
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise UserError(f"{path}: cannot write {path.suffix or 'a name without suffix'}; use {', '.join(SUFFIXES)}")
        if path.resolve() in taken:
            raise UserError(f"{path} {taken[path.resolve()]}; give each output a name of its own")
        taken[path.resolve()] = "is named twice"
        _require_no_picture_of(source, path)
        if suffix == ".mp4" and _is_landmarks(source):
            raise UserError(
                f"{path}: the skeleton is drawn over the video's pictures, which landmarks do not have; "
                "give the video itself as INPUT, or write .html"
            )
        require_writable(path)


def _require_no_picture_of(source: Path, output: Path) -> None:
    """UserError for an output that the next run over a folder of pictures would take for one of them."""
    from blaze2cap.runtime.image_folder import SUFFIXES as PICTURE_SUFFIXES

    among_them = source.is_dir() and output.parent.resolve() == source.resolve()
    if among_them and output.suffix.lower() in PICTURE_SUFFIXES:
        raise UserError(f"{output} would be one of the pictures of {source}, the input; write it to another folder")
