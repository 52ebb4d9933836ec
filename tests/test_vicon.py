"""Vicon text and calibration files: what is written is read, order comes from names, damage is named."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from recordings import make_camera, make_motion

from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, global_to_local
from blaze2cap.body.rotation import matrix_to_quaternion, quaternion_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.calibration import camera_from_json, camera_to_json, read_calibration, write_calibration
from blaze2cap.data.vicon import POSITION_FILE, ROTATION_FILE, count_frames, read_vicon, write_vicon
from blaze2cap.errors import UserError


@pytest.fixture
def take(tmp_path: Path) -> Path:
    position, rotation = make_motion(frames=6, seed=0)
    write_vicon(tmp_path, position.numpy(), matrix_to_quaternion(rotation).numpy())
    return tmp_path


def test_reading_inverts_writing_to_six_digits(take: Path) -> None:
    position, rotation = make_motion(frames=6, seed=0)
    vicon = read_vicon(take)
    np.testing.assert_allclose(vicon.position, position, atol=2e-5)
    np.testing.assert_allclose(quaternion_to_matrix(torch.from_numpy(vicon.quaternion)), rotation, atol=1e-5)
    assert count_frames(take) == 6


def test_empty_lines_are_no_frames(take: Path) -> None:
    for name in (POSITION_FILE, ROTATION_FILE):
        (take / name).write_text((take / name).read_text().replace("\n", "\r\n") + "\r\n \n")
    assert len(read_vicon(take).position) == count_frames(take) == 6


def test_a_byte_order_mark_is_no_part_of_the_first_name(take: Path) -> None:
    expected = read_vicon(take)
    for name in (POSITION_FILE, ROTATION_FILE):
        (take / name).write_bytes(b"\xef\xbb\xbf" + (take / name).read_bytes())
    np.testing.assert_array_equal(read_vicon(take).position, expected.position)
    assert count_frames(take) == len(expected.position)


def test_writing_what_was_read_gives_the_same_bytes(take: Path) -> None:
    before = [(take / name).read_bytes() for name in (POSITION_FILE, ROTATION_FILE)]
    write_vicon(take, *read_vicon(take))
    assert [(take / name).read_bytes() for name in (POSITION_FILE, ROTATION_FILE)] == before


def test_rows_are_tab_separated_inches_as_totalcapture_has_them(take: Path) -> None:
    header, first, *_ = (take / POSITION_FILE).read_text().split("\n")
    assert header == "".join(f"{name}\t" for name in JOINTS)
    hips = np.array(first.split("\t")[0].split(" "), dtype=float)
    np.testing.assert_allclose(hips * 0.0254, make_motion(6, 0)[0][0, 0], atol=1e-5)


def test_joints_are_ordered_by_the_names_in_the_header(take: Path) -> None:
    expected = read_vicon(take)
    for name in (POSITION_FILE, ROTATION_FILE):
        rows = [line.rstrip("\t").split("\t")[::-1] for line in (take / name).read_text().splitlines()]
        (take / name).write_text("".join("\t".join(row) + "\t\n" for row in rows))
    found = read_vicon(take)
    np.testing.assert_array_equal(found.position, expected.position)
    np.testing.assert_array_equal(found.quaternion, expected.quaternion)


def _edit_row(edit: Callable[[str], str], row: int = 2) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join([*lines[:row], edit(lines[row]), *lines[row + 1 :]])

    return change


FAULTS = {
    "truncated in a row": (lambda text: text[:-60], "row 7 has .* finite numbers, expected 63"),
    "a row less than its partner": (lambda text: "".join(text.splitlines(True)[:-1]), "has 5 rows but .* has 6"),
    "a joint of another name": (lambda text: text.replace("Hips", "Pelvis"), "21 joints.*Hips, Pelvis"),
    "a joint twice": (lambda text: text.replace("Neck", "Head"), "21 joints.*Neck"),
    "nan": (_edit_row(lambda row: "nan " + row.split(" ", 1)[1]), "row 3 has 62 finite numbers"),
    "a word": (_edit_row(lambda row: "oops " + row.split(" ", 1)[1]), "oops"),
    "a number too many": (_edit_row(lambda row: "1 " + row), "64"),
    "a joint too many in every row": (lambda text: text.replace("\t\n", "\t1 2 3\t\n"), "21 joints"),
    "no rows": (lambda text: text.splitlines(True)[0], "no rows"),
    "empty": (lambda text: "", "21 joints"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_named_in_one_sentence(take: Path, fault: str) -> None:
    edit, expected = FAULTS[fault]
    path = take / POSITION_FILE
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError, match=expected) as caught:
        read_vicon(take)
    assert POSITION_FILE in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_file_is_named(take: Path) -> None:
    (take / ROTATION_FILE).write_bytes(b"\x93NUMPY\xff\xfe")
    with pytest.raises(UserError, match=f"{ROTATION_FILE}: cannot be read"):
        read_vicon(take)
    (take / ROTATION_FILE).unlink()
    with pytest.raises(UserError, match=f"{ROTATION_FILE}: no such file"):
        read_vicon(take)


def test_quaternions_must_have_unit_length(take: Path) -> None:
    vicon = read_vicon(take)
    vicon.quaternion[3, JOINTS.index("Head")] *= 1.1
    write_vicon(take, *vicon)
    with pytest.raises(UserError, match=r"quaternion of Head in row 5 has length 1\.1"):
        read_vicon(take)


def test_calibration_reading_inverts_writing(tmp_path: Path) -> None:
    cameras = {"1": make_camera(4.0), "2": make_camera(6.5)}
    path = tmp_path / "calibration.cal"
    write_calibration(path, cameras)
    assert path.read_bytes().startswith(b"2 1\r\n0 1079 0 1919\r\n1300 1300 959.5 539.5\r\n0\r\n")
    for number, camera in read_calibration(path).items():
        for again in (camera, camera_from_json(camera_to_json(camera))):
            torch.testing.assert_close(again.rotation, cameras[number].rotation)
            torch.testing.assert_close(again.translation, cameras[number].translation)
            assert (again.fx, again.width, again.height) == (1300, 1920, 1080)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda text: text[: len(text) // 2], "rows, expected 15 for 2 cameras"),
        (lambda text: text.replace("1300", "many"), "cannot be read as numbers"),
        (lambda text: text.replace("1300 1300", "1300"), "camera 1: rows of"),
        (lambda text: text.replace("1 0 0", "2 0 0"), "camera 1: its 3 x 3 matrix is not a rotation"),
        (lambda text: "", "first row"),
        (lambda text: text.replace("2 1", "2 0", 1), "first row"),
        (lambda text: text.replace("2 1", "2 2", 1), "first row"),
        (
            lambda text: text.replace("0 1079 0 1919", "100 1179 0 1919", 1),
            "camera 1: its first row and column are 100 and 0, expected 0 and 0",
        ),
        (
            lambda text: text.replace("0 1079 0 1919", "0 1079 200 2119"),
            "camera 1: its first row and column are 0 and 200, expected 0 and 0",
        ),
    ],
)
def test_a_damaged_calibration_is_named(tmp_path: Path, edit: Callable[[str], str], expected: str) -> None:
    path = tmp_path / "calibration.cal"
    write_calibration(path, {"1": make_camera(), "2": make_camera()})
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError, match=expected):
        read_calibration(path)


def test_forward_kinematics_reproduces_vicon_positions(totalcapture_root: Path) -> None:
    """On every real take, within 0.05 mm, from constant bone offsets and local rotations in float32."""
    folders = sorted(totalcapture_root.glob("vicon/*/*/"))
    assert folders
    for folder in folders:
        vicon = read_vicon(folder)
        position = torch.from_numpy(vicon.position)
        rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion))
        offset, residual = bone_offsets(position, rotation)
        local = global_to_local(rotation).float()
        reproduced, _ = forward_kinematics(local, offset.float(), position[:, 0].float())
        worst_mm = 1000 * (reproduced - position).norm(dim=-1).max().item()
        assert worst_mm < 0.05, folder
        assert 1000 * residual < 0.05, folder


@pytest.mark.parametrize("number", [0, 1])
def test_a_focal_length_that_no_camera_has_is_refused(number: int, tmp_path: Path) -> None:
    write_calibration(tmp_path / "calibration.cal", {"1": make_camera()})
    lines = (tmp_path / "calibration.cal").read_text().splitlines()
    numbers = lines[2].split()
    numbers[number] = f"-{numbers[number]}"
    (tmp_path / "calibration.cal").write_text("\n".join([*lines[:2], " ".join(numbers), *lines[3:]]))
    with pytest.raises(UserError, match="not a rotation, or a focal length is not above 0"):
        read_calibration(tmp_path / "calibration.cal")
