"""An empty plot, and the file that it ends in: the same figures give the same bytes."""

from pathlib import Path
from typing import TYPE_CHECKING

from blaze2cap.data.atomic import replaced_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_plot(width: int | float, height: int | float) -> "Figure":
    """An empty plot of this size [inch]."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save_plot(plot: "Figure", path: Path, colours: int | None = None) -> None:
    """Write a plot as PNG, whole or not at all; with so few `colours` it takes a third of the space."""
    # No software version or date, so that the same figures give the same bytes.
    with replaced_file(path) as partial:
        plot.savefig(partial, format="png", dpi=100, metadata={"Software": None})
        if colours is not None:
            from PIL import Image

            with Image.open(partial) as picture:
                reduced = picture.convert("RGB").quantize(colours)
            reduced.save(partial, format="PNG", optimize=True)
