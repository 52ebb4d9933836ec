"""The sample and its detector are what the committed tables say: a change of the data set must be meant."""

import numpy as np
import pandas as pd
import pytest
from pinned_motion import PINS, read

KNOWN = {pin: read(pin) for pin in PINS}


def changes(known: pd.DataFrame, made: pd.DataFrame, tolerance: float) -> list[str]:
    """What is not as near as that, the largest first."""
    known, made = known.align(made)
    apart = (made - known).abs().where(~(made.isna() & known.isna()), 0).fillna(np.inf).stack()
    largest = apart[apart > tolerance].sort_values(ascending=False).index
    return [f"{column} of {row} is {made.at[row, column]:g}, was {known.at[row, column]:g}" for row, column in largest]


@pytest.mark.parametrize(("pin", "case"), [(pin, case) for pin in PINS for case in PINS[pin].cases])
def test_the_sample_is_what_it_was(pin: str, case: str) -> None:
    found = changes(KNOWN[pin].xs(case), PINS[pin].cases[case](), PINS[pin].tolerance)
    assert not found, (
        f"The sample changed: {case}: {found[0]}, and {len(found) - 1} other numbers; if that is meant, write the "
        "tables again by `python tests/pinned_motion.py`, run `dvc repro`, and say so in CHANGELOG.md"
    )


def test_tables_hold_what_is_made_and_nothing_else() -> None:
    for pin, known in KNOWN.items():
        assert list(known.index.unique("case")) == list(PINS[pin].cases)


def test_another_number_and_a_row_too_few_are_told() -> None:
    known = KNOWN["room"].xs("cameras")
    assert changes(known, known + 0.009, 0.01) == []
    other = known.copy()
    other.loc["2", "fx"] += 1
    assert changes(known, other, 0.01) == [f"fx of 2 is {known.at['2', 'fx'] + 1:g}, was {known.at['2', 'fx']:g}"]
    assert len(changes(known, known.drop("1"), 0.01)) == known.shape[1]
