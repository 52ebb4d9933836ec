"""`blaze2cap doctor` finds what is not in order, says what to do, and fails only where the pipeline cannot run."""

import importlib.metadata
import json
import logging
import os
import shutil
import subprocess
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from import_graph import ROOT
from recordings import write_recordings
from typer.testing import CliRunner

from blaze2cap.body.landmark import TRACKED
from blaze2cap.cli import app
from blaze2cap.data.manifest import write_manifest
from blaze2cap.data.preprocess import PreprocessParams, preprocess
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.data.sources.totalcapture import VARIABLE
from blaze2cap.doctor import environment, storage
from blaze2cap.doctor.finding import Finding, Status, examined
from blaze2cap.errors import UserError
from blaze2cap.learning import precision
from blaze2cap.learning.resume import CACHE_VARIABLE

Patch = pytest.MonkeyPatch
SAMPLE = DatasetParams()
OK, WARNING, PROBLEM = Status.OK, Status.WARNING, Status.PROBLEM


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: Patch, caplog: pytest.LogCaptureFixture) -> Path:
    """A repository of git and DVC without a commit, on a machine where git knows nobody."""
    from dvc.repo import Repo

    # What it tells goes to the stderr of when it was imported, which may have been another test's.
    caplog.set_level(logging.ERROR, logger="dvc")
    for variable in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(variable, os.devnull)
    folder = tmp_path / "repository"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    Repo.init(str(folder)).close()
    return folder


def commit(folder: Path) -> None:
    names = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *names, "commit", "-q", "--allow-empty", "-m", "start"], cwd=folder, check=True)


def holds(finding: Finding, status: Status, found: str, advice: str = "") -> bool:
    return finding.status is status and found in finding.found and advice in finding.advice


def test_an_interpreter_of_another_version_or_off_the_path_is_told(monkeypatch: Patch) -> None:
    monkeypatch.setattr(environment.shutil, "which", lambda name: environment.sys.executable)
    assert environment.python().status is OK
    monkeypatch.setattr(environment.shutil, "which", lambda name: "/usr/bin/python")
    assert holds(environment.python(), WARNING, "`python` is /usr/bin/python", "activate the environment")
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    assert holds(environment.python(), WARNING, "`python` is not found", "activate the environment")
    monkeypatch.setattr(environment.sys, "version_info", (3, 13, 1, "final", 0))
    assert holds(environment.python(), PROBLEM, "3.13.1", "install Python 3.11 or 3.12")


@pytest.mark.parametrize(
    ("package", "version", "status", "found"),
    [
        ("scipy", None, PROBLEM, "scipy is missing"),
        ("numpy", "1.26.4", PROBLEM, "numpy is 1.26.4, expected"),
        ("mediapipe", None, WARNING, "mediapipe is missing"),
        ("mediapipe", "0.10.31", WARNING, "mediapipe is 0.10.31, expected ==0.10.14"),
    ],
)
def test_a_package_that_is_missing_or_does_not_fit_is_named(
    monkeypatch: Patch, package: str, version: str | None, status: Status, found: str
) -> None:
    def other(name: str) -> str:
        if name == package and version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version if name == package and version else real(name)

    real = importlib.metadata.version
    assert environment.packages().status is OK
    monkeypatch.setattr(environment.importlib.metadata, "version", other)
    assert holds(environment.packages(), status, found, "make install")


def test_a_gpu_that_is_asked_for_and_not_there_is_a_problem(monkeypatch: Patch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "computes_in_bf16", lambda device: True)
    assert holds(environment.torch_build(), OK, "no GPU, bf16 native")
    assert holds(environment.torch_build("cuda"), PROBLEM, "runtime.device is 'cuda'", "runtime.device")
    assert holds(environment.torch_build("gpu"), PROBLEM, "runtime.device is 'gpu'", "runtime.device")


