"""Laws of the project's structure: who imports whom, names, sizes, and that its texts agree with each other."""

import io
import json
import re
import shlex
import subprocess
import sys
import tokenize
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import settings
from import_graph import ROOT, imported_names, module_name, modules
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository_files import repository_files

import blaze2cap

# Each package and what of ours it may import, downwards only; `errors` and `untrusted` are open to all.
MAY_IMPORT = {
    "body": set(),
    "data": {"body"},
    "learning": {"body", "data"},
    "runtime": {"body", "data", "learning"},
    "doctor": {"data", "learning"},
    "cli": {"body", "data", "learning", "runtime", "doctor", "params"},
    "params": set(),
    "changed_params": {"params"},
    "errors": set(),
    "stop_request": set(),
    "untrusted": set(),
}
# Each of these is slow or optional to import, so few modules of the package are its door.
DOORS = {
    "distributed": 1,
    "huggingface_hub": 1,
    "matplotlib": 2,
    "mediapipe": 1,
    "onnxruntime": 1,
    "pandera": 2,
    "yaml": 1,
}
CODE = ("src", "stages", "tests", "soak", "benchmarks", "ablations", "release")
VAGUE_NAMES = re.compile(r"(^|_)(utils?|helpers?|misc|common|stuff|tools)$")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked() -> dict[str, str]:
    """Version of each package in requirements.lock."""
    pins = re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_packages_import_downwards_only(path):
    own = module_name(path).split(".")[1:2]
    if not own:
        return
    used = {name.split(".")[1] for name in imported_names(path) if name.startswith("blaze2cap.")} & MAY_IMPORT.keys()
    allowed = MAY_IMPORT[own[0]] | {own[0], "errors", "stop_request", "untrusted"}
    assert used <= allowed, f"{module_name(path)} imports {sorted(used - allowed)}"


def test_no_module_imports_a_stage():
    assert not [path for path in modules() if any(name.split(".")[0] == "stages" for name in imported_names(path))]


