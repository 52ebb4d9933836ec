"""Files made to do harm, for every reader of the package: each kind of file has a sound example and a reader that must
answer with what the file holds or with one sentence, whatever stands in it."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from finished_run import write_checkpoint
from PIL import Image
from published_files import write_published
from recordings import write_recordings

from blaze2cap.body.landmark import (
    CHANNELS,
    LANDMARKS,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_SCREEN,
    RAW_SCREEN_VISIBILITY,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    SCREEN,
    TRACKED,
    VISIBILITY,
)
from blaze2cap.data import schema
from blaze2cap.data.calibration import camera_to_json, read_calibration, read_cameras
from blaze2cap.data.manifest import read_manifest
from blaze2cap.data.preprocess import PreprocessParams
from blaze2cap.data.published_samples import read_published_sample
from blaze2cap.data.raw import CALIBRATION_FILE, read_landmarks
from blaze2cap.data.sources.registry import DatasetParams
from blaze2cap.data.split import SplitParams, read_split_map
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE, read_vicon
from blaze2cap.learning.checkpoint import DESCRIPTION, WEIGHTS, load_checkpoint
from blaze2cap.learning.model_params import ModelParams
from blaze2cap.params import load_params
from blaze2cap.runtime.bvh import read_bvh
from blaze2cap.runtime.footage import read_footage
from blaze2cap.runtime.image_folder import ImageFolder
from blaze2cap.runtime.landmark_csv import csv_columns

ROOT = Path(__file__).resolve().parent.parent
TAKE, FRAMES = "S1/walking2", 4
DEEP = b"[" * 100_000


class Kind(NamedTuple):
    """A kind of file: its sound content, what reads it out of its folder, contents that must be refused, and the
    words of it that a fuzzer may put together."""

    name: str
    file: str
    sound: bytes
    read: Callable[[Path], Any]
    hostile: dict[str, bytes]
    words: tuple[str, ...] = ()


class Loaded:
    """Whatever unpickles this has run code of a stranger."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("unpickled"),)


