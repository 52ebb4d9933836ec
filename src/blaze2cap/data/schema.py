"""Tables are held against their contracts where they are written and where they are read.

A broken contract is a `UserError` that names file, row, column and value; rows are counted from 0, without the header.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blaze2cap.data.atomic import replace_text
from blaze2cap.data.contract import contracts
from blaze2cap.errors import UserError
from blaze2cap.untrusted import regular_file

if TYPE_CHECKING:
    import pandas as pd

_STRUCTURE = {
    "column_in_dataframe": "is missing",
    "column_in_schema": "is unknown",
    "column_ordered": "is misplaced",
}


def check(table: "pd.DataFrame", name: str, where: Path | str) -> "pd.DataFrame":
    """Hold a table against the contract of that name and return it; UserError naming file, row, column and value."""
    from pandera.errors import SchemaErrors

    try:
        return contracts()[name].validate(table, lazy=True)
    except SchemaErrors as error:
        cases = error.failure_cases.to_dict("records")
        raise UserError(f"{where}: {_describe(min(cases, key=_urgency), table, cases)}") from None


def read_table(path: Path, name: str) -> "pd.DataFrame":
    """Read a CSV table and hold it against its contract; UserError where it is missing, unreadable or breaks it."""
    import pandas as pd

    columns = contracts()[name].columns
    # Text stays text ("1" is a camera's name), and an empty cell is a gap only where the contract allows gaps.
    text = {key: str for key, column in columns.items() if "str" in str(column.dtype)}
    gaps = {key: [""] for key, column in columns.items() if column.nullable}
    try:
        table = pd.read_csv(regular_file(path), dtype=text, keep_default_na=False, na_values=gaps)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run `dvc repro`") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path}: not readable as CSV ({' '.join(str(error).split())})") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(f"{path}: its first row has more cells than the header")
    # "60" is an integer to the parser, but a rate all the same.
    real = [key for key, column in columns.items() if str(column.dtype) == "float64"]
    wrong = [
        name
        for name in map(str, table)
        if table[name].dtype == "int64" and any(re.fullmatch(key, name) for key in real)
    ]
    table = table.astype(dict.fromkeys(wrong, "float64"))
    return check(table, name, path)


def write_table(table: "pd.DataFrame", path: Path, name: str) -> None:
    """Hold a table against its contract, then write it as CSV; floats in 6 significant digits."""
    text = check(table, name, path).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    replace_text(path, text)


def check_index(takes: "pd.DataFrame", clips: "pd.DataFrame", samples: "pd.DataFrame", where: Path) -> None:
    """Hold the tables of packed clips against each other: every row belongs to one above it and lies inside it."""
    take_rows = takes.set_index("take")[["first_row", "frames"]].reindex(clips["take"]).set_index(clips.index)
    beyond = clips.truth_row + clips.frames > take_rows.sum(axis=1)
    clip_frames = samples["clip"].map(clips.set_index("clip").frames)
    last_frame = samples.first_frame + samples.stride * (samples.frames - 1)
    for table, name, column, broken, expected in (
        (clips, "clips", "take", take_rows.frames.isna(), "a take of takes.csv"),
        (clips, "clips", "truth_row", clips.truth_row < take_rows.first_row, "a row of its take"),
        (clips, "clips", "frames", beyond, "at most the frames of its take from truth_row on"),
        (samples, "samples", "clip", clip_frames.isna(), "a clip of clips.csv"),
        (samples, "samples", "frames", last_frame >= clip_frames, "a last frame inside its clip"),
    ):
        refuse(table, column, broken, expected, where / f"{name}.csv")


def refuse(table: "pd.DataFrame", column: str, broken: Any, expected: str, where: Path) -> None:
    """Raise UserError naming the first broken row, if there is one; `broken` has a truth value for each row."""
    rows = np.flatnonzero(broken)
    if len(rows):
        more = f"; {len(rows)} rows fail in all" if len(rows) > 1 else ""
        cell = _cell(int(rows[0]), column, table[column].iloc[int(rows[0])])
        raise UserError(f"{where}: {cell}, expected {expected}{more}")


def _urgency(case: dict[str, Any]) -> int:
    """Missing columns come before bad cells, and these before rules over columns that the cells may break."""
    if case["check"] in _STRUCTURE:
        return list(_STRUCTURE).index(case["check"]) - len(_STRUCTURE)
    if case["schema_context"] == "Column":
        return 0 if _row(case) is not None else 1
    # A rule is reported once for every column; the one it is about stands first in its text.
    return 2 if str(case["check"]).split()[0] == case["column"] else 3


def _row(case: dict[str, Any]) -> int | None:
    index = case["index"]
    return None if index is None or index != index else int(index)


def _describe(case: dict[str, Any], table: "pd.DataFrame", cases: list[dict[str, Any]]) -> str:
    if case["check"] in _STRUCTURE:
        return f"column {case['failure_case']} {_STRUCTURE[case['check']]}"
    if _row(case) is None:  # a whole column of another type: look for the cell that made it so
        column = table[case["column"]]
        odd = [row for row, value in enumerate(column) if not _is_integer(value)]
        if odd and "int" in str(case["check"]):
            return f"{_cell(odd[0], case['column'], column.iloc[odd[0]])}, expected {case['check']}"
        return f"column {case['column']} is of type {column.dtype.name}, expected {case['check']}"
    rows = len({_row(other) for other in cases})
    more = f"; {rows} rows fail in all" if rows > 1 else ""
    return f"{_cell(_row(case), case['column'], case['failure_case'])}, expected {case['check']}{more}"


def _cell(row: int | None, column: str, value: Any) -> str:
    plain = value.item() if hasattr(value, "item") else value  # 10, not np.int64(10)
    return f"row {row}, column {column} is {plain!r}"


def _is_integer(value: Any) -> bool:
    try:
        return float(value).is_integer()
    except (TypeError, ValueError):
        return False
