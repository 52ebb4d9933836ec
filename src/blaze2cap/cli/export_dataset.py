"""`blaze2cap export-dataset`: packed clips in the published form."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import one_sentence


class LayoutName(StrEnum):
    """Names of folders and files: those of the first release, or those of the later one."""

    AUGMENTED = "augmented"
    FINAL = "final"


def export_dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New or empty folder to fill.")],
    clips: Annotated[Path, typer.Option(help="Packed clips, as preprocess writes them.")] = Path("data/clips"),
    split: Annotated[Path, typer.Option(help="Parts of the takes, as split writes them.")] = Path("data/split"),
    layout: Annotated[LayoutName, typer.Option(help="Release whose names are used.")] = LayoutName.AUGMENTED,
) -> None:
    """Write all samples as pairs of files, 25 x 7 landmarks and 22 x 6 motion, with their split map."""
    with one_sentence("blaze2cap export-dataset"):
        from blaze2cap.data.augment import LAYOUTS
        from blaze2cap.data.export import export_dataset
        from blaze2cap.data.published import count_parts
        from blaze2cap.data.split import read_parts

        parts = {take: part for part, takes in read_parts(split).items() for take in takes}
        exported = export_dataset(clips, parts, folder, LAYOUTS[layout.value])
        print(f"{folder}: {count_parts(exported.table)}")
        print(f"rejected, with reasons in {clips / 'samples.csv'}: {exported.rejected} samples left out")