def test_bf16_without_hardware_for_it_is_told(monkeypatch: Patch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision, "computes_in_bf16", lambda device: False)
    assert holds(environment.torch_build(), WARNING, "bf16 emulated", "fp32")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "old GPU")
    monkeypatch.setattr(environment.RuntimeParams, "torch_device", lambda params: torch.device(params.device))
    assert holds(environment.torch_build("cuda"), WARNING, "old GPU", "train.precision=fp16")


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ImportError: libGL.so.1: cannot open shared object file", "apt-get install libgl1"),
        ("ImportError: libgthread-2.0.so.0: cannot open shared object file", "apt-get install libglib2.0-0"),
        ("ModuleNotFoundError: No module named 'cv2'", "make install"),
    ],
)
def test_a_system_library_that_is_missing_is_named_by_its_package(monkeypatch: Patch, said: str, advice: str) -> None:
    monkeypatch.setattr(environment, "probe", lambda code: (1, said))
    for what in environment.IMPORTS:
        assert environment.imported(what) == Finding(what, WARNING, f"not importable, so no videos: {said}", advice)
    monkeypatch.setattr(environment, "probe", lambda code: (0, "1.2.3"))
    assert environment.imported("OpenCV") == Finding("OpenCV", OK, "1.2.3")


def test_a_probe_tells_the_last_line_even_of_a_process_that_dies() -> None:
    assert environment.probe("print(1); print(2)") == (0, "2")
    assert environment.probe("import nowhere") == (1, "ModuleNotFoundError: No module named 'nowhere'")
    assert environment.probe("import os; os.abort()")[0] != 0


def test_a_probe_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "PATIENCE_S", 0.2)
    assert environment.probe("import time; time.sleep(60)") == (1, "no answer within 0.2 s")


def test_little_memory_is_told(monkeypatch: Patch) -> None:
    monkeypatch.setattr(environment, "memory_bytes", lambda: 16 * 10**9)
    assert holds(environment.machine(), OK, "16 GB of memory")
    monkeypatch.setattr(environment, "memory_bytes", lambda: 2 * 10**9)
    assert holds(environment.machine(), WARNING, "2 GB of memory", "close other programs")


def test_memory_is_what_a_container_is_held_to(tmp_path: Path) -> None:
    machine = environment.memory_bytes(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert environment.memory_bytes(tmp_path) == machine > 0
    (tmp_path / "memory.max").write_text("1000000\n")
    assert environment.memory_bytes(tmp_path) == 1_000_000
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("900000\n")
    assert environment.memory_bytes(tmp_path) == 900_000


def test_git_is_asked_for_a_repository_a_commit_and_a_name(repository: Path, monkeypatch: Patch) -> None:
    assert holds(environment.git(repository), WARNING, "without a commit", "git commit")
    commit(repository)
    assert holds(environment.git(repository), WARNING, "no user.name and no user.email", 'git config user.name "..."')
    for key in ("user.name", "user.email"):
        subprocess.run(["git", "config", key, "A"], cwd=repository, check=True)
    assert holds(environment.git(repository), OK, "0 tracked files changed")
    assert holds(environment.git(repository.parent), PROBLEM, "no repository", "git init")
    with monkeypatch.context() as patch:
        patch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
        assert holds(environment.git(repository), PROBLEM, "belongs to another user", "safe.directory")
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    assert holds(environment.git(repository), PROBLEM, "not found", "install git")


def test_another_folder_than_the_repository_is_a_problem(tmp_path: Path) -> None:
    assert storage.pipeline(ROOT).status is OK
    assert holds(storage.pipeline(tmp_path), PROBLEM, "no dvc.yaml, .dvc, stages", "top of the repository")


def test_the_link_that_is_really_used_is_found_out(repository: Path, monkeypatch: Patch) -> None:
    def configure(types: str) -> None:
        (repository / ".dvc" / "config").write_text(f"[cache]\n    type = {types}\n")

    configure("symlink,copy")
    assert holds(storage.cache(repository), OK, "links: symlink")
    configure("copy")
    assert holds(storage.cache(repository), WARNING, "links: copy", "dvc config cache.type ")
    configure("reflink,hardlink,copy")
    monkeypatch.setattr(storage, "links", lambda repo, folder: [])
    assert holds(storage.cache(repository), WARNING, "links: copy", "put the cache on the disk of the repository")
    assert not list(repository.glob("data/*")), "trying links leaves nothing behind"


def test_what_dvc_cannot_open_ends_in_a_sentence(tmp_path: Path) -> None:
    finding = examined("DVC", lambda: storage.cache(tmp_path))
    assert holds(finding, PROBLEM, f"DVC cannot open {tmp_path}")


def test_a_remote_and_recordings_do_not_go_together(repository: Path, tmp_path: Path) -> None:
    recorded = DatasetParams(source="totalcapture")
    assert holds(storage.remote(repository, recorded), OK, "none")
    (repository / ".dvc" / "config").write_text(f"['remote \"public\"']\n    url = {tmp_path}\n")
    assert holds(storage.remote(repository, SAMPLE), OK, "public; the data here are generated")
    assert holds(storage.remote(repository, recorded), WARNING, "totalcapture", "would publish licensed recordings")
    write_manifest(write_recordings(repository / "data" / "raw", {"S1/rom1": 3}), "totalcapture", [], None, workers=1)
    assert holds(storage.remote(repository, SAMPLE), WARNING, "totalcapture", "would publish licensed recordings")


def test_a_full_disk_is_a_problem_before_the_first_run_only(tmp_path: Path, monkeypatch: Patch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: usage(10**12, 0, 10**11))
    assert holds(storage.space(tmp_path, SAMPLE), OK, "100.0 GB free")
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: usage(10**12, 10**12, 10**8))
    assert holds(storage.space(tmp_path, SAMPLE), PROBLEM, "0.1 GB free", "--all-commits --all-experiments")
    (tmp_path / "data" / "raw").mkdir(parents=True)
    assert holds(storage.space(tmp_path, SAMPLE), WARNING, "0.1 GB free")


