"""Laws of which weights a command takes, and that weights of half precision are as good as whole ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from test_checkpoint import answer, checkpoint

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import load_checkpoint, save_checkpoint
from blaze2cap.runtime import default_checkpoint
from blaze2cap.runtime.default_checkpoint import chosen_checkpoint


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the package's weights would be, and an empty working folder."""
    folder = tmp_path / "package" / "weights"
    monkeypatch.setattr(default_checkpoint, "shipped_checkpoint", lambda: folder)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return folder


def test_what_is_named_is_taken_whatever_else_there_is(shipped: Path) -> None:
    save_checkpoint(shipped, checkpoint())
    assert chosen_checkpoint(Path("mine")) == Path("mine")


def test_the_packages_own_weights_come_before_those_of_the_working_folder(shipped: Path) -> None:
    save_checkpoint(Path("models"), checkpoint())
    assert chosen_checkpoint(None) == Path("models")
    save_checkpoint(shipped, checkpoint())
    assert chosen_checkpoint(None) == shipped


def test_without_any_a_sentence_says_how_to_get_them(shipped: Path) -> None:
    with pytest.raises(UserError, match=r"give a checkpoint's folder with --checkpoint, or train one with `dvc repro`"):
        chosen_checkpoint(None)


def test_the_packages_weights_are_looked_for_inside_the_package() -> None:
    assert default_checkpoint.shipped_checkpoint().parent == Path(default_checkpoint.__file__).parents[1]


def test_weights_of_half_precision_give_the_same_motion(tmp_path: Path) -> None:
    saved = checkpoint()
    save_checkpoint(tmp_path, saved)
    tensors = load_file(tmp_path / "model.safetensors")
    half = {name: tensor.half() if name.startswith("model.") else tensor for name, tensor in tensors.items()}
    save_file(half, tmp_path / "model.safetensors")
    description = json.loads((tmp_path / "model.json").read_text())
    del description["weights_sha256"]  # as in older checkpoints
    (tmp_path / "model.json").write_text(json.dumps(description))
    loaded = load_checkpoint(tmp_path)
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    assert geodesic_angle(answer(loaded), answer(saved)).max() < 0.01


def test_what_the_first_import_of_torch_leaves_is_never_searched_and_what_comes_later_is() -> None:
    code = (
        "import gc; from blaze2cap.runtime.open_network import open_solver\n"
        "open_solver(None); left = gc.get_freeze_count(); later = open_solver(None)\n"
        "print(gc.isenabled(), left > 100_000, gc.get_freeze_count() <= left, gc.is_tracked(later))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "True True True True\n"
