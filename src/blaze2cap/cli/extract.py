"""`blaze2cap extract`: a video or a folder of images to raw landmarks."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import UserError, one_sentence


def extract(
    video: Annotated[Path, typer.Argument(metavar="INPUT", help="Video file, or folder of images.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Landmark file to write, .npy; a sidecar .json goes beside.")
    ],
    pose_model: Annotated[str, typer.Option(help="lite, full, heavy, or the path of a .tflite file.")] = "full",
    fov: Annotated[
        float | None, typer.Option(min=10, max=170, help="Horizontal field of view [degrees], kept in the sidecar.")
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=1, max=1000, help="Frames per second, instead of the video's own times; images: 30."),
    ] = None,
) -> None:
    """Detect one person's landmarks in every frame of a video and write them in the raw layout."""
    with one_sentence("blaze2cap extract"):
        require_opencv()
        from blaze2cap.runtime.extraction import extract_landmarks, require_landmark_file, write_extraction
        from blaze2cap.runtime.pose_model import find_pose_model
        from blaze2cap.runtime.video import open_video

        model = find_pose_model(pose_model)
        require_landmark_file(out)
        extraction = extract_landmarks(open_video(video, fps), model)
        written = write_extraction(out, extraction, fov)
        for notice in extraction.notices:
            print(f"blaze2cap extract: {notice}", file=sys.stderr)
        found = int(written.landmarks.any(axis=(1, 2)).sum())
        rows = f"{len(written.landmarks)} rows at {written.fps:.4g} frames/s"
        rhythm = f", resampled from {len(extraction.time_s)} uneven frames" if written.resampled else ""
        print(f"{out}: {rows}{rhythm}, a person in {found} of them, {extraction.width} x {extraction.height} pixels")


def require_opencv() -> None:
    """UserError where OpenCV, which mediapipe loads, lacks libraries of the system, as on slim machines."""
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise UserError(f"OpenCV cannot be loaded, which mediapipe needs ({error}); run `blaze2cap doctor`") from None
