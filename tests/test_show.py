"""Laws of what is shown of clips: everything stands where the camera sees it, and every mistake is one sentence."""

import dataclasses
import re
import shlex
import shutil
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from finished_run import write_checkpoint, write_clips, write_run
from PIL import Image
from tiny import tiny_clipset
from typer.testing import CliRunner

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.cli import app
from blaze2cap.data.clipset import ClipSet
from blaze2cap.runtime.clip_picture import MoviePicture, contact_sheet, view_axes
from blaze2cap.runtime.clip_view import NOBODY, SOMEBODY_ELSE, ClipView, scene_of, view_clip
from blaze2cap.runtime.movie import write_movie
from blaze2cap.runtime.overlay import draw_figure, draw_lines, write_text

DOCUMENT = Path(__file__).parents[1] / "docs" / "looking.md"
CLIP = "S1/freestyle1/cam2"


@pytest.fixture(scope="module")
def clipset() -> ClipSet:
    return tiny_clipset(("S1/freestyle1",), frames=90)


@pytest.fixture(scope="module")
def view(clipset: ClipSet) -> ClipView:
    """The truth as a prediction, frames 50 to 80; nobody is detected in 60-69."""

    def perfect(landmarks: torch.Tensor, intrinsics: torch.Tensor, dt: float) -> Motion:
        truth = clipset.clip_truth(CLIP)
        still = torch.zeros(len(landmarks), dtype=torch.bool)
        return Motion(truth.rotation, *root_deltas(truth.root_position, truth.rotation[:, 0], still), ~still)

    return view_clip(clipset, CLIP, slice(50, 80), perfect)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_checkpoint(folder / "models")
    return write_clips(folder, {"S1/walking2": 70})


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_truth_is_where_the_camera_projects_it(clipset: ClipSet, view: ClipView) -> None:
    truth, camera = clipset.clip_truth(CLIP), clipset.camera_of(CLIP)
    position, _ = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    assert view.figures[0].pixel is not None
    np.testing.assert_allclose(view.figures[0].pixel, camera.project(position)[50:80], atol=0.01)
    np.testing.assert_allclose(view.figures[0].position, position[50:80], atol=1e-6)


def test_a_perfect_prediction_covers_the_truth_and_has_no_error(view: ClipView) -> None:
    truth, model = view.figures[0], view.figures[2]
    assert truth.pixel is not None
    assert model.pixel is not None
    assert model.error_mm is not None
    seen = np.isfinite(model.pixel).all((1, 2))
    assert seen.tolist() == [not note for note in view.notes]
    np.testing.assert_allclose(model.pixel[seen], truth.pixel[seen], atol=0.01)
    assert np.nanmax(model.error_mm) < 1e-3


def test_frames_without_a_person_say_so_and_show_no_landmarks(view: ClipView) -> None:
    assert [50 + frame for frame, note in enumerate(view.notes) if note == NOBODY] == list(range(60, 70))
    landmarks = view.figures[1]
    assert landmarks.error_mm is not None
    hidden = np.isnan(landmarks.position).all((1, 2))
    assert np.flatnonzero(hidden).tolist() == list(range(10, 20))
    assert (np.isnan(landmarks.error_mm) == hidden).all()


def test_a_segment_of_another_person_says_so(clipset: ClipSet) -> None:
    samples = clipset.samples.copy()
    samples.loc[(samples["clip"] == CLIP) & (samples.segment == 1), "rejected"] = True
    doubtful = ClipSet(
        **{**{name: getattr(clipset, name) for name in ClipSet.__dataclass_fields__}, "samples": samples}
    )
    shown = view_clip(doubtful, CLIP, slice(50, 80))
    assert shown.notes[20:] == (SOMEBODY_ELSE,) * 10
    assert len(shown.figures) == 2


