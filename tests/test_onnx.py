"""Laws of exported models: they say what torch says, stream by stream, and run where torch is not."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from browser import Browser
from import_graph import ROOT
from test_checkpoint import checkpoint
from test_cli import run
from test_model import make_model
from torch import Tensor

from blaze2cap.body.camera import ASSUMED_INTRINSICS
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.errors import UserError
from blaze2cap.learning.checkpoint import Checkpoint, save_checkpoint
from blaze2cap.learning.model import PoseModel
from blaze2cap.runtime import onnx_export
from blaze2cap.runtime.onnx_export import TOLERANCE, largest_difference, rehearsal
from blaze2cap.runtime.onnx_model import DESCRIPTION_KEY, OnnxModel, Step
from blaze2cap.runtime.onnx_step import OUTPUTS, StreamingStep

INTRINSICS = torch.tensor([ASSUMED_INTRINSICS])
# Each backbone and smoother once, a look-ahead among them; an export takes a minute or more.
MODELS = [
    {"backbone": "recurrent", "delay_frames": 2},
    {"backbone": "transformer", "smoother": "window"},
    {"backbone": "tcn", "smoother": "none"},
    {"backbone": "frame", "base": "none", "ray": False},
    {"backbone": "none"},
]


def stream(frames: int, seed: int = 5) -> tuple[Tensor, Tensor]:
    """Landmarks [frames, 25, 7] of one person, with gaps and anchors, and the times between them."""
    landmarks, dt = zip(*rehearsal(1, frames, seed), strict=True)
    return torch.cat(landmarks), torch.cat(dt)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[StreamingStep, Path]:
    """A small network with a look-ahead, and its file."""
    model = make_model(**MODELS[0])
    return StreamingStep(model), export(model, tmp_path_factory.mktemp("exported"))


def export(model: PoseModel, folder: Path) -> Path:
    """A file by the command, in a process of its own: shapes checked at every call would tie the graph to one batch."""
    pytest.importorskip("onnxscript", reason="the extra `export` is not installed")
    save_checkpoint(folder / "models", Checkpoint(model, checkpoint().baselines, checkpoint().provenance))
    code = "from blaze2cap.cli import app; app()"
    call = [sys.executable, "-c", code, "export", "models", "-o", "new/model.onnx"]
    answer = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert re.fullmatch(r"new/model\.onnx: \d+\.\d MB, off from torch by \S+ at most\n", answer.stdout)
    return folder / "new" / "model.onnx"


def test_the_rehearsal_has_gaps_anchors_and_several_rates() -> None:
    landmarks, dt = zip(*rehearsal(3, 300, seed=0), strict=True)
    seen = torch.stack(landmarks).flatten(2).any(-1)
    anchors = seen & (torch.stack(landmarks)[:, :, 0, TRACKED] == 0)
    assert ((~seen).sum(0) > 10).all()
    assert (anchors.sum(0) > 2).all()
    assert torch.stack(dt).unique().tolist() == [1, 2, 3]


@pytest.mark.parametrize("changes", MODELS, ids=lambda changes: "-".join(map(str, changes.values())))
@torch.inference_mode()
def test_a_step_with_named_states_is_the_networks_step(changes: dict[str, object]) -> None:
    model = make_model(**changes)
    step = StreamingStep(model)
    state, known = step.start(2), model.start(2)
    intrinsics, size = INTRINSICS.repeat(2, 1), torch.tensor([0.9, 1.2])
    for landmarks, dt in rehearsal(2, 40, seed=2):
        answers = dict(zip(OUTPUTS, out := step(landmarks, intrinsics, dt, size, *state), strict=False))
        state = list(out[len(OUTPUTS) :])
        motion, known = model.step(landmarks, intrinsics, dt, known)
        for name, wanted in motion._asdict().items():
            assert torch.equal(answers[name], wanted), name
        position, turned = forward_kinematics(motion.rotation, size[:, None, None] * mean_offset())
        torch.testing.assert_close(answers["joint_position"], position)
        torch.testing.assert_close(answers["global_rotation"], turned)


@torch.inference_mode()
def test_a_stream_whose_states_are_zeroed_begins_anew_and_the_others_go_on() -> None:
    step = StreamingStep(make_model())
    landmarks, dt = stream(40)
    again, once = step.start(2), step.start(1)
    for frame in range(40):
        if frame == 20:
            for tensor, axis in zip(again, step.batch_axes, strict=True):
                tensor.select(axis, 1).zero_()
            fresh = step.start(1)
        both = landmarks[frame].repeat(2, 1, 1)
        answers = step(both, INTRINSICS.repeat(2, 1), dt[frame].repeat(2), torch.ones(2), *again)
        again = [tensor.clone() for tensor in answers[len(OUTPUTS) :]]
        alone = step(landmarks[frame : frame + 1], INTRINSICS, dt[frame : frame + 1], torch.ones(1), *once)
        once = list(alone[len(OUTPUTS) :])
        torch.testing.assert_close(answers[0][:1], alone[0], atol=1e-5, rtol=0)
        if frame >= 20:
            new = step(landmarks[frame : frame + 1], INTRINSICS, dt[frame : frame + 1], torch.ones(1), *fresh)
            fresh = list(new[len(OUTPUTS) :])
            torch.testing.assert_close(answers[0][1:], new[0], atol=1e-5, rtol=0)


def test_the_runtime_module_does_not_import_torch() -> None:
    code = "import sys, blaze2cap.runtime.onnx_model; print([n for n in ('torch', 'pandas') if n in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_faults_end_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "model.onnx"
    with pytest.raises(UserError, match=r"model\.onnx: no such file; `blaze2cap export CHECKPOINT -o model\.onnx`"):
        OnnxModel(path)
    for damaged in (b"", b"not a model", b"\x08\x07" * 200):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"model\.onnx: not a readable ONNX model \(.+\); export it again"):
            OnnxModel(path)
    put = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["x"], ["y"])], "other", [put], [other])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    with pytest.raises(UserError, match="not a model that `blaze2cap export` wrote"):
        OnnxModel(path)
    for description, sentence in (
        ({"format": 99}, "format 99, this version reads 1; export the checkpoint again"),
        ({"format": 1}, "what its metadata says of it is damaged; export the checkpoint again"),
        ({"format": 1, "delay_frames": 0, "states": [{"name": "a"}]}, "what its metadata says of it is damaged"),
        ({"format": 1, "delay_frames": "0", "states": []}, "what its metadata says of it is damaged"),
        ({"format": 1, "delay_frames": 10**9, "states": []}, "what its metadata says of it is damaged"),
        *(
            (
                {"format": 1, "delay_frames": 0, "states": [{"name": "a", "shape": shape, "type": "float32"}]},
                "what its metadata says of it is damaged",
            )
            for shape in ([10**13], ["batch", "x"], [-1], 3, None)
        ),
        ({"format": 1, "delay_frames": 0, "states": []}, "its inputs and outputs are not those that it describes"),
    ):
        onnx.helper.set_model_props(model, {DESCRIPTION_KEY: json.dumps(description)})
        onnx.save(model, path)
        with pytest.raises(UserError, match=sentence):
            OnnxModel(path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime is not installed.+pip install 'blaze2cap\[onnx\]'"):
        OnnxModel(path)


def test_the_command_refuses_before_it_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "models", checkpoint())
    assert run("export", "models", "-o", "model.pb") == (
        1, "", "blaze2cap export: model.pb: cannot write .pb; use .onnx\n"
    )  # fmt: skip
    code, _, said = run("export", "nothing", "-o", "model.onnx")
    assert code == 1
    assert said.startswith("blaze2cap export: nothing/model.json: not found; a checkpoint is a folder")
    monkeypatch.setitem(sys.modules, "onnx", None)
    code, _, said = run("export", "models", "-o", "new/model.onnx")
    assert code == 1
    assert "pip install 'blaze2cap[export]'" in said
    assert not [path for path in tmp_path.rglob("*") if "onnx" in path.name]


def test_a_file_that_differs_from_torch_does_not_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Program:
        """Stands for a program that is saved; what is compared is another matter."""

        def save(self, path: Path, external_data: bool) -> None:
            path.write_bytes(b"model")

    off = onnx_export.Difference(0.5, "rotation", 7)
    monkeypatch.setattr(onnx_export, "OnnxModel", lambda path: path)
    monkeypatch.setattr(onnx_export, "largest_difference", lambda step, model: off)
    (tmp_path / "model.onnx").write_bytes(b"old")
    with pytest.raises(
        UserError, match=r"not written, for onnxruntime's rotation is off by 0\.5 from torch's in frame"
    ):
        onnx_export.write_checked(Program(), StreamingStep(make_model()), tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
@pytest.mark.parametrize("changes", MODELS[1:], ids=lambda changes: "-".join(map(str, changes.values())))
def test_every_kind_of_network_can_be_exported(changes: dict[str, object], tmp_path: Path) -> None:
    model = make_model(**changes)
    assert largest_difference(StreamingStep(model), OnnxModel(export(model, tmp_path))).largest <= TOLERANCE


@pytest.mark.slow
def test_onnxruntime_says_what_torch_says_for_any_number_of_streams(exported: tuple[StreamingStep, Path]) -> None:
    step, path = exported
    model = OnnxModel(path)
    assert largest_difference(step, model).largest <= TOLERANCE
    landmarks, dt = stream(100)
    state, known = model.start(), step.start(1)
    with torch.inference_mode():
        for frame in range(100):
            one = landmarks[frame : frame + 1], INTRINSICS, dt[frame : frame + 1]
            answers = step(*one, torch.ones(1), *known)
            known = list(answers[len(OUTPUTS) :])
            got, state = model.step(*(tensor.numpy() for tensor in one), state)
            for name, wanted in zip(OUTPUTS, answers, strict=False):
                np.testing.assert_allclose(getattr(got, name), wanted.numpy(), atol=TOLERANCE, err_msg=name)


@pytest.mark.slow
def test_a_whole_clip_is_answered_for_its_own_frames(exported: tuple[StreamingStep, Path]) -> None:
    step, path = exported
    landmarks, _ = stream(120)
    got = OnnxModel(path).run(landmarks.numpy(), INTRINSICS[0].numpy(), 1.5, size=1.1)
    known = Checkpoint(step.model, checkpoint().baselines, checkpoint().provenance)
    wanted = known.system()(landmarks, INTRINSICS[0], 1.5)
    assert got.valid.tolist() == landmarks.flatten(1).any(1).tolist()
    np.testing.assert_allclose(got.rotation, wanted.rotation.numpy(), atol=TOLERANCE)
    position, _ = forward_kinematics(wanted.rotation, 1.1 * mean_offset())
    np.testing.assert_allclose(got.joint_position, position.numpy(), atol=TOLERANCE)
    assert all(len(part) == 120 for part in got)


@pytest.mark.slow
def test_landmarks_that_are_no_numbers_are_refused(exported: tuple[StreamingStep, Path]) -> None:
    model = OnnxModel(exported[1])
    landmarks = np.full((1, 25, 7), np.nan, np.float32)
    with pytest.raises(UserError, match="landmarks hold NaN or infinity"):
        model.step(landmarks, INTRINSICS.numpy(), np.ones(1, np.float32), model.start())


@pytest.mark.slow
def test_the_file_says_what_it_is_and_the_document_names_all_of_it(exported: tuple[StreamingStep, Path]) -> None:
    model = OnnxModel(exported[1])
    document = (ROOT / "docs" / "onnx.md").read_text()
    for name in (*Step._fields, *model.description, "landmarks", "intrinsics", "dt", "size"):
        assert f"`{name}`" in document, name
    assert model.delay_frames == 2
    assert {state["name"] for state in model.description["states"]} == set(model.start())
    assert model.description["provenance"] == checkpoint().provenance
    assert len(model.description["joints"]) == len(model.description["parents"]) == 21


@pytest.mark.slow
def test_an_exported_model_runs_where_torch_cannot_be_imported(exported: tuple[StreamingStep, Path]) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import numpy as np; from pathlib import Path; from blaze2cap.runtime.onnx_model import OnnxModel\n"
        "model = OnnxModel(Path(sys.argv[1])); rng = np.random.default_rng(0)\n"
        "seen = rng.normal(size=(9, 25, 7)).astype(np.float32); seen[..., 6] = 1\n"
        "print(model.run(seen, np.array([0.7, 1.2, 0.5, 0.5], np.float32), 1.0).joint_position.shape)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code, exported[1]], capture_output=True, text=True, check=False)
    assert (answer.stdout, answer.stderr) == ("(9, 21, 3)\n", "")


@pytest.fixture(scope="session")
def example(
    exported: tuple[StreamingStep, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[np.ndarray]]:
    """The example's folder with a model, landmarks and onnxruntime-web, and the joint positions that torch gives."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("no node and npm on PATH")
    step, model = exported
    folder = tmp_path_factory.mktemp("javascript") / "example"
    shutil.copytree(ROOT / "examples" / "onnx", folder, ignore=shutil.ignore_patterns("node_modules"))
    npm = ["npm", "install", "--no-audit", "--no-fund"]
    installed = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
    if installed.returncode:
        pytest.skip(f"onnxruntime-web cannot be installed: {installed.stderr.strip()[-200:]}")
    landmarks, _ = stream(60)
    (folder / "landmarks.json").write_text(json.dumps(landmarks.flatten(1).tolist()))
    shutil.copy(model, folder / "model.onnx")
    focal = 0.5 / np.tan(np.radians(35))
    intrinsics = torch.tensor([[focal, focal * 16 / 9, 0.5, 0.5]], dtype=torch.float32)
    state, wanted = step.start(1), []
    with torch.inference_mode():
        for frame in landmarks:
            outputs = step(frame[None], intrinsics, torch.ones(1), torch.ones(1), *state)
            state = list(outputs[len(OUTPUTS) :])
            wanted.append(outputs[OUTPUTS.index("joint_position")].flatten().numpy())
    return folder, wanted


@pytest.mark.slow
def test_the_example_in_node_says_what_torch_says(example: tuple[Path, list[np.ndarray]]) -> None:
    folder, wanted = example
    call = ["node", "run.mjs", "model.onnx", "landmarks.json"]
    answer = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    np.testing.assert_allclose(json.loads(answer.stdout), wanted, atol=1e-3)


@pytest.mark.slow
def test_the_example_in_a_browser_says_what_torch_says_and_asks_nobody_else(
    example: tuple[Path, list[np.ndarray]], tmp_path: Path
) -> None:
    folder, wanted = example
    with served(folder) as address, Browser(tmp_path / "profile", 520, 600) as page:
        page.call("Page.navigate", url=f"{address}/index.html")
        page.wait("window.positions !== undefined", seconds=120)
        np.testing.assert_allclose(page.value("window.positions"), wanted, atol=1e-3)
        assert page.said == []
        assert [asked for asked in page.requested if not asked.startswith((address, "data:", "blob:"))] == []
        assert page.screenshot().std() > 1


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the files of a folder are served for as long as this lasts."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
