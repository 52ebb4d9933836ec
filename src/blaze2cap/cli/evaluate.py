"""`blaze2cap evaluate`: a checkpoint on recordings outside the pipeline."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.data.clipset import ClipSet


class Source(StrEnum):
    """Where recordings for an evaluation come from."""

    TOTALCAPTURE = "totalcapture"


class Part(StrEnum):
    """Test takes of the standard split, the checkpoint's own for validation and training, or all takes of a folder."""

    TEST = "test"
    VAL = "val"
    TRAIN = "train"
    ALL = "all"


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Folder with model.safetensors and model.json.")],
    path: Annotated[Path, typer.Option(help="Folder of recordings in the raw layout, or of packed clips.")],
    out: Annotated[
        Path | None, typer.Option(help="Report to write (JSON); only a table is printed if left out.")
    ] = None,
    source: Annotated[Source, typer.Option(help="Kind of recordings.")] = Source.TOTALCAPTURE,
    split: Annotated[Part, typer.Option(help="Takes to score; train and val: those of the checkpoint.")] = Part.TEST,
    plots: Annotated[Path | None, typer.Option(help="Folder for joints.csv and plots; none if left out.")] = None,
    views: Annotated[
        int | None,
        typer.Option(min=0, help="Simulated views of test and val takes without landmarks; 4 if left out."),
    ] = None,
    field_of_view: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Cameras as if uncalibrated: all of this horizontal field of view."),
    ] = None,
    correct_lag: Annotated[bool, typer.Option("--correct-lag", help="Move landmarks to where the truth is.")] = False,
) -> None:
    """Score a checkpoint and the baselines on recordings that it may never have seen, by the standard protocol."""
    with one_sentence("blaze2cap evaluate"):
        from blaze2cap.data.field_of_view import require_field_of_view
        from blaze2cap.data.known_takes import known_takes
        from blaze2cap.data.recordings import opened_recordings, takes_of_part, uncalibrated
        from blaze2cap.data.report import write_report
        from blaze2cap.data.schema import write_table
        from blaze2cap.data.simulated_clips import SimulatedParams
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.learning.evaluation import EvaluateParams, joint_table, score_checkpoint
        from blaze2cap.learning.evaluation import evaluate as figures_of
        from blaze2cap.learning.report_plots import write_plots
        from blaze2cap.learning.table import print_summary
        from blaze2cap.learning.unseen_motion import with_unseen_motion
        from blaze2cap.runtime.default_checkpoint import checkpoint_folder
        from blaze2cap.runtime.whole_file import writing

        if views is not None and split not in (Part.TEST, Part.VAL):
            raise UserError(f"--views is for held-out takes, with --split test or val; {split} has no simulated takes")
        if field_of_view is not None:
            require_field_of_view(field_of_view)
        simulated = SimulatedParams() if views is None else SimulatedParams(views=views)
        trained = load_checkpoint(checkpoint_folder(checkpoint))
        _make_room(out, plots)
        with opened_recordings(path, source.value, correct_lag) as recorded:
            takes = takes_of_part(split.value, recorded, trained.provenance)
            clipset, parts = with_unseen_motion(recorded, {split.value: takes}, trained, simulated)
            tell_left_out(clipset, [take for found in parts.values() for take in found])
            if field_of_view is not None:
                clipset = uncalibrated(clipset, field_of_view)
            scores = score_checkpoint(clipset, parts, trained)
            known = known_takes(trained.provenance, clipset.source)
            report = figures_of(scores, known.subjects, EvaluateParams())
            if out is not None:
                with writing(out):
                    write_report(out, report)
            if plots is not None:
                with writing(plots):
                    write_plots(plots, clipset, scores, trained.system())
                    write_table(joint_table(scores), plots / "joints.csv", "joints")
            print_summary(report)


def tell_left_out(clipset: "ClipSet", takes: list[str]) -> None:
    """On stderr, the takes that nobody sees: they have no landmarks and are not simulated."""
    seen = set(clipset.clips["take"])
    lacking = [take for take in takes if take not in seen]
    if lacking:
        print(f"left out, as they have no landmarks: {', '.join(lacking)}", file=sys.stderr)


def _make_room(out: Path | None, plots: Path | None) -> None:
    """Before the work, not after it: the folders to write into; UserError where there can be none."""
    from blaze2cap.runtime.whole_file import make_folder, require_writable

    if out is not None:
        make_folder(out.absolute().parent)
        require_writable(out)
    if plots is not None:
        make_folder(plots)
