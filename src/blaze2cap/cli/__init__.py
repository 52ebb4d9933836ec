"""The command line: `blaze2cap COMMAND`, a file each. Everything heavy is imported inside the command that needs it."""

from typing import Any

import typer
from typer.core import TyperGroup

from blaze2cap.cli.doctor import doctor
from blaze2cap.cli.errors import errors
from blaze2cap.cli.evaluate import evaluate
from blaze2cap.cli.export import export
from blaze2cap.cli.export_dataset import export_dataset
from blaze2cap.cli.extract import extract
from blaze2cap.cli.live import live
from blaze2cap.cli.map import map
from blaze2cap.cli.predict import predict
from blaze2cap.cli.preset import preset
from blaze2cap.cli.report import report
from blaze2cap.cli.show import show


class Commands(TyperGroup):
    """The commands; an argument that is empty, which as a path is the current folder, is refused by all."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # newer releases of typer have a click of their own
        """As click does it; a usage error where one is empty."""
        if "" in args:
            ctx.fail("an argument is empty, as it is where a variable is not set")
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def blaze2cap() -> None:
    """Smooth 3D skeletal motion from the BlazePose landmarks of one ordinary camera."""


for command in (
    doctor, errors, evaluate, export, export_dataset, extract, live, map, predict, preset, report, show,
):  # fmt: skip
    app.command()(command)
