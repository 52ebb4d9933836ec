"""The commands that README and docs/experiments.md show run as they stand there, and print what is shown of them."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from dvc_clone import Clone, committed_clone, wait_until
from import_graph import ROOT

ALONE = {". .venv/bin/activate"}  # what a clone under test has by other means


class Block(NamedTuple):
    """Commands, a line each, and what is shown of their output."""

    commands: list[str]
    shown: list[str]


def text_of(document: str) -> str:
    """A document, of the README the section on experiments alone."""
    text = (ROOT / document).read_text()
    return text.split("## Experiments\n", 1)[1].split("\n## ", 1)[0] if document == "README.md" else text


def blocks(document: str) -> list[Block]:
    fenced = re.findall(r"```sh\n(.*?)```(?:\n```text\n(.*?)```)?", text_of(document), re.DOTALL)
    return [Block([c for c in code.splitlines() if c not in ALONE], shown.splitlines()) for code, shown in fenced]


def words(text: str) -> str:
    """Text with blanks and the lines of tables made alike."""
    return " ".join(re.sub("[─│├└]", " ", text).split())


def constant(line: str) -> bool:
    """Whether a shown line comes out the same in every run: no figures, hashes or names made up by DVC."""
    return bool(words(line)) and not re.search(r"\d", line) and words(line) != "..."


@pytest.mark.parametrize("document", ["README.md", "docs/experiments.md"])
def test_commands_are_long_options_in_blocks_that_are_run(document: str) -> None:
    """A command in running text is a name, or the beginning of a line that stands in a block."""
    code = [command for block in blocks(document) for command in block.commands]
    assert len(code) >= 5
    inline = re.findall(r"`((?:dvc|git) [^`]+)`", re.sub(r"```.*?```", "", text_of(document), flags=re.DOTALL))
    bare = {span for span in inline if re.search(r" -S|--queue|exp run -", span)}
    assert [span for span in bare if not any(span in command for command in code)] == []


@pytest.fixture
def walk(tmp_path: Path) -> Clone:
    """A copy of the committed clone with a study that takes seconds."""
    committed_clone().back_to_commit()
    clone = committed_clone().copy(tmp_path / "walk")
    path = clone.folder / "ablations" / "params.yaml"
    study = yaml.safe_load(path.read_text())
    study["study"] = {"smooth": [0, 80], "seed": [0, 1]}
    study["dataset"]["sample"] = {"seconds": 4.0, "cameras": 1}
    study["train"]["epochs"] = 0.1
    path.write_text(yaml.safe_dump(study))
    clone.commit("a shorter study")
    return clone


@pytest.mark.slow
@pytest.mark.xdist_group("dvc")
@pytest.mark.parametrize("document", ["README.md", "docs/experiments.md"])
def test_commands_run_as_shown_and_print_what_is_shown(document: str, walk: Clone) -> None:
    # Both walks begin with the preset, so they start from a commit without it; DVC's cache has its run already.
    first = walk.run("git", "rev-list", "--max-parents=0", "HEAD").strip()
    walk.run("git", "checkout", "--quiet", first, "--", "params.yaml")
    walk.run("git", "commit", "--quiet", "--message", "defaults")
    for block in blocks(document):
        printed = ""
        for command in block.commands:
            printed += walk.run("bash", "-ec", command)
            if command.startswith("dvc queue start"):
                wait_until(lambda: not re.search("Queued|Running", walk.dvc("queue", "status")))
        for line in filter(constant, block.shown):
            assert words(line) in words(printed), f"{block.commands} prints no {line!r} but\n{printed}"
    assert (walk.folder / "dvc_plots" / "index.html").is_file()
