"""`blaze2cap evaluate`: a checkpoint on recordings outside the pipeline."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.learning.checkpoint import Checkpoint


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
    path: Annotated[Path, typer.Option(help="Folder of recordings in the raw layout.")],
    out: Annotated[Path, typer.Option(help="Report to write (JSON).")],
    source: Annotated[Source, typer.Option(help="Kind of recordings.")] = Source.TOTALCAPTURE,
    split: Annotated[Part, typer.Option(help="Takes to score; val: those of the checkpoint.")] = Part.TEST,
    plots: Annotated[Path | None, typer.Option(help="Folder for joints.csv and plots; none if left out.")] = None,
) -> None:
    """Score a checkpoint and the baselines on recordings that it may never have seen, by the standard protocol."""
    with one_sentence("blaze2cap evaluate"):
        import tempfile

        from blaze2cap.data.clipset import ClipSet
        from blaze2cap.data.manifest import write_manifest
        from blaze2cap.data.preprocess import PreprocessParams, preprocess
        from blaze2cap.data.report import write_report
        from blaze2cap.data.schema import write_table
        from blaze2cap.data.sources.totalcapture import copy_totalcapture
        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.learning.evaluation import EvaluateParams, joint_table, score_checkpoint
        from blaze2cap.learning.evaluation import evaluate as figures_of
        from blaze2cap.learning.report_plots import write_plots
        from blaze2cap.learning.table import print_summary

        _make_room(out, plots)
        trained = load_checkpoint(checkpoint)
        with tempfile.TemporaryDirectory(prefix="blaze2cap-") as scratch:
            raw, packed = Path(scratch, "raw"), Path(scratch, "clips")
            inspection = copy_totalcapture(path.resolve(), raw)
            for fault in inspection.faults:
                print(f"left out: {fault.sentence}", file=sys.stderr)
            write_manifest(raw, source.value, inspection.faults, path.resolve())
            for told in preprocess(raw, packed, PreprocessParams())["data_faults"]["list"]:
                print(told["sentence"], file=sys.stderr)
            clipset = ClipSet.load(packed)
            takes = _takes_of(split, list(clipset.takes.index), trained)
            scores = score_checkpoint(clipset, {split.value: takes}, trained)
            report = figures_of(scores, trained.provenance["subjects"], EvaluateParams())
            write_report(out, report)
            if plots is not None:
                write_plots(plots, clipset, scores, trained.system())
                write_table(joint_table(scores), plots / "joints.csv", "joints")
            print_summary(report)


def _make_room(out: Path, plots: Path | None) -> None:
    """Before the work, not after it: the folders to write into; UserError where there can be none."""
    if out.is_dir():
        raise UserError(f"{out} is a folder, expected a file to write")
    for folder in (out.absolute().parent, plots):
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: no folder can be made there ({error.strerror})") from None


def _takes_of(split: Part, takes: list[str], trained: "Checkpoint") -> list[str]:
    """Takes of the wanted part; what the checkpoint was trained on, or chosen by, is told where it leaks."""
    from blaze2cap.data.split import standard_part

    known = trained.provenance["takes"]
    parts = {take: "val" if take in known["val"] else standard_part(take) for take in takes}
    wanted = [take for take in takes if split in (Part.ALL, parts[take])]
    for part, seen_for in (("train", "trained on"), ("val", "chosen by")):
        seen = [take for take in wanted if take in known[part]]
        if seen and split.value != part:
            print(f"{seen_for} {len(seen)} of these takes: {', '.join(seen)}", file=sys.stderr)
    return wanted
