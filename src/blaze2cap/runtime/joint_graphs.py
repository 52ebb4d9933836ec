"""What the viewer draws over time, joint by joint: how far joints are turned, their errors, and those to expect."""

import numpy as np
from jaxtyping import Bool, Float

from blaze2cap.body.skeleton import JOINT_INDEX, ROOT
from blaze2cap.runtime.rotation import geodesic_angle
from blaze2cap.runtime.stick_figure import JointGraph

_ROOT = JOINT_INDEX[ROOT]


def rotation_graph(rotation: Float[np.ndarray, "N 21 3 3"], shown: Bool[np.ndarray, "N"]) -> JointGraph:
    """How far each joint is turned from its rest pose, in its parent's frame; the root from its first pose shown."""
    rest = np.tile(np.eye(3, dtype=rotation.dtype), (rotation.shape[1], 1, 1))
    rest[_ROOT] = rotation[shown.argmax(), _ROOT]
    return _graph("rotation", "°", np.degrees(geodesic_angle(rest, rotation)), shown)


def rotation_error_graph(
    rotation: Float[np.ndarray, "N 21 3 3"], true: Float[np.ndarray, "N 21 3 3"], shown: Bool[np.ndarray, "N"]
) -> JointGraph:
    """Angle between each local rotation and the true one."""
    return _graph("rotation error", "°", np.degrees(geodesic_angle(rotation, true)), shown)


def expected_error_graph(deviation: Float[np.ndarray, "N 21"], shown: Bool[np.ndarray, "N"]) -> JointGraph:
    """Error to expect of each rotation, as the system itself says [rad]."""
    return _graph("error to expect", "°", np.degrees(deviation), shown)


def position_error_graph(error_mm: Float[np.ndarray, "N 21"], shown: Bool[np.ndarray, "N"]) -> JointGraph:
    """Distance of each joint from where it truly is."""
    return _graph("position error", "mm", error_mm, shown)


def _graph(name: str, unit: str, value: Float[np.ndarray, "N 21"], shown: Bool[np.ndarray, "N"]) -> JointGraph:
    """Not a number in the frames that are not shown."""
    return JointGraph(name=name, unit=unit, value=np.where(shown[:, None], value, np.nan).astype(np.float32))
