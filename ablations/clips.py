"""The study's clips: a sample generated from a seed, packed and split as the pipeline's own."""

import tempfile
from pathlib import Path

import typer
from changed import changed

from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.data.split import SplitParams, assign_parts, published_samples, split_map, write_split
from blaze2cap.errors import one_sentence


def main(clips: Path, split: Path) -> None:
    """Write the folders CLIPS and SPLIT."""
    with one_sentence("clips"), tempfile.TemporaryDirectory(prefix="blaze2cap-") as scratch:
        raw = Path(scratch, "raw")
        raw.mkdir()
        params = changed("dataset", DatasetParams)
        taken = params.take_over(raw)
        write_manifest(raw, params.source, taken.inspection.faults, taken.recordings)
        preprocess(raw, clips, changed("preprocess", PreprocessParams))
        clipset = ClipSet.load(clips)
        parts = assign_parts(clipset.takes.index, changed("split", SplitParams))
        write_split(split, split_map(published_samples(clipset), parts), parts)


if __name__ == "__main__":
    typer.run(main)