@pytest.mark.parametrize(("library", "most"), DOORS.items())
def test_heavy_library_has_a_door_of_its_own(library, most):
    doors = {module_name(path) for path in modules() if library in {n.split(".")[0] for n in imported_names(path)}}
    assert len(doors) <= most, f"{library} is imported by {sorted(doors)}"


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, blaze2cap; print([n for n in ('torch', 'numpy', 'pandas', 'mediapipe') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("path", modules(), ids=module_name)
def test_module_is_small_and_named_for_its_content(path):
    assert len(path.read_text().splitlines()) <= 300
    assert not VAGUE_NAMES.search(path.stem)


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_stage_is_a_door(path):
    assert 15 <= len(path.read_text().splitlines()) <= 40


def test_only_the_parameter_loader_and_the_commands_know_the_parameter_file():
    knowing = {module_name(path) for path in modules() if '"params.yaml"' in path.read_text()}
    assert {name.rpartition(".")[0] for name in knowing - {"blaze2cap.params"}} <= {"blaze2cap.cli"}


def test_files_beside_the_modules_are_packed_with_them():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for path in (ROOT / "src" / "blaze2cap").rglob("*.*"):
        if path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts:
            assert any(path.match(p) for p in patterns.get(module_name(path.parent / "__init__.py"), [])), path


def test_lock_covers_every_declared_dependency():
    extras = project()["optional-dependencies"]
    declared = [*project()["dependencies"], *extras["test"], *extras["bench"]]
    pins = locked()
    for requirement in map(Requirement, declared):
        if requirement.name != "torch":
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_what_a_benchmark_exports_a_network_with_is_among_its_extra():
    extras = project()["optional-dependencies"]
    assert set(extras["export"]) <= set(extras["bench"])
    assert set(extras["export"]) <= set(extras["test"])


def test_lock_pins_every_package_by_hash_and_names_no_host_and_no_gpu_library():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=\S)", text.split("\n", 2)[2])
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert [name for name in locked() if name.startswith(("torch", "nvidia", "cuda", "triton"))] == []


def test_torch_is_the_same_release_everywhere():
    (pinned,) = (requirement for requirement in project()["dependencies"] if requirement.startswith("torch=="))
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["dependency-metadata"]
    assert f"TORCH ?= {pinned}\n" in (ROOT / "Makefile").read_text()
    assert [f"torch=={entry['version']}" for entry in metadata] == [pinned]


def test_torch_may_be_taken_from_another_index():
    make = ["make", "--dry-run", "--always-make", "install", "TORCH=torch==2.13.0 --index-url ADDRESS"]
    commands = subprocess.check_output(make, cwd=ROOT, text=True).splitlines()
    (command,) = (shlex.split(line) for line in commands if "ADDRESS" in line)
    assert command[-3:] == ["torch==2.13.0", "--index-url", "ADDRESS"]


def test_version_is_the_same_everywhere():
    version = project()["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert (blaze2cap.__version__, citation["version"], latest and latest[1]) == (version, version, version)


def test_readme_layout_names_files_that_exist():
    layout = (ROOT / "README.md").read_text().split("## Layout", 1)[1].split("```")[1]
    paths = [line.split()[0] for line in layout.splitlines() if line.strip() and not line.startswith(" ")]
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_readme_layout_leaves_no_module_out():
    layout = (ROOT / "README.md").read_text().split("## Layout", 1)[1].split("```")[1]
    code = [path for path in (*modules(), *(ROOT / "stages").glob("*.py")) if path.name != "__init__.py"]
    missing = [str(path.relative_to(ROOT)) for path in code if str(path.relative_to(ROOT)) not in layout]
    assert missing == []


def test_links_in_the_texts_lead_to_files():
    for text in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text.read_text())
        assert [target for target in targets if not (text.parent / target).exists()] == [], text.name


def test_no_text_points_to_a_document_that_is_not_here():
    here = {path.stem for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))}
    document = re.compile(r"\b(?:([A-Z]+)\.md|(SPEC|DESIGN)(?= [0-9]))")
    texts = [path for folder in ("src", "stages", "tests") for path in (ROOT / folder).rglob("*.py")]
    pointing = {(path.name, m[1] or m[2]) for path in texts for m in document.finditer(path.read_text())}
    assert [(name, target) for name, target in sorted(pointing) if target not in here] == []


def test_only_the_ci_script_knows_a_path_outside_the_repository():
    outside = re.compile(r"(?<![\w.])(?:\.\./){1,}shared|/(?:work|home|Users)/\w")
    names = repository_files()
    assert names
    knowing = [name for name in names if name != "tests/test_project.py" and _matches(outside, name)]
    assert set(knowing) <= {".ci/run"}


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    try:
        return bool(pattern.search((ROOT / name).read_text()))
    except UnicodeDecodeError:
        return False


def test_files_are_found_whether_or_not_git_knows_them(tmp_path, monkeypatch):
    (tmp_path / ".gitignore").write_text("/runs/\n")
    (tmp_path / "a.csv").touch()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "b.csv").touch()
    monkeypatch.setattr("repository_files.ROOT", tmp_path)
    assert repository_files() == [".gitignore", "a.csv"]
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert repository_files() == [".gitignore", "a.csv"]
    subprocess.run(["git", "add", "a.csv"], cwd=tmp_path, check=True)
    assert repository_files() == ["a.csv"]


def test_no_name_is_undefined_but_those_of_shapes_in_strings():
    command = ["check", "--no-cache", "--isolated", "--select", "F821", "--output-format", "json", *CODE]
    told = subprocess.run(
        [sys.executable, "-m", "ruff", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    places = [(Path(found["filename"]), found["location"], found["message"]) for found in json.loads(told.stdout)]
    assert places, "shapes are among them"
    assert [place for place in places if not _in_a_string(place[0], place[1]["row"], place[1]["column"] - 1)] == []


def _in_a_string(path: Path, row: int, column: int) -> bool:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return any(token.type == tokenize.STRING and token.start <= (row, column) < token.end for token in tokens)


def test_a_machine_that_stands_still_fails_no_property():
    assert settings.default.deadline is None
