"""Live motion: the newest picture, a person in it, a pose in the world, and out with it; again, until it ends.

One thread takes pictures (`live_capture`), this one does all else in turn. A picture that comes while another is worked
on waits, and is replaced by the next: what falls behind is frames, never time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, UInt8

from blaze2cap.body.landmark import CHANNELS, KEPT_FROM_RAW, KEPT_RAW_CHANNELS, LANDMARKS
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.live_capture import Clock, NewestShot, Shot
from blaze2cap.runtime.live_status import LiveStatus, Spent
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.world_pose import WorldPose
from blaze2cap.stop_request import StopRequest

# How long to wait for a picture before looking whether the session should end [s].
_PATIENCE_S = 0.2

Landmarks = Float32[np.ndarray, "33 10"]
Detect = Callable[[UInt8[np.ndarray, "H W 3"], float], Landmarks]
"""Raw landmarks of an RGB picture taken at a time [s]."""


@runtime_checkable
class Guard(Protocol):
    """Takes back what a detector does wrong from one frame to the next, such as exchanged sides."""

    def step(self, landmarks: Float[np.ndarray, "25 7"], time_s: float) -> Float[np.ndarray, "25 7"]:
        """The landmarks of that time, in the model's layout, as they are to be believed."""
        ...


@runtime_checkable
class Finish(Protocol):
    """Causal steps from pose to pose, times rising, such as feet that stay where they stand."""

    def resize(self, offset: Float[np.ndarray, "21 3"]) -> None:
        """Bones from now on: a person's size becomes known on the way."""
        ...

    def step(self, pose: WorldPose) -> WorldPose:
        """The next pose, finished."""
        ...


@runtime_checkable
class View(Protocol):
    """A window with what is detected; the user may close it."""

    def show(self, image: UInt8[np.ndarray, "H W 3"], landmarks: Landmarks) -> bool:
        """A picture with the landmarks found in it; False where the user has asked for the end."""
        ...

    def idle(self) -> bool:
        """No picture has come for a while; False as of `show`."""
        ...


@runtime_checkable
class Output(Protocol):
    """Takes every frame of a person with these bones, and is told where there has been none for a while."""

    def send(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> None:
        """A new frame."""
        ...

    def idle(self) -> None:
        """No frame has come for a while."""
        ...


class LiveMotion:
    """Picture to pose: detector, guard, stream, world, finishing, in this order; guard and finishing if wanted."""

    def __init__(
        self,
        detect: Detect,
        streamer: Streamer,
        world: CausalWorld,
        guard: Guard | None = None,
        finish: Finish | None = None,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._detect, self._streamer, self.world = detect, streamer, world
        self._guard, self._finish, self._clock = guard, finish, clock
        self._last: WorldPose | None = None
        self._shown_s = 0.0

    def solve(self, shot: Shot) -> tuple[WorldPose, Landmarks, Spent]:
        """The pose that answers a picture, what was detected in it, and where the time went until now.

        Of a camera that is too fast for the network some pictures are answered as the one before: the same pose.
        """
        began = self._clock()
        landmarks = self._detect(shot.image, shot.time_s)
        detected = self._clock()
        frame = landmarks[KEPT_FROM_RAW, :][:, KEPT_RAW_CHANNELS]
        if self._guard is not None:
            frame = self._guard.step(frame, shot.time_s)
        pose = self._answer(frame, shot.time_s)
        self._shown_s = shot.time_s
        moved = self._clock()
        late = shot.time_s - pose.time_s if self._streamer.latency_frames else 0.0
        return pose, landmarks, Spent(began - shot.arrived_s, detected - began, moved - detected, 0.0, late)

    def rest(self) -> Iterator[WorldPose]:
        """Poses of the last pictures, where a look-ahead has not answered them yet: nobody is shown until it has."""
        frames = self._streamer.latency_frames
        interval_s = self._streamer.latency_s / max(frames, 1)
        for late in range(1, frames + 1):
            yield self._answer(np.zeros((len(LANDMARKS), CHANNELS), np.float32), self._shown_s + late * interval_s)

    def _answer(self, frame: Float[np.ndarray, "25 7"], time_s: float) -> WorldPose:
        pose = self.world.place(self._streamer.push(frame, time_s))
        if self._last is not None and pose.time_s <= self._last.time_s:
            pose = self._last
        elif self._finish is not None:
            self._finish.resize(self.world.offset)
            pose = self._finish.step(pose)
        self._last = pose
        return pose


def run_live(
    newest: NewestShot,
    motion: LiveMotion,
    outputs: Sequence[Output],
    status: LiveStatus,
    stop: StopRequest,
    *,
    view: View | None = None,
    trouble: Callable[[], str] = str,
    most_s: float | None = None,
    clock: Clock = time.perf_counter,
) -> None:
    """Every newest picture to all outputs, until the source ends, `most_s` seconds of it are over, or `stop` asks.

    `view` is given each picture with its landmarks once the outputs have theirs, and may ask for the end; `trouble` is
    what the status line says besides. Raises what the source raises.
    """
    begun, answered_s, end_s = False, -np.inf, np.inf
    while not stop.requested:
        shot = newest.take(_PATIENCE_S)
        if shot is None:
            if newest.ended or clock() >= end_s:
                break
            for output in outputs:
                output.idle()
            if view is not None and not view.idle():
                break
        elif most_s is not None and shot.time_s >= most_s:
            break
        else:
            if not begun:  # what a look-ahead answers of times before the first picture is of nothing
                begun, answered_s = True, np.nextafter(shot.time_s, -np.inf)
            if most_s is not None:  # when it is over, should no picture come any more
                end_s = shot.arrived_s + most_s - shot.time_s
            pose, landmarks, spent = motion.solve(shot)
            solved = clock()
            if pose.time_s > answered_s:
                for output in outputs:
                    output.send(pose, motion.world.offset)
                answered_s = pose.time_s
                status.frame(spent._replace(sending=clock() - solved), pose.valid)
            if view is not None and not view.show(shot.image, landmarks):
                break
        status.tell(newest.dropped, trouble())
    for pose in motion.rest() if begun else ():
        if pose.time_s > answered_s:
            for output in outputs:
                output.send(pose, motion.world.offset)
            answered_s = pose.time_s
