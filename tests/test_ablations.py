"""Laws of the study in ablations/: every cell is a row, and the plot is a result."""

import importlib.util
from types import ModuleType

import pandas as pd
import pytest
from import_graph import ROOT

STUDY = ROOT / "ablations"


@pytest.fixture
def smoothness() -> ModuleType:
    specification = importlib.util.spec_from_file_location("smoothness", STUDY / "smoothness.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_cell_is_a_row_and_every_weight_has_its_mean_and_spread(smoothness: ModuleType, tmp_path) -> None:
    cells = tmp_path / "cells"
    cells.mkdir()
    (cells / "smooth5_seed0.json").write_text("{}")  # of an earlier matrix
    params = tmp_path / "params.yaml"
    params.write_text("study: {smooth: [0, 80], seed: [0, 1, 2]}")
    for smooth in (0, 80):
        for seed, error in enumerate((60.0, 62.0, 64.0)):
            row = {"smooth": smooth, "seed": seed} | dict.fromkeys(smoothness.TITLES, error + smooth)
            pd.Series(row).to_json(cells / f"smooth{smooth}_seed{seed}.json")
    for name in ("one", "two"):
        smoothness.main(cells, tmp_path / f"{name}.csv", tmp_path / f"{name}.png", params)
    table = pd.read_csv(tmp_path / "one.csv")
    assert list(zip(table.smooth, table.seed, strict=True)) == [(w, s) for w in (0, 80) for s in range(3)]
    found = smoothness.summary(table).mpjpe_mm
    assert found["mean"].tolist() == [62, 142]
    assert found["std"].tolist() == [2, 2]
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_cells_are_looked_for_under_the_numbers_that_dvc_reads(smoothness: ModuleType, tmp_path, monkeypatch) -> None:
    """`1e-3` without a dot is text to YAML 1.1; DVC writes the cell of 0.001."""
    from dvc.parsing.interpolate import to_str
    from dvc.utils.serialize import load_yaml

    params = tmp_path / "params.yaml"
    params.write_text("study: {smooth: [0, 1e-3, 5.0, 2e-6, 1e2], seed: [0]}")
    monkeypatch.setattr(smoothness, "draw", lambda results, path: None)
    for smooth in load_yaml(params)["study"]["smooth"]:
        row = {"smooth": smooth, "seed": 0} | dict.fromkeys(smoothness.TITLES, 1.0)
        pd.Series(row).to_json(tmp_path / f"smooth{to_str(smooth)}_seed0.json")
    smoothness.main(tmp_path, tmp_path / "table.csv", tmp_path / "plot.png", params)
    assert pd.read_csv(tmp_path / "table.csv").smooth.tolist() == [0, 1e-3, 5, 2e-6, 100]
