"""What docs/data.md says of the tables is what their contracts say."""

from pathlib import Path

from blaze2cap.data.contract import contracts

DOCUMENT = Path(__file__).parents[1] / "docs" / "data.md"


def test_documented_tables_are_those_of_the_contracts() -> None:
    expected = [
        f"| {table} | `{column}` | {definition.description} |"
        for table in ("takes", "clips", "samples", "parts")
        for column, definition in contracts()[table].columns.items()
    ]
    names = tuple(f"| {table} | `" for table in contracts())
    assert [line for line in DOCUMENT.read_text().splitlines() if line.startswith(names)] == expected


def test_documented_split_map_has_the_columns_of_its_contract() -> None:
    section = DOCUMENT.read_text().split("## Split map", 1)[1].split("\n## ", 1)[0]
    assert [column for column in contracts()["split_map"].columns if f"`{column}`" not in section] == []
