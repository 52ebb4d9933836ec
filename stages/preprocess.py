"""preprocess: raw recordings into packed clips, segments and their strides."""

import sys
from pathlib import Path

import typer

from blaze2cap.data.manifest import changes_since, read_manifest
from blaze2cap.data.parallel import RuntimeParams, spread_over
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.published import PUBLISHED_SOURCES
from blaze2cap.data.published_pack import without_effect
from blaze2cap.data.report import write_report
from blaze2cap.errors import one_sentence
from blaze2cap.params import load_params


def main(raw: Path, clips: Path, metrics: Path, params_file: Path = Path("params.yaml")) -> None:
    """Pack the recordings of RAW into the folder CLIPS and write the report METRICS."""
    with one_sentence("preprocess"):
        params = load_params("preprocess", PreprocessParams, params_file)
        runtime = load_params("runtime", RuntimeParams, params_file)
        changes = changes_since(raw)
        if changes:
            print(f"preprocess: {changes}", file=sys.stderr)
        with spread_over(runtime.executor):
            report = preprocess(raw, clips, params)
        if read_manifest(raw)["source"] in PUBLISHED_SOURCES:
            for sentence in without_effect(report["samples_at_stride"], params.correct_lag):
                print(f"preprocess: {sentence}", file=sys.stderr)
        for fault in report["data_faults"]["list"]:
            print(f"preprocess: {fault['sentence']}", file=sys.stderr)
        write_report(metrics, report)


if __name__ == "__main__":
    typer.run(main)
