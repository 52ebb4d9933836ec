"""A person's motion in a world with a floor, frame by frame: the causal twin of `prediction.predict`.

Whatever the camera and the person leave unknown (tilt, size, place, floor) is what the frames so far say of it, and
moves slowly as they say more. The state has a fixed size.
"""

import math
from collections import deque

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.inverse_kinematics import root_position
from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.mean_skeleton import mean_offset
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.animation import (
    LONGEST_FLIGHT_S,
    body_points,
    bone_ends,
    bones,
    camera_to_world,
    lowest_point,
    require_height,
    require_tilt,
    standing_height,
    standing_hip_height,
    world_rotation,
)
from blaze2cap.runtime.camera_tilt import RunningTilt
from blaze2cap.runtime.prediction import THIGHS, body_size
from blaze2cap.runtime.streamer import LONGEST_BRIDGE_S, StreamedPose
from blaze2cap.runtime.world_pose import WorldPose

# Time constant [s] of the blend of the model's way and the place in the image.
_BLEND_S = 1.5
# For so long [s] of being seen the size of the person is found; then it stands, so that bones do not breathe.
_SIZING_S = 5.0
# Time constants [s] with which the floor follows the lowest point down and the lower envelope up.
_FLOOR_DOWN_S = 0.1
_FLOOR_UP_S = 0.5
# Weight of the first frame, before which there is no time to count [s].
_FIRST_S = 1 / 30


class CausalWorld:
    """Places a stream's poses in a world with a floor, each by what was seen up to it.

    `intrinsics` is the camera's, as the stream's. Without `camera_tilt_deg` the tilt is estimated so far, 0 before the
    person has stood straight; without `subject_height_m` the person's size is what the landmarks show in the first
    seconds. `offset` and `end` are the bones as `Animation` has them; they stand after those seconds. UserError for a
    tilt that no camera has and a height that nobody has.
    """

    def __init__(
        self,
        intrinsics: Float[Tensor, "4"],
        *,
        camera_tilt_deg: float | None = None,
        subject_height_m: float | None = None,
    ) -> None:
        if camera_tilt_deg is not None:
            require_tilt(camera_tilt_deg)
        if subject_height_m is not None:
            require_height(subject_height_m)
        self._intrinsics = intrinsics
        self._given_tilt_deg = camera_tilt_deg
        self._given_size = None if subject_height_m is None else subject_height_m / standing_height()
        self.reset()

    def reset(self) -> None:
        """Forget everything: another person, or another camera."""
        self._tilt = RunningTilt()
        self._size = _Mean(_SIZING_S)
        self._floor = _Floor()
        # Place of the Hips in the camera's frame, and in a world whose floor is anywhere [m].
        self._seen_at = torch.zeros(3)
        self._way = torch.zeros(3)
        self._tracked_s = 0.0
        self._last: WorldPose | None = None

    @property
    def camera_tilt_deg(self) -> float:
        """How far down the camera is taken to look now."""
        return self._tilt.degrees if self._given_tilt_deg is None else self._given_tilt_deg

    @property
    def size(self) -> float:
        """Size of the person now, relative to the mean skeleton."""
        return self._size.value if self._given_size is None else self._given_size

    @property
    def offset(self) -> Float[Tensor, "21 3"]:
        """Bones in the parents' frames [m], as `Animation.offset`."""
        return bones(self.size)

    @property
    def end(self) -> Float[Tensor, "5 3"]:
        """Ends of the last bones [m], as `Animation.end`."""
        return bone_ends(self.size)

    @torch.inference_mode()
    def place(self, pose: StreamedPose) -> WorldPose:
        """The pose in the world; in frames with nobody the last one, before any a T-pose on the floor, not valid.

        An answer that a stream gives twice, of the same time, is placed once.
        """
        before = self._last
        if before is not None and pose.time_s == before.time_s:
            return before
        if not pose.valid:
            self._last = (before or self._rest())._replace(time_s=pose.time_s, valid=False)
            return self._last
        anew = before is None or not before.valid or not bool(pose.landmarks[0, TRACKED])
        dt_s = _FIRST_S if before is None else min(pose.time_s - before.time_s, LONGEST_BRIDGE_S)
        points = body_points(pose.rotation)
        if self._given_tilt_deg is None:
            self._tilt.see(points[: len(JOINTS)], dt_s)
        self._size.see(body_size(pose.landmarks[None]), dt_s)
        to_world = camera_to_world(self.camera_tilt_deg)
        self._move(pose, to_world, anew, dt_s)
        lowest = self._way[1].item() + self.size * lowest_point(points, to_world).item()
        place = self._way.clone()
        place[1] -= self._floor.under(lowest, pose.time_s, dt_s, anew)
        self._last = WorldPose(
            pose.time_s, world_rotation(pose.rotation, to_world), place.float(), True, pose.deviation
        )
        return self._last

    def _move(self, pose: StreamedPose, to_world: Tensor, anew: bool, dt_s: float) -> None:
        """The Hips go on: the model's way, drawn towards the place in the image."""
        middle = pose.rotation[0] @ (self._size.value * mean_offset()[THIGHS].mean(0))
        image = root_position(pose.landmarks, self._intrinsics) - middle
        self._tracked_s = dt_s if anew else self._tracked_s + dt_s
        moved = self._seen_at + pose.delta_position
        # At first the mean since the person is tracked, later what a time constant forgets.
        gain = max(dt_s / self._tracked_s, 1 - math.exp(-dt_s / _BLEND_S))
        now = moved + gain * (image - moved)
        if self._last is not None:
            # Turned by what is known of the tilt now, so that knowing better does not move the person.
            self._way = self._way + (to_world @ (now - self._seen_at)) * (self.size / self._size.value)
        self._seen_at = now

    def _rest(self) -> WorldPose:
        """Nobody yet: a T-pose on the floor."""
        identity = torch.eye(3).expand(len(JOINTS), 3, 3)
        hips = self.size * standing_hip_height()
        return WorldPose(0.0, identity, torch.tensor([0.0, hips, 0.0]), False, torch.full((len(JOINTS),), torch.nan))


class _Mean:
    """A mean that stands after some time [s]; 1 before anything was seen."""

    def __init__(self, seconds: float) -> None:
        self.value, self._seconds, self._seen_s = 1.0, seconds, 0.0

    def see(self, value: float, dt_s: float) -> None:
        if self._seen_s < self._seconds:
            self._seen_s += dt_s
            self.value += (value - self.value) * dt_s / self._seen_s


class _Floor:
    """Height of the floor under a person, from below: it sinks with the lowest point and rises with its lower envelope
    over the longest flight."""

    def __init__(self) -> None:
        self._height = 0.0
        # Candidates for the lowest of the last second, times and heights rising: as many as frames in it at most.
        self._lowest: deque[tuple[float, float]] = deque()

    def under(self, lowest: float, time_s: float, dt_s: float, anew: bool) -> float:
        if anew:
            self._lowest.clear()
            self._height = lowest
        while self._lowest and self._lowest[-1][1] >= lowest:
            self._lowest.pop()
        self._lowest.append((time_s, lowest))
        while self._lowest[0][0] < time_s - LONGEST_FLIGHT_S:
            self._lowest.popleft()
        gap = self._lowest[0][1] - self._height
        self._height += gap * (1 - math.exp(-dt_s / (_FLOOR_UP_S if gap > 0 else _FLOOR_DOWN_S)))
        return self._height
