"""Laws of the command line: what it prints, what it refuses, and how fast it starts."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from import_graph import ROOT
from typer.testing import CliRunner

from blaze2cap.cli import app
from blaze2cap.cli.preset import REFUSED

PRESETS = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_printed_as_words_that_say_what_the_file_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, printed, said = run("preset", name)
    assert code == 0, said
    words = printed.split()
    assert words[::2] == ["-S"] * (len(words) // 2)
    read: dict = {}
    for setting in words[1::2]:
        keys, value = setting.split("=", 1)
        *sections, key = keys.split(".")
        place = read
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = yaml.safe_load(value)
    assert read == yaml.safe_load((ROOT / "presets" / f"{name}.yaml").read_text())


def test_an_unknown_preset_is_answered_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, printed, said = run("preset", "l5")
    assert (code, printed) == (1, f"{REFUSED}\n")
    assert said == f"blaze2cap preset: no preset 'l5'; there are {', '.join(PRESETS)}\n"


def test_dvc_runs_nothing_with_a_preset_that_is_none(tmp_path: Path) -> None:
    """The shell drops the exit code of $(blaze2cap preset l5), and leaves DVC what was printed."""
    # In a process of its own: DVC's log writes to what the first caller in a process had for its stderr.
    dvc = [sys.executable, "-m", "dvc", "exp", "run", "-S", "train.seed=1", REFUSED, "preprocess"]
    done = subprocess.run(dvc, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 254
    assert f"unrecognized arguments: {REFUSED}" in done.stderr


def test_presets_elsewhere_ask_for_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = run("preset", "l4")
    assert code == 1
    assert "top of the repository" in said


@pytest.mark.parametrize(
    ("value", "written"),
    [("[a, b/c]", "[a,b/c]"), ("null", "null"), ("true", "true"), ("1.0e-4", "0.0001"), ("[]", "[]"), ("3", "3")],
)
def test_values_are_written_without_blanks(
    value: str, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "own.yaml").write_text(f"a:\n  b:\n    c: {value}\n")
    assert run("preset", "own")[:2] == (0, f"-S a.b.c={written}\n")


def test_text_that_a_shell_would_split_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / "own.yaml").write_text("dataset:\n  path: my recordings\n")
    code, printed, said = run("preset", "own")
    assert (code, printed) == (1, f"{REFUSED}\n")
    assert "dataset.path is 'my recordings'" in said


def test_help_lists_the_commands_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, blaze2cap.cli\n"
        "try: blaze2cap.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'pandas', 'matplotlib', 'yaml') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "evaluate" in printed
    assert "preset" in printed
    assert printed.splitlines()[-1] == "[]"


def test_no_help_has_brackets_that_are_taken_for_markup() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    helps = {f"{name} {param.name}": param.help for name, command in commands.items() for param in command.params}
    assert len(helps) > 50
    assert [place for place, text in helps.items() if "[" in (text or "")] == []


@pytest.mark.parametrize(
    "command",
    [
        ("evaluate", "FILE", "--path", "."),
        ("errors", "FILE", "--path", ".", "--out", "study"),
        ("export", "FILE", "-o", "x.onnx"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("file", ["model.safetensors", "model.json", "model.onnx"])
def test_a_checkpoint_named_by_its_file_is_told_as_one(
    command: tuple[str, ...], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).write_bytes(b"")
    code, _, said = run(*(file if word == "FILE" else word for word in command))
    assert code == 1, said
    assert f"{file}: a file, expected a checkpoint's folder" in said
    assert ("exported network" in said) == (file == "model.onnx")


def test_an_empty_argument_is_not_the_current_folder() -> None:
    for command in (("predict", "", "-o", "x.bvh"), ("evaluate", "models", "--path", "")):
        code, _, said = run(*command)
        assert code == 2
        assert "an argument is empty" in said
