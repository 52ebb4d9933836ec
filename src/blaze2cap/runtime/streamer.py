"""A person's motion frame by frame, as landmarks come: the network's own step, with the time stamps of any camera.

The network knows 20 to 60 frames per second. A stream brings what comes to that, causally and by time stamps alone:

- Uneven stamps in between are told to the network as they are: on five real clips of which each next frame came after
  1, 2 or 3 sixtieths of a second, at random, MPJPE was 75.0 mm, and 75.2 with every second frame.
- Faster: a frame that follows the last one taken by less than 1/60 s is passed over, and the last answer stands. So
  120 frames per second are answered 60 times. Nothing is interpolated: that would cost the wait for the next frame.
- Slower: on its way to a late frame the network is shown frames in between, as for whole files (`retiming.filled`); the
  answer is that of the frame itself.
- After a pause of more than half a second the person starts anew, an anchor: nobody knows what happened in between.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from blaze2cap.body.landmark import (
    CHANNELS,
    KEPT_FROM_RAW,
    KEPT_RAW_CHANNELS,
    LANDMARKS,
    RAW_CHANNELS,
    RAW_LANDMARKS,
    TRACKED,
)
from blaze2cap.errors import UserError
from blaze2cap.runtime.network import Network
from blaze2cap.runtime.retiming import KNOWN_FPS, filled, filling

# Frames that come a little too early for the fastest known rate are no faster camera's: stamps jitter, and are rounded.
_JITTER = 0.1
# Frames further apart than this [s] are not two of one motion.
LONGEST_BRIDGE_S = 0.5

_LAYOUTS = {(len(LANDMARKS), CHANNELS): LANDMARKS, (len(RAW_LANDMARKS), RAW_CHANNELS): RAW_LANDMARKS}


class FrameError(UserError, ValueError):
    """A frame that a stream refuses; the stream goes on as if it had not been pushed."""


class StreamedPose(NamedTuple):
    """A person's pose in the camera's frame: x right, y down, z forward, metres, radians.

    time_s          when the frame was taken that it answers [s]
    rotation        local rotations, in the parents' frames; the root's own in the camera's
    delta_position  root's way since the answer before
    valid           somebody was seen; otherwise the last pose is held, standing still
    deviation       error to expect of each rotation; not a number where it is not known
    landmarks       of the frame that is answered, in the model's layout; an anchor where the person starts anew
    image_position  place of the middle of the hips, as far away as the size of the person in the image says
    """

    time_s: float
    rotation: Float[np.ndarray, "21 3 3"]
    delta_position: Float[np.ndarray, "3"]
    valid: bool
    deviation: Float[np.ndarray, "21"]
    landmarks: Float[np.ndarray, "25 7"]
    image_position: Float[np.ndarray, "3"]


class Streamer:
    """A trained network that is shown one frame at a time, of one camera and one person; its state has a fixed size.

    What it answers is what the network answers over the whole clip. `intrinsics` is (fx / width, fy / height, cx /
    width, cy / height); `fps` the camera's rate, roughly: it stands for the interval before the first frame and after a
    pause, all others are counted from time stamps. The network is a `TorchNetwork` or an `OnnxModel`.
    """

    def __init__(self, network: Network, intrinsics: Float32[np.ndarray, "4"], *, fps: float = 30.0) -> None:
        self._network = network
        self._intrinsics = intrinsics[None]
        self._usual_dt = KNOWN_FPS[1] / fps
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first, whatever its time."""
        self._state = self._network.start()
        self._pushed = 0
        self._newest_s = -math.inf
        # The last frame that the network was shown, and whether the person in it was tracked on up to now.
        self._shown = np.zeros((len(LANDMARKS), CHANNELS), np.float32)
        self._shown_s = -math.inf
        self._followed = False
        # Times of the frames that are not answered yet, the one answered last first, and the frames themselves.
        self._times: deque[float] = deque(maxlen=1 + self.latency_frames)
        self._waiting = deque([self._shown] * (1 + self.latency_frames), maxlen=1 + self.latency_frames)
        self._answer: StreamedPose | None = None

    @property
    def latency_frames(self) -> int:
        """By how many of the frames shown to the network an answer is late: `model.delay_frames`."""
        return self._network.delay_frames

    @property
    def latency_s(self) -> float:
        """How much older the frame answered last is than the one pushed last [s]; before the first, the usual time."""
        if self._answer is None:
            return self.latency_frames * self._usual_dt / KNOWN_FPS[1]
        return self._newest_s - self._answer.time_s

    def push(self, landmarks: np.ndarray, time_s: float) -> StreamedPose:
        """Pose after one more frame, [25, 7] or raw [33, 10], taken at `time_s`; nobody in it: all zeros.

        The tracking flag is the raw format's: 0 where the person starts anew. With a network that answers late, answers
        are not valid before the first frame has got its own. FrameError, a ValueError, for any other shape, values that
        are not finite, a flag other than 0 and 1, and a time that is not after the one before.
        """
        frame = self._checked(landmarks, time_s)
        self._pushed += 1
        self._newest_s = time_s
        goes_on = bool(frame[0, TRACKED])
        dt = (time_s - self._shown_s) * KNOWN_FPS[1]
        if self._answer is not None and dt < 1 - _JITTER:
            self._followed &= goes_on
            return self._answer
        bridged = dt <= LONGEST_BRIDGE_S * KNOWN_FPS[1]
        frame[:, TRACKED] = float(self._followed and goes_on and bridged)
        times = filling(KNOWN_FPS[1] / dt) if bridged else 1
        frames = filled(np.stack((self._shown, frame)), times)[1:] if times > 1 else frame[None]
        self._count(time_s, times)
        self._answer = self._stepped(frames, dt / times if bridged else self._usual_dt)
        self._shown, self._shown_s, self._followed = frame, time_s, bool(frame.any())
        return self._answer

    def _stepped(self, frames: Float[np.ndarray, "S 25 7"], dt: float) -> StreamedPose:
        interval = np.full(1, dt, np.float32)
        moved, tracked = np.zeros(3, np.float32), 1.0
        for frame in frames:
            answer, self._state = self._network.step(frame[None], self._intrinsics, interval, self._state)
            moved = moved + answer.delta_position[0]
            self._waiting.append(frame)
            tracked = min(tracked, self._waiting[0][0, TRACKED])
        # Whoever started anew on the way to the answer has started anew in it.
        landmarks = self._waiting[0].copy()
        landmarks[:, TRACKED] = tracked
        return StreamedPose(
            self._times[0], answer.rotation[0], moved, bool(answer.valid[0]), answer.deviation[0], landmarks,
            answer.image_position[0],
        )  # fmt: skip

    def _count(self, time_s: float, times: int) -> None:
        """Remember when the frames were taken that come to an answer later."""
        if not self._times:
            interval = self._usual_dt / KNOWN_FPS[1]
            self._times.extend(time_s - late * interval for late in range(self.latency_frames, 0, -1))
        self._times.extend(time_s - (time_s - self._shown_s) * late / times for late in range(times - 1, 0, -1))
        self._times.append(time_s)

    def _checked(self, landmarks: np.ndarray, time_s: float) -> Float[np.ndarray, "25 7"]:
        """The frame in the model's layout, a copy."""
        where = f"frame {self._pushed}"
        if not (math.isfinite(time_s) and time_s > self._newest_s):
            after = f" later than {self._newest_s:g} s, the one before" if self._pushed else ""
            raise FrameError(
                f"{where}: its time is {time_s:g} s, expected a number{after}; reset() starts a new stream"
            )
        array = np.array(landmarks, np.float32)
        names = _LAYOUTS.get(array.shape)
        if names is None:
            raise FrameError(f"{where}: landmarks of shape {array.shape}, expected (25, 7) or raw (33, 10)")
        finite = np.isfinite(array).all(-1)
        if not finite.all():
            name = names[int(finite.argmin())]
            raise FrameError(f"{where}: {name} holds NaN or infinity, expected numbers; nobody in view is all zeros")
        if names is RAW_LANDMARKS:
            array = array[KEPT_FROM_RAW, :][:, KEPT_RAW_CHANNELS]
        flag = array[:, TRACKED]
        if flag[0] not in (0, 1) or (flag != flag[0]).any():
            raise FrameError(f"{where}: its tracking flag must be 0 or 1, one value for all landmarks")
        return array
