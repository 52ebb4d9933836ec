"""Laws of what `make bench` says of a path's speed."""

import pytest
from import_graph import ROOT


def test_only_several_rounds_have_a_middle_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from speed.claim import seconds

    claim = seconds("a case", "case", most=2)
    assert claim.row({"case": [1.0, 2.0, 3.0]}) == "a case | 2.00 s | 1.50 s - 2.50 s | at most 2.00 s | reached"
    assert claim.row({"case": [3.0]}) == "a case | 3.00 s |  | at most 2.00 s | **missed**"
