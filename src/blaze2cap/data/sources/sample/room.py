"""The room of the sample: an oval floor, and calibrated cameras in a ring that look down on it. World y is up."""

import numpy as np
import torch

from blaze2cap.body.camera import Camera

WIDTH, HEIGHT = 1920, 1080
ASIDE_DEG = (10.0, 28.0)
FLOOR_M = np.array([1.9, 3.2])
"""Half axes (x, z) of the oval on which people walk."""


def make_cameras(count: int, seed: int) -> dict[str, Camera]:
    """`count` cameras "1", "2", ...: 68-78 degrees across, 3-6 m from the middle, looking down 16-25 degrees.

    They aim past the middle by turns to its left and right, by as many degrees as recorded ones do: people stand aside
    in their images, where world landmarks turn most, and leave the view of some of them.
    """
    rng = np.random.default_rng([seed, 2])
    start = rng.uniform(0, 2 * np.pi)
    around = start + 2 * np.pi * (np.arange(count) + rng.uniform(-0.2, 0.2, count)) / count
    aside = np.where(np.arange(count) % 2, -1, 1) * np.deg2rad(rng.uniform(*ASIDE_DEG, count))
    return {str(k + 1): _camera(around[k], aside[k], rng) for k in range(count)}


def _camera(azimuth: float, aside: float, rng: np.random.Generator) -> Camera:
    distance, down = rng.uniform(3.5, 5.0), np.deg2rad(rng.uniform(16, 25))
    focal = float(0.5 * WIDTH / np.tan(np.deg2rad(rng.uniform(68, 78)) / 2))
    sideways = distance * np.tan(aside) * np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
    aim = np.array([0.0, rng.uniform(0.6, 0.9), 0.0]) + sideways
    forward = np.array([np.cos(down) * np.sin(azimuth), -np.sin(down), np.cos(down) * np.cos(azimuth)])
    centre = aim - forward * distance / np.cos(down)
    roll = np.deg2rad(rng.normal(0, 1))
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    below = np.cross(forward, right)
    right, below = np.cos(roll) * right + np.sin(roll) * below, np.cos(roll) * below - np.sin(roll) * right
    rotation = torch.tensor(np.stack([right, below, forward]))
    return Camera(
        fx=focal,
        fy=focal * rng.uniform(1.001, 1.004),
        cx=0.5 * (WIDTH - 1),
        cy=0.5 * (HEIGHT - 1),
        width=WIDTH,
        height=HEIGHT,
        rotation=rotation,
        translation=-rotation @ torch.tensor(centre),
        distortion=float(rng.normal(0, 1e-5)),
    )
