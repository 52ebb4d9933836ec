"""`blaze2cap export`: a checkpoint as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from blaze2cap.errors import UserError, one_sentence

SUFFIX = ".onnx"


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .onnx.")],
    checkpoint: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CHECKPOINT]",
            help="Folder with model.safetensors and model.json; the package's own, or models, if left out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a checkpoint's network, a frame a call, as ONNX: it runs without torch, in the browser too."""
    with one_sentence("blaze2cap export"):
        from blaze2cap.runtime.whole_file import make_folder, require_writable

        if out.suffix.lower() != SUFFIX:
            raise UserError(f"{out}: cannot write {out.suffix or 'a name without suffix'}; use {SUFFIX}")
        require_writable(out)

        from blaze2cap.learning.checkpoint import load_checkpoint
        from blaze2cap.runtime.default_checkpoint import chosen_checkpoint
        from blaze2cap.runtime.onnx_export import export_onnx

        known = load_checkpoint(chosen_checkpoint(checkpoint))
        make_folder(out.absolute().parent)
        difference = export_onnx(known, out)
        print(f"{out}: {out.stat().st_size / 1e6:.1f} MB, off from torch by {difference.largest:.1g} at most")
