"""Laws of landmarks from other programs: whatever they are kept in, the motion is the same, and faults are named."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny_clipset

from blaze2cap.body.landmark import LANDMARKS, RAW_CHANNELS, RAW_LANDMARKS, RAW_SCREEN, RAW_TRACKED, TRACKED
from blaze2cap.data.raw import Sidecar, write_landmarks
from blaze2cap.data.segment import to_model_layout
from blaze2cap.errors import UserError
from blaze2cap.runtime.footage import read_footage
from blaze2cap.runtime.landmark_csv import csv_columns

FRAMES = 90
SHOWN = range(55, 75)  # around the gap
COLUMNS = [channel for channel in range(RAW_CHANNELS) if channel not in (4, 9)]


def raw_landmarks() -> np.ndarray:
    """A clip with nobody in frames 60-69, all 33 landmarks."""
    known = tiny_clipset().clip_landmarks("S1/freestyle1/cam2")[:FRAMES]
    raw = np.zeros((FRAMES, len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
    kept = [RAW_LANDMARKS.index(name) for name in LANDMARKS]
    raw[:, kept, :3], raw[:, kept, 5:7], raw[:, kept, 8] = known[..., :3], known[..., 3:5], known[..., 5]
    raw[:, :, 3] = raw[:, :, 8]
    raw[..., 4] = raw[..., 9] = known[:, :1, TRACKED]
    return raw


RAW = raw_landmarks()


def cells(frame: int, time_s: float | None = None) -> list[str]:
    seen = RAW[frame].any()
    points = [f"{value:.7g}" if seen else "" for value in RAW[frame][:, COLUMNS].ravel()]
    return [str(frame), f"{frame / 30 if time_s is None else time_s:.6f}", "1280", "720", *points]


def write_csv(path: Path, rows: list[list[str]] | None = None, header: list[str] | None = None) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header or csv_columns(), *(rows or [cells(frame) for frame in range(FRAMES)])])
    return path


def points(frame: int, world: bool) -> list[dict[str, float]]:
    first = 0 if world else RAW_SCREEN.start
    return [
        dict(zip(("x", "y", "z", "visibility"), map(float, row[first : first + 4]), strict=True)) for row in RAW[frame]
    ]


def dumped(frame: int, nobody: Any = None) -> dict[str, Any]:
    seen = RAW[frame].any()
    lists = {
        "pose_landmarks": points(frame, False) if seen else nobody,
        "pose_world_landmarks": points(frame, True) if seen else nobody,
    }
    return {"time_s": frame / 30, **lists}


def write_json(path: Path, values: Any) -> Path:
    path.write_text(json.dumps(values))
    return path


def all_frames() -> list[dict[str, Any]]:
    return [dumped(frame) for frame in SHOWN]


def same_as_array(path: Path, **options: Any) -> bool:
    footage = read_footage(path, **options)
    assert footage.fps == pytest.approx(30, abs=1e-3)
    expected = to_model_layout(RAW[SHOWN.start : SHOWN.stop])
    expected[0, :, TRACKED] = 0
    return np.allclose(footage.landmarks, expected, atol=1e-6)


def test_a_table_holds_what_an_array_holds(tmp_path: Path) -> None:
    write_landmarks(tmp_path / "a.npy", RAW, Sidecar(width=1280, height=720, fps=30.0))
    array, table = read_footage(tmp_path / "a.npy"), read_footage(write_csv(tmp_path / "a.csv"))
    assert np.allclose(table.landmarks, array.landmarks, atol=1e-6)
    assert (table.width, table.height, table.fps) == (1280, 720, pytest.approx(30, abs=1e-3))
    assert table.notices == ()
    anchors = table.landmarks.any(-1).any(-1) & (table.landmarks[:, 0, TRACKED] == 0)
    assert np.flatnonzero(anchors).tolist() == [0, 70]


FORMS: dict[str, Callable[[], Any]] = {
    "a list of frames": all_frames,
    "an object with frames": lambda: {"fps": 30, "width": 1280, "height": 720, "frames": all_frames()},
    "null for nobody": lambda: [dumped(f) if RAW[f].any() else None for f in SHOWN],
    "empty lists for nobody": lambda: [dumped(f, []) for f in SHOWN],
    "milliseconds": lambda: [
        {**{key: value for key, value in frame.items() if key != "time_s"}, "timestamp_ms": 1000 * frame["time_s"]}
        for frame in all_frames()
    ],
    "JavaScript's names": lambda: [
        {"time_s": f["time_s"], "poseLandmarks": f["pose_landmarks"], "poseWorldLandmarks": f["pose_world_landmarks"]}
        for f in all_frames()
    ],
    "protobuf as a dictionary": lambda: [
        {key: {"landmark": value} if isinstance(value, list) else value for key, value in f.items()}
        for f in all_frames()
    ],
    "lists of people": lambda: [
        {key: [value] if isinstance(value, list) else [] if value is None else value for key, value in f.items()}
        for f in all_frames()
    ],
    "numbers in lists": lambda: [
        {
            key: [list(point.values()) for point in value] if isinstance(value, list) else value
            for key, value in f.items()
        }
        for f in all_frames()
    ],
    "world without visibility": lambda: [
        {
            **f,
            "pose_world_landmarks": f["pose_world_landmarks"]
            and [{part: point[part] for part in "xyz"} for point in f["pose_world_landmarks"]],
        }
        for f in all_frames()
    ],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_which_people_dump_results_is_read(form: str, tmp_path: Path) -> None:
    values = FORMS[form]()
    path = write_json(tmp_path / "a.json", values)
    assert same_as_array(path, **({"fps": 30.0} if form == "null for nobody" else {}))
    assert (read_footage(path, 30.0).width == 1280) == isinstance(values, dict)


def numbered(first: int = 0) -> list[dict[str, Any] | None]:
    """Frames with numbers and no times, null where nobody is."""
    frames = []
    for frame in SHOWN:
        values = {key: value for key, value in dumped(frame).items() if key != "time_s"}
        frames.append({**values, "frame": frame + first} if RAW[frame].any() else None)
    return frames


@pytest.mark.parametrize("nobody_at", [[], [0, 1], [18, 19], [0, 19]], ids=["amid", "first", "last", "both"])
def test_null_has_the_number_that_fits(nobody_at: list[int], tmp_path: Path) -> None:
    frames = numbered(100)
    for place in nobody_at:
        frames[place] = None
    seen = [frame is not None for frame in frames]
    footage = read_footage(write_json(tmp_path / "a.json", frames), fps=30.0)
    assert footage.landmarks.any((1, 2)).tolist() == seen
    if not nobody_at:
        assert same_as_array(tmp_path / "a.json", fps=30.0)


def test_a_second_person_is_told(tmp_path: Path) -> None:
    frames = [
        {key: [value, value] if isinstance(value, list) else value for key, value in f.items()} for f in all_frames()
    ]
    assert any("several people" in notice for notice in read_footage(write_json(tmp_path / "a.json", frames)).notices)


def test_an_unknown_size_of_the_image_is_told(tmp_path: Path) -> None:
    header = [name for name in csv_columns() if name not in ("width", "height")]
    path = write_csv(tmp_path / "a.csv", [cells(f)[:2] + cells(f)[4:] for f in range(FRAMES)], header)
    footage = read_footage(path)
    assert (footage.width, footage.height) == (1920, 1080)
    assert "taken for 1920 x 1080" in footage.notices[0]


def test_uneven_times_are_resampled_and_told(tmp_path: Path) -> None:
    """Frames 20-29 are missing: nobody is known to be anywhere for a third of a second, and then is found anew."""
    kept = [frame for frame in range(60) if not 20 <= frame < 30]
    footage = read_footage(write_csv(tmp_path / "a.csv", [cells(frame) for frame in kept]))
    assert len(footage.landmarks) == 60
    seen = footage.landmarks.any(-1).any(-1)
    assert np.flatnonzero(~seen).tolist() == list(range(20, 30))
    assert footage.landmarks[30, 0, TRACKED] == 0
    assert np.allclose(footage.landmarks[40], to_model_layout(RAW)[40], atol=1e-4)
    assert any("resampled" in notice for notice in footage.notices)


def test_a_given_rate_stands_for_the_times(tmp_path: Path) -> None:
    footage = read_footage(write_csv(tmp_path / "a.csv"), fps=24.0)
    assert (footage.fps, len(footage.landmarks)) == (24, FRAMES)


def spoiled_csv(row: int, column: str, value: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        rows = [cells(frame) for frame in range(5)]
        rows[row][csv_columns().index(column)] = value
        return write_csv(path / "a.csv", rows)

    return write


def spoiled_json(change: Callable[[list[dict[str, Any]]], Any]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        frames = [dumped(frame) for frame in range(5)]
        result = change(frames)
        return write_json(path / "a.json", frames if result is None else result)

    return write


def without(kind: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        kept = [n for n, name in enumerate(csv_columns()) if n < 4 or ("screen" in name) == (kind == "world")]
        rows = [[cells(frame)[n] for n in kept] for frame in range(5)]
        return write_csv(path / "a.csv", rows, [csv_columns()[n] for n in kept])

    return write


def written(text: str, name: str = "a.csv") -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        (path / name).write_text(text)
        return path / name

    return write


FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "csv: not a number": (spoiled_csv(2, "nose_y_m", "high"), "row 4, nose_y_m is 'high', expected a number"),
    "csv: a cell is empty": (spoiled_csv(2, "left_knee_x_m", ""), "row 4, left_knee_x_m is '', expected a number"),
    "csv: not finite": (spoiled_csv(1, "left_hip_z_m", "nan"), "row 3, left_hip_z_m is nan, expected a finite number"),
    "csv: infinite": (spoiled_csv(1, "left_hip_screen_x", "-inf"), "row 3, left_hip_screen_x is -inf"),
    "csv: millimetres": (spoiled_csv(0, "nose_y_m", "-620"), "row 2, nose: y_m is -620, expected metres"),
    "csv: pixels": (spoiled_csv(0, "nose_screen_x", "640"), "row 2, nose: screen_x is 640, expected a fraction"),
    "csv: visibility": (spoiled_csv(0, "nose_visibility", "1.5"), "row 2, nose: visibility is 1.5, expected a visib"),
    "csv: time goes back": (spoiled_csv(3, "time_s", "0.01"), "row 5: time_s is 0.01 after 0.0666"),
    "csv: frame again": (spoiled_csv(3, "frame", "2"), "row 5: frame is 2 after 2, expected it to increase"),
    "csv: size changes": (spoiled_csv(3, "width", "1920"), "width and height change from row to row"),
    "csv: image only": (without("world"), "holds no world landmarks [m], columns nose_x_m"),
    "csv: world only": (without("screen"), "holds no landmarks in the image, columns nose_screen_x"),
    "csv: too few values": (written(",".join(csv_columns()) + "\n1,2,3\n"), "row 2 has 3 values, the header row 268"),
    "csv: other columns": (written("time,hips\n0,1\n"), "holds no world landmarks"),
    "csv: one column short": (
        written(",".join(csv_columns()[:-1]) + "\n"),
        "column right_foot_index_screen_visibility is missing, and 0 others",
    ),
    "csv: empty": (written(""), "holds no world landmarks"),
    "csv: no rows": (written(",".join(csv_columns()) + "\n"), "no frames"),
    "csv: absent": (lambda path: path / "none.csv", "no such file"),
    "csv: a picture": (
        lambda path: (path / "a.csv").write_bytes(b"\x89PNG\xff\xfe") and path / "a.csv",
        "not readable",
    ),
    "json: broken": (written("[{", "a.json"), "not readable as JSON"),
    "json: a number": (written("3", "a.json"), "expected a landmark file, a list of frames"),
    "json: a sidecar": (
        written('{"width": 1, "height": 1, "fps": 30}', "a.json"),
        "if it is the sidecar of an .npy file",
    ),
    "json: no frames": (written("[]", "a.json"), "no frames"),
    "json: frames are lists": (written("[[1, 2]]", "a.json"), "frame 0 is no object with pose_landmarks"),
    "json: image only": (
        spoiled_json(lambda frames: [{key: f[key] for key in ("time_s", "pose_landmarks")} for f in frames]),
        "frame 0 holds no pose_world_landmarks",
    ),
    "json: world only": (
        spoiled_json(lambda frames: frames[1].pop("pose_landmarks") and None),
        "frame 1 holds no pose_l",
    ),
    "json: 32 landmarks": (
        spoiled_json(lambda frames: frames[2]["pose_landmarks"].pop() and None),
        "frame 2, pose_landmarks has 32 landmarks, expected 33",
    ),
    "json: no z": (
        spoiled_json(lambda frames: frames[3]["pose_world_landmarks"][25].pop("z") and None),
        "frame 3, left_knee in pose_world_landmarks has no z",
    ),
    "json: NaN": (
        spoiled_json(lambda frames: frames[3]["pose_world_landmarks"][25].update(z=float("nan"))),
        "frame 3, left_knee, z is nan, expected a finite number",
    ),
    "json: text": (
        spoiled_json(lambda frames: frames[3]["pose_landmarks"][0].update(x="left")),
        "frame 3, nose, x is 'left', expected a number",
    ),
    "json: no times": (
        spoiled_json(lambda frames: [{k: v for k, v in f.items() if k != "time_s"} for f in frames]),
        "nothing says when its frames were taken; give --fps",
    ),
    "json: half a pixel": (
        spoiled_json(lambda frames: {"width": 640.5, "height": 480, "frames": frames}),
        "width is 640.5, expected a whole number",
    ),
    "json: some without times": (
        spoiled_json(lambda frames: [*frames[:2], None, *frames[2:]]),
        "frame 2 has no time_s, others have",
    ),
    "json: no number is left for null": (
        spoiled_json(lambda _: {"fps": 30, "frames": [*numbered()[:3], None, *numbered()[3:5]]}),
        "frame 4: frame is 58, expected 59 at least, as those with nobody before it have no number",
    ),
    "json: somebody without a number": (
        spoiled_json(lambda _: {"fps": 30, "frames": [*numbered()[:3], dumped(58), *numbered()[4:5]]}),
        "frame 3 has no frame, others have; number all that show somebody, or none",
    ),
    "json: nobody": (
        written('[{"time_s": 0}, {"time_s": 0.1}]', "a.json"),
        "nobody is detected in any of its 2 frames",
    ),
    "json: one frame": (spoiled_json(lambda frames: frames[:1]), "one frame alone has no rate"),
    "json: too fast": (spoiled_json(lambda frames: {"fps": 5000, "frames": frames[:1]}), "5000 frames per second"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_that_names_where_it_is(fault: str, tmp_path: Path) -> None:
    write, sentence = FAULTS[fault]
    with pytest.raises(UserError) as raised:
        read_footage(write(tmp_path))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_every_column_and_key_is_documented() -> None:
    document = (Path(__file__).parent.parent / "docs" / "predict.md").read_text()
    names = {name.removeprefix("nose_") if name.startswith("nose_") else name for name in csv_columns()[:12]}
    for name in names:
        assert f"`{name}`" in document or f"`NAME_{name}`" in document, name
    for key in ("pose_landmarks", "pose_world_landmarks", "frames", "timestamp_ms", "field_of_view_deg"):
        assert f"`{key}`" in document, key
    assert RAW[0, 0, RAW_TRACKED] == 0
