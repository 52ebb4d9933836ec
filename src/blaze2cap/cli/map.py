"""`blaze2cap map`: the split map of a folder in the published form."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

if TYPE_CHECKING:
    from blaze2cap.data.split import SplitParams


def map(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with blaze_augmented and gt_augmented, or the later names.")
    ],
    exclude_camera5: Annotated[
        bool, typer.Option("--exclude-camera5", help="Leave out the views in which camera 5 followed another person.")
    ] = False,
    validation: Annotated[
        list[str] | None,
        typer.Option(metavar="TAKE", help="Training take, like S2/freestyle2, to validate on instead."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Map to write; DIR/dataset_map.json if left out.")
    ] = None,
) -> None:
    """Write the split map of a published data set by the standard protocol.

    Exit code 1 where samples were left out (each is told, and the rest is written), 2 where DIR has none.
    """
    with one_sentence("blaze2cap map", code=2):
        from blaze2cap.data.published import (
            DATASET_MAP_FILE,
            count_parts,
            dataset_map,
            scan_published,
            write_dataset_map,
        )

        params = _split_of(validation or [])
        found = scan_published(folder)
        lost = [name for name in found.frames if name.is_of_another_person]
        names = set(found.frames) - set(lost) if exclude_camera5 else set(found.frames)
        if not names:
            raise UserError(f"{folder}: camera 5 followed another person in all {len(lost)} samples")
        table = dataset_map(names, found.layout, params)
        path = folder / DATASET_MAP_FILE if out is None else out
        write_dataset_map(path, table, found.layout)
        for take in sorted(set(params.validation) - {name.clip.take for name in names}):
            print(f"--validation names {take}, which is not among the takes here", file=sys.stderr)
        for fault in found.faults:
            print(f"left out: {fault.sentence}", file=sys.stderr)
        print(f"{path}: {count_parts(table)}")
        told = f"{len(lost)} samples {'left out' if exclude_camera5 else 'among them'}"
        print(f"views in which camera 5 followed another person: {told}")
    if found.faults:
        print(f"blaze2cap map: {len(found.faults)} files or pairs left out", file=sys.stderr)
        raise typer.Exit(1)


def _split_of(validation: list[str]) -> "SplitParams":
    from blaze2cap.data.split import SplitParams, require_training_takes

    try:
        params = SplitParams(validation=tuple(validation))
    except ValueError as error:
        raise UserError(f"--{error}") from None
    require_training_takes(params.validation, "--validation")
    return params
