"""Put a trained checkpoint into the package, in half precision, and say what it is."""

import hashlib
from pathlib import Path

import torch
import typer

from blaze2cap.data.report import write_report
from blaze2cap.errors import UserError, one_sentence
from blaze2cap.learning.checkpoint import WEIGHTS, load_checkpoint, save_checkpoint

# What a package can carry.
MAX_BYTES = 6_000_000


def main(model: Path, package: Path, report: Path) -> None:
    """Write the checkpoint MODEL into the folder PACKAGE, and its size and hash into REPORT."""
    with one_sentence("weights"):
        checkpoint = load_checkpoint(model)
        save_checkpoint(package, checkpoint, torch.float16)
        content = (package / WEIGHTS).read_bytes()
        if len(content) > MAX_BYTES:
            raise UserError(f"{package / WEIGHTS}: {len(content)} bytes, at most {MAX_BYTES} can be shipped")
        parameters = sum(parameter.numel() for parameter in checkpoint.model.parameters())
        digest = hashlib.sha256(content).hexdigest()
        write_report(report, {"parameters": parameters, "bytes": len(content), "sha256": digest})


if __name__ == "__main__":
    typer.run(main)
