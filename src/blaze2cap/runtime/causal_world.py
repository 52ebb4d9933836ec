"""A person's motion in a world with a floor, frame by frame: the causal twin of `prediction.predict`.

Whatever the camera and the person leave unknown (tilt, size, place, floor) is what the frames so far say of it, and
moves slowly as they say more. The state has a fixed size.
"""

import math

import numpy as np
from jaxtyping import Float

from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.runtime.animation import (
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
from blaze2cap.runtime.camera_tilt import RunningTilt, standing
from blaze2cap.runtime.finishing.turning import unit
from blaze2cap.runtime.floor import SAME_PLACE_M, RunningFloor
from blaze2cap.runtime.prediction import THIGHS, body_size
from blaze2cap.runtime.streamer import LONGEST_BRIDGE_S, StreamedPose
from blaze2cap.runtime.world_pose import WorldPose

# Time constants [s] with which the model's way is drawn towards the place in the image: across the viewing ray, where
# the image is sure, and along it, where the person's size tells. Longer ones slide less and stray more.
#
# benchmarks/causal_world.py on 33 real clips, with the weights that ship: the place's error has a spread of 82 mm to
# the side, 43 up and 158 towards the camera; the whole-file world's 115, 33 and 167. Feet that stand slide by
# 5.4 mm/frame; 4.6 there. While a foot stands, the lowest point is 16 mm above the floor (median; 5 % are below -6, 5 %
# above 99); 2, 0 and 25 there. The tilt is off by 2.7 degrees after 5 s and 2.2 in the end (root mean square); 2.2
# there.
_ACROSS_S = 0.2
_ALONG_S = 0.6
# For so long [s] of being seen the person's size is found; then it stands, so that bones do not breathe. It is within
# 1.6 % of that of a whole clip then (33 real clips, root mean square), within 2.3 % after 2 s and 1.1 % after 10 s.
_SIZING_S = 5.0
# Weight of the first frame, before which there is no time to count [s].
_FIRST_S = 1 / 30


class CausalWorld:
    """Places a stream's poses in a world with a floor, each by what was seen up to it.

    Without `camera_tilt_deg` the tilt is estimated so far, 0 before the
    person has stood straight; without `subject_height_m` the person's size is what the landmarks show in the first
    seconds. `offset` and `end` are the bones as `Animation` has them; they stand after those seconds. UserError for a
    tilt that no camera has and a height that nobody has.
    """

    def __init__(self, *, camera_tilt_deg: float | None = None, subject_height_m: float | None = None) -> None:
        if camera_tilt_deg is not None:
            require_tilt(camera_tilt_deg)
        if subject_height_m is not None:
            require_height(subject_height_m)
        self._given_tilt_deg = camera_tilt_deg
        self._given_size = None if subject_height_m is None else subject_height_m / standing_height()
        self.reset()

    def reset(self) -> None:
        """Forget everything: another person, or another camera."""
        self._tilt = RunningTilt()
        self._size = _Mean(_SIZING_S)
        self._floor = RunningFloor()
        # Place of the Hips in the camera's frame, and in a world whose floor is anywhere [m].
        self._seen_at = np.zeros(3)
        self._way = np.zeros(3)
        self._tracked_s = 0.0
        self._seen_s = -math.inf
        self._last: WorldPose | None = None

    @property
    def camera_tilt_deg(self) -> float:
        """How far down the camera is taken to look now."""
        return self._tilt.degrees if self._given_tilt_deg is None else self._given_tilt_deg

    @property
    def camera_tilt_known(self) -> bool:
        """Whether the tilt was given, or somebody stood straight."""
        return self._given_tilt_deg is not None or self._tilt.known

    @property
    def size(self) -> float:
        """Size of the person now, relative to the mean skeleton."""
        return self._size.value if self._given_size is None else self._given_size

    @property
    def offset(self) -> Float[np.ndarray, "21 3"]:
        """Bones in the parents' frames [m], as `Animation.offset`."""
        return bones(self.size)

    @property
    def end(self) -> Float[np.ndarray, "5 3"]:
        """Ends of the last bones [m], as `Animation.end`."""
        return bone_ends(self.size)

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
        soon = pose.time_s - self._seen_s <= LONGEST_BRIDGE_S
        dt_s = pose.time_s - self._seen_s if soon else _FIRST_S
        points = body_points(pose.rotation)
        if self._given_tilt_deg is None:
            upright, straight = standing(points[: len(JOINTS)])
            self._tilt.see(upright, bool(straight), dt_s)
        if not self._size.stands:
            self._size.see(body_size(pose.landmarks[None]), dt_s)
        to_world = camera_to_world(self.camera_tilt_deg)
        image = pose.image_position - self._size.value * points[THIGHS].mean(0)
        anew = self._move(pose, image, to_world, dt_s, soon)
        lowest = float(self._way[1] + self.size * lowest_point(points, to_world))
        place = self._way.copy()
        place[1] -= self._floor.under(lowest, pose.time_s, dt_s, anew)
        self._seen_s = pose.time_s
        self._last = WorldPose(pose.time_s, world_rotation(pose.rotation, to_world), place, True, pose.deviation)
        return self._last

    def _move(self, pose: StreamedPose, image: np.ndarray, to_world: np.ndarray, dt_s: float, soon: bool) -> bool:
        """The Hips go on: the model's way, drawn towards their place in the image. True where they start anew there."""
        moved = self._seen_at + pose.delta_position
        apart = image - moved
        tracked = self._last is not None and self._last.valid and bool(pose.landmarks[0, TRACKED])
        anew = not tracked and not (soon and np.linalg.norm(apart) < SAME_PLACE_M)
        if anew:
            self._tracked_s, now = dt_s, image
        else:
            self._tracked_s += dt_s
            ray = unit(moved)
            along = (apart @ ray) * ray
            now = moved + self._gain(_ACROSS_S, dt_s) * (apart - along) + self._gain(_ALONG_S, dt_s) * along
        if math.isfinite(self._seen_s):
            # Turned by what is known of the tilt now, so that knowing better does not move the person.
            self._way = self._way + (to_world @ (now - self._seen_at)) * (self.size / self._size.value)
        self._seen_at = now
        return anew

    def _gain(self, time_constant_s: float, dt_s: float) -> float:
        """At first that of the mean since the person is tracked, later of what the time constant forgets."""
        return max(dt_s / self._tracked_s, 1 - math.exp(-dt_s / time_constant_s))

    def _rest(self) -> WorldPose:
        """Nobody yet: a T-pose on the floor."""
        identity = np.tile(np.eye(3), (len(JOINTS), 1, 1))
        hips = self.size * standing_hip_height()
        return WorldPose(0.0, identity, np.array([0.0, hips, 0.0]), False, np.full(len(JOINTS), np.nan))


class _Mean:
    """A mean over time that stands after some of it [s]; 1 before anything was seen."""

    def __init__(self, seconds: float) -> None:
        self.value, self._seconds, self._seen_s = 1.0, seconds, 0.0

    @property
    def stands(self) -> bool:
        return self._seen_s >= self._seconds

    def see(self, value: float, dt_s: float) -> None:
        self._seen_s += dt_s
        self.value += (value - self.value) * dt_s / self._seen_s