def npy(array: np.ndarray) -> bytes:
    """An .npy file; of objects, a pickle that runs code."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npy_header(text: str, version: bytes = b"\x01\x00") -> bytes:
    """A header of any text with a little data behind it."""
    body = text.encode("latin1")
    length = len(body).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + length + body + bytes(64)


def described(shape: str, descr: str = "'<f4'", order: str = "False") -> bytes:
    """A header that is well formed, whatever it promises."""
    return npy_header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


def arrays(shape: str) -> dict[str, bytes]:
    """Arrays of frames of that shape that are none."""
    return {
        "object array with a pickle": npy(np.array([Loaded()] * FRAMES, dtype=object)),
        "pickle alone": pickle.dumps(Loaded()),
        "more frames than any memory": described(f"({10**15}, {shape})"),
        "more frames than the file": described(f"(5_000_000, {shape})"),
        "more frames than 64 bits": described(f"({2**70}, {shape})"),
        "a product beyond 64 bits": described(f"({2**62}, {shape})"),
        "frames below 0": described(f"(-1, {shape})"),
        "no shape": described("()"),
        "a type without size": described(f"({10**12}, {shape})", "'V0'"),
        "a type that is code": described(f"(4, {shape})", "__import__('os').getpid()"),
        "a type of bad syntax": described(f"(4, {shape})", "<04"),
        "a type of a bad number": described(f"(4, {shape})", "'<04'"),
        "a record": described(f"(4, {shape})", "[('x', '<f4'), ('y', '|O')]"),
        "header nested too deep": npy_header("(" * 9000),
        "a name that is bytes": npy_header("{'descr': '<f4', 'fortran_order': False, b'shape': (4, 33, 10), }"),
        "a name without end": npy_header("{'descr': '<f4', 'fortran_orde" + "r" * 9000 + "': False, 'shape': (4,)}"),
        "header without end": npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (4,"),
        "header of another version": npy_header("{}", b"\x09\x00"),
        "header longer than the file": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        "zip": b"PK\x03\x04" + bytes(200),
        "nothing": b"",
    }


class Layout(NamedTuple):
    """How many landmarks and channels, and which channels are the tracking flag, a place in the image, a visibility."""

    names: int
    channels: int
    flags: tuple[int, ...]
    screen: int
    visibility: int


RAW = Layout(len(RAW_LANDMARKS), RAW_CHANNELS, (RAW_TRACKED, RAW_TRACKED_COPY), RAW_SCREEN.start, RAW_SCREEN_VISIBILITY)
MODEL = Layout(len(LANDMARKS), CHANNELS, (TRACKED,), SCREEN.start, VISIBILITY)


def filled(layout: Layout, **numbers: Any) -> np.ndarray:
    """Landmarks that are sound but for a number, by default a place in the world."""
    array = np.full((FRAMES, layout.names, layout.channels), 0.5, numbers.get("dtype", np.float32))
    array[:, :, layout.flags] = 1
    if "value" in numbers:
        array[2, 5, numbers.get("channel", 0)] = numbers["value"]
    return array


def numbers(layout: Layout) -> dict[str, bytes]:
    """Landmarks with a number that is none."""
    wrong = {"nan": np.nan, "infinity": np.inf, "minus infinity": -np.inf, "too large": 1e30}
    files = {name: npy(filled(layout, value=value)) for name, value in wrong.items()}
    alone = filled(layout)
    alone[2] = 0
    alone[2, :, layout.flags] = 1
    return files | {
        "infinity in half": npy(filled(layout, value=np.inf, dtype=np.float16)),
        "beyond 32 bits": npy(filled(layout, value=1e300, dtype=np.float64)),
        "pixels": npy(filled(layout, value=640, channel=layout.screen)),
        "a visibility of percent": npy(filled(layout, value=90, channel=layout.visibility)),
        "a visibility below 0": npy(filled(layout, value=-1, channel=layout.visibility)),
        "half a flag": npy(filled(layout, value=0.5, channel=layout.flags[-1])),
        "a flag alone": npy(alone),
    }


def replaced(sound: bytes, *changes: tuple[str, str]) -> bytes:
    """The sound text with the first of each of these words another one."""
    text = sound.decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


def changed(sound: bytes, **values: Any) -> bytes:
    """The sound JSON object with other values; `section.key` as `section__key`."""
    document = json.loads(sound)
    for name, value in values.items():
        *above, key = name.split("__")
        place = document
        for part in above:
            place = place[part]
        place[key] = value
    return json.dumps(document).encode()


NOT_JSON = {
    "nested too deep": DEEP,
    "nothing": b"",
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "not text": b"\xff\xfe\x00\x01",
    "a number of a million digits": b'{"width": ' + b"9" * 1_000_000 + b"}",
    "half a character": b'{"\\ud800": "\\ud800"}',
}


def landmark_json() -> bytes:
    """Two frames."""
    points = [{"x": 0.1, "y": 0.2, "z": 0.3, "visibility": 0.9}] * len(RAW_LANDMARKS)
    frames = [{"time_s": t / 30, "pose_landmarks": points, "pose_world_landmarks": points} for t in range(2)]
    return json.dumps({"fps": 30, "width": 640, "height": 480, "frames": frames}).encode()


def landmark_csv(times: tuple[float, ...] = (0.0, 1 / 30)) -> bytes:
    """A row for each time."""
    rows = [[str(n), str(t), "640", "480", *["0.5"] * (len(csv_columns()) - 4)] for n, t in enumerate(times)]
    return "\n".join(",".join(row) for row in [csv_columns(), *rows]).encode()


BVH = b"""HIERARCHY
ROOT Hips
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
 JOINT Spine
 {
  OFFSET 0 10 0
  CHANNELS 3 Zrotation Xrotation Yrotation
  End Site
  {
   OFFSET 0 10 0
  }
 }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 1 2 3
