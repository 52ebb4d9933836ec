"""Laws of the study in ablations/: its budget changes known keys, stages list what they run, the plot is a result."""

import importlib.util
from types import ModuleType

import pandas as pd
import pytest
import yaml
from import_graph import ROOT, closure

STUDY = ROOT / "ablations"
STAGES = yaml.safe_load((STUDY / "dvc.yaml").read_text())["stages"]


@pytest.fixture
def smoothness() -> ModuleType:
    specification = importlib.util.spec_from_file_location("smoothness", STUDY / "smoothness.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def keys(values: dict, prefix: str = "") -> set[str]:
    """Dotted keys of the leaves."""
    inner = [keys(v, f"{prefix}{k}.") if isinstance(v, dict) else {prefix + k} for k, v in values.items()]
    return set().union(*inner)


def test_the_budget_changes_only_keys_that_exist() -> None:
    changes = yaml.safe_load((STUDY / "params.yaml").read_text())
    changes.pop("study")
    assert keys(changes) - keys(yaml.safe_load((ROOT / "params.yaml").read_text())) == set()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_lists_what_it_runs(stage: str) -> None:
    scripts = [STUDY / dep for dep in STAGES[stage]["deps"] if dep.endswith(".py") and "/" not in dep]
    assert STAGES[stage]["cmd"].split()[1] in STAGES[stage]["deps"]
    listed = [(STUDY / dep).resolve() for dep in STAGES[stage]["deps"] if dep.startswith("../src/")]
    needed = set().union(*map(closure, scripts))
    assert [str(path) for path in needed if not any(path.is_relative_to(dep) for dep in listed)] == []


def test_the_study_is_a_project_of_its_own_with_the_same_rules() -> None:
    """DVC looks no further than the nearest `.dvc`, so the pipeline's commands do not see the study."""
    for name in (".dvc/config", ".dvcignore"):
        assert (STUDY / name).read_text() == (ROOT / name).read_text()


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
