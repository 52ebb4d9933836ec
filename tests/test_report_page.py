"""Laws of an evaluation's page: it holds what the metrics say, nothing from elsewhere, and says what is missing."""

import html
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser
from finished_run import TAKES, write_run
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.cli import app
from blaze2cap.runtime.charts import Series, bars, body_map, grouped_bars, line_chart
from blaze2cap.runtime.clip_ranking import RankedClip, best_median_worst, typical_stretch
from blaze2cap.runtime.report_tables import POSES, definitions, fault_list

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report.html"
    code, printed, said = run(finished, out)
    assert code == 0, said
    assert "4 clips ranked" in printed
    return out


def run(finished: Path, out: Path, *arguments: str) -> tuple[int, str, str]:
    folders = ("--metrics", "metrics", "--clips", "data/clips", "--split", "data/split", "--model", "models")
    placed = [str(finished / word) if not word.startswith("--") else word for word in folders]
    result = CliRunner().invoke(app, ["report", *placed, "-o", str(out), *arguments])
    return result.exit_code, result.stdout, result.stderr


def figures(finished: Path) -> dict[str, Any]:
    return json.loads((finished / "metrics" / "evaluate.json").read_text())["test"]


def test_the_page_says_what_the_metrics_say(finished: Path, page: Path) -> None:
    text, known = page.read_text(), figures(finished)
    assert f"{known['mpjpe_mm']:.1f}<small>" in text
    for values in known["baseline"].values():
        assert f"<td>{values['mpjpe_12_mm']:.1f}<small>" in text
    for joint, values in known["by_joint"].items():
        if joint != "Hips":
            assert f"{joint}: {values['mpjpe_mm']:.0f} mm</title>" in text
    assert known["interval"]["method"] in text
    for name in ("S1", "S4", "walking2", "acting3"):
        assert f">{name}</text>" in text
    assert text.count("<h2 ") == 8
    assert "Every recording could be read." in text


def test_every_pose_class_stands_beside_what_a_user_would_do_instead(finished: Path, page: Path) -> None:
    text, known = page.read_text(), figures(finished)
    baseline = known["baseline"]["one_euro_ik"]["by_pose"]
    assert known["by_pose"].keys() <= POSES.keys()
    for pose, values in known["by_pose"].items():
        assert f">{POSES[pose]}</text>" in text
        said = f"{POSES[pose]}: model {values['mpjpe_mm']:.1f} mm, One-Euro + IK {baseline[pose]['mpjpe_mm']:.1f} mm"
        assert said in text
        assert f"<th scope=row>{POSES[pose]}</th><td>{values['frames']:,}</td>" in text


def test_bars_of_a_group_are_as_long_as_their_values() -> None:
    groups = {"upright": {"model": 50.0, "other": 100.0}, "bent": {"model": 75.0}}
    drawn = grouped_bars(groups, "mm", 1, {"model": "#0072B2", "other": "#009E73"}, width=334)
    bars_drawn = re.findall(r'y="(\d+)" width="([\d.]+)" height="\d+" fill="(#\w+)"', drawn)
    assert [(float(width), colour) for _, width, colour in bars_drawn] == [
        (100.0, "#0072B2"), (200.0, "#009E73"), (150.0, "#0072B2"),
    ]  # fmt: skip
    starts = [int(y) for y, _, _ in bars_drawn]
    assert starts == sorted(starts)
    assert HOSTILE not in grouped_bars({HOSTILE: {HOSTILE: 1.0}}, HOSTILE, 1, {HOSTILE: "#0072B2"})


def test_the_page_shows_best_and_worst_clips_with_their_errors(finished: Path, page: Path) -> None:
    text = page.read_text()
    captions = re.findall(r"<figcaption>(\S+): (\d+) mm over (\d+) frames</figcaption>", text)
    assert {caption[0].rsplit("/", 1)[0] for caption in captions} <= set(TAKES)
    errors = [int(error) for _, error, _ in captions]
    assert errors == sorted(errors)
    assert len(captions) == text.count('<figure class="viewer">') == 3
    assert "different runs" not in text