def test_the_viewer_gets_the_world_and_looks_from_the_camera(clipset: ClipSet, view: ClipView) -> None:
    motion, camera = clipset.take_motion("S1/freestyle1"), clipset.camera_of(CLIP)
    world, _ = forward_kinematics(motion.rotation, motion.offset, motion.root_position)
    scene = scene_of(view, stride=2)
    np.testing.assert_allclose(scene.figures[0].position, world[50:80:2], atol=1e-5)
    assert (scene.frames, scene.fps, scene.first_frame) == (15, 30.0, 50)
    way = camera.to_world(torch.zeros(3)) - world[50:80:2, 0].mean(0)
    assert scene.view[0] == pytest.approx(torch.atan2(way[0], way[2]).item(), abs=1e-4)


def test_from_the_side_the_world_stands_upright(view: ClipView) -> None:
    axes = view_axes(view, "from the side")
    np.testing.assert_allclose(view.camera.rotation.numpy() @ [0, 1, 0] @ axes, [0, -1], atol=1e-6)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-6)


def test_lines_are_drawn_where_their_ends_are_and_nowhere_else() -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    pixel = np.array([[10.0, 30.0], [70.0, 30.0], [np.nan, 5.0], [1e9, 20.0]])
    draw_lines(image, pixel, ((0, 1), (1, 2), (0, 3)), (0, 0, 200), 3)
    rows, columns = np.nonzero((image != 255).any(2))
    assert (rows.min(), rows.max()) == pytest.approx((29.5, 29.5), abs=4)
    assert (columns.min(), columns.max()) == pytest.approx((10, 70), abs=4)
    assert image[29, 40].tolist() == [0, 0, 200]


def test_the_right_side_is_paler_and_text_stays_inside_the_image() -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    draw_figure(
        image, np.array([[5.0, 10], [75, 10], [5, 50], [75, 50]]), ((0, 1), (2, 3)), (False, True), (0, 90, 180)
    )
    assert image[10, 40].tolist() == [0, 90, 180]
    assert image[50, 40].tolist() == [128, 172, 218]
    for place in ((-30.0, 5.0), (70.0, 58.0), (500.0, 500.0)):
        write_text(image, "frame 12", place, 16, (0, 0, 0))
    assert image.shape == (60, 80, 3)
    assert (image[54:] < 100).any()


def test_a_sheet_and_a_movie_show_every_figure(view: ClipView) -> None:
    for picture in (contact_sheet(view, moments=3), MoviePicture(view)(0)):
        for colour in ((34, 34, 34), (230, 159, 0), (0, 114, 178)):
            assert (picture == colour).all(2).sum() > 100
    first, second = (MoviePicture(view)(frame) for frame in (0, 5))
    assert (first != second).any()


def test_an_upright_image_fits_into_the_movie(view: ClipView) -> None:
    upright = dataclasses.replace(view.camera, width=1080, height=1920)
    picture = MoviePicture(dataclasses.replace(view, camera=upright))(0)
    assert picture.shape == (720, 1280, 3)


def test_a_movie_without_errors_has_no_cursor_of_a_chart(view: ClipView) -> None:
    figures = tuple(dataclasses.replace(figure, error_mm=None) for figure in view.figures)
    first, second = (MoviePicture(dataclasses.replace(view, figures=figures))(frame) for frame in (5, 15))
    below = slice(500, None), slice(None, 550)
    assert (MoviePicture(view)(5)[below] != MoviePicture(view)(15)[below]).any()
    assert (first[below] == second[below]).all()


def test_a_movie_is_h264_of_even_size_at_its_frame_rate(tmp_path: Path) -> None:
    images = [np.full((61, 81, 3), 10 * number, np.uint8) for number in range(12)]
    write_movie(tmp_path / "new" / "a.mp4", images, 30.0)
    with av.open(str(tmp_path / "new" / "a.mp4")) as movie:
        stream = movie.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in movie.decode(stream)]
    assert (stream.codec_context.name, stream.average_rate, len(frames)) == ("h264", 30, 12)
    assert frames[0].shape == (60, 80, 3)
    assert abs(int(frames[9].mean()) - 90) < 6
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mp4"]


