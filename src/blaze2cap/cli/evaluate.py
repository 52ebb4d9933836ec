"""`blaze2cap evaluate`: a checkpoint on recordings outside the pipeline."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import UserError, one_sentence


class Source(StrEnum):
    """Where recordings for an evaluation come from."""

    TOTALCAPTURE = "totalcapture"


class Part(StrEnum):
    """Part of the standard split, or all takes of a folder whatever their part."""

    TEST = "test"
    VAL = "val"
    TRAIN = "train"
    ALL = "all"


def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="Folder with model.safetensors and model.json.")],
    path: Annotated[Path, typer.Option(help="Folder of recordings in the raw layout, or of packed clips.")],
    out: Annotated[Path, typer.Option(help="Report to write (JSON).")],
    source: Annotated[Source, typer.Option(help="Kind of recordings.")] = Source.TOTALCAPTURE,
    split: Annotated[Part, typer.Option(help="Takes to score; val: those of the checkpoint.")] = Part.TEST,
    plots: Annotated[Path | None, typer.Option(help="Folder for joints.csv and plots; none if left out.")] = None,
    views: Annotated[int, typer.Option(min=0, help="Simulated views of test and val takes without landmarks.")] = 4,
    field_of_view: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="Cameras as if uncalibrated: all of this horizontal field of view [degrees]."),
    ] = None,
    correct_lag: Annotated[bool, typer.Option("--correct-lag", help="Move landmarks to where the truth is.")] = False,
) -> None:
    """Score a checkpoint and the baselines on recordings that it may never have seen, by the standard protocol."""
    with one_sentence("blaze2cap evaluate"):
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

        trained = load_checkpoint(checkpoint)
        _make_room(out, plots)
        with opened_recordings(path, source.value, correct_lag) as recorded:
            takes = takes_of_part(split.value, list(recorded.takes.index), trained.provenance["takes"])
            simulated = SimulatedParams(views=views)
            clipset, parts = with_unseen_motion(recorded, {split.value: takes}, trained, simulated)
            if field_of_view is not None:
                clipset = uncalibrated(clipset, field_of_view)
            scores = score_checkpoint(clipset, parts, trained)
            report = figures_of(scores, trained.provenance["subjects"], EvaluateParams())
            write_report(out, report)
            if plots is not None:
                write_plots(plots, clipset, scores, trained.system())
                write_table(joint_table(scores), plots / "joints.csv", "joints")
            print_summary(report)


def _make_room(out: Path, plots: Path | None) -> None:
    """Before the work, not after it: the folders to write into; UserError where there can be none."""
    from blaze2cap.runtime.whole_file import make_folder

    if out.is_dir():
        raise UserError(f"{out} is a folder, expected a file to write")
    make_folder(out.absolute().parent)
    if plots is not None:
        make_folder(plots)
