"""`blaze2cap live`: a camera to an avatar, while it films."""

from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.cli.extract import require_opencv
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.runtime.open_network import Runtime


def live(
    camera: Annotated[int | None, typer.Option(min=0, help="Number of the camera; 0 if left out.")] = None,
    video: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A video instead of a camera, played in real time.")
    ] = None,
    pose_model: Annotated[str, typer.Option(help="lite, full, heavy, or the path of a .tflite file.")] = "full",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="A checkpoint's folder or an exported .onnx file; the package's own, or models, if left out."
        ),
    ] = None,
    runtime: Annotated[
        Runtime | None, typer.Option(help="What runs the network: onnx needs no torch; for .onnx files if left out.")
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEG",
            help="Camera's horizontal field of view, of the picture as shown; 70 along its longer side if left out.",
        ),
    ] = None,
    camera_tilt: Annotated[
        float | None, typer.Option(metavar="DEG", help="How far down the camera looks; estimated if left out.")
    ] = None,
    subject_height: Annotated[
        float | None,
        typer.Option(metavar="M", help="Height of the person in metres; seen in the landmarks if left out."),
    ] = None,
    vmc: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Move an avatar by the VMC protocol, as 127.0.0.1:39539.")
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="The avatar as in a mirror: your right hand moves its left.")
    ] = False,
    osc: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Send joints as plain OSC messages.")] = None,
    record: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Write the motion at the end, the suffix decides how; may be repeated."),
    ] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(help="Bones of recorded .bvh and .glb: totalcapture, mixamo, unreal, vrm; the first if left out."),
    ] = None,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Less tremor, for a little lag: a low-pass that follows what is fast.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Motion as the network has it: feet may slide, sides may be exchanged.")
    ] = False,
    seconds: Annotated[float | None, typer.Option(min=0, help="End after so many seconds.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show the picture and what is detected in it.")] = False,
) -> None:
    """Turn what a camera sees into motion as it happens: an avatar's, another program's, a file's. Ctrl-C ends it."""
    with one_sentence("blaze2cap live"):
        if camera is not None and video is not None:
            raise UserError("--camera and --video: give one of the two")
        if smooth and raw:
            raise UserError("--smooth and --raw: give one of the two")
        if mirror and vmc is None:
            raise UserError("--mirror is about an avatar: give --vmc HOST:PORT, too")
        require_opencv()
        from blaze2cap.runtime.live_session import LiveSettings, run_session

        run_session(
            LiveSettings(
                source=video if video is not None else (camera or 0),
                pose_model=pose_model,
                checkpoint=checkpoint,
                runtime=runtime,
                field_of_view_deg=fov,
                camera_tilt_deg=camera_tilt,
                subject_height_m=subject_height,
                vmc=vmc,
                mirror=mirror,
                osc=osc,
                record=tuple(record or ()),
                skeleton=skeleton,
                most_s=seconds,
                preview=preview,
                smooth=smooth,
                raw=raw,
            )
        )
