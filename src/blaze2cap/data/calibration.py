"""Camera calibration as TotalCapture publishes it, and the JSON form that goes with packed clips.

`calibration.cal`: a row `num_cameras distortion_order`, then for each camera the rows `min_row max_row min_col
max_col`, `fx fy cx cy` [px], the distortion, three rows of the rotation world -> camera, and the translation [m].
"""

from pathlib import Path
from typing import Any

import torch

from blaze2cap.body.camera import Camera
from blaze2cap.data.raw import MOST_PIXELS
from blaze2cap.errors import UserError
from blaze2cap.untrusted import read_json, read_text

_ROWS_PER_CAMERA = 7
_NUMBERS_PER_ROW = (4, 4, 1, 3, 3, 3, 3)
_ROTATION_TOLERANCE = 1e-3
# No number of a calibration is as large: focal lengths [px] and distances [m].
_MOST = 1e6


def read_calibration(path: Path) -> dict[str, Camera]:
    """Cameras by their number in the file, from "1" on; UserError where a row does not hold what it should."""
    try:
        rows = [line.split() for line in read_text(path).splitlines() if line.strip()]
        numbers = [[float(word) for word in row] for row in rows]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; it holds the cameras' calibration") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as numbers ({error})") from None
    if not numbers or len(numbers[0]) != 2 or numbers[0][1] != 1:
        raise UserError(f"{path}: the first row must be 'num_cameras 1', the order of the distortion")
    wrong = next((value for row in numbers for value in row if not abs(value) <= _MOST), None)
    if wrong is not None:
        raise UserError(f"{path}: holds {wrong:g}, expected finite numbers of pixels and metres")
    count = numbers[0][0]
    if count < 1 or count != int(count):
        raise UserError(f"{path}: {count:g} cameras, expected 1 or more")
    expected = int(count) * _ROWS_PER_CAMERA + 1
    if len(numbers) != expected:
        raise UserError(f"{path}: {len(numbers)} rows, expected {expected} for {count:g} cameras")
    blocks = [numbers[start : start + _ROWS_PER_CAMERA] for start in range(1, expected, _ROWS_PER_CAMERA)]
    return {str(number): _camera(block, f"{path}: camera {number}") for number, block in enumerate(blocks, 1)}


def write_calibration(path: Path, cameras: dict[str, Camera]) -> None:
    """Write cameras named "1", "2", ... in TotalCapture's form; inverse of `read_calibration` to six digits."""
    lines = [f"{len(cameras)} 1"]
    for number in range(1, len(cameras) + 1):
        camera = cameras[str(number)]
        rows = [
            (0, camera.height - 1, 0, camera.width - 1),
            (camera.fx, camera.fy, camera.cx, camera.cy),
            (camera.distortion,),
            *camera.rotation.tolist(),
            camera.translation.tolist(),
        ]
        lines += [" ".join(f"{value:g}" for value in row) for row in rows]
    path.write_bytes("".join(line + "\r\n" for line in lines).encode())


def camera_to_json(camera: Camera) -> dict[str, Any]:
    """A camera as plain numbers."""
    intrinsics = {key: getattr(camera, key) for key in ("fx", "fy", "cx", "cy", "width", "height", "distortion")}
    return intrinsics | {"rotation": camera.rotation.tolist(), "translation": camera.translation.tolist()}


def camera_from_json(values: dict[str, Any]) -> Camera:
    """Inverse of `camera_to_json`; of what that does not give, KeyError, TypeError, ValueError, ArithmeticError or
    RuntimeError."""
    tensors = {key: torch.tensor(values[key], dtype=torch.float32) for key in ("rotation", "translation")}
    camera = Camera(**(values | tensors))
    found = camera.rotation.shape, camera.translation.shape
    if found != ((3, 3), (3,)) or not all(abs(number) <= _MOST for number in camera.intrinsics.tolist()):
        raise ValueError("shapes or numbers that no camera has")
    return camera


def read_cameras(path: Path) -> dict[str, Camera]:
    """Cameras by name out of a JSON object of them; UserError where it is none."""
    try:
        return {name: camera_from_json(values) for name, values in read_json(path).items()}
    except (OSError, AttributeError, KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise UserError(f"{path}: not readable as cameras ({error}); run `dvc repro -f preprocess`") from None


def _camera(block: list[list[float]], where: str) -> Camera:
    found = tuple(len(row) for row in block)
    if found != _NUMBERS_PER_ROW:
        raise UserError(f"{where}: rows of {found} numbers, expected {_NUMBERS_PER_ROW}")
    min_row, max_row, min_col, max_col = block[0]
    fx, fy, cx, cy = block[1]
    if min_row or min_col:
        # Whether the centre (cx, cy) is counted from there or from 0 is not said.
        raise UserError(
            f"{where}: its first row and column are {min_row:g} and {min_col:g}, expected 0 and 0; count rows, columns "
            "and the centre from the image's corner"
        )
    if not (0 <= max_row < MOST_PIXELS and 0 <= max_col < MOST_PIXELS):
        raise UserError(f"{where}: its last row and column are {max_row:g} and {max_col:g}, expected those of an image")
    rotation = torch.tensor(block[3:6], dtype=torch.float64)
    excess = (rotation @ rotation.T - torch.eye(3)).abs().max().item()
    if not excess < _ROTATION_TOLERANCE or torch.det(rotation) < 0 or not (fx > 0 and fy > 0):
        raise UserError(f"{where}: its 3 x 3 matrix is not a rotation, or a focal length is not above 0")
    return Camera(
        fx=fx,
        fy=fy,
        cx=cx,
        cy=cy,
        width=int(max_col) + 1,
        height=int(max_row) + 1,
        rotation=rotation.float(),
        translation=torch.tensor(block[6], dtype=torch.float32),
        distortion=block[2][0],
    )
