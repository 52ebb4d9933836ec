"""What is a camera's field of view."""

from blaze2cap.errors import UserError

FIELD_OF_VIEW_DEG = (20.0, 150.0)
"""Fields of view that are taken for those of a camera, from a long lens to a wide one, both ends included."""


def require_field_of_view(degrees: float) -> None:
    """Raise UserError for what is no camera's horizontal field of view."""
    low, high = FIELD_OF_VIEW_DEG
    if not low <= degrees <= high:
        raise UserError(f"the field of view is {degrees:g} degrees, expected {low:g} to {high:g}, horizontal")