0 0 0 0 0 0 1 2 3
"""  # fmt: skip


def image() -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (1, 2, 3)).save(file, "PNG")
    return file.getvalue()


def _torch_file() -> bytes:
    file = io.BytesIO()
    torch.save({"model.x": torch.zeros(1)}, file)
    return file.getvalue()


def _params(folder: Path) -> None:
    for section, cls in {
        "dataset": DatasetParams, "preprocess": PreprocessParams, "split": SplitParams, "model": ModelParams
    }.items():  # fmt: skip
        load_params(section, cls, folder / "params.yaml")


def _finite_footage(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        footage = read_footage(folder / name)
        assert np.isfinite(footage.landmarks).all()
        assert np.isfinite(footage.intrinsics(footage.field_of_view_deg)).all()

    return read


def kinds(scratch: Path) -> list[Kind]:
    """All kinds of files; sound examples are written to a scratch folder, in which readers find what lies beside."""
    raw = write_recordings(scratch / "raw", {TAKE: FRAMES})
    vicon, clip = raw / "vicon" / TAKE, raw / "landmarks" / TAKE / "blaze_S1_walking2_cam1.npy"
    write_checkpoint(scratch / "checkpoint")
    # As older checkpoints are: with a hash of the weights, nothing but the hash would be tried.
    description = json.loads((scratch / "checkpoint" / DESCRIPTION).read_text())
    model = json.dumps({key: value for key, value in description.items() if key != "weights_sha256"}).encode()
    (scratch / "checkpoint" / DESCRIPTION).write_bytes(model)
    weights = (scratch / "checkpoint" / WEIGHTS).read_bytes()
    position, rotation = ((vicon / name).read_bytes() for name in (POSITION_FILE, ROTATION_FILE))
    calibration = (raw / CALIBRATION_FILE).read_bytes()
    cameras = json.dumps({"1": camera_to_json(read_calibration(raw / CALIBRATION_FILE)["1"])}).encode()
    params = (ROOT / "params.yaml").read_bytes()
    view = "blaze_S1_acting1_cam1_seg0_s1_o0.npy"
    entry = {"source": f"a/{view}", "target": "c/d.npy", "subject": "S1", "action": "acting1", "camera": "1"}
    entry |= {"split_train": True, "split_val": False, "split_test": False}
    split_map = json.dumps([entry]).encode()
    sidecar = json.dumps({"width": 640, "height": 480, "fps": 60.0, "field_of_view_deg": 70}).encode()
    manifest = json.dumps({"source": "totalcapture", "files": [], "faults": []}).encode()
    sample = "blaze_augmented/S1/acting1/cam1/blaze_S1_acting1_cam1_seg0_s1_o0.npy"
    write_published(scratch / "published", {"S1/acting1/cam1": [FRAMES]})
    model_layout = npy(filled(MODEL))
    takes = b"take,part\nS1/acting1,train\n"
    header = json.dumps({"model.x": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    poisoned = bytearray(weights)
    poisoned[-4:] = np.float32(np.nan).tobytes()
    return [
        Kind(
            "raw landmarks",
            "a.npy",
            clip.read_bytes(),
            lambda f: read_landmarks(f / "a.npy"),
            arrays("33, 10") | numbers(RAW),
        ),
        Kind(
            "model landmarks",
            "b.npy",
            model_layout,
            _finite_footage("b.npy"),
            arrays("25, 7") | numbers(MODEL),
        ),
        Kind(
            "published sample",
            f"published/{sample}",
            (scratch / "published" / sample).read_bytes(),
            lambda f: read_published_sample(f / "published", sample),
            arrays("25, 7"),
        ),
        Kind(
            "sidecar",
            "b.json",
            sidecar,
            _finite_footage("b.npy"),
            NOT_JSON
            | {
                "a width of no image": changed(sidecar, width=1e300),
                "endless": changed(sidecar, fps=float("inf")),
                "no number": changed(sidecar, fps=float("nan")),
                "true": changed(sidecar, field_of_view_deg=True),
                "a view beyond numbers": changed(sidecar, field_of_view_deg=10**400),
                "a list for a view": changed(sidecar, field_of_view_deg=[70]),
                "no view": changed(sidecar, field_of_view_deg=float("nan")),
            },
        ),
        Kind(
            "Vicon positions",
            f"raw/vicon/{TAKE}/{POSITION_FILE}",
            position,
            lambda f: read_vicon(f / "raw/vicon" / TAKE),
            {
                "beyond any room": replaced(position, ("\n", "\n1e300 ")),
                "nothing": b"",
                "not text": b"\xff\xfe\n\n",
                "names alone": position.split(b"\n")[0],
                "a quote without end": replaced(position, ("\n", '\n"')),
            },
            ("\t", " ", "nan", "inf", "1e308", '"'),
        ),
        Kind(
            "Vicon rotations",
            f"raw/vicon/{TAKE}/{ROTATION_FILE}",
            rotation,
            lambda f: read_vicon(f / "raw/vicon" / TAKE),
            {
                "beyond numbers": replaced(rotation, ("\n", "\n1e308 ")),
                "nothing": b"",
            },
            ("\t", " ", "nan", "inf", "1e308", '"'),
        ),
        Kind(
            "calibration",
            "raw/calibration.cal",
            calibration,
            lambda f: read_calibration(f / "raw/calibration.cal"),
            {
                "nan cameras": replaced(calibration, ("2 1", "nan 1")),
                "endless cameras": replaced(calibration, ("2 1", "inf 1")),
                "no camera": b"0 1\n",
                "half a camera": replaced(calibration, ("2 1", "2.5 1")),
                "minus cameras": replaced(calibration, ("2 1", "-1 1")),
                "nothing": b"",
                "a centre that is none": b"1 1\n0 9 0 9\n9 9 nan 5\n0\n1 0 0\n0 1 0\n0 0 1\n0 0 5",
                "an image without end": calibration.replace(b"1919", b"1e300"),
                "an image that starts elsewhere": calibration.replace(b"0 1079 0 1919", b"100 1179 200 2119"),
            },
            ("nan", "inf", "1e308", "-1", "\r\n"),
        ),
        Kind(
            "dataset map",
            "map.json",
            split_map,
            lambda f: read_split_map(f / "map.json"),
            NOT_JSON
            | {
                name: json.dumps([entry | {"source": path}]).encode()
                for name, path in {
                    "climbs out": f"../../etc/{view}",
                    "climbs out further in": f"a/../../{view}",
                    "absolute": f"/etc/{view}",
                    "name with a line end": f"a/{view}\n",
                    "two lines": f"a\n{view}",
                    "hidden": f"a/.{view}",
                }.items()
            }
            | {"object": b'{"source": 1}', "numbers": b"[1, 2]", "twice": json.dumps([entry, entry]).encode()},
        ),
        Kind(
            "parts",
            "takes.csv",
            takes,
            lambda f: schema.read_table(f / "takes.csv", "parts"),
            {
                "nothing": b"",
                "not text": b"\xff\xfe",
                "a take that climbs": b"take,part\n../a1,train\n",
                "a quote without end": b'take,part\n"S1/acting1,train\n',
                "zero byte": b"take,part\n\0,train\n",
            },
            (",", '"', "\n", "\0"),
        ),
        Kind(
            "params",
            "params.yaml",
            params,
            _params,
            {
                "nested too deep": b"a: " + DEEP,
                "no date": b"dataset: 2001-99-99\n",
                "no number": b"dataset: 0x_\n",
                "references to references": b"a: &a [x,x]\nb: &b [*a,*a]\ndataset: *b\n",
                "a call": b"dataset: !!python/object/apply:os.getpid []\n",
                "nothing": b"",
                "not text": b"\xff\xfe\x01",
                "no end": replaced(params, ("max_reprojection_px:", "max_reprojection_px: .inf #")),
                "beyond numbers": replaced(params, ("max_reprojection_px:", f"max_reprojection_px: 1{'0' * 400} #")),
                "a network beyond memory": replaced(params, ("layers:", "layers: 1000000000 #")),
                "a key that is a list": b"? [1, 2]\n: 3\n",
            },
            ("&a", "*a", "!!", "<<:", ": ", "- ", "{", "[", "? "),
        ),
        Kind(
            "model.json",
            f"checkpoint/{DESCRIPTION}",
            model,
            lambda f: load_checkpoint(f / "checkpoint"),
            NOT_JSON
            | {
                "layers beyond time": changed(model, model__layers=10**9),
                "width beyond memory": changed(model, model__width=8192),
                "many wide layers": changed(model, model__width=8192, model__layers=128, model__feed_forward=65536),
                "a width of words": changed(model, model__width="16"),
                "a width of half": changed(model, model__width=16.5),
                "a delay without end": changed(model, model__delay_frames=10**12),
                "no key": changed(model, model={}),
                "a base of its own": changed(model, model__backbone="__class__"),
                "takes that are none": changed(model, provenance=3),
                "format nested": changed(model, format=[[[[1] * 9] * 9] * 9]),
            },
        ),
        Kind(
            "weights",
            f"checkpoint/{WEIGHTS}",
            weights,
            lambda f: load_checkpoint(f / "checkpoint"),
            {
                "a pickle": pickle.dumps(Loaded()),
                "torch's own form": _torch_file(),
                "nothing": b"",
                "truncated": weights[:-100],
                "a header beyond the file": (2**63).to_bytes(8, "little"),
                "nan": bytes(poisoned),
                "a tensor beyond memory": len(header).to_bytes(8, "little") + header,
            },
        ),
        Kind(
            "cameras",
            "cameras.json",
            cameras,
            lambda f: read_cameras(f / "cameras.json"),
            {
                "nested too deep": DEEP,
                "a list": b"[]",
                "a camera that is none": b'{"1": 3}',
                "no rotation": b'{"1": {}}',
                "words": cameras.replace(b'"fx": ', b'"fx": "a", "x": '),
                "no image": cameras.replace(b'"width": 1920', b'"width": 0'),
                "a key too many": cameras.replace(b'"width": ', b'"y": 0, "width": '),
            },
        ),
        Kind("manifest", "manifest.json", manifest, lambda f: read_manifest(f), NOT_JSON),
        Kind(
            "landmark JSON",
            "c.json",
            landmark_json(),
            _finite_footage("c.json"),
            NOT_JSON
            | {
                "no rate": changed(landmark_json(), fps=0, frames=[{}]),
                "a rate below 0": changed(landmark_json(), fps=-30),
                "a width of no image": changed(landmark_json(), width=1e300),
                "nan": replaced(landmark_json(), ("0.1", "NaN")),
                "beyond numbers": replaced(landmark_json(), ("0.1", "1" + "0" * 400)),
                "frames of words": b'{"frames": "ab"}',
                "a time beyond memory": replaced(landmark_json(), ('"fps": 30, ', ""), (str(1 / 30), "1e12")),
                "points of points": b'[{"pose_landmarks": [[[]]], "pose_world_landmarks": [[{}]]}]',
            },
            ('"time_s"', '"frame"', '"pose_landmarks"', '"x"', "null", "NaN", "1e999", "[", "{"),
        ),
        Kind(
            "landmark CSV",
            "d.csv",
            landmark_csv(),
            _finite_footage("d.csv"),
            {
                "a gap beyond memory": landmark_csv((0, 1 / 30, 2 / 30, 1e12)),
                "times back": landmark_csv((1, 0)),
                "a rate beyond videos": landmark_csv((0, 5e-324)),
                "nothing": b"",
                "not text": b"\xff\xfe\x01",
                "no number": replaced(landmark_csv(), ("0.5", "nan")),
                "zero byte": b"\0",
                "a million columns": b"a," * 1_000_000,
                "a quote without end": b'"' + landmark_csv(),
                "infinite width": replaced(landmark_csv(), ("640", "inf")),
            },
            (",", "\n", '"', "nan", "inf", "1e308", "-1"),
        ),
        Kind(
            "BVH",
            "e.bvh",
            BVH,
            lambda f: read_bvh(f / "e.bvh").forward_kinematics(),
            {
                "frames below 0": replaced(BVH, ("Frames: 2", "Frames: -1")),
                "too many": replaced(BVH, ("Frames: 2", "Frames: 1e9")),
                "more channels than words": replaced(BVH, ("CHANNELS 6", "CHANNELS 1000000000")),
                "channels below 0": replaced(BVH, ("CHANNELS 3 Zrotation Xrotation Yrotation", "CHANNELS -3")),
                "an end without a beginning": replaced(BVH, ("{", "{ OFFSET 0 0 0 CHANNELS 0 } } } {")),
                "a second root": replaced(BVH, ("MOTION", "JOINT a { OFFSET 0 0 0 CHANNELS 0 } MOTION")),
                "an end site of nothing": replaced(BVH, ("MOTION", "End Site { OFFSET 0 0 0 } MOTION")),
                "no end": replaced(BVH, ("MOTION", "JOINT a { OFFSET 0 0 0 CHANNELS 0 MOTION")),
                "an offset that is none": replaced(BVH, ("OFFSET 0 10 0", "OFFSET 0 nan 0")),
                "frames of nothing": b"HIERARCHY ROOT "
                b"a { OFFSET 0 0 0 CHANNELS 0 } MOTION Frames: 99999999 Frame Time: 1",
                "an angle without end": replaced(BVH, ("1 2 3", "1 inf 3")),
                "nothing": b"",
                "not text": b"\xff\xfe",
            },
            ("JOINT", "End", "Site", "{", "}", "OFFSET", "CHANNELS", "MOTION", "Frames:", "Frame", "Time:", "-1"),
        ),
        Kind(
            "images",
            "images/1.png",
            image(),
            lambda f: [f.image.sum() for f in ImageFolder(f / "images").frames()],
            {
                "a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n",
                "nothing": b"",
                "truncated": image()[:-40],
                "larger than memory": image()[:16] + b"\x00\x01\x00\x00" * 2 + image()[24:],
            },
        ),
    ]
