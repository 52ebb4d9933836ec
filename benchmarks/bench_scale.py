"""Measure a cold run of the pipeline, memory of its stages on recordings, and how time and memory grow with the work.

Writes the tables of docs/performance.md.

    make bench-scale
    python benchmarks/bench_scale.py --part growth --most-seconds 20       # prints, writes nothing

The runs are in clones of the committed state, with empty caches. Memory of the stages needs the recordings. Sizes that
would take longer than `--most-seconds`, or more memory than is free, by what the last size took, are left out, and
said so.
"""

import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from speed.growth import Curve, curves
from speed.pipeline import cold_run, table
from speed.record import machine, replace_tables
from speed.stage_memory import HEAD as HEAD_OF_MEMORY
from speed.stage_memory import stage_memory
from speed.workplace import RECORDINGS, ROOT, Workplace

from blaze2cap.errors import one_sentence

DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "scaling.png"
_HEAD = "| what grows | size | of the processor | each | memory |\n|---|---|---|---|---|"


class Part(StrEnum):
    """What may be measured alone."""

    REPRO = "repro"
    MEMORY = "memory"
    GROWTH = "growth"


def main(
    part: Annotated[Part | None, typer.Option(help="This one alone, printed.")] = None,
    most_seconds: Annotated[float, typer.Option(min=1, help="Longest that a size may take.")] = 300,
    change: Annotated[list[str] | None, typer.Option(help="KEY=VALUE of params.yaml, for the cold run.")] = None,
    picture: Annotated[Path, typer.Option(help="PNG of the curves.")] = PICTURE,
) -> None:
    """Print the tables; without --part, write them, too."""
    torch.set_num_threads(1)
    with one_sentence("bench_scale"), Workplace(1) as workplace:
        described = machine()
        if part in (None, Part.REPRO):
            text = f"{described}\n\n{table(cold_run(workplace.scratch / 'cold', tuple(change or ())))}"
            print(text, flush=True)
            if part is None:
                replace_tables(DOCUMENT, "repro", text)
        if part in (None, Part.MEMORY):
            _memory(workplace, described, part is None)
        if part in (None, Part.GROWTH):
            print(_HEAD, flush=True)
            found = []
            for curve in curves(workplace, most_seconds):
                print("\n".join(curve.rows()), flush=True)
                found.append(curve)
            plot(found, picture)
            if part is None:
                rows = "\n".join(row for curve in found for row in curve.rows())
                replace_tables(
                    DOCUMENT, "scale", f"{described}\n\n![time and memory](images/scaling.png)\n\n{_HEAD}\n{rows}"
                )


def _memory(workplace: Workplace, described: str, kept: bool) -> None:
    """Print what the stages take of memory, and put it into the document; UserError where alone and not to be had."""
    if kept and not os.environ.get(RECORDINGS):
        print(f"memory of the stages is left out: {RECORDINGS} is not set")
        return
    lines = [HEAD_OF_MEMORY]
    print(HEAD_OF_MEMORY, flush=True)
    for row in stage_memory(workplace):
        print(row, flush=True)
        lines.append(row)
    if kept:
        replace_tables(DOCUMENT, "memory", "\n".join((described, "", *lines)))


def plot(found: Iterable[Curve], path: Path) -> None:
    """Time above, memory below, a column a curve; the dashed line grows as the size does."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    found = list(found)
    figure, axes = plt.subplots(2, len(found), figsize=(3.2 * len(found), 5.6), layout="constrained", squeeze=False)
    for number, curve in enumerate(found):
        column = axes[:, number]
        sizes = list(curve.costs)
        for axis, values, name in zip(
            column,
            zip(*((cost.seconds, cost.bytes / 1e6) for cost in curve.costs.values()), strict=True),
            ("processor [s]", "memory [MB]"),
            strict=True,
        ):
            axis.loglog(sizes, values, "o-", color="#1f5fa8")
            axis.loglog(sizes, [values[-1] * size / sizes[-1] for size in sizes], "--", color="#999999", linewidth=1)
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.set_ylim(0.5 * 10 ** np.floor(np.log10(min(values))), 2 * 10 ** np.ceil(np.log10(max(values))))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
            axis.set_ylabel("" if number else name)
            axis.grid(alpha=0.3)
        column[0].set_title(curve.what, fontsize=10)
        column[1].set_xlabel(curve.unit)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
