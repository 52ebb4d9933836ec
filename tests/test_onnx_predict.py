"""Prediction where torch cannot be imported: the same files, by onnxruntime, and a sentence where it cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_cli import run
from test_onnx import exported  # noqa: F401
from test_predict import clip_footage
from video_files import person, write_video

from blaze2cap.learning.report_plots import COLOURS
from blaze2cap.runtime import animation_scene
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.onnx_model import DESCRIPTION_KEY
from blaze2cap.runtime.onnx_step import StreamingStep
from blaze2cap.runtime.rotation import geodesic_angle, quaternion_to_matrix

WITHOUT_TORCH = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "safetensors"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from blaze2cap.cli import app
app()
"""


def predict_without_torch(folder: Path, *arguments: str) -> tuple[int, str, str]:
    call = [sys.executable, "-c", WITHOUT_TORCH, "predict", *arguments]
    answer = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout, answer.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with landmarks of a clip."""
    np.save(tmp_path / "clip.npy", clip_footage().landmarks)
    (tmp_path / "clip.json").write_text(json.dumps({"width": 1920, "height": 1080, "fps": 60.0}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def statue(path: Path) -> None:
    """A file such as `export` writes, of a network that sees the same rest pose, four metres away, in every frame."""
    onnx = pytest.importorskip("onnx")
    say = onnx.numpy_helper.from_array
    said = {
        "rotation": np.tile(np.eye(3), (1, 21, 1, 1)), "joint_position": np.zeros((1, 21, 3)),
        "global_rotation": np.tile(np.eye(3), (1, 21, 1, 1)), "delta_position": np.zeros((1, 3)),
        "delta_rotation": np.eye(3)[None], "deviation": np.full((1, 21), 0.2),
        "image_position": np.array([[0, 0, 4.0]]),
    }  # fmt: skip
    said = {name: value.astype(np.float32) for name, value in said.items()} | {"valid": np.array([True])}
    put, kinds = onnx.helper.make_tensor_value_info, onnx.TensorProto
    taken = {"landmarks": [1, 25, 7], "intrinsics": [1, 4], "dt": [1], "size": [1]}
    graph = onnx.helper.make_graph(
        [
            *(onnx.helper.make_node("Identity", [f"{name}_"], [name]) for name in said),
            onnx.helper.make_node("Identity", ["state.started"], ["next.started"]),
        ],
        "statue",
        [*(put(name, kinds.FLOAT, shape) for name, shape in taken.items()), put("state.started", kinds.BOOL, [1])],
        [
            *(put(name, kinds.BOOL if name == "valid" else kinds.FLOAT, value.shape) for name, value in said.items()),
            put("next.started", kinds.BOOL, [1]),
        ],
        [say(value, f"{name}_") for name, value in said.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    states = [{"name": "started", "shape": ["batch"], "type": "bool"}]
    onnx.helper.set_model_props(
        model, {DESCRIPTION_KEY: json.dumps({"format": 1, "delay_frames": 0, "states": states})}
    )
    onnx.save(model, path)


def test_landmarks_become_all_files_where_torch_cannot_be_imported(folder: Path) -> None:
    statue(folder / "model.onnx")
    names = [f"a.{suffix}" for suffix in ("bvh", "glb", "npz", "csv", "html")]
    outputs = [argument for name in names for argument in ("-o", name)]
    code, printed, said = predict_without_torch(folder, "clip.npy", *outputs, "--checkpoint", "model.onnx", "--smooth")
    assert (code, said) == (0, "")
    assert [line.split(":")[0] for line in printed.splitlines()[1:]] == names
    assert np.load(folder / "a.npz")["joint_position"].shape == (150, 21, 3)
    assert predict_without_torch(folder, "clip.npy", "-o", "b.bvh", "--checkpoint", "model.onnx", "--causal")[0] == 0
    assert len(read_bvh(folder / "b.bvh").motion) == 150


def test_a_checkpoint_without_torch_is_a_sentence(folder: Path) -> None:
    code, _, said = predict_without_torch(folder, "clip.npy", "-o", "a.bvh")
    assert code == 1
    assert said.startswith("blaze2cap predict: torch is not installed, without which no checkpoint runs; ")
    assert said.endswith("--runtime onnx --checkpoint model.onnx\n")
    assert len(said.splitlines()) == 1


def test_what_onnxruntime_cannot_run_is_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: str) -> str:
        code, printed, said = run("predict", "clip.npy", "-o", "a.bvh", *arguments)
        assert (code, printed, len(said.splitlines())) == (1, "", 1)
        assert not Path("a.bvh").exists()
        return said

    (folder / "models").mkdir()
    (folder / "landmarks.onnx").write_bytes(b"no model")
    for causal in ([], ["--causal"]):
        assert "then give --checkpoint model.onnx" in refused("--runtime", "onnx", *causal)
        assert "models: a folder, which torch runs" in refused("--runtime", "onnx", "--checkpoint", "models", *causal)
        assert "landmarks.onnx: not a readable ONNX model" in refused("--checkpoint", "landmarks.onnx", *causal)
        assert "other.onnx: no such file" in refused("--checkpoint", "other.onnx", *causal)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "pip install 'blaze2cap[onnx]'" in refused("--checkpoint", "landmarks.onnx")


def test_the_viewer_has_the_colours_of_the_evaluation() -> None:
    assert (COLOURS["model"], COLOURS["raw"]) == (animation_scene.MODEL_COLOUR, animation_scene.LANDMARK_COLOUR)


def same_motion(one: Path, other: Path) -> None:
    """Within 1e-4 rad and a tenth of a millimetre, in both kinds of files."""
    a, b = (np.load(path.with_suffix(".npz")) for path in (one, other))
    turned = [quaternion_to_matrix(arrays["local_quaternion"].astype(float)) for arrays in (a, b)]
    assert geodesic_angle(*turned).max() < 1e-4
    assert np.abs(a["joint_position"] - b["joint_position"]).max() < 1e-4
    assert np.array_equal(a["valid"], b["valid"])
    a, b = (read_bvh(path.with_suffix(".bvh")).forward_kinematics() for path in (one, other))
    assert np.abs(a[0] - b[0]).max() < 1e-2, "centimetres"
    assert np.abs(a[1] - b[1]).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--causal"], ["--fps", "12"]], ids=" ".join)
def test_motion_is_that_of_torch(exported: tuple[StreamingStep, Path], folder: Path, options: list[str]) -> None:  # noqa: F811
    _, model = exported
    checkpoint = str(model.parent.parent / "models")
    outputs = ["-o", "torch.bvh", "-o", "torch.npz"]
    assert run("predict", "clip.npy", *outputs, "--checkpoint", checkpoint, *options)[0] == 0
    outputs = ["-o", "onnx.bvh", "-o", "onnx.npz"]
    assert predict_without_torch(folder, "clip.npy", *outputs, "--checkpoint", str(model), *options)[0] == 0
    same_motion(folder / "torch.bvh", folder / "onnx.bvh")


@pytest.mark.slow
def test_a_video_becomes_files_to_look_at_where_torch_cannot_be_imported(folder: Path) -> None:
    statue(folder / "model.onnx")
    write_video(folder / "a.mp4", person(12))
    outputs = ["-o", "a_overlay.mp4", "-o", "a.html", "-o", "a.bvh"]
    code, _, said = predict_without_torch(folder, "a.mp4", *outputs, "--checkpoint", "model.onnx")
    assert code == 0, said
    assert all((folder / name).stat().st_size > 1000 for name in outputs[1::2])
