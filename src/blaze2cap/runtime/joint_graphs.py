"""What the viewer draws over time, joint by joint: how far joints are turned, their errors, and those to expect."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.rotation import geodesic_angle
from blaze2cap.body.skeleton import JOINT_INDEX, ROOT
from blaze2cap.runtime.stick_figure import JointGraph

_ROOT = JOINT_INDEX[ROOT]


def rotation_graph(rotation: Float[Tensor, "N 21 3 3"], shown: Bool[Tensor, "N"]) -> JointGraph:
    """How far each joint is turned from its rest pose, in its parent's frame; the root from its first pose shown."""
    rest = torch.eye(3).repeat(rotation.shape[1], 1, 1)
    rest[_ROOT] = rotation[int(shown.int().argmax()), _ROOT]
    return _graph("rotation", "°", geodesic_angle(rotation, rest.expand_as(rotation)).rad2deg(), shown)


def rotation_error_graph(
    rotation: Float[Tensor, "N 21 3 3"], true: Float[Tensor, "N 21 3 3"], shown: Bool[Tensor, "N"]
) -> JointGraph:
    """Angle between each local rotation and the true one."""
    return _graph("rotation error", "°", geodesic_angle(rotation, true).rad2deg(), shown)


def expected_error_graph(deviation: Float[Tensor, "N 21"], shown: Bool[Tensor, "N"]) -> JointGraph:
    """Error to expect of each rotation, as the system itself says [rad]."""
    return _graph("error to expect", "°", deviation.rad2deg(), shown)


def position_error_graph(error_mm: Float[Tensor, "N 21"], shown: Bool[Tensor, "N"]) -> JointGraph:
    """Distance of each joint from where it truly is."""
    return _graph("position error", "mm", error_mm, shown)


def _graph(name: str, unit: str, value: Float[Tensor, "N 21"], shown: Bool[Tensor, "N"]) -> JointGraph:
    """Not a number in the frames that are not shown."""
    known = torch.where(shown[:, None], value, torch.nan)
    return JointGraph(name=name, unit=unit, value=known.numpy().astype(np.float32))
