"""A typo or a bad value in params.yaml gives one sentence with the key's name, from the library and from a stage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from blaze2cap.data.faults.params import FaultParams
from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.data.preprocess import PreprocessParams
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.data.split import SplitParams
from blaze2cap.errors import UserError
from blaze2cap.learning.batches import TrainParams
from blaze2cap.learning.evaluation import EvaluateParams
from blaze2cap.learning.loss import LossParams
from blaze2cap.learning.model import ModelParams
from blaze2cap.params import load_params, params_from, read_yaml

ROOT = Path(__file__).parents[1]
SECTIONS = {
    "dataset": DatasetParams, "preprocess": PreprocessParams, "split": SplitParams, "model": ModelParams,
    "loss": LossParams, "train": TrainParams, "evaluate": EvaluateParams, "runtime": RuntimeParams,
}  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_the_committed_parameters_are_sound_and_complete(section: str) -> None:
    params = load_params(section, SECTIONS[section], ROOT / "params.yaml")
    written = yaml.safe_load((ROOT / "params.yaml").read_text())[section]
    assert vars(params).keys() == written.keys()


def test_a_file_without_thresholds_or_base_losses_means_the_committed_ones() -> None:
    """Other weights of losses are the committed file's own; these two make the method."""
    assert load_params("preprocess", PreprocessParams, ROOT / "params.yaml").faults == FaultParams()
    written, left_out = load_params("loss", LossParams, ROOT / "params.yaml"), LossParams()
    assert (left_out.rot, left_out.smooth) == (written.rot, written.smooth) == (1.0, 5.0)