def test_the_page_is_small_names_no_address_and_forbids_every_connection(page: Path) -> None:
    # The name of a language is no address.
    text = page.read_text().replace("http://www.w3.org/1999/xhtml", "")
    assert len(text.encode()) < 8e6
    assert not re.findall(r"(?:https?:)?//[a-z0-9]+\.|\burl\(|@import|<link|\bsrc=", text)
    assert "default-src 'none'" in text


def test_the_commit_is_that_of_the_figures_wherever_the_command_runs(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of another repository; the figures here lie in none."""
    subprocess.run(("git", "init", "--quiet", tmp_path), check=True)
    commit = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message=a")
    subprocess.run(commit, cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(finished.parent))
    code, _, said = run(finished, tmp_path / "report.html")
    assert code == 0, said
    assert "unknown: not a git repository" in (tmp_path / "report.html").read_text()


def test_figures_of_another_run_are_told(finished: Path, tmp_path: Path) -> None:
    report = json.loads((finished / "metrics" / "evaluate.json").read_text())
    report["test"]["mpjpe_mm"] *= 1.1
    other = tmp_path / "run"
    other.mkdir()
    for name in ("data", "models"):
        (other / name).symlink_to(finished / name)
    (other / "metrics").mkdir()
    for name in ("train", "preprocess.json"):
        (other / "metrics" / name).symlink_to(finished / "metrics" / name)
    (other / "metrics" / "evaluate.json").write_text(json.dumps(report))
    code, _, said = run(other, tmp_path / "report.html")
    assert code == 0, said
    assert "they come from different runs" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("missing", "stage"),
    [
        ("metrics/evaluate.json", "evaluate"),
        ("metrics/preprocess.json", "preprocess"),
        ("metrics/train/curves.csv", "train"),
        ("models/model.json", "train"),
        ("data/split/takes.csv", "split"),
        ("data/clips/landmarks.npy", "preprocess"),
    ],
)
def test_what_is_missing_is_one_sentence_with_the_command_that_makes_it(
    missing: str, stage: str, finished: Path, tmp_path: Path
) -> None:
    hidden = (finished / missing).rename(tmp_path / "hidden")
    try:
        code, _, said = run(finished, tmp_path / "report.html")
    finally:
        hidden.rename(finished / missing)
    assert code == 1
    assert len(said.splitlines()) == 1
    assert said.startswith("blaze2cap report: ")
    assert missing in said
    assert re.search(f"`dvc repro (-f )?{stage}`", said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("report.pdf", (), "a report is a page; give a name that ends in .html"),
        ("report.HTML", ("--part", "dev"), "no part 'dev' in"),
        ("taken/report.html", (), "cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence(
    name: str, arguments: tuple[str, ...], sentence: str, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    code, _, said = run(finished, tmp_path / name, *arguments)
    assert code == 1
    assert [sentence in line for line in said.splitlines() if line.startswith("blaze2cap")] == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_figures_that_are_unreadable_or_of_another_version_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    for text in ("{", "[]", '{"test": {"mpjpe_mm": 50}}'):
        (tmp_path / "metrics" / "evaluate.json").write_text(text)
        code, _, said = run(tmp_path, tmp_path / "report.html")
        assert (code, len(said.splitlines())) == (1, 1)
        assert "`dvc repro -f evaluate`" in said


def test_figures_without_a_place_before_the_camera_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    part = {"mare_rad": 0.3, "left_out": {"mpjpe_mm": "needs the absolute root"}}
    (tmp_path / "metrics" / "evaluate.json").write_text(json.dumps({"test": part}))
    code, _, said = run(tmp_path, tmp_path / "report.html")
    assert code == 1
    assert said.splitlines() == [
        "blaze2cap report: the clips of test have no mpjpe_mm, which needs the absolute root: no page can show them"
    ]


def test_faults_are_listed_with_their_evidence_and_their_text_stays_text() -> None:
    fault = {"kind": "twisted_hand", "where": "S2/freestyle1", "value": 141.23, "unit": "deg", "threshold": 100.0}
    shown = fault_list(
        {
            "faults": {"left_out": [{"left_out": "a.npy", "sentence": f"a.npy: {HOSTILE}"}]},
            "data_faults": {
                "count": 1,
                "by_kind": {"twisted_hand": 1, "lag": 0},
                "list": [fault | {"sentence": HOSTILE}],
            },
        }
    )
    assert "<img" not in shown
    assert shown.count(html.escape(HOSTILE)) == 2
    assert "<td>twisted hand</td><td>S2/freestyle1</td><td>141.2 deg</td><td>100</td>" in shown
    assert "<img" not in definitions({HOSTILE: HOSTILE})


def test_text_of_charts_stays_text() -> None:
    drawn = (
        bars({HOSTILE: 1.0, "other": 2.0}, HOSTILE, 1, "#0072B2"),
        body_map(HOSTILE, {"Head": 1.0}, HOSTILE, 1),
        line_chart(HOSTILE, [Series(HOSTILE, "#0072B2", [1.0, 2.0], [1.0, 2.0])], HOSTILE),
    )
    assert [chart.count("<img") for chart in drawn] == [0, 0, 0]


def test_the_worst_joint_is_the_darkest_and_what_has_no_value_is_hollow() -> None:
    values = {joint: float(number) for number, joint in enumerate(JOINTS)}
    drawn = body_map("MPJPE", {**values, "Hips": 0.0}, "mm", 0)
    fills = dict(re.findall(r'r="7" fill="([^"]+)"><title>(\w+):', drawn)[::-1])
    by_joint = {joint: fill for fill, joint in fills.items()}
    assert by_joint["LeftFoot"] == "#540828"
    assert by_joint["Hips"] == "var(--paper)"
    assert body_map("MARE", {}, "rad", 2).count("no value") == len(JOINTS)


def test_a_chart_holds_its_lines_and_nothing_gives_nothing() -> None:
    drawn = line_chart(
        "loss", [Series("val", "#0072B2", [0.0, 10.0, 20.0], [1.0, 0.1, 0.01])], "step", width=300, height=190
    )
    way = re.findall(r'stroke="#0072B2" d="M([^"]+)"', drawn)[0]
    points = np.array([point.split() for point in way.split("L")], dtype=float)
    assert (np.diff(points, axis=0) > 0).all()
    np.testing.assert_allclose(np.diff(points[:, 1], n=2), 0, atol=0.2)
    assert points.min() > 0
    assert points[:, 0].max() < 300
    assert points[:, 1].max() < 190
    assert line_chart("loss", [Series("val", "#0072B2", [], [])], "step") == ""


@given(seed=st.integers(0, 500), length=st.integers(1, 60))
def test_the_typical_stretch_is_inside_and_as_full_as_any(seed: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    error, scored = rng.uniform(10, 90, 50), rng.random(50) < 0.7
    scored[7] = True
    stretch = typical_stretch(error, scored, length)
    assert 0 <= stretch.start < stretch.stop <= 50
    width = min(length, 50)
    assert stretch.stop - stretch.start == width
    counts = [scored[start : start + width].sum() for start in range(51 - width)]
    assert scored[stretch].sum() == max(counts)


@pytest.mark.parametrize(("clips", "sizes"), [(1, [1]), (2, [1, 1]), (3, [1, 1, 1]), (10, [3, 3, 3]), (60, [3, 3, 3])])
def test_no_clip_is_shown_twice(clips: int, sizes: list[int]) -> None:
    ranked = [RankedClip(f"clip{number}", float(number), 5, slice(0, 5)) for number in range(clips)]
    chosen = best_median_worst(ranked, 3)
    shown = [clip.clip for found in chosen.values() for clip in found]
    assert [len(found) for found in chosen.values()] == sizes
    assert len(set(shown)) == len(shown)
    if clips >= 3:
        middle = np.mean([clip.mpjpe_mm for clip in chosen["median"]])
        assert abs(middle - (clips - 1) / 2) <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_the_page_without_an_error(page: Path, width: int, tmp_path: Path) -> None:
    with Browser(tmp_path / "profile", width, 900) as browser:
        browser.open(page)
        first = "document.querySelector('.viewer')"
        browser.value(f"{first}.scrollIntoView()")
        browser.wait(f"Number({first}.dataset.frame) > 3")
        assert browser.value("document.querySelectorAll('.viewer canvas.space').length") == 3
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        assert browser.said == []
        assert browser.requested == [page.resolve().as_uri()]
