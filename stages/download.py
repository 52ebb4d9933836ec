"""download: take recordings over from the chosen source into the raw layout, and say what is there."""

import sys
from pathlib import Path

import typer

from blaze2cap.data.atomic import replaced_folder
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.report import write_report
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.errors import one_sentence
from blaze2cap.params import load_params
from blaze2cap.runtime import video_source  # noqa: F401  makes dataset.source=video known


def main(raw: Path, metrics: Path, params_file: Path = Path("params.yaml")) -> None:
    """Fill the folder RAW from `dataset.source` and write the report METRICS."""
    with one_sentence("download"):
        params = load_params("dataset", DatasetParams, params_file)
        with replaced_folder(raw) as folder:
            inspection, recordings = params.take_over(folder)
            for fault in inspection.faults:
                print(f"download: left out {fault}", file=sys.stderr)
            for notice in inspection.notices:
                print(f"download: {notice}", file=sys.stderr)
            write_manifest(folder, params.source, inspection.faults, recordings, originals=inspection.originals)
        write_report(metrics, {"source": params.source, **inspection.report()})


if __name__ == "__main__":
    typer.run(main)
