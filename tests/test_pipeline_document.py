"""docs/pipeline.md: its commands run, its figures are those of the documents beside it."""

import re
import shutil

import pytest
import yaml
from dvc_clone import UP_TO_DATE, committed_clone
from import_graph import ROOT

TEXT = (ROOT / "docs" / "pipeline.md").read_text()
BLOCKS = [re.sub(r"^ +", "", block, flags=re.MULTILINE) for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)]


def test_every_stage_has_a_row_of_what_it_reads_writes_and_costs() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    rows = [line.strip("| ").split(" | ") for line in TEXT.splitlines() if line.startswith("| ")][1:]
    assert [row[0] for row in rows] == list(stages)
    assert {len(row) for row in rows} == {6}


def test_the_spread_over_seeds_is_that_of_the_results() -> None:
    table = (ROOT / "docs" / "results.md").read_text().split("## Spread", 1)[1]
    deviation = next(line for line in table.splitlines() if line.startswith("| standard deviation"))
    mpjpe, *_, jitter = (cell.strip() for cell in deviation.strip("| ").split("|")[1:])
    assert f"{mpjpe} mm MPJPE" in TEXT
    assert f"{jitter} jitter ratio" in TEXT


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
def test_the_commands_run_and_say_what_the_document_says(tmp_path) -> None:
    committed_clone().back_to_commit()
    clone = committed_clone().copy(tmp_path / "clone")
    clone.environment["PYTEST_ADDOPTS"] = "--collect-only -q"  # the schemas themselves are tests of their own
    printed = [clone.run("bash", "-ec", block) for block in BLOCKS if shutil.which("time") or "time -v" not in block]
    assert sum(UP_TO_DATE in output for output in printed) >= 1
    assert clone.run("git", "diff", "--stat", "dvc.lock", "metrics") == ""
    assert any("test_schema.py" in output for output in printed)
    assert "the pipeline can run" in printed[-1]
