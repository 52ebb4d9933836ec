"""The room of the sample: calibrated cameras in a ring, looking down on the middle of the floor. World y is up."""

import numpy as np
import torch

from blaze2cap.body.camera import Camera

WIDTH, HEIGHT = 1920, 1080


def make_cameras(count: int, seed: int) -> dict[str, Camera]:
    """`count` cameras "1", "2", ...: 68-78 degrees across, 4-5.5 m from the middle, looking down 16-25 degrees."""
    rng = np.random.default_rng([seed, 2])
    start = rng.uniform(0, 2 * np.pi)
    return {str(k + 1): _camera(start + 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / count, rng) for k in range(count)}


def _camera(azimuth: float, rng: np.random.Generator) -> Camera:
    distance, down = rng.uniform(4.2, 5.5), np.deg2rad(rng.uniform(16, 25))
    focal = float(0.5 * WIDTH / np.tan(np.deg2rad(rng.uniform(68, 78)) / 2))
    aim = np.array([rng.uniform(-0.3, 0.3), rng.uniform(0.8, 1.1), rng.uniform(-0.3, 0.3)])
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
