"""Laws of the sheet of moments: feet are on its floor, left and right as the camera has them, who is held is paler."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from blaze2cap.runtime.animation import Animation, bone_ends, bones, standing_hip_height
from blaze2cap.runtime.animation_scene import scene_of_animation
from blaze2cap.runtime.animation_sheet import animation_sheet
from blaze2cap.runtime.clip_picture import VIEWS
from blaze2cap.runtime.overlay import paler, rgb

Picture = UInt8[np.ndarray, "H W 3"]


def standing(frames: int, valid: tuple[int, ...] = ()) -> Animation:
    """Somebody in a T-pose on the floor, who faces the camera and moves a metre to the right in all."""
    way = np.zeros((frames, 3), np.float32)
    way[:, 0], way[:, 1] = np.linspace(0, 1, frames), standing_hip_height()
    seen = np.ones(frames, dtype=bool)
    seen[list(valid)] = False
    return Animation(
        fps=30.0,
        rotation=np.broadcast_to(np.eye(3, dtype=np.float32), (frames, 21, 3, 3)),
        root_position=way,
        offset=bones(1.0),
        end=bone_ends(1.0),
        valid=seen,
        deviation=np.full((frames, 21), np.nan, np.float32),
        camera_tilt_deg=0.0,
    )


def drawn(picture: Picture, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns in which a colour stands."""
    return np.argwhere((picture == colour).all(-1))


def test_a_t_pose_stands_on_the_floor_in_the_middle_with_its_left_to_the_right() -> None:
    scene = scene_of_animation(standing(1), "a")
    sheet = animation_sheet(scene)
    blue = rgb(scene.figures[0].colour)
    floor = np.flatnonzero((sheet[:, -12:-8] == (190, 190, 190)).all((1, 2)))
    assert len(floor) == len(VIEWS)
    front = sheet[floor[0] - 195 : floor[0] + 5]
    left, right = drawn(front[:150], blue), drawn(front[:150], paler(blue))
    assert left[:, 1].max() > right[:, 1].max() + 50, "the left hand of who faces the camera is at the right"
    lowest = drawn(front, blue)[:, 0].max()
    assert abs(lowest - 195) <= 3, "within the thickness of a line"
    head = drawn(front, blue)[:, 0].min()
    assert 130 < lowest - head < 190


def test_every_panel_follows_the_hips() -> None:
    scene = scene_of_animation(standing(9), "a")
    sheet = animation_sheet(scene, moments=2)
    middle = [drawn(sheet[58:260, left : left + 168], rgb(scene.figures[0].colour))[:, 1].mean() for left in (92, 266)]
    np.testing.assert_allclose(middle[0], middle[1], atol=1)


def test_who_is_held_is_paler_and_rows_are_as_many_as_moments_need() -> None:
    scene = scene_of_animation(standing(17, valid=(0, 16)), "a")
    blue = rgb(scene.figures[0].colour)
    whole, short = animation_sheet(scene, moments=17), animation_sheet(replace(scene, notes=("",) * 17), moments=8)
    assert len(whole) - 58 == 3 * (len(short) - 58)
    assert len(drawn(short[:, :260], blue)) > 0
    assert len(drawn(whole[58 : len(short), 92:260], blue)) == 0
    assert len(drawn(whole[58 : len(short), 92:260], paler(blue, 0.55))) > 0
