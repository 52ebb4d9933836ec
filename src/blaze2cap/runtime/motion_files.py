"""The files that a prediction can be written to, by suffix; all of them whole, or none."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.bvh import write_bvh
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.glb import write_glb
from blaze2cap.runtime.motion_table import write_csv, write_npz
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap
from blaze2cap.runtime.whole_file import make_folder, whole_file, writing

Writer = Callable[[Path, Animation, SkeletonMap], None]


def _of_joints(write: Callable[[Path, Animation], None]) -> Writer:
    """A writer of the 21 joints, whatever the skeleton."""
    return lambda path, animation, _: write(path, animation)


WRITERS: dict[str, Writer] = {
    ".bvh": write_bvh,
    ".glb": write_glb,
    ".npz": _of_joints(write_npz),
    ".csv": _of_joints(write_csv),
}
"""Of the motion alone."""
WITH_BONES = (".bvh", ".glb")
"""Of a skeleton that can be chosen; the others tell of the network's own joints."""
PAGE, SHEET, OVERLAY = ".html", ".png", ".mp4"
"""To look at, with what the camera saw: a page, evenly spaced moments, and the video with the skeleton over it."""


def skeleton_map(name: str | None = None) -> SkeletonMap:
    """The skeleton of that name, or the network's own; UserError where there is none."""
    if name is None:
        return SKELETON_MAPS["totalcapture"]
    if name not in SKELETON_MAPS:
        raise UserError(f"there is no skeleton {name}; use {', '.join(SKELETON_MAPS)}")
    return SKELETON_MAPS[name]


def require_bones(skeleton: str | None, outputs: Sequence[Path]) -> None:
    """UserError where there is no skeleton of that name, or none of the files has bones."""
    skeleton_map(skeleton)
    if skeleton is not None and not any(output.suffix.lower() in WITH_BONES for output in outputs):
        raise UserError(f"--skeleton names the bones of {' and '.join(WITH_BONES)} files: ask for one, or leave it out")


def write_motion(
    outputs: Sequence[Path],
    animation: Animation,
    footage: Footage | None = None,
    field_of_view_deg: float | None = None,
    skeleton: str | None = None,
) -> None:
    """Write an animation to each of the files, its suffix decides how; UserError where one cannot be written.

    Those to look at need the footage that it comes from; `field_of_view_deg` is as it was given for the prediction.
    `skeleton` names the one whose bones .bvh and .glb get, the network's own where it is None. The files appear when
    all are written: after an error there is none, and those of before are as they were.
    """
    bones = skeleton_map(skeleton)
    with ExitStack() as finished:
        for output in outputs:
            make_folder(output.absolute().parent)
            partial = finished.enter_context(whole_file(output))
            with writing(output):
                if output.suffix.lower() in WRITERS:
                    WRITERS[output.suffix.lower()](partial, animation, bones)
                else:
                    _write_look(partial, output, animation, footage, field_of_view_deg)


def _write_look(
    partial: Path, output: Path, animation: Animation, footage: Footage | None, field_of_view_deg: float | None
) -> None:
    if footage is None:
        raise ValueError(f"{output} shows what the camera saw, so it needs the footage")
    if output.suffix.lower() == OVERLAY:
        from blaze2cap.runtime.overlay_video import write_overlay

        write_overlay(partial, animation, footage, field_of_view_deg)
        return
    from blaze2cap.runtime.animation_scene import scene_of_animation

    scene = scene_of_animation(animation, output.stem, footage, field_of_view_deg)
    if output.suffix.lower() == PAGE:
        from blaze2cap.runtime.viewer import viewer_page

        # A file's name, which is the page's title, may be no text.
        partial.write_text(viewer_page(scene), encoding="utf-8", errors="backslashreplace")
    else:
        from PIL import Image

        from blaze2cap.runtime.animation_sheet import animation_sheet

        Image.fromarray(animation_sheet(scene)).save(partial, format="PNG", optimize=True)
