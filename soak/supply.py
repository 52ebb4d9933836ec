"""What the package stands on: versions that resolve, licences, and a bill of materials.

The oldest and the newest versions that pyproject.toml allows are resolved for both Pythons (uv, without installing
anything), licences of what is installed here are listed (pip-licenses), and a CycloneDX bill of materials is written;
both go to runs/supply/. Needs an index of packages and: pip install 'blaze2cap[supply]'.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from soak import ROOT
from soak.outcome import Outcome, command, say

PYTHONS = ("3.11", "3.12")
RESOLUTIONS = ("lowest-direct", "highest")
OUT = ROOT / "runs" / "supply"


def run(seed: int, seconds: float) -> Outcome:
    """A fixed list of cases, which takes the time that it takes."""
    tools = [str(Path(sys.executable).parent / name) for name in ("uv", "pip-licenses", "cyclonedx-py")]
    missing = [Path(tool).name for tool in tools if shutil.which(tool) is None]
    if missing:
        return Outcome(failures=[f"{', '.join(missing)} not installed: pip install 'blaze2cap[supply]'"])
    uv, licences, cyclonedx = tools
    OUT.mkdir(parents=True, exist_ok=True)
    failures: list[str] = []
    counts = {"resolutions": 0, "packages": 0, "without a licence": 0}
    for python in PYTHONS:
        for resolution in RESOLUTIONS:
            target = OUT / f"{resolution}-{python}.txt"
            options = (
                f"--quiet --no-annotate --no-header --extra test --resolution {resolution} --python-version {python}"
            )
            words = [uv, "pip", "compile", *options.split(), "--output-file", str(target), "pyproject.toml"]
            done = _call(words)
            if done.returncode:
                failures.append(f"{resolution} on {python}: {done.stderr.strip()[-400:]}")
            else:
                counts["resolutions"] += 1
                say(f"{resolution} on {python}: {len(target.read_text().splitlines())} packages")
    told = _call([licences, "--format=json", "--from=mixed", "--with-urls", "--python", sys.executable])
    packages = json.loads(told.stdout) if not told.returncode else []
    counts["packages"] = len(packages)
    unknown = [package["Name"] for package in packages if package["License"] == "UNKNOWN"]
    counts["without a licence"] = len(unknown)
    say(f"licence unknown: {', '.join(unknown) or 'none'}")
    (OUT / "licences.json").write_text(json.dumps(packages, indent=1) + "\n")
    bill = _call([cyclonedx, "environment", sys.executable, "--output-file", str(OUT / "sbom.json")])
    for name, done in (("pip-licenses", told), ("cyclonedx-py", bill)):
        if done.returncode:
            failures.append(f"{name}: {done.stderr.strip()[-400:]}")
    return Outcome(counts, {}, failures)


def _call(words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    command(run)
