"""Laws of `blaze2cap errors`: its page says what its tables say, its pictures are there, it refuses in a sentence."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from finished_run import write_checkpoint, write_clips
from import_graph import ROOT
from PIL import Image
from recordings import write_recordings
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.data import schema
from blaze2cap.learning.diagnosis.ceiling import CEILINGS

TABLES = ("error_groups", "error_joints", "error_spectrum", "ceilings", "worst_moments")


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["errors", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page and its tables under `errors`, and the pictures under `images (of a run)`."""
    folder = tmp_path_factory.mktemp("errors")
    write_clips(folder)
    write_checkpoint(folder / "models")
    code, printed, said = run(
        folder / "models", "--path", folder / "data" / "clips", "--split", "test", "--out", folder / "errors",
        "--pictures", folder / "images (of a run)", "--moments", 3,
    )  # fmt: skip
    assert code == 0, said
    assert "400 frames of 4 clips" in printed
    return folder


def test_tables_keep_their_contracts_and_the_page_shows_their_figures(written: Path) -> None:
    tables = {name: schema.read_table(written / "errors" / f"{name}.csv", name) for name in TABLES}
    page = (written / "errors" / "tables.md").read_text()
    whole = tables["error_groups"].query("grouping == 'all'")
    assert list(whole["system"]) == ["model", "one_euro_ik"]
    assert list(whole["frames"]) == [400, 400]
    for row in tables["error_joints"].query("system == 'model'").to_dict("records"):
        (shown,) = re.findall(rf"^\| {row['joint']} \| ([\d.]+) \|", page, re.MULTILINE)
        assert float(shown) == pytest.approx(row["mpjpe_mm"], abs=0.06)
    assert set(tables["ceilings"]["ceiling"]) == set(CEILINGS)
    assert len(tables["worst_moments"]) == 3
    for words in tables["worst_moments"]["cause"]:
        assert words in page


def test_the_report_holds_what_no_table_does(written: Path) -> None:
    report = json.loads((written / "errors" / "errors.json").read_text())
    assert report["takes"] == ["S1/walking2", "S4/acting3"]
    assert report["trained_on"] == ["S1/walking1"]
    assert set(report["ceilings"]) == set(CEILINGS)
    assert all(entry["definition"] for entry in report["ceilings"].values())
    assert len(report["worst_moments"]) == 3
    assert 0 <= report["slow_share"]["model"] <= 1


def test_every_picture_that_the_page_shows_is_there(written: Path) -> None:
    page = (written / "errors" / "tables.md").read_text()
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert len(shown) == 4
    for place in shown:
        assert " " not in place, "Markdown takes no space in an address"
        path = written / "errors" / unquote(place)
        assert path.resolve().parent == (written / "images (of a run)").resolve()
        with Image.open(path) as picture:
            assert min(picture.size) > 200


def test_without_takes_of_the_part_it_says_so(written: Path, tmp_path: Path) -> None:
    code, _, said = run(written / "models", "--path", written / "data" / "clips", "--out", tmp_path)
    assert code == 1
    assert "none of the 2 takes here is one that the checkpoint was chosen by" in said
    code, _, said = run(
        written / "models", "--path", written / "data" / "clips", "--split", "test", "--simulated", "--out", tmp_path
    )
    assert code == 1
    assert "leave out --simulated" in said


def test_takes_without_landmarks_are_told_and_not_said_to_be_looked_at(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blaze2cap.data.parallel.cores_here", lambda: 1)
    takes = {"S1/walking2": 130, "S4/acting3": 70}
    some = write_recordings(tmp_path / "some", takes, unseen=("S4/acting3",))
    model, options = written / "models", ("--split", "test", "--moments", 1, "--out", tmp_path / "out")
    code, _, said = run(model, "--path", some, *options)
    assert code == 0, said
    assert "left out, as they have no landmarks: S4/acting3\n" in said
    assert json.loads((tmp_path / "out" / "errors.json").read_text())["takes"] == ["S1/walking2"]
    none = write_recordings(tmp_path / "none", {**takes, "S1/walking1": 60}, unseen=tuple(takes))
    code, _, said = run(model, "--path", none, *options)
    assert code == 1
    assert "no take of the test part has landmarks; --simulated sees them by simulation" in said


@pytest.mark.parametrize("split", ["all", "train"])
def test_what_is_not_held_out_is_not_simulated(split: str, written: Path, tmp_path: Path) -> None:
    code, _, said = run(
        written / "models", "--path", written / "data" / "clips", "--split", split, "--simulated", "--out", tmp_path
    )
    assert code == 1
    assert f"--simulated is for held-out takes, with --split test or val; {split} has no simulated takes" in said


def test_a_place_that_cannot_be_written_is_refused_before_the_work(written: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, said = run(written / "models", "--path", "nowhere", "--out", tmp_path / "file" / "out")
    assert code == 1
    assert "no folder can be made" in said


def test_the_tables_in_git_keep_their_contracts_and_the_document_shows_pictures_that_are_small() -> None:
    for name in TABLES:
        schema.read_table(ROOT / "docs" / "errors" / f"{name}.csv", name)
    pictures = list((ROOT / "docs" / "images" / "errors").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 300_000
    for document in (ROOT / "docs" / "errors.md", ROOT / "docs" / "errors" / "tables.md"):
        shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", document.read_text())
        assert {(document.parent / place).resolve() for place in shown} == set(pictures)


def test_the_document_names_every_table_that_the_command_writes() -> None:
    text = (ROOT / "docs" / "errors.md").read_text()
    for name in TABLES:
        assert f"{name}.csv" in text


def test_a_disk_that_fails_at_the_end_is_a_sentence(written: Path, tmp_path: Path) -> None:
    (tmp_path / "errors.json").mkdir()
    paths = "--path", written / "data" / "clips", "--split", "test", "--out", tmp_path
    code, _, said = run(written / "models", *paths, "--moments", 1)
    assert code == 1
    assert f"{tmp_path}: cannot be written (Is a directory); choose another place" in said
