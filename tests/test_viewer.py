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
from PIL import Image

from blaze2cap.body.landmark import LANDMARKS
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.page import page as written_page
from blaze2cap.runtime.stick_figure import JOINT_LINES, JointGraph, StickFigure, joint_figure, landmark_figure
from blaze2cap.runtime.viewer import Scene, decode_points, encode_points, view_towards, viewer, viewer_page

# The name of a language, not an address: the library makes elements of it.
NAMESPACE = "http://www.w3.org/1999/xhtml"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'>&\"\u2028<!--"


def walking(frames: int, name: str = "truth", colour: str = "#0072B2") -> StickFigure:
    """Joints spread over a person's height, moving along x."""
    rng = np.random.default_rng(0)
    body = rng.uniform([-0.4, 0.0, -0.2], [0.4, 1.8, 0.2], (len(JOINTS), 3))
    way = np.linspace(0, 2, frames)[:, None, None] * np.array([1.0, 0.0, 0.0])
    error = np.linspace(10, 20, frames).astype(np.float32)
    turn = np.linspace(0, 90, frames)[:, None] * np.linspace(0, 1, len(JOINTS))
    return joint_figure(
        name=name,
        colour=colour,
        position=(body + way).astype(np.float32),
        error_mm=error,
        error_name="MPJPE",
        graphs=(JointGraph(name="rotation", unit="°", value=turn.astype(np.float32)),),
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
        assert figure["names"] == list(JOINTS)
        (graph,) = figure["graphs"]
        assert (graph["name"], graph["unit"], graph["joints"]) == ("rotation", "°", len(JOINTS))
        turn = decode_points(graph["value"], graph["joints"])[..., 0]
        assert np.abs(turn - given_figure.graphs[0].value).max() < 0.01


def test_a_figures_root_is_its_hips_of_landmarks_the_middle_of_both() -> None:
    landmarks = landmark_figure(name="seen", colour="ink", position=np.zeros((60, len(LANDMARKS), 3), np.float32))
    (shown,) = scenes_in(viewer_page(scene(figures=(walking(60), landmarks))))
    roots = [[figure["names"][point] for point in figure["root"]] for figure in shown["figures"]]
    assert roots == [["Hips"], ["left_hip", "right_hip"]]


def test_notes_travel_as_stretches_of_frames() -> None:
    (shown,) = scenes_in(viewer_page(scene(6, notes=("", "gone", "gone", "", "", "other"))))
    assert shown["notes"] == [[1, 3, "gone"], [5, 6, "other"]]
    (silent,) = scenes_in(viewer_page(scene(6)))
    assert silent["notes"] == []


def test_a_page_names_no_address_and_forbids_every_connection() -> None:
    page = viewer_page(scene()).replace(NAMESPACE, "")
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
    assert shown["figures"][0]["name"] == shown["title"] == shown["notes"][0][2] == HOSTILE


def test_the_first_view_is_from_where_the_eye_is() -> None:
    turn, height = view_towards(np.array([3.0, 2.0, 0.0]), np.array([0.0, 2.0, 0.0]))
    assert (turn, height) == pytest.approx((np.pi / 2, 0))
    assert view_towards(np.array([0.0, 1.0, 1.0]), np.zeros(3)) == pytest.approx((0, np.pi / 4))


FRAME = "Number(document.querySelector('.viewer').dataset.frame)"


def hostile_page(folder: Path, **values: Any) -> Path:
    """Two figures with notes, joint graphs and an image, under a name and a title that want to be code."""
    page = folder / "hostile <b>&.html"
    truth, model = walking(60, HOSTILE), walking(60, "model", "#E69F00")
    pixel = 500 + 100 * truth.position[..., :2]
    figures = (
        replace(truth, pixel=pixel),
        replace(model, position=model.position + np.float32(0.3), pixel=pixel + np.float32(100)),
    )
    notes = ("",) * 50 + (HOSTILE,) * 10
    scenery = scene(title=HOSTILE, figures=figures, image=(1920, 1080), notes=notes, **values)
    page.write_text(viewer_page(scenery), encoding="utf-8")
    return page


@pytest.mark.slow
def test_a_browser_plays_the_page_and_obeys(tmp_path: Path) -> None:
    page = hostile_page(tmp_path, path=True)
    with Browser(tmp_path / "profile") as browser:
        browser.open(page)
        browser.wait(f"{FRAME} > 3")
        assert browser.value("document.querySelector('h1').textContent") == HOSTILE
        assert browser.value("document.querySelectorAll('img, .viewer script:not([type])').length") == 0
        browser.value("document.querySelector('canvas').focus()")
        browser.press(" ")
        stopped = browser.value(FRAME)
        browser.press("ArrowRight")
        browser.wait(f"{FRAME} === {stopped + 1}")
        browser.press("Home")
        browser.wait(f"{FRAME} === 0")
        picture = seen(browser)
        assert _share(picture, "#0072B2") > 1e-3
        assert _share(picture, "#E69F00") > 1e-3
        browser.drag((300, 300), (500, 300))
        turned = seen(browser)
        assert (turned != picture).any()
        for key in "dw+[":
            browser.press(key)
            before, turned = turned, seen(browser)
            assert (turned != before).any(), key
        browser.call("Input.dispatchMouseEvent", type="mouseWheel", x=300, y=300, deltaX=0, deltaY=-300)
        before, turned = turned, seen(browser)
        assert _share(turned, "#0072B2") > _share(before, "#0072B2")
        browser.press("r")
        browser.press("2")
        assert _share(seen(browser), "#E69F00") < 0.5 * _share(picture, "#E69F00")
        browser.press("End")
        browser.wait(f"{FRAME} === 59")
        assert browser.value("document.querySelector('.note').textContent") == HOSTILE
        # Dimmed: little is left of the colour.
        assert _share(seen(browser), "#0072B2") < 0.5 * _share(picture, "#0072B2")
        browser.press("o")
        browser.press("2")
        browser.wait("document.querySelectorAll('.names span').length === 2")
        # It ends by itself: everything says so.
        browser.press("l")
        browser.wait("document.querySelector('[aria-pressed=false]').textContent === 'Loop'")
        browser.press(" ")
        browser.wait("document.querySelector('.play').getAttribute('aria-label') === 'pause'")
        browser.wait("document.querySelector('.play').getAttribute('aria-label') === 'play'")
        assert browser.value(FRAME) == 59
        assert browser.value("document.querySelector('.time input').value") == "59"
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.said == []
        assert browser.requested == [page.resolve().as_uri()]


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_joint_is_chosen_and_its_graph_leads_to_a_frame(width: int, tmp_path: Path) -> None:
    page = hostile_page(tmp_path)
    with Browser(tmp_path / "profile", width, 844) as browser:
        browser.open(page)
        browser.wait(f"{FRAME} > 3")
        joint = "document.querySelector('[aria-label=joint]').value"
        assert browser.value(joint) == JOINTS[0]
        browser.press("j")
        assert browser.value(joint) == JOINTS[1]
        browser.value("document.querySelector('.plot').scrollIntoView()")
        place = "JSON.stringify(document.querySelector('.plot').getBoundingClientRect())"
        plot = json.loads(browser.value(place))
        middle = (plot["left"] + 44 + (plot["width"] - 56) / 2, plot["top"] + plot["height"] / 2)
        browser.drag(middle, middle)
        browser.wait(f"Math.abs({FRAME} - 29.5) <= 1")
        expected = 90 * browser.value(FRAME) / 59 / (len(JOINTS) - 1)
        assert f"model: {expected:.1f} °" in browser.value("document.querySelector('.choices output').textContent")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        # A click on a joint chooses it: the label stands 12 px to the right of its joint, and 24 above.
        browser.value("scrollTo(0, 0)")
        box = json.loads(browser.value("JSON.stringify(document.querySelector('.space b').getBoundingClientRect())"))
        browser.press("j")
        browser.wait(f"{joint} === {JOINTS[2]!r}")
        at = (box["left"] - 12, box["top"] + 24)
        browser.drag(at, at)
        browser.wait(f"{joint} === {JOINTS[1]!r}")
        assert browser.said == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_switch_turns_light_into_dark_and_back(scheme: str, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile") as browser:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(hostile_page(tmp_path))
        browser.wait(f"{FRAME} > 0")
        bright = [seen(browser).mean()]
        for _ in range(2):
            browser.value("document.querySelector('.theme').click()")
            bright.append(seen(browser).mean())
        assert abs(bright[0] - bright[2]) < 10
        assert (bright[0] > 200 and bright[1] < 60) if scheme == "light" else (bright[0] < 60 and bright[1] > 200)
        assert browser.said == []


@pytest.mark.slow
def test_a_viewer_that_nobody_has_scrolled_to_is_there_and_is_printed(tmp_path: Path) -> None:
    body = f'<main><header></header><div style="height: 5000px"></div>{viewer(scene(), "far below")}</main>'
    (tmp_path / "page.html").write_text(written_page("several", body, style="report.css"), encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(tmp_path / "page.html")
        browser.value("dispatchEvent(new Event('beforeprint'))")
        assert browser.value(FRAME) == 0
        assert browser.said == []


@pytest.mark.slow
def test_without_webgl_a_sentence_says_so_and_the_rest_works(tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", webgl=False) as browser:
        browser.open(hostile_page(tmp_path))
        browser.wait(f"{FRAME} > 3")
        assert "no WebGL 2" in browser.value("document.querySelector('.sorry').innerText")
        assert _share(seen(browser), "#E69F00") > 5e-4  # in the image and the graph
        browser.press("End")
        browser.wait(f"{FRAME} === 59")
        browser.press("+")
        assert browser.said == []


def seen(browser: Browser) -> np.ndarray:
    """A screenshot after the page has drawn what was asked of it."""
    browser.value("window.drawn = 0; requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = 1; }))")
    browser.wait("window.drawn === 1")
    return browser.screenshot()


def _share(picture: np.ndarray, colour: str) -> float:
    """Share of the pixels that have a colour's hue, in whatever light."""
    wanted = np.array([[[int(colour[place : place + 2], 16) for place in (1, 3, 5)]]], np.uint8)
    hue, saturation, _ = np.moveaxis(np.asarray(Image.fromarray(picture).convert("HSV")).astype(int), -1, 0)
    (target,) = np.asarray(Image.fromarray(wanted).convert("HSV"))[0, :, 0].astype(int)
    return float(((np.abs(hue - target) < 10) & (saturation > 100)).mean())
