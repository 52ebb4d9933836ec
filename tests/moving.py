"""Animations to write to files: smooth, and through all orientations."""

import numpy as np

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.animation import Animation, animate
from blaze2cap.runtime.retiming import Track
from blaze2cap.runtime.rotation import rotation_vector_to_matrix


def animation_of(rotation: np.ndarray, root_position: np.ndarray, fps: float = 60.0) -> Animation:
    """An animation of local rotations and a way in a camera's frame, everything seen."""
    valid = np.ones(len(rotation), dtype=bool)
    return animate(Track(rotation, root_position, valid, np.full(rotation.shape[:2], 0.2)), 1.0, fps, 0.0)


def tumbling(frames: int, seed: int, fps: float = 60.0, turns: float = 3.0) -> Animation:
    """All joints turn about wandering axes, the root walks about; no person moves so."""
    rng = np.random.default_rng(seed)
    time = np.linspace(0, 1, frames)[:, None, None]
    axis = np.sin(
        2 * np.pi * (time * rng.uniform(0.5, 2, (1, len(JOINTS), 3)) + rng.uniform(0, 1, (1, len(JOINTS), 3)))
    )
    angle = 2 * np.pi * turns * time * rng.uniform(0.3, 1, (1, len(JOINTS), 1))
    vector = axis / np.linalg.norm(axis, axis=-1, keepdims=True) * angle
    way = np.array([0.0, 0.5, 4.0]) + np.cumsum(rng.normal(0, 0.01, (frames, 3)), axis=0)
    return animation_of(rotation_vector_to_matrix(vector), way, fps)
