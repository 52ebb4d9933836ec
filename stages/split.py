"""split: give every take its part, and write the split map in the published form."""

import sys
from pathlib import Path

import typer

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.report import write_report
from blaze2cap.data.split import (
    SplitParams,
    assign_parts,
    notices,
    published_samples,
    split_map,
    split_report,
    write_split,
)
from blaze2cap.errors import one_sentence
from blaze2cap.params import load_params


def main(clips: Path, split: Path, metrics: Path, params_file: Path = Path("params.yaml")) -> None:
    """Split the takes of CLIPS into the folder SPLIT and write the report METRICS."""
    with one_sentence("split"):
        params = load_params("split", SplitParams, params_file)
        clipset = ClipSet.load(clips)
        clipset.require_truth()
        parts = assign_parts(clipset.takes.index, params, clipset.parts)
        told = notices(parts, params, clipset.takes.index[~clipset.takes.has_landmarks])
        for sentence in told:
            print(f"split: {sentence}", file=sys.stderr)
        write_split(split, split_map(published_samples(clipset), parts), parts)
        write_report(metrics, split_report(clipset, parts, told))


if __name__ == "__main__":
    typer.run(main)
