"""Cameras that nobody calibrated: what their field of view says, and what is assumed where even that is not known."""

import math

import numpy as np
from jaxtyping import Float32

from blaze2cap.errors import UserError

FIELD_OF_VIEW_DEG = (20.0, 150.0)
"""Fields of view that are taken for those of a camera, from a long lens to a wide one, both ends included."""
ASSUMED_FIELD_OF_VIEW_DEG = 70.0
"""Along the longer side of the image, where nothing is known of a camera; TotalCapture's have 68-78 degrees."""


def camera_intrinsics(width: int, height: int, field_of_view_deg: float | None = None) -> Float32[np.ndarray, "4"]:
    """(fx / width, fy / height, cx / width, cy / height) of a camera with square pixels and a centred image.

    `field_of_view_deg` is horizontal; without it the longer side is taken to span 70 degrees. UserError for what is no
    camera's field of view.
    """
    if field_of_view_deg is None:
        focal = 0.5 * max(width, height) / math.tan(math.radians(ASSUMED_FIELD_OF_VIEW_DEG) / 2)
    else:
        require_field_of_view(field_of_view_deg)
        focal = 0.5 * width / math.tan(math.radians(field_of_view_deg) / 2)
    return np.array([focal / width, focal / height, 0.5, 0.5], np.float32)


def require_field_of_view(degrees: float) -> None:
    """Raise UserError for what is no camera's horizontal field of view."""
    low, high = FIELD_OF_VIEW_DEG
    if not low <= degrees <= high:
        raise UserError(f"the field of view is {degrees:g} degrees, expected {low:g} to {high:g}, horizontal")
