"""One frame of a person's motion in a world with a floor: what streams hand from one module to the next."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class WorldPose(NamedTuple):
    """A frame in the world and the axes of `runtime.animation`: y up, floor at y = 0, at rest a T-pose facing +z.

    time_s         when the frame was taken [s]
    rotation       local rotations, in the parents' frames; the root's own in the world
    root_position  place of the Hips [m]
    valid          somebody was seen; otherwise the last pose is held
    deviation      error to expect of each rotation [rad]; not a number where it is not known
    """

    time_s: float
    rotation: Float[np.ndarray, "21 3 3"]
    root_position: Float[np.ndarray, "3"]
    valid: bool
    deviation: Float[np.ndarray, "21"]
