"""What a checkpoint knows of a data set: nothing of another source's, though the names are the same."""

import pytest

from blaze2cap.data.clipset import UNKNOWN
from blaze2cap.data.known_takes import KnownTakes, known_takes
from blaze2cap.errors import UserError

PROVENANCE = {
    "source": "totalcapture",
    "takes": {"train": ["S1/rom1", "S1/freestyle1"], "val": ["S2/freestyle2"]},
    "subjects": ["S1"],
}
ALL = KnownTakes(("S1/rom1", "S1/freestyle1"), ("S2/freestyle2",), ("S1",))
NOTHING = KnownTakes((), (), ())


@pytest.mark.parametrize(
    ("trained_on", "here", "known"),
    [
        ("totalcapture", "totalcapture", ALL),
        ("sample", "sample", ALL),
        ("sample", "totalcapture", NOTHING),
        ("totalcapture", "sample", NOTHING),
        ("published", "totalcapture", ALL),
        ("totalcapture", "published", ALL),
        ("published", "sample", NOTHING),
        ("sample", UNKNOWN, ALL),
        (UNKNOWN, "totalcapture", ALL),
    ],
)
def test_names_count_where_the_recordings_are_the_same(trained_on: str, here: str, known: KnownTakes) -> None:
    assert known_takes(PROVENANCE | {"source": trained_on}, here) == known


def test_a_provenance_without_a_source_is_refused() -> None:
    old = {key: value for key, value in PROVENANCE.items() if key != "source"}
    with pytest.raises(UserError, match=r"does not say what its recordings were .*train it again"):
        known_takes(old, "sample")
