"""Laws of the viewer: what it shows is what was given, nothing is loaded from elsewhere, no text becomes code."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser
from hypothesis import given
from hypothesis import strategies as st
from import_graph import ROOT

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.stick_figure import JOINT_LINES, StickFigure, joint_figure
from blaze2cap.runtime.viewer import Scene, decode_points, encode_points, view_towards, viewer_page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>&\"\u2028<!--"


def walking(frames: int, name: str = "truth", colour: str = "#0072B2") -> StickFigure:
    """Joints spread over a person's height, moving along x."""
    rng = np.random.default_rng(0)
    body = rng.uniform([-0.4, 0.0, -0.2], [0.4, 1.8, 0.2], (len(JOINTS), 3))
    way = np.linspace(0, 2, frames)[:, None, None] * np.array([1.0, 0.0, 0.0])
    error = np.linspace(10, 20, frames).astype(np.float32)
    return joint_figure(
        name=name, colour=colour, position=(body + way).astype(np.float32), error_mm=error, error_name="MPJPE"
    )


def scene(frames: int = 60, **values: Any) -> Scene:
    return Scene(**({"title": "walk", "fps": 30.0, "figures": (walking(frames),), "view": (0.3, 0.2)} | values))


def scenes_in(page: str) -> list[dict[str, Any]]:
    return [json.loads(text) for text in re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)]


@given(seed=st.integers(0, 1000), reach=st.floats(0.01, 50), dimensions=st.sampled_from([2, 3]))
def test_positions_come_back_within_half_a_step(seed: int, reach: float, dimensions: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-reach, reach, (5, 4, dimensions)) + rng.uniform(-9, 9, dimensions)
    points[rng.random((5, 4)) < 0.3] = np.nan
    packed = encode_points(points)
    back = decode_points(packed, 4)
    assert (np.isnan(back) == np.isnan(points)).all()
    assert np.nanmax(np.abs(back - points), initial=0) <= 0.5001 * packed["step"]
    assert packed["step"] <= 2 * reach / 65_000 + 1e-9


def test_nobody_to_be_seen_is_nobody_again() -> None:
    assert np.isnan(decode_points(encode_points(np.full((3, 2, 3), np.nan)), 2)).all()


def test_the_page_holds_the_positions_names_and_errors_that_it_was_given() -> None:
    figures = (walking(60), walking(60, "model", "#E69F00"))
    (shown,) = scenes_in(viewer_page(scene(figures=figures, first_frame=100, stride=2)))
    assert [figure["name"] for figure in shown["figures"]] == ["truth", "model"]
    assert shown["first_second"] == 100 / 60
    for figure, given_figure in zip(shown["figures"], figures, strict=True):
        back = decode_points(figure["position"], figure["points"])
        assert np.abs(back - given_figure.position).max() < 1e-4
        assert figure["lines"] == [list(line) for line in JOINT_LINES]
        assert figure["error_mm"] == [round(error) for error in given_figure.error_mm]


def test_a_page_names_no_address_and_forbids_every_connection() -> None:
    page = viewer_page(scene())
    assert not re.findall(r"(?:https?:)?//[a-z0-9]+\.|\burl\(|@import|<link|\bsrc=", page)
    assert "default-src 'none'" in page


def test_hostile_text_stays_text() -> None:
    harmless, page = (
        viewer_page(scene()),
        viewer_page(scene(title=HOSTILE, figures=(walking(60, HOSTILE),), notes=(HOSTILE,) * 60)),
    )
    for mark in ("<script", "<img", "</script", "<!--"):
        assert page.count(mark) == harmless.count(mark)
    (shown,) = scenes_in(page)
    assert shown["figures"][0]["name"] == shown["title"] == shown["notes"][0] == HOSTILE


def test_the_script_is_short_and_ships_with_the_package() -> None:
    assert len((ROOT / "src/blaze2cap/runtime/viewer.js").read_text().splitlines()) < 400
    assert '"blaze2cap.runtime" = [' in (ROOT / "pyproject.toml").read_text()


def test_the_first_view_is_from_where_the_eye_is() -> None:
    turn, height = view_towards(np.array([3.0, 2.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    assert (turn, height) == pytest.approx((np.pi / 2, 0))
    assert view_towards(np.array([0.0, 1.0, 1.0]), np.zeros(3)) == pytest.approx((0, np.pi / 4))


@pytest.mark.slow
def test_a_browser_plays_the_page_and_obeys(tmp_path: Path) -> None:
    page = tmp_path / "hostile <b>&.html"
    truth, model = walking(60, HOSTILE), walking(60, "model", "#E69F00")
    pixel = 500 + 100 * truth.position[..., :2]
    figures = (
        replace(truth, pixel=pixel),
        replace(model, position=model.position + np.float32(0.3), pixel=pixel + np.float32(100)),
    )
    page.write_text(viewer_page(scene(title=HOSTILE, figures=figures, image=(1920, 1080))), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        frame = "Number(document.querySelector('.viewer').dataset.frame)"
        browser.wait(f"{frame} > 3")
        assert browser.value("document.querySelector('h1').textContent") == HOSTILE
        assert browser.value("document.querySelectorAll('img, .viewer script:not([type])').length") == 0
        browser.value("document.querySelector('canvas').focus()")
        browser.press(" ")
        stopped = browser.value(frame)
        browser.press("ArrowRight")
        assert browser.value(frame) == stopped + 1
        browser.press("Home")
        assert browser.value(frame) == 0
        picture = browser.screenshot()
        assert _share(picture, "#0072B2") > 2e-4
        assert _share(picture, "#E69F00") > 2e-4
        browser.drag((300, 300), (500, 300))
        assert (browser.screenshot() != picture).any()
        browser.press("2")
        assert _share(browser.screenshot(), "#E69F00") < 0.5 * _share(picture, "#E69F00")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.said == []
        assert browser.requested == [page.resolve().as_uri()]


def _share(picture: np.ndarray, colour: str) -> float:
    """Share of the pixels that have a colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return float((np.abs(picture.astype(int) - wanted).max(-1) < 12).mean())
