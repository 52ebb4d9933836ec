"""`blaze2cap extract`: a video or a folder of images to raw landmarks, or many of them."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from blaze2cap.errors import UserError, one_sentence, printable

if TYPE_CHECKING:
    from blaze2cap.runtime.pose_model import PoseModel

_COMMAND = "blaze2cap extract"


def extract(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Video, folder of images, or several, or folders of them.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Landmark file to write, .npy, or a folder; a sidecar .json goes beside."),
    ],
    pose_model: Annotated[str, typer.Option(help="lite, full, heavy, or the path of a .tflite file.")] = "full",
    fov: Annotated[
        float | None,
        typer.Option(
            metavar="DEG",
            help="Camera's horizontal field of view, of the picture as it is shown; kept in the sidecar.",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=1, max=1000, help="Frames per second, instead of the video's own times; images: 30."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="With a folder: videos at a time on this machine; as many as cores.")
    ] = None,
    executor: Annotated[
        Literal["local", "dask"], typer.Option(help="With a folder: this machine, or a Dask cluster.")
    ] = "local",
) -> None:
    """Detect one person's landmarks in every frame of a video and write them in the raw layout.

    With a folder as output, of every video that has no landmarks there yet.
    """
    with one_sentence(_COMMAND):
        require_opencv()
        from blaze2cap.data.field_of_view import require_field_of_view
        from blaze2cap.runtime.extraction import SUFFIX
        from blaze2cap.runtime.pose_model import find_pose_model

        if fov is not None:
            require_field_of_view(fov)
        model = find_pose_model(pose_model)
        if out.suffix != SUFFIX and (out.is_dir() or not out.suffix or _are_many(inputs)):
            _extract_many(inputs, out, model, fov, fps, workers, executor)
        elif len(inputs) == 1:
            _require_alone(out, workers, executor)
            _extract_one(inputs[0], out, model, fov, fps)
        else:
            raise UserError(f"{out}: one landmark file for {len(inputs)} inputs; name a folder")


def _are_many(inputs: list[Path]) -> bool:
    """Whether inputs cannot be one video: several, or a folder without images of its own."""
    from blaze2cap.runtime.image_folder import SUFFIXES

    one = inputs[0]
    return len(inputs) > 1 or (one.is_dir() and not any(file.suffix.lower() in SUFFIXES for file in one.glob("*")))


def _require_alone(out: Path, workers: int | None, executor: Literal["local", "dask"]) -> None:
    """UserError for options that spread many videos, where there is one."""
    asked = [name for name, given in (("--workers", workers), ("--executor", executor == "dask")) if given]
    if asked:
        are, them = ("are", "them") if len(asked) > 1 else ("is", "it")
        raise UserError(
            f"{out}: one landmark file is made by one process, {' and '.join(asked)} {are} for a folder as output; "
            f"name one, or leave {them} out"
        )


def require_opencv() -> None:
    """UserError where OpenCV, which mediapipe loads, lacks libraries of the system, as on slim machines."""
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise UserError(f"OpenCV cannot be loaded, which mediapipe needs ({error}); run `blaze2cap doctor`") from None


def _extract_one(video: Path, out: Path, model: "PoseModel", fov: float | None, fps: float | None) -> None:
    from blaze2cap.runtime.extraction import extract_landmarks, require_landmark_file, write_extraction
    from blaze2cap.runtime.video import open_video

    require_landmark_file(out)
    extraction = extract_landmarks(open_video(video, fps), model)
    written = write_extraction(out, extraction, fov, fps)
    for notice in extraction.notices:
        print(f"{_COMMAND}: {notice}", file=sys.stderr)
    found = int(written.landmarks.any(axis=(1, 2)).sum())
    rows = f"{len(written.landmarks)} rows at {written.fps:.4g} frames/s"
    rhythm = f", resampled from {len(extraction.time_s)} uneven frames" if written.resampled else ""
    print(f"{out}: {rows}{rhythm}, a person in {found} of them, {extraction.width} x {extraction.height} pixels")


def _extract_many(
    inputs: list[Path],
    out: Path,
    model: "PoseModel",
    fov: float | None,
    fps: float | None,
    workers: int | None,
    executor: Literal["local", "dask"],
) -> None:
    from blaze2cap.data.parallel import spread_over
    from blaze2cap.runtime.bulk_extraction import VideoJob, extract_all, find_videos, is_whole
    from blaze2cap.runtime.whole_file import make_folder

    videos = find_videos(inputs)
    if videos.others:
        print(f"{_COMMAND}: {videos.others} files are no videos by their names and left out", file=sys.stderr)
    make_folder(out)
    jobs = [
        VideoJob(video=video, out=out / name, model=model, fps=fps, field_of_view_deg=fov)
        for video, name in videos.found.items()
    ]
    missing = [job for job in jobs if not is_whole(job)]
    failed = {}
    with spread_over(executor, out):
        for job, outcome in extract_all(missing, workers):
            if isinstance(outcome, BaseException):
                failed[job.video] = outcome
                continue
            for notice in outcome.notices:
                print(f"{_COMMAND}: {notice}", file=sys.stderr)
            rows = f"{outcome.rows} rows at {outcome.fps:.4g} frames/s, a person in {outcome.detected} of them"
            print(f"{printable(str(job.out))}: {rows}")
    print(
        f"{len(jobs)} videos: {len(missing) - len(failed)} extracted, {len(jobs) - len(missing)} were there already, "
        f"{len(failed)} failed"
    )
    for video, error in failed.items():
        _tell_failure(video, error)
    if failed:
        raise SystemExit(1)


def _tell_failure(video: Path, error: BaseException) -> None:
    """One sentence for the user's video; a bug keeps its traceback, although the other videos are done."""
    import traceback

    if not isinstance(error, UserError):
        traceback.print_exception(error)
    where = "" if str(error).startswith(str(video)) else f"{video}: "
    print(f"{_COMMAND}: {where}{error or type(error).__name__}", file=sys.stderr)