@pytest.mark.parametrize(
    ("section", "key", "value", "expected"),
    [
        ("dataset", "sample", {"seed": 1000}, "dataset.sample.seed is 1000, expected 0 to 999; more make training"),
        ("dataset", "sorce", "sample", "unknown key dataset.sorce; known keys are source, path, repository,"),
        ("dataset", "source", "hub", "dataset.source is 'hub', expected 'sample' or 'totalcapture'"),
        ("dataset", "repository", "totalcapture", "dataset.repository is 'totalcapture', expected owner/name"),
        ("dataset", "revision", "main", "dataset.revision is 'main', expected the 40 hex digits of a commit, as"),
        ("dataset", "revision", "a" * 39, f"dataset.revision is '{'a' * 39}', expected the 40 hex digits"),
        ("dataset", "path", 3, "dataset.path is 3, expected str"),
        ("dataset", "sample", {"seeds": 1}, "unknown key dataset.sample.seeds"),
        ("dataset", "sample", {"seed": -1}, "dataset.sample.seed is -1"),
        ("dataset", "sample", {"cameras": 9}, "dataset.sample.cameras is 9"),
        ("preprocess", "strides", [2, 3], "preprocess.strides is [2, 3], expected different numbers from 1 on"),
        ("preprocess", "strides", [1, 1], "preprocess.strides is [1, 1]"),
        ("preprocess", "strides", [1, 0], "preprocess.strides is [1, 0]"),
        ("preprocess", "strides", [], "preprocess.strides is []"),
        ("preprocess", "strides", [1, "two"], "preprocess.strides[1] is 'two', expected int"),
        ("preprocess", "strides", 1, "preprocess.strides is 1, expected a list like [1, 2]"),
        ("preprocess", "max_reprojection_px", 0, "preprocess.max_reprojection_px is 0.0, expected a number of pixels"),
        ("preprocess", "max_reprojection_px", float("nan"), "preprocess.max_reprojection_px is nan"),
        ("preprocess", "max_reprojection_px", "200 px", "preprocess.max_reprojection_px is '200 px', expected float"),
        ("preprocess", "max_reprojection_px", "nan", "preprocess.max_reprojection_px is 'nan', expected float"),
        ("preprocess", "max_reprojection_px", "200", "preprocess.max_reprojection_px is '200', expected float"),
        ("preprocess", "max_reprojection_px", 10**999, "preprocess.max_reprojection_px is 1000"),
        ("dataset", "sample", {"seed": "1e3"}, "dataset.sample.seed is '1e3', expected int"),
        ("split", "validation", ["S2/freestyle2", "S2-rom1"], "split.validation[1] is 'S2-rom1', expected subject"),
        ("split", "validation", ["S2/freestyle2"] * 2, "split.validation[1] is 'S2/freestyle2', which stands"),
        ("split", "validation", "S2/freestyle2", "split.validation is 'S2/freestyle2', expected a list like [a"),
        ("split", "exclude", ["S1/"], "split.exclude[0] is 'S1/'"),
        ("split", "exclude", [["S1/rom1"]], "split.exclude[0] is ['S1/rom1'], expected str"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_by_its_key(section: str, key: str, value: object, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        params_from({key: value}, section, SECTIONS[section], "params.yaml")
    assert str(caught.value).startswith(f"params.yaml: {expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["2e2", "2E+2", "2.e2", ".2e3", "+20e1", "2000e-1"])
def test_a_number_with_an_exponent_is_one_as_dvc_reads_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "params.yaml").write_text(f"preprocess: {{max_reprojection_px: {text}}}")
    assert load_params("preprocess", PreprocessParams, tmp_path / "params.yaml").max_reprojection_px == 200.0
    assert repr(read_yaml(tmp_path / "params.yaml")["preprocess"]["max_reprojection_px"]) == "200.0"


def test_what_is_too_large_for_a_number_or_is_text_to_dvc_is_none(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("preprocess: {max_reprojection_px: 1e999}")
    with pytest.raises(UserError, match=r"preprocess\.max_reprojection_px is inf, expected a finite number"):
        load_params("preprocess", PreprocessParams, tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("{a: '1e3', b: 1e3px, c: S1e3, d: 1_e3}")
    assert read_yaml(tmp_path / "params.yaml") == {"a": "1e3", "b": "1e3px", "c": "S1e3", "d": "1_e3"}


def test_a_take_is_either_validated_on_or_left_out() -> None:
    values = {"validation": ["S2/rom1"], "exclude": ["S2/rom1"]}
    with pytest.raises(UserError, match=r"split\.validation\[0\] is 'S2/rom1', which exclude names too"):
        params_from(values, "split", SplitParams, "params.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("split: [", "not valid YAML"),
        ("- split", "section 'split' is missing"),
        ("spilt: {}", "section 'split' is missing"),
        ("split:", "section 'split' is missing"),
    ],
)
def test_a_broken_file_or_missing_section_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=expected):
        load_params("split", SplitParams, path)


def run_stage(stage: str, folder: Path, arguments: list[str], params: str) -> subprocess.CompletedProcess[str]:
    """Run a stage as DVC does, in a folder of its own with these parameters."""
    (folder / "params.yaml").write_text(params)
    command = [sys.executable, str(ROOT / "stages" / f"{stage}.py"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


@pytest.mark.parametrize(
    ("stage", "arguments", "params", "expected"),
    [
        (
            "preprocess", ["raw", "clips", "metrics.json"], "preprocess: {stride: [1]}",
            "preprocess: params.yaml: unknown key preprocess.stride; known keys are strides, "
            "max_reprojection_px, drop_camera5, correct_lag, faults",
        ),
        (
            "download", ["raw", "metrics.json"], "dataset: {source: totalcapture, path: ../recordings}",
            "download: dataset.path is the relative path '../recordings': give an absolute one, as experiments run in "
            "other folders",
        ),
    ],
)  # fmt: skip
def test_a_stage_ends_in_one_line_without_a_traceback(
    tmp_path: Path, stage: str, arguments: list[str], params: str, expected: str
) -> None:
    result = run_stage(stage, tmp_path, arguments, params)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [expected]
    assert not (tmp_path / "metrics.json").exists()


def test_a_file_that_is_no_text_ends_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path, tmp_path / "params.yaml"):
        with pytest.raises(UserError, match="not readable as text"):
            read_yaml(path)
