"""Laws of the viewer's script: the committed one is built from the committed sources, and reads what Python writes."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from import_graph import ROOT

from blaze2cap.runtime.viewer import encode_points

SOURCES = ROOT / "viewer"
BUNDLE = ROOT / "src" / "blaze2cap" / "runtime" / "viewer.min.js"
_READ = """
import { Track } from "%s/src/recording.js";
let text = "";
for await (const part of process.stdin) text += part;
const { packed, frames, points } = JSON.parse(text);
const track = new Track(packed, points);
const found = [];
for (let frame = 0; frame < frames; frame++) {
  for (let point = 0; point < points; point++) {
    const place = [null, null, null];
    track.read(frame, point, place);
    found.push(place);
  }
}
console.log(JSON.stringify(found));
"""


def node(*arguments: str, given: str = "") -> str:
    """What node prints; skips without it."""
    if not shutil.which("node"):
        pytest.skip("no node on PATH")
    finished = subprocess.run(
        ["node", *arguments], cwd=SOURCES, input=given, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def sha256(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_the_committed_script_is_built_from_the_committed_sources() -> None:
    text = BUNDLE.read_bytes()
    stamp = re.match(rb"/\* .*? sources ([0-9a-f]{64}) script ([0-9a-f]{64})\n", text)
    assert stamp, "no stamp: run `npm ci && npm run build` in viewer/"
    names = ("build.mjs", "package-lock.json", "package.json", "shaders.mjs")
    files = [SOURCES / name for name in names] + sorted((SOURCES / "src").glob("*.js"))
    assert stamp[1].decode() == sha256(*(path.read_bytes() for path in files)), "run `npm run build` in viewer/"
    assert stamp[2].decode() == sha256(text.split(b" */\n", 1)[1])


def test_the_script_is_small_keeps_the_licence_and_can_stand_in_a_page() -> None:
    text = BUNDLE.read_text(encoding="utf-8")
    assert len(text.encode()) < 550_000
    assert "The MIT License" in text
    assert "three.js authors" in text
    assert not re.search(r"</script|<!--|\r", text, re.IGNORECASE)
    assert text.count("*/") == 1


def test_versions_are_pinned() -> None:
    package = json.loads((SOURCES / "package.json").read_text())
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert set(package["devDependencies"]) == {"esbuild", "three"}
    for name, version in package["devDependencies"].items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for path, entry in locked.items() if path)


@pytest.mark.parametrize("path", sorted((SOURCES / "src").glob("*.js")), ids=lambda path: path.name)
def test_a_source_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 200


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    if not (SOURCES / "node_modules").is_dir():
        pytest.skip("three and esbuild are not installed: run `npm ci` in viewer/")
    node("build.mjs", str(tmp_path / "again.js"))
    assert (tmp_path / "again.js").read_bytes() == BUNDLE.read_bytes()


def test_the_script_reads_the_points_that_python_wrote() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-3, 3, (6, 4, 3))
    points[rng.random((6, 4)) < 0.3] = np.nan
    packed = encode_points(points)
    given = json.dumps({"packed": packed, "frames": 6, "points": 4})
    found = json.loads(node("--input-type=module", "--eval", _READ % SOURCES.as_uri(), given=given))
    back = np.array(found, dtype=float).reshape(6, 4, 3)
    assert (np.isnan(back) == np.isnan(points)).all()
    assert np.nanmax(np.abs(back - points)) <= 0.5001 * packed["step"]


def test_the_laws_of_the_scripts_reckoning_hold() -> None:
    assert "fail 0" in node("--test")
