"""`blaze2cap show`: a clip to look at, as a movie, a contact sheet or an interactive page."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.data.clipset import ClipSet
    from blaze2cap.runtime.clip_view import ClipView

SUFFIXES = (".mp4", ".png", ".html")


def show(
    clip: Annotated[str, typer.Argument(help="Clip to show: subject/action/cameraN, like S1/walking2/cam1.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .mp4, .png or .html, the suffix decides.")],
    clips: Annotated[Path, typer.Option(help="Folder of packed clips.")] = Path("data/clips"),
    prediction: Annotated[Path | None, typer.Option(help="Folder of a checkpoint whose prediction to show.")] = None,
    first: Annotated[float, typer.Option(help="Second at which to begin.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(help="Seconds to show; to the end if left out.")] = None,
) -> None:
    """Show truth, raw landmarks and a prediction of one clip side by side, and in its camera's image."""
    with one_sentence("blaze2cap show"):
        if out.suffix.lower() not in SUFFIXES:
            raise UserError(f"{out}: cannot write {out.suffix or 'a name without suffix'}; use {', '.join(SUFFIXES)}")
        if out.suffix.lower() != ".html":
            _require_drawing(out)
        from blaze2cap.data.clipset import ClipSet
        from blaze2cap.learning.absolute_root import require_absolute_root
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.runtime.clip_view import view_clip
        from blaze2cap.runtime.default_checkpoint import checkpoint_folder

        clipset = ClipSet.load(clips)
        frames = _frames_of(clipset, clip, first, seconds)
        require_absolute_root(clipset, [str(clipset.clips["take"][clip])])
        system = None if prediction is None else load_checkpoint(checkpoint_folder(prediction)).system()
        _write(out, view_clip(clipset, clip, frames, system))
        print(f"{out}: {frames.stop - frames.start} frames of {clip}")


def _require_drawing(out: Path) -> None:
    """UserError where OpenCV lacks libraries of the system, as on slim machines."""
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{out}: OpenCV, which draws it, cannot be loaded ({error}); run `blaze2cap doctor`, or write .html"
        ) from None


def _frames_of(clipset: "ClipSet", clip: str, first: float, seconds: float | None) -> slice:
    """The frames asked for; UserError where the clip is not known or they lie beyond it."""
    if clip not in clipset.clips.index:
        from difflib import get_close_matches

        near = get_close_matches(clip, clipset.clips.index, n=4, cutoff=0.5)
        raise UserError(f"no clip {clip!r}; " + (f"near it: {', '.join(near)}" if near else _examples(clipset)))
    fps, frames = float(clipset.clips.fps[clip]), int(clipset.clips.frames[clip])
    start, stop = first * fps, frames if seconds is None else (first + seconds) * fps
    # Not-a-number and infinity fail here as well.
    if not 0 <= start < stop < frames + 0.5 or round(start) == round(stop):
        asked = f"{first:g} s to " + ("its end" if seconds is None else f"{first + seconds:g} s")
        raise UserError(f"{clip} has {frames} frames, {frames / fps:g} s: cannot show {asked}")
    return slice(round(start), round(stop))


def _examples(clipset: "ClipSet") -> str:
    return f"there are {len(clipset.clips)}, the first is {clipset.clips.index[0]}"


def _write(out: Path, view: "ClipView") -> None:
    from blaze2cap.runtime.whole_file import whole_file

    suffix = out.suffix.lower()
    if suffix == ".mp4":
        from blaze2cap.data.parallel import progress
        from blaze2cap.runtime.clip_picture import MoviePicture
        from blaze2cap.runtime.movie import write_movie

        pictures = map(MoviePicture(view), range(view.frames))
        write_movie(out, progress(pictures, view.frames, "drawing"), view.fps)
    elif suffix == ".png":
        from PIL import Image

        from blaze2cap.runtime.clip_picture import contact_sheet

        with whole_file(out) as partial:
            Image.fromarray(contact_sheet(view)).save(partial, format="PNG")
    else:
        from blaze2cap.runtime.clip_view import scene_of
        from blaze2cap.runtime.viewer import viewer_page

        page = viewer_page(scene_of(view, image=(view.camera.width, view.camera.height), apart=True))
        with whole_file(out) as partial:
            partial.write_text(page, encoding="utf-8")
