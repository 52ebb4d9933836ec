"""Laws of the camera: projection, world and camera frame, the viewing ray's frame."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from blaze2cap.body.camera import ASSUMED_INTRINSICS, Camera, ray_rotation, viewing_ray
from blaze2cap.body.landmark import LIMB_LANDMARKS
from blaze2cap.body.rotation import mirror_rotation, rotation_vector_to_matrix
from blaze2cap.body.skeleton import indices, joint_of_landmark
from blaze2cap.data.calibration import camera_from_json, camera_to_json
from blaze2cap.data.reprojection import true_px


def camera(distortion: float = 0.0) -> Camera:
    return Camera(
        fx=1300.0,
        fy=1310.0,
        cx=950.0,
        cy=545.0,
        width=1920,
        height=1080,
        rotation=rotation_vector_to_matrix(torch.tensor([2.9, 0.4, -0.3], dtype=torch.float64)),
        translation=torch.tensor([0.3, 1.2, 4.5], dtype=torch.float64),
        distortion=distortion,
    )


def points(count: int = 100) -> Tensor:
    """In front of the camera, 2-5 m away."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, generator=generator, dtype=torch.float64) * 3 + torch.tensor([-1.5, -1.5, 2.0])


def test_world_to_camera_and_back_is_the_same_point() -> None:
    world = points()
    torch.testing.assert_close(camera().to_world(camera().to_camera(world)), world)


def test_a_world_point_maps_by_rotation_then_translation() -> None:
    """p' = R p + t, as the calibration file means it."""
    world, view = points(1)[0], camera()
    by_hand = [sum(view.rotation[i, k] * world[k] for k in range(3)) + view.translation[i] for i in range(3)]
    torch.testing.assert_close(view.to_camera(world), torch.stack(by_hand))


def test_projection_is_the_formula_of_the_calibration_file() -> None:
    """u = fx x (1 + k r^2) + cx with x, y of the point at unit depth and r^2 = x^2 + y^2."""
    x, y, z = 0.6, -0.3, 3.0
    r2 = (x / z) ** 2 + (y / z) ** 2
    expected = [1300 * x / z * (1 + 0.01 * r2) + 950, 1310 * y / z * (1 + 0.01 * r2) + 545]
    found = camera(distortion=0.01).project(torch.tensor([x, y, z], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_the_viewing_ray_of_a_projected_point_runs_through_it() -> None:
    point, view = points(), camera()
    screen = view.project(point) / torch.tensor([view.width, view.height])
    ray = viewing_ray(screen, view.intrinsics.double())
    torch.testing.assert_close(ray * point[:, 2:], point, atol=1e-6, rtol=1e-6)


def test_ray_rotation_turns_the_optical_axis_onto_the_ray() -> None:
    ray = points()
    axis = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(ray_rotation(ray) @ axis, torch.nn.functional.normalize(ray, dim=-1))


def test_ray_rotation_commutes_with_a_roll_of_the_camera() -> None:
    """Rolling camera and ray about the optical axis rolls the frame: R(Q r) = Q R(r) Q^T."""
    ray = points()
    roll = rotation_vector_to_matrix(torch.tensor([0.0, 0.0, 0.8], dtype=torch.float64))
    torch.testing.assert_close(ray_rotation(ray @ roll.mT), roll @ ray_rotation(ray) @ roll.mT)


def test_ray_rotation_commutes_with_a_mirror() -> None:
    ray = points()
    mirrored = ray * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(ray_rotation(mirrored), mirror_rotation(ray_rotation(ray)))


def test_assumed_intrinsics_are_seventy_degrees_with_square_pixels() -> None:
    fx, fy, cx, cy = ASSUMED_INTRINSICS
    degrees = 2 * torch.rad2deg(torch.atan(torch.tensor(0.5 / fx)))
    assert abs(degrees.item() - 70) < 0.1
    assert abs(fx * 1920 - fy * 1080) < 1
    assert (cx, cy) == (0.5, 0.5)


def test_true_places_are_counted_in_an_image_of_one_size_whatever_the_videos() -> None:
    own = camera()
    small = dataclasses.replace(own, fx=own.fx / 2, fy=own.fy / 2, cx=own.cx / 2, cy=own.cy / 2, width=960, height=540)
    position = points(5 * 21).unflatten(0, (5, 21))
    found = true_px(position, small)
    torch.testing.assert_close(found, true_px(position, own))
    torch.testing.assert_close(found, 2 * small.project(position[:, indices(*map(joint_of_landmark, LIMB_LANDMARKS))]))


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e30, 1e30])
def test_a_camera_of_numbers_that_no_camera_has_is_refused(value: float) -> None:
    sound = camera_to_json(camera())
    torch.testing.assert_close(camera_from_json(sound).intrinsics, camera().intrinsics)
    with pytest.raises(ValueError, match="numbers that no camera has"):
        camera_from_json(sound | {"fx": value})


def test_a_camera_at_the_origin_sees_by_fractions_of_its_image() -> None:
    here = Camera.at_origin((0.7, 1.2, 0.4, 0.6), 1920, 1080)
    assert [here.fx, here.fy, here.cx, here.cy] == pytest.approx([0.7 * 1920, 1.2 * 1080, 0.4 * 1920, 0.6 * 1080])
    torch.testing.assert_close(here.to_camera(points(5)), points(5))
