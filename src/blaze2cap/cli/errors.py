"""`blaze2cap errors`: where a checkpoint errs, and what knowledge would buy how much."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.cli.evaluate import Part, Source, tell_left_out
from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.data.clipset import ClipSet
    from blaze2cap.learning.checkpoint import Checkpoint

BASELINE = "one_euro_ik"
_HELD_OUT = (Part.TEST, Part.VAL)


def errors(
    checkpoint: Annotated[Path, typer.Argument(help="Folder with model.safetensors and model.json.")],
    path: Annotated[Path, typer.Option(help="Folder of recordings in the raw layout, or of packed clips.")],
    out: Annotated[Path, typer.Option(help="Folder for tables.md, errors.json and the tables as CSV.")],
    source: Annotated[Source, typer.Option(help="Kind of recordings.")] = Source.TOTALCAPTURE,
    split: Annotated[Part, typer.Option(help="Takes to look at; val: those of the checkpoint.")] = Part.VAL,
    simulated: Annotated[bool, typer.Option(help="Held-out takes without landmarks, seen by simulation.")] = False,
    pictures: Annotated[Path | None, typer.Option(help="Folder for pictures; that of the tables if left out.")] = None,
    moments: Annotated[int, typer.Option(min=1, max=50, help="How many of the worst moments to show.")] = 10,
) -> None:
    """Say where a checkpoint errs: by joint, pose, view and time, ceilings of knowledge, and the worst moments."""
    with one_sentence("blaze2cap errors"):
        _require_drawing()
        from blaze2cap.data.recordings import opened_recordings, takes_of_part
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.runtime.default_checkpoint import checkpoint_folder
        from blaze2cap.runtime.whole_file import make_folder, require_writable, writing

        if simulated and split not in _HELD_OUT:
            raise UserError(
                f"--simulated is for held-out takes, with --split test or val; {split} has no simulated takes"
            )
        trained = load_checkpoint(checkpoint_folder(checkpoint))
        shown = out if pictures is None else pictures
        for folder in (out, shown):
            make_folder(folder)
            require_writable(folder / "tables.md")
        with opened_recordings(path, source.value) as clipset:
            takes = takes_of_part(split.value, clipset, trained.provenance)
            if simulated:
                clipset, takes = _simulated(clipset, takes, split, trained)
            else:
                _require_landmarks(clipset, takes, split)
                tell_left_out(clipset, takes)
            with writing(out):
                _write(out, shown, clipset, takes, trained, moments, simulated)


def _simulated(clipset: "ClipSet", takes: list[str], split: Part, trained: "Checkpoint") -> tuple["ClipSet", list[str]]:
    from blaze2cap.data.simulated_clips import SimulatedParams
    from blaze2cap.learning.unseen_motion import SIMULATED, with_unseen_motion

    clipset, parts = with_unseen_motion(clipset, {split.value: takes}, trained, SimulatedParams())
    seen = parts.get(split.value + SIMULATED, [])
    if not seen:
        raise UserError(f"no held-out take of the {split.value} part lacks landmarks: leave out --simulated")
    return clipset, seen


def _require_landmarks(clipset: "ClipSet", takes: list[str], split: Part) -> None:
    """UserError where all takes of a part are such as simulation alone can show."""
    if split in _HELD_OUT and takes and not clipset.clips["take"].isin(takes).any():
        raise UserError(f"no take of the {split} part has landmarks; --simulated sees them by simulation")


def _write(
    out: Path, shown: Path, clipset: "ClipSet", takes: list[str], trained: "Checkpoint", count: int, simulated: bool
) -> None:
    from PIL import Image

    from blaze2cap.data.atomic import replace_text, replaced_file
    from blaze2cap.data.report import write_report
    from blaze2cap.data.schema import write_table
    from blaze2cap.learning.diagnosis.error_analysis import study_errors
    from blaze2cap.learning.diagnosis.error_plots import write_error_plots
    from blaze2cap.learning.diagnosis.error_report import error_report, error_tables
    from blaze2cap.learning.diagnosis.worst_moment import worst_moments
    from blaze2cap.learning.evaluation import MODEL
    from blaze2cap.runtime.errors_page import errors_page
    from blaze2cap.runtime.moment_sheet import moment_sheet

    model, known = trained.system(), trained.provenance
    study = study_errors(
        clipset, takes, {MODEL: model, BASELINE: getattr(trained.baselines, BASELINE)}, trained.baselines.offset
    )
    looked_at, recorded = set(study.frames["take"]), set(clipset.clips["take"])
    if unscored := [take for take in takes if take in recorded - looked_at]:
        print(f"left out, as they have no frame to score: {', '.join(unscored)}", file=sys.stderr)
    worst = worst_moments(study, clipset, MODEL, count)
    tables = error_tables(study, worst)
    about = {
        "takes": [take for take in takes if take in looked_at],
        "simulated": simulated,
        "trained_on": known["takes"]["train"],
        "steps": known.get("steps"),
    }
    report = error_report(study, worst, about)
    write_report(out / "errors.json", report)
    for name, table in tables.items():
        write_table(table, out / f"{name}.csv", name)
    write_error_plots(shown, tables)
    sheet = moment_sheet(clipset, model, worst, f"The {len(worst)} worst moments of the model")
    with replaced_file(shown / "worst_moments.png") as partial:
        Image.fromarray(sheet).quantize(64).save(partial, format="PNG", optimize=True)
    replace_text(out / "tables.md", errors_page(report, tables, shown, out))
    print(f"{out / 'tables.md'}: {len(study.frames)} frames of {study.frames['clip'].nunique()} clips")


def _require_drawing() -> None:
    """UserError where OpenCV, which draws the moments, lacks libraries of the system, as on slim machines."""
    try:
        import cv2  # noqa: F401
    except ImportError as error:
        raise UserError(f"OpenCV cannot be loaded, which draws moments ({error}); run `blaze2cap doctor`") from None
