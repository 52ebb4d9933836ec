"""Laws of dvc.yaml, params.yaml and the presets: a stage re-runs when, and only when, something it uses changes."""

import ast
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from import_graph import ROOT, closure, has_code, parsed

from blaze2cap.params import params_from

PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES = PIPELINE["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))

each_stage = pytest.mark.parametrize("stage", STAGES)
each_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)


def script(stage: str) -> Path:
    return ROOT / "stages" / f"{stage}.py"


def sections_loaded(stage: str) -> dict[str, str]:
    """Section of params.yaml -> name of its dataclass, for every `load_params("section", Class)` of a stage."""
    calls = [node for node in ast.walk(parsed(script(stage))) if isinstance(node, ast.Call)]
    loads = [call.args for call in calls if isinstance(call.func, ast.Name) and call.func.id == "load_params"]
    return {ast.literal_eval(section): ast.unparse(cls) for section, cls, *_ in loads}


def outputs(stage: str, kind: str) -> list[str]:
    """Paths under `outs`, `metrics` or `plots` of a stage."""
    return [next(iter(out)) if isinstance(out, dict) else out for out in STAGES[stage].get(kind, [])]


def leaves(values: dict, prefix: str = "") -> dict[str, object]:
    """Dotted key -> value."""
    found: dict[str, object] = {}
    for key, value in values.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def merged(base: dict, changes: dict) -> dict:
    return base | {k: merged(base[k], v) if isinstance(v, dict) else v for k, v in changes.items()}


def test_one_name_for_stage_script_and_metrics():
    assert sorted(STAGES) == sorted(path.stem for path in (ROOT / "stages").glob("*.py"))
    written = {stage: [*outputs(stage, "metrics"), *outputs(stage, "plots")] for stage in STAGES}
    assert [stage for stage in STAGES if f"metrics/{stage}.json" not in written[stage]] == []


@each_stage
def test_stage_says_what_it_does_and_calls_its_own_script(stage):
    assert STAGES[stage]["desc"].strip()
    assert STAGES[stage]["cmd"].split()[1:3] == ["python", f"stages/{stage}.py"]


@pytest.mark.parametrize("project", [".", "release", "ablations"])
def test_stages_run_the_source_beside_them_not_the_installed_one(project: str, tmp_path: Path) -> None:
    package = tmp_path / "src" / "blaze2cap"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    folder = tmp_path / project
    folder.mkdir(exist_ok=True)
    (folder / "where.py").write_text("import blaze2cap; print(blaze2cap.__file__)")
    stages = yaml.safe_load((ROOT / project / "dvc.yaml").read_text())["stages"].values()
    for before in {stage["cmd"].partition(" python ")[0] for stage in stages}:
        found = subprocess.check_output(f"{before} python where.py", shell=True, cwd=folder, text=True)
        assert found.strip() == str(package / "__init__.py")


@each_stage
def test_dependencies_are_the_files_the_stage_can_run(stage):
    """DVC does not follow imports, so the import closure is listed; a folder stands for files that are all in it."""
    needed = {script(stage), *closure(script(stage))}
    listed = {ROOT / dep for dep in STAGES[stage]["deps"] if dep.endswith(".py") or dep.startswith("src/")}
    files = {file for dep in listed for file in (dep.rglob("*.py") if dep.is_dir() else [dep])}
    run = {file for file in files if not file.is_file() or has_code(file) or file in needed}
    assert sorted(map(str, needed - run)) == [], "missing in deps"
    assert sorted(map(str, run - needed)) == [], "in deps, but never run"


@each_stage
def test_data_dependencies_are_outputs_of_earlier_stages(stage):
    earlier = list(STAGES)[: list(STAGES).index(stage)]
    made = {path for name in earlier for path in outputs(name, "outs")}
    assert {dep for dep in STAGES[stage]["deps"] if not dep.endswith(".py") and not dep.startswith("src/")} <= made


@each_stage
def test_every_path_in_the_command_is_declared(stage):
    _, _, _, *arguments = STAGES[stage]["cmd"].split()
    declared = {
        *STAGES[stage]["deps"],
        *(path for kind in ("outs", "metrics", "plots") for path in outputs(stage, kind)),
    }
    paths = [argument for argument in arguments if "/" in argument or argument in ("data", "models")]
    unknown = [path for path in paths if path not in declared and not any(d.startswith(f"{path}/") for d in declared)]
    assert unknown == []


@each_stage
def test_parameters_are_those_the_stage_loads(stage):
    """`runtime` is loaded but never listed: device and workers change nothing in the results."""
    listed = {key.split(".")[0] for key in STAGES[stage].get("params", [])}
    assert listed == sections_loaded(stage).keys() - {"runtime"}


@each_stage
def test_outputs_are_cached_and_metrics_are_in_git(stage):
    """An uncached output turns DVC's run cache off, and a persisted one hides that parameters changed."""
    assert all(isinstance(out, str) for out in STAGES[stage].get("outs", []))
    assert [next(iter(m.values())) for m in STAGES[stage]["metrics"]] == [{"cache": False}]


def test_every_parameter_has_a_comment():
    """Beside it, or on the line above."""
    lines = (ROOT / "params.yaml").read_text().splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r"\s+[a-z_0-9]+: *[^ #]", line)]
    bare = [lines[i].strip() for i in keys if "#" not in lines[i] and not lines[i - 1].strip().startswith("#")]
    assert bare == []


def test_sections_of_the_parameters_are_those_the_stages_load():
    loaded = {section for stage in STAGES for section in sections_loaded(stage)}
    assert loaded == PARAMS.keys()


@each_preset
def test_preset_changes_only_keys_that_exist(preset):
    changes = leaves(yaml.safe_load(preset.read_text()))
    assert changes
    assert changes.keys() - leaves(PARAMS).keys() == set()


@each_preset
def test_preset_passes_every_stages_checks(preset):
    document = merged(PARAMS, yaml.safe_load(preset.read_text()))
    for stage in STAGES:
        specification = importlib.util.spec_from_file_location(stage, script(stage))
        assert specification is not None
        door = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(door)
        for section, name in sections_loaded(stage).items():
            params_from(document[section], section, getattr(door, name), preset.name)
