"""How fast the viewer plays: a long recording of several figures in headless Chromium, drawn on the processor.

The page is like that of `blaze2cap show`: truth, landmarks and model with errors, image positions and joint graphs.
Intervals between pictures are measured in the page, by requestAnimationFrame, while it plays; a second for warming up
is left out.

    python benchmarks/viewer_speed.py                      # 10,000 frames, 1280 x 720
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import Browser
from tiny import bones, swaying

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LANDMARKS
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.stick_figure import JointGraph, StickFigure, joint_figure, landmark_figure
from blaze2cap.runtime.viewer import Scene, viewer_page

FPS = 60.0
_RECORD = """
window.times = [];
requestAnimationFrame(function next(now) { window.times.push(now); requestAnimationFrame(next); });
"""


def long_scene(frames: int, apart: bool) -> Scene:
    """Truth, landmarks and model of somebody who sways and walks about."""
    rotation, root = swaying(frames, seed=0)
    position = forward_kinematics(rotation, bones(), root)[0].numpy()
    rng = np.random.default_rng(0)

    def values(points: int) -> dict:
        noise = rng.normal(0, 0.02, (frames, points, 3)).cumsum(0) * 0.01
        place = np.resize(position.transpose(1, 0, 2), (points, frames, 3)).transpose(1, 0, 2) + noise
        return {
            "position": place.astype(np.float32),
            "pixel": (960 + 200 * place[..., :2]).astype(np.float32),
            "error_mm": rng.uniform(20, 90, frames).astype(np.float32),
            "error_name": "MPJPE",
        }

    angle = JointGraph(name="rotation", unit="°", value=rng.uniform(0, 90, (frames, len(JOINTS))).astype(np.float32))
    figures: tuple[StickFigure, ...] = (
        joint_figure(name="truth", colour="ink", graphs=(angle,), **values(len(JOINTS))),
        landmark_figure(name="raw landmarks", colour="#E69F00", **values(len(LANDMARKS))),
        joint_figure(name="model", colour="#0072B2", graphs=(angle,), **values(len(JOINTS))),
    )
    return Scene(
        title="a long recording", fps=FPS, figures=figures, view=(0.4, 0.2), image=(1920, 1080), path=True, apart=apart
    )


def intervals_ms(page: Path, size: tuple[int, int], seconds: float) -> tuple[np.ndarray, float]:
    """Times between pictures while the page plays, and how long it took from opening to the first ones [s]."""
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile), *size) as browser:
        start = time.monotonic()
        browser.open(page)
        browser.wait("Number(document.querySelector('.viewer').dataset.frame) > 2", 60)
        opened = time.monotonic() - start
        time.sleep(1)
        browser.value(_RECORD)
        time.sleep(seconds)
        times = json.loads(browser.value("JSON.stringify(window.times)"))
        if browser.said:
            raise RuntimeError(f"the page said: {browser.said[0]}")
    return np.diff(times), opened


def main(
    frames: Annotated[int, typer.Option(help="Frames of the recording.")] = 10_000,
    width: Annotated[int, typer.Option(help="Width of the window in pixels.")] = 1280,
    height: Annotated[int, typer.Option(help="Height of the window in pixels.")] = 720,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 10.0,
) -> None:
    """Print frames per second: median, and what nine of ten intervals reach."""
    torch.set_num_threads(1)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {frames} frames, 3 figures at {width} x {height}")
    with tempfile.TemporaryDirectory() as folder:
        for name, apart in (("side by side", True), ("in one place", False)):
            page = Path(folder) / "page.html"
            page.write_text(viewer_page(long_scene(frames, apart)), encoding="utf-8")
            spent, opened = intervals_ms(page, (width, height), seconds)
            median, slow = np.percentile(spent, (50, 90))
            size = page.stat().st_size / 1e6
            print(
                f"{name}: median {1000 / median:.0f} frames/s, nine of ten at {1000 / slow:.0f} or more; "
                f"{len(spent) / seconds:.0f} pictures/s; {size:.1f} MB, playing after {opened:.1f} s"
            )


if __name__ == "__main__":
    typer.run(main)