def test_room_is_asked_for_by_the_size_of_the_recordings(tmp_path: Path) -> None:
    with (tmp_path / "large.npy").open("wb") as file:
        file.truncate(3 * 10**9)
    assert (
        "takes about 6.5 GB" in storage.space(tmp_path, DatasetParams(source="totalcapture", path=str(tmp_path))).found
    )


def test_space_for_the_published_data_set_is_asked_for_once(tmp_path: Path) -> None:
    assert "takes about 9.7 GB" in storage.space(tmp_path, DatasetParams(source="huggingface")).found


def test_recordings_are_looked_for_where_they_are_said_to_be(tmp_path: Path, monkeypatch: Patch) -> None:
    recorded = DatasetParams(source="totalcapture")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert holds(storage.recordings(tmp_path, SAMPLE), OK, "none asked for")
    assert holds(storage.recordings(tmp_path, recorded), PROBLEM, f"{VARIABLE} is not set", f"export {VARIABLE}=")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nowhere"))
    assert holds(storage.recordings(tmp_path, SAMPLE), WARNING, "there is no such folder")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert holds(storage.recordings(tmp_path, recorded), OK, str(tmp_path))


def test_recordings_that_have_changed_since_the_download_are_told(tmp_path: Path) -> None:
    source = write_recordings(tmp_path / "recordings", {"S1/rom1": 3})
    raw = shutil.copytree(source, tmp_path / "data" / "raw")
    write_manifest(raw, "totalcapture", [], source, workers=1)
    recorded = DatasetParams(source="totalcapture", path=str(source))
    assert storage.recordings(tmp_path, recorded).status is OK
    os.utime(source / "calibration.cal", ns=(0, 0))
    assert storage.recordings(tmp_path, recorded) == Finding(
        "recordings",
        WARNING,
        f"1 recordings in {source} are not as taken over (calibration.cal)",
        "dvc repro -f download",
    )


def test_another_folder_of_recordings_than_that_of_the_download_is_told(tmp_path: Path, monkeypatch: Patch) -> None:
    source = write_recordings(tmp_path / "a", {"S1/rom1": 3})
    write_manifest(shutil.copytree(source, tmp_path / "data" / "raw"), "totalcapture", [], source, workers=1)
    other, recorded = write_recordings(tmp_path / "b", {"S1/rom1": 3}), DatasetParams(source="totalcapture")
    (tmp_path / "link").symlink_to(source)
    for same in (source, tmp_path / "link"):
        monkeypatch.setenv(VARIABLE, str(same))
        assert storage.recordings(tmp_path, recorded) == Finding("recordings", OK, str(same))
    monkeypatch.setenv(VARIABLE, str(other))
    assert storage.recordings(tmp_path, recorded) == Finding(
        "recordings", WARNING, f"data/raw was taken from {source}, not from {other}", "dvc repro -f download"
    )
    assert storage.recordings(tmp_path, SAMPLE).status is OK, "DVC sees that the source has changed"


