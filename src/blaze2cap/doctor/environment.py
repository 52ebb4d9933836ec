"""Checks of the machine: interpreter, packages, torch, video libraries, git, cores and memory."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from blaze2cap.data.parallel import RuntimeParams
from blaze2cap.doctor.finding import Finding, Status
from blaze2cap.errors import UserError

PYTHONS = ((3, 11), (3, 12))
LEAST_MEMORY_GB = 4.0
PATIENCE_S = 120
FOR_VIDEOS = ("mediapipe", "av", "opencv-contrib-python")
"""Packages that the pipeline itself does without."""

# A library that the dynamic linker did not find, and the Debian package that brings it.
_SYSTEM_LIBRARIES = {"libGL.so": "libgl1", "libgthread": "libglib2.0-0", "libglib": "libglib2.0-0"}
IMPORTS = {
    "OpenCV": "import cv2; print(cv2.__version__)",
    "mediapipe": "import mediapipe, importlib.metadata as m; mediapipe.solutions.pose; print(m.version('mediapipe'))",
    "av": "import av; print(av.__version__ + ', H.264 encoder' * ('libx264' in av.codecs_available))",
}
"""What is imported in a process of its own, with what is then printed."""


def python() -> Finding:
    """Version of the interpreter, and whether `python`, as the stages call it, is this one."""
    found = f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}"
    if sys.version_info[:2] not in PYTHONS:
        advice = "install Python 3.11 or 3.12: mediapipe 0.10.14 has no build for others"
        return Finding("Python", Status.PROBLEM, found, advice)
    called = shutil.which("python")
    if called is None or Path(called).parent != Path(sys.executable).parent:
        advice = "activate the environment (. .venv/bin/activate), as DVC runs the stages with `python`, or use make"
        return Finding("Python", Status.WARNING, f"{found}; `python` is {called or 'not found'}", advice)
    return Finding("Python", Status.OK, found)


def packages() -> Finding:
    """Whether every package that the project asks for is here in a version that fits."""
    from packaging.requirements import Requirement

    odd = []
    for requirement in map(Requirement, importlib.metadata.requires("blaze2cap") or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            odd.append((requirement.name, f"{requirement.name} is missing"))
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            odd.append((requirement.name, f"{requirement.name} is {version}, expected {requirement.specifier}"))
    if not odd:
        return Finding("packages", Status.OK, "all in versions that fit")
    serious = any(name not in FOR_VIDEOS for name, _ in odd)
    sentences = "; ".join(sentence for _, sentence in odd)
    return Finding("packages", Status.PROBLEM if serious else Status.WARNING, sentences, "make install")


def torch_build(device: str = "auto") -> Finding:
    """Version, processor or GPU, threads, and whether bf16 is native; `device` is what `runtime` asks for."""
    import torch

    from blaze2cap.learning.precision import computes_in_bf16

    gpu = torch.cuda.is_available()
    place = torch.cuda.get_device_name() if gpu else f"{torch.get_num_threads()} threads, no GPU"
    bf16 = computes_in_bf16(torch.device("cuda" if gpu else "cpu"))
    found = f"{torch.__version__}, {place}, bf16 {'native' if bf16 else 'emulated'}"
    try:
        RuntimeParams(device=device).torch_device()
    except UserError as error:
        advice = "set runtime.device to auto or cpu, or install a CUDA build (README, CPU or CUDA)"
        return Finding("torch", Status.PROBLEM, f"{found}; {error}", advice)
    if not bf16:
        advice = (
            "use train.precision=fp16" if gpu else "training computes in fp32, three times as long as bf16 elsewhere"
        )
        return Finding("torch", Status.WARNING, found, f"{advice}; train.precision=bf16 would take far longer")
    return Finding("torch", Status.OK, found)


def imported(what: str) -> Finding:
    """Whether mediapipe, OpenCV or av can be imported: in a process of its own, as their faults may end it."""
    code, said = probe(IMPORTS[what])
    if code == 0:
        return Finding(what, Status.OK, said)
    package = next((apt for library, apt in _SYSTEM_LIBRARIES.items() if library in said), None)
    advice = f"apt-get install {package}" if package else "make install"
    return Finding(what, Status.WARNING, f"not importable, so no videos: {said}", advice)


def probe(code: str) -> tuple[int, str]:
    """Exit code and last line of what a Python process says that runs this code."""
    try:
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return 1, f"no answer within {PATIENCE_S} s"
    lines = (result.stdout if result.returncode == 0 else result.stderr).strip().splitlines()
    return result.returncode, lines[-1] if lines else f"exit code {result.returncode}"


def machine() -> Finding:
    """Cores that this process may use, and memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gb = memory_bytes() / 1e9
    found = f"{cores} cores, {memory_gb:.0f} GB of memory"
    if memory_gb < LEAST_MEMORY_GB:
        return Finding("machine", Status.WARNING, found, "close other programs; training takes about 1 GB")
    return Finding("machine", Status.OK, found)


def memory_bytes(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Memory that this process may use: the machine's, or what its container is held to."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    # Of control groups, version 2 and 1; "max" and a huge number say that there is no limit.
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):
            limits.append(int((groups / name).read_text()))
    return min(limits)


def git(folder: Path) -> Finding:
    """Whether there is a repository, as DVC asks for, a commit, and a name to commit under, as experiments do."""
    if shutil.which("git") is None:
        return Finding("git", Status.PROBLEM, "not found", "install git: DVC needs it")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)

    def ask(*arguments: str) -> str | None:
        result = run(*arguments)
        return result.stdout.strip() if result.returncode == 0 else None

    inside = run("rev-parse", "--is-inside-work-tree")
    if inside.returncode and "dubious ownership" in inside.stderr:
        advice = f"git config --global --add safe.directory {folder.resolve()}"
        return Finding("git", Status.PROBLEM, "this folder belongs to another user, so git refuses it", advice)
    if inside.returncode:
        return Finding("git", Status.PROBLEM, "this folder is no repository", "git init")
    commit = ask("rev-parse", "--short", "HEAD")
    if commit is None:
        advice = "git add -A && git commit -m start: dvc exp run and dvc metrics diff compare with a commit"
        return Finding("git", Status.WARNING, "a repository without a commit", advice)
    unknown = [key for key in ("user.name", "user.email") if not ask("config", key)]
    if unknown:
        advice = "; ".join(f'git config {key} "..."' for key in unknown) + ": dvc exp run commits"
        return Finding("git", Status.WARNING, f"commit {commit}, but no {' and no '.join(unknown)}", advice)
    changed = ask("status", "--porcelain", "--untracked-files=no") or ""
    return Finding("git", Status.OK, f"commit {commit}, {len(changed.splitlines())} tracked files changed")
