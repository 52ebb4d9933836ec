"""Measure every hot path beside the plain way, and write the tables of docs/performance.md and the history.

    make bench                                          # four minutes on two cores
    python benchmarks/bench.py --only stream            # prints, writes nothing
    python benchmarks/bench.py --compare                # also beside the last run of the history

Seconds are the processor's, one thread, medians over rounds in which all ways take turns. What needs recordings is left
out, and said so, where BLAZE2CAP_TOTALCAPTURE or BLAZE2CAP_VIDEOS is not set.
"""

import sys
from typing import Annotated

import torch
import typer
from speed.evaluation import EVALUATION
from speed.geometry import FEATURES_OF_CLIP, KINEMATICS
from speed.prediction import PREDICTION
from speed.preparation import LOADING, PREPROCESS
from speed.record import compared, last, machine, record, replace_tables
from speed.rounds import Seconds
from speed.sample import SAMPLE
from speed.start import START
from speed.stream import STREAM
from speed.training import TRAINING
from speed.workplace import ROOT, Workplace

from blaze2cap.errors import UserError, one_sentence

PATHS = {
    "training": TRAINING,
    "kinematics": KINEMATICS,
    "features": FEATURES_OF_CLIP,
    "preprocess": PREPROCESS,
    "loading": LOADING,
    "evaluation": EVALUATION,
    "stream": STREAM,
    "sample": SAMPLE,
    "start": START,
    "predict": PREDICTION,
}
DOCUMENT = ROOT / "docs" / "performance.md"
HISTORY = ROOT / "benchmarks" / "history"
_HEAD = "| path | measured | median | middle half | target | |\n|---|---|---|---|---|---|"


def main(
    only: Annotated[list[str] | None, typer.Option(help=f"Paths to print: {', '.join(PATHS)}.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds at most; fewer for a first look.")] = 5,
    compare: Annotated[bool, typer.Option("--compare", help="Beside the last run of the history.")] = False,
) -> None:
    """Print the table; without --only, write it and the history, too."""
    torch.set_num_threads(1)
    with one_sentence("bench"), Workplace(rounds) as workplace:
        unknown = [name for name in only or () if name not in PATHS]
        if unknown:
            raise UserError(f"no path {unknown[0]}, expected one of {', '.join(PATHS)}")
        before, description = last(HISTORY), machine()
        measured: dict[str, Seconds] = {}
        rows = []
        print(_HEAD, flush=True)
        for name in only or PATHS:
            path = PATHS[name]
            try:
                measured[name] = path.measure(workplace)
                new = [claim.row(measured[name]) for claim in path.claims]
            except UserError as error:
                new = [f"not measured: {error} | | | |"]
            new = [f"| {path.name if not number else ''} | {row} |" for number, row in enumerate(new)]
            print("\n".join(new), flush=True)
            rows += new
        if compare:
            print(compared(before, measured))
        if not only:
            replace_tables(DOCUMENT, "bench", f"{description}\n\n{_HEAD}\n" + "\n".join(rows))
            print(record(HISTORY, measured), file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
