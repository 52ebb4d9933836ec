"""The hub as a source under DVC, and as a process that is killed or finds the disk full: what is fetched is kept."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from dvc_clone import ran, wait_until, working_tree
from import_graph import ROOT
from loopback_hub import LoopbackHub, serving
from test_huggingface_source import content, write_release

from blaze2cap.data.augment import LAYOUTS
from blaze2cap.data.published import DATASET_MAP_FILE
from blaze2cap.data.split import read_split_map

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dvc")]

(COMMAND,) = re.findall(
    r"^dvc exp run -S dataset\.source=huggingface .*?(?=  #|$)", (ROOT / "docs" / "data.md").read_text(), re.M
)
THREE = ["download", "preprocess", "split"]


def same_as_served(raw: Path, release: Path) -> bool:
    return {name: data for name, data in content(raw).items() if name != "manifest.json"} == content(release)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_fresh_clone_has_the_published_bytes_and_map_though_connections_are_cut(tmp_path: Path, layout: str) -> None:
    release = write_release(tmp_path / "release", layout)
    clone = working_tree(tmp_path / "clone", tmp_path / "checkpoints")
    raw = clone.folder / "data" / "raw"
    with serving(release) as hub:
        clone.environment |= hub.environment(tmp_path / "home")
        command = f"{COMMAND.replace('COMMIT', hub.commit)} split"
        hub.faults.cut, hub.faults.down_after = 0.3, 70
        printed = clone.run("bash", "-c", command, expect=255)
        assert "download: Blazewild/Totalcap-blazepose: not fetched from http://127.0.0.1:" in printed
        assert "Traceback" not in printed
        assert not raw.exists()
        begun = {path.name for path in (tmp_path / "home").rglob("blobs/*")}
        hub.requests.clear()
        hub.faults.down_after = None
        assert ran(clone.run("bash", "-c", command)) == THREE
        assert begun
        assert not begun & set(hub.fetched())
        assert same_as_served(raw, release)
        shared = read_split_map(clone.folder / "data" / "split" / "split_map.json")
        assert shared.equals(read_split_map(release / DATASET_MAP_FILE))
        stored = {
            path.stat().st_ino for path in (clone.folder / ".dvc" / "cache" / "files").rglob("*") if path.is_file()
        }
        fetched = {path.stat().st_ino for path in (tmp_path / "home").rglob("blobs/*")}
        files = list(raw.rglob("*.npy"))
        assert files
        assert {path.stat().st_ino for path in files} <= stored & fetched, "one copy, of three names"
        hub.requests.clear()
        clone.environment["HF_HUB_OFFLINE"] = "1"
        assert ran(clone.run("bash", "-c", command)) == []
        lock = (clone.folder / "dvc.lock").read_text()
        assert ran(clone.dvc("repro", "--force", "--single-item", "download")) == ["download"]
        assert (clone.folder / "dvc.lock").read_text() == lock
        assert hub.requests == []


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_release(tmp_path / "release", "final")


def stage(hub: LoopbackHub, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment of the download stage in a folder, with a cache of the client's there."""
    (folder / "params.yaml").write_text(f"dataset: {{source: huggingface, revision: {hub.commit}}}\n")
    environment = os.environ | hub.environment(folder / "home") | {"PYTHONPATH": str(ROOT / "src")}
    return [sys.executable, str(ROOT / "stages" / "download.py"), "raw", "download.json"], environment


def test_a_killed_download_goes_on(release: Path, tmp_path: Path) -> None:
    with serving(release) as hub:
        hub.faults.slow = 0.5
        command, environment = stage(hub, tmp_path)
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
        wait_until(lambda: len(hub.fetched()) > 10, 60)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "raw").exists()
        hub.faults.slow = 0
        hub.requests.clear()
        subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert 0 < len(hub.fetched()) < len(hub.tags(content(release)))
    assert same_as_served(tmp_path / "raw", release)


def test_a_full_disk_is_told_and_what_came_is_kept(release: Path, tmp_path: Path) -> None:
    """In a name space of its own, in which the client's cache lies on a disk of 100 kB, then of more."""
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("this machine gives no name space to mount a small disk in")
    (tmp_path / "home").mkdir()
    with serving(release) as hub:
        command, environment = stage(hub, tmp_path)
        script = 'mount -t tmpfs -o size=100k disk home && "$@"; echo "code $?"; mount -o remount,size=10m home && "$@"'
        done = subprocess.run(
            [*unshare, "sh", "-c", script, "sh", *command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.stdout == "code 1\n"
    assert done.returncode == 0, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("download: ")]
    assert re.fullmatch(r"download: \S+: the disk of \S+home/hub is full; free some, or set HF_HOME .*", said)
    assert "Traceback" not in done.stderr
    assert same_as_served(tmp_path / "raw", release)