def test_a_published_folder_must_be_named_by_the_parameter(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    finding = storage.recordings(tmp_path, DatasetParams(source="published"))
    assert holds(finding, PROBLEM, "dataset.path is null", "set dataset.path")
    assert holds(storage.recordings(tmp_path, DatasetParams(source="published", path=str(tmp_path))), OK, str(tmp_path))


def test_a_lock_that_dvc_cannot_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True)
    assert holds(storage.lock(tmp_path), OK, "none")
    path.write_text("{}")
    assert holds(storage.lock(tmp_path), OK, "can be read")
    for torn in ("", '{"data/raw": {"wri'):
        path.write_text(torn)
        assert holds(storage.lock(tmp_path), PROBLEM, "was torn by a kill", f"rm {path}")


def test_clips_whose_tables_and_arrays_disagree_are_told(tmp_path: Path) -> None:
    assert holds(storage.clips(tmp_path), OK, "none yet")
    raw = write_recordings(tmp_path / "data" / "raw", {"S1/rom1": 20, "S4/acting3": 12})
    write_manifest(raw, "totalcapture", [], None, workers=1)
    clips = tmp_path / "data" / "clips"
    preprocess(raw, clips, PreprocessParams(), workers=1)
    assert holds(storage.clips(tmp_path), OK, "2 takes, 4 clips: tables and arrays agree")
    np.load(clips / "landmarks.npy", mmap_mode="r+")[5, :, TRACKED] = 0
    assert holds(storage.clips(tmp_path), WARNING, "clips.csv: row 0, column anchors is 1", "dvc repro")


def test_states_of_training_are_counted_and_large_ones_told(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    assert holds(storage.training_states(), OK, f"none in {tmp_path / 'checkpoints'}")
    for run, file in (("a", "step_00000050.safetensors"), ("b", "best/model.safetensors")):
        path = tmp_path / "checkpoints" / run / file
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(1000))
    assert holds(storage.training_states(), OK, "2 runs, 1 of them unfinished")
    monkeypatch.setattr(storage, "LARGE_STATES_GB", 1e-6)
    assert holds(storage.training_states(), WARNING, "2 runs", f"rm -r {tmp_path / 'checkpoints'}")


def test_a_check_that_cannot_be_made_is_a_finding() -> None:
    def lacking() -> Finding:
        raise ImportError("No module named 'dvc'")

    def refused() -> Finding:
        raise UserError("one sentence")

    assert holds(examined("DVC", lacking), PROBLEM, "No module named 'dvc'", "pip install -e .")
    assert examined("DVC", refused) == Finding("DVC", PROBLEM, "one sentence")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    return result.exit_code, result.stdout


def test_here_the_pipeline_can_run(monkeypatch: Patch) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git repository: a download is one after make repro or git init")
    monkeypatch.chdir(ROOT)
    code, printed = run("--json")
    findings = {finding["what"]: finding for finding in json.loads(printed)}
    assert findings.keys() >= {"Python", "packages", "torch", "OpenCV", "mediapipe", "av", "git", "DVC", "disk space"}
    assert (code, [what for what, finding in findings.items() if finding["status"] == "problem"]) == (0, [])


def test_elsewhere_it_cannot_and_a_table_says_so(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "probe", lambda code: (1, "libGL.so.1: cannot open shared object file"))
    code, printed = run()
    assert code == 1
    lines = printed.splitlines()
    place = next(number for number, line in enumerate(lines) if line.split()[:2] == ["problem", "pipeline"])
    assert lines[place + 1].split("-> ")[1] == "run this from the top of the repository"
    assert sum("-> apt-get install libgl1" in line for line in lines) == 3
    assert lines[-1].startswith("the pipeline cannot run: problems ")


def test_a_damaged_parameter_is_a_problem(tmp_path: Path, monkeypatch: Patch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in (".dvc", "stages"):
        (tmp_path / name).mkdir()
    path = tmp_path / "params.yaml"
    path.write_text(path.read_text().replace("source: sample", "source: hub"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "probe", lambda code: (0, "1.0"))
    code, printed = run("--json")
    (finding,) = (finding for finding in json.loads(printed) if finding["what"] == "params.yaml")
    assert code == 1
    assert "dataset.source is 'hub'" in finding["found"]
    assert "git checkout params.yaml" in finding["advice"]
