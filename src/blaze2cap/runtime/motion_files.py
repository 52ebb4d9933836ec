"""The files that a prediction can be written to, by suffix; all of them whole, or none."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.bvh import write_bvh
from blaze2cap.runtime.motion_table import write_csv, write_npz
from blaze2cap.runtime.whole_file import make_folder, whole_file, writing

WRITERS: dict[str, Callable[[Path, Animation], None]] = {".bvh": write_bvh, ".npz": write_npz, ".csv": write_csv}


def write_motion(outputs: Sequence[Path], animation: Animation) -> None:
    """Write an animation to each of the files, its suffix decides how; UserError where one cannot be written.

    The files appear when all are written: after an error there is none, and those of before are as they were.
    """
    with ExitStack() as finished:
        for output in outputs:
            make_folder(output.absolute().parent)
            partial = finished.enter_context(whole_file(output))
            with writing(output):
                WRITERS[output.suffix.lower()](partial, animation)
