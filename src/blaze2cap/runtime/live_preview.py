"""A window with the picture and what is detected in it, through OpenCV; Esc, q or closing it ends the session."""

import os
import sys

import numpy as np
from jaxtyping import Float32, UInt8

from blaze2cap.body.landmark import KEPT_FROM_RAW, LANDMARKS, RAW_SCREEN
from blaze2cap.errors import UserError
from blaze2cap.runtime.stick_figure import LANDMARK_LINES, right_lines

_TITLE = "blaze2cap live"
_LONGER_SIDE_PX = 960
_COLOUR, _OUTLINE = (230, 120, 20), (0, 0, 0)
_END_KEYS = (27, ord("q"))


def require_display() -> None:
    """UserError where there can be no window; asked first: OpenCV ends the process without a display."""
    import cv2

    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise UserError("--preview: there is no display (DISPLAY is not set); leave --preview out")
    if not any("GUI" in line and "NONE" not in line for line in cv2.getBuildInformation().splitlines()):
        raise UserError("--preview: this OpenCV has no windows; install opencv-contrib-python, or leave --preview out")


class Preview:
    """The window, opened with the first picture."""

    def __init__(self) -> None:
        self._shown = False

    def show(self, image: UInt8[np.ndarray, "H W 3"], landmarks: Float32[np.ndarray, "33 10"]) -> bool:
        """Show an RGB picture with the landmarks found in it, if any; False where the user has closed the window."""
        import cv2

        if self._closed():
            return False
        cv2.imshow(_TITLE, cv2.cvtColor(drawn(image, landmarks), cv2.COLOR_RGB2BGR))
        self._shown = True
        return _goes_on()

    def idle(self) -> bool:
        """Keep the window alive while no picture comes; False where the user has closed it."""
        return not self._shown or (not self._closed() and _goes_on())

    def close(self) -> None:
        """Close the window."""
        import cv2

        if self._shown:
            cv2.destroyAllWindows()

    def _closed(self) -> bool:
        import cv2

        return self._shown and cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) < 1


def _goes_on() -> bool:
    """Let the window do its work; False where a key has been pressed that ends it."""
    import cv2

    return cv2.waitKey(1) & 0xFF not in _END_KEYS


def drawn(image: UInt8[np.ndarray, "H W 3"], landmarks: Float32[np.ndarray, "33 10"]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture of at most 960 pixels with the stick figure of the landmarks; all zeros: nobody."""
    import cv2

    from blaze2cap.runtime.overlay import draw_figure

    height, width = image.shape[:2]
    scale = min(1.0, _LONGER_SIDE_PX / max(height, width))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    if landmarks.any():
        pixel = landmarks[list(KEPT_FROM_RAW), RAW_SCREEN] * small.shape[1::-1]
        draw_figure(small, pixel, LANDMARK_LINES, right_lines(LANDMARK_LINES, LANDMARKS), _COLOUR, 2, _OUTLINE)
    return small
