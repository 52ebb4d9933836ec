"""Laws of what stands beside the pipeline, ablations/ and release/: known keys, stages list what they run."""

import re
from pathlib import Path

import pytest
import yaml
from import_graph import ROOT, closure

from blaze2cap.changed_params import changed_params
from blaze2cap.errors import UserError
from blaze2cap.learning.loss import LossParams

STUDIES = {"ablations": {"study"}, "release": {"people", "validation"}}
"""Each folder and the sections of its params.yaml that are its own, not changes to the pipeline's."""


def stages(study: str) -> dict[str, dict]:
    return yaml.safe_load((ROOT / study / "dvc.yaml").read_text())["stages"]


def keys(values: dict, prefix: str = "") -> set[str]:
    """Dotted keys of the leaves."""
    inner = [keys(v, f"{prefix}{k}.") if isinstance(v, dict) else {prefix + k} for k, v in values.items()]
    return set().union(*inner)


@pytest.mark.parametrize("study", STUDIES)
def test_the_budget_changes_only_keys_that_exist(study: str) -> None:
    values = yaml.safe_load((ROOT / study / "params.yaml").read_text())
    assert values.keys() >= STUDIES[study]
    changes = {section: value for section, value in values.items() if section not in STUDIES[study]}
    assert keys(changes)
    assert keys(changes) - keys(yaml.safe_load((ROOT / "params.yaml").read_text())) == set()


@pytest.mark.parametrize(("study", "stage"), [(study, stage) for study in STUDIES for stage in stages(study)])
def test_a_stage_lists_what_it_runs(study: str, stage: str) -> None:
    folder, deps = ROOT / study, stages(study)[stage]["deps"]
    scripts = [folder / dep for dep in deps if dep.endswith(".py") and "/" not in dep]
    assert stages(study)[stage]["cmd"].split()[2] in deps
    listed = [Path(folder, dep).resolve() for dep in deps if dep.startswith("../src/")]
    needed = set().union(*map(closure, scripts))
    assert [str(path) for path in needed if not any(path.is_relative_to(dep) for dep in listed)] == []


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_is_a_project_of_its_own_with_the_same_rules(study: str) -> None:
    """DVC looks no further than the nearest `.dvc`, so the pipeline's commands do not see it."""
    for name in (".dvc/config", ".dvcignore"):
        assert (ROOT / study / name).read_text() == (ROOT / name).read_text()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("", LossParams(smooth=5.0)),
        ("loss:\n  # smooth: 1.0\n", LossParams(smooth=5.0)),
        ("loss: {}\n", LossParams(smooth=5.0)),
        ("loss: {smooth: 1.0}\n", LossParams(smooth=1.0)),
        ("- loss\n", "section 'loss' is ['loss'], expected a mapping"),
        ("loss: 3\n", "section 'loss' is 3, expected a mapping"),
        ("loss: {smoother: {weight: 1.0}}\n", "unknown key loss.smoother"),
        ("loss: {smooth: {weight: 1.0}}\n", "loss.smooth is {'weight': 1.0}, expected float"),
    ],
)
def test_changes_are_made_or_refused_in_a_sentence(changes: str, expected: LossParams | str, tmp_path: Path) -> None:
    base, own = tmp_path / "base.yaml", tmp_path / "own.yaml"
    base.write_text("loss: {smooth: 5.0}\n")
    own.write_text(changes)
    if isinstance(expected, str):
        with pytest.raises(UserError, match=re.escape(expected)):
            changed_params("loss", LossParams, base, own)
    else:
        assert changed_params("loss", LossParams, base, own) == expected