def test_the_suffix_decides_what_is_written_in_any_case(clips: Path, tmp_path: Path) -> None:
    short = ("--seconds", 0.2, "--prediction", clips.parents[1] / "models")
    for name in ("a.HTML", "a.png", "a.Mp4"):
        code, printed, said = run("show", "S1/walking2/cam1", "--clips", clips, *short, "-o", tmp_path / name)
        assert code == 0, said
        assert "12 frames" in printed
    assert (tmp_path / "a.HTML").read_text().startswith("<!DOCTYPE html>")
    assert Image.open(tmp_path / "a.png").format == "PNG"
    with av.open(str(tmp_path / "a.Mp4")) as movie:
        assert movie.streams.video[0].frames == 12
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.HTML", "a.Mp4", "a.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("S1/walking2/cam1", "-o", "a.gif"), "a.gif: cannot write .gif; use .mp4, .png, .html"),
        (("S1/walking2/cam1", "-o", "a"), "cannot write a name without suffix"),
        (("S1/walking2/cam7", "-o", "a.png"), "no clip 'S1/walking2/cam7'; near it: S1/walking2/cam"),
        (("nobody", "-o", "a.png"), "no clip 'nobody'; there are 2, the first is S1/walking2/cam1"),
        (
            ("S1/walking2/cam1", "--first", "1", "--seconds", "9", "-o", "a.png"),
            "70 frames, 1.16667 s: cannot show 1 s to",
        ),
        (("S1/walking2/cam1", "--first", "5", "-o", "a.png"), "cannot show 5 s to its end"),
        (("S1/walking2/cam1", "--first", "nan", "-o", "a.png"), "cannot show nan s to its end"),
        (("S1/walking2/cam1", "--seconds", "0", "-o", "a.png"), "cannot show 0 s to 0 s"),
        (("S1/walking2/cam1", "--prediction", "nowhere", "-o", "a.png"), "a checkpoint is a folder with"),
        (("S1/walking2/cam1", "-o", "taken/a.png"), "cannot be written"),
        (("S1/walking2/cam1", "-o", "folder.png"), "is a folder, expected the name of a file"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    (tmp_path / "folder.png").mkdir()
    code, _, said = run("show", *arguments, "--clips", clips)
    assert code == 1
    assert said.startswith("blaze2cap show: ")
    assert len(said.splitlines()) == 1
    assert sentence in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.png", "taken"]


def test_without_opencv_a_page_is_written_and_a_picture_is_one_sentence(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    code, _, said = run("show", "S1/walking2/cam1", "--clips", clips, "-o", tmp_path / "a.png")
    assert (code, len(said.splitlines())) == (1, 1)
    assert "run `blaze2cap doctor`, or write .html" in said
    assert run("show", "S1/walking2/cam1", "--clips", clips, "-o", tmp_path / "a.html")[0] == 0


def test_a_clip_without_an_absolute_root_is_one_sentence(clips: Path, tmp_path: Path) -> None:
    published = tmp_path / "clips"
    shutil.copytree(clips, published)
    table = (published / "takes.csv").read_text()
    (published / "takes.csv").write_text(table.replace("True,True\n", "False,False\n"))
    code, _, said = run("show", "S1/walking2/cam1", "--clips", published, "-o", tmp_path / "a.png")
    assert (code, len(said.splitlines())) == (1, 1)
    assert "no absolute root (S1/walking2)" in said


def test_the_documented_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_run(tmp_path))
    commands = [
        shlex.split(line)
        for block in re.findall(r"```sh\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        for line in block.splitlines()
    ]
    assert {words[1] for words in commands} == {"show", "report"}
    for program, *arguments in commands:
        assert program == "blaze2cap"
        code, _, said = run(*arguments)
        assert code == 0, said
        assert Path(arguments[-1]).stat().st_size > 1000
