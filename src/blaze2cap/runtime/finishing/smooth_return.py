"""No pops: where a pose jumps away from the one before, after a gap or a new detection, the jump fades out.

What lies between the last pose and the new one is kept and wound back to nothing: turns of the joints by the shortest
way, the place of the hips straight. So motion goes on within the blend, as if it had come from where the last pose was.
"""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from blaze2cap.runtime.finishing.step import held
from blaze2cap.runtime.finishing.turning import eased
from blaze2cap.runtime.world_pose import WorldPose

# Joints that turn faster than this on average of all, and hips that move faster, have jumped, unless they went on as
# before, give or take as much [rad/s, m/s]. In nine real clips at 60 frames per second people who were tracked stayed
# below 3.2 and 2.2; new detections came in at 17-23.
JUMP_RAD_PER_S, JUMP_M_PER_S = 7.0, 6.0
# Frames further apart than this [s] say nothing of speed: what comes after them returns.
LONGEST_STEP_S = 0.25
# So does who was not seen for longer than this [s]; a frame that is lost at 20 per second, the slowest, is no gap yet.
LONGEST_LOSS_S = 0.11

Turns = Float[np.ndarray, "21 3 3"]
Place = Float[np.ndarray, "3"]


class SmoothReturn:
    """The step; a return takes `return_s`."""

    def __init__(self, return_s: float = 0.3) -> None:
        self._return_s = return_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next pose is no return."""
        # The last two poses that somebody was seen in, as they came, and the one handed on.
        self._seen: list[WorldPose] = []
        self._last: WorldPose | None = None
        self._time_s = 0.0
        # Since when a return goes on [s], and what was apart then.
        self._since_s = np.inf
        self._turn = np.zeros((21, 3))
        self._way = np.zeros(3)

    def step(self, pose: WorldPose) -> WorldPose:
        """The pose, or in the time after a jump one on the way to it."""
        dt_s, self._time_s = pose.time_s - self._time_s, pose.time_s
        if not pose.valid:
            return held(pose, self._last)
        rotation, root = pose.rotation, pose.root_position
        self._since_s += dt_s
        if self._last is not None and self._jumped(pose, dt_s):
            # The first frame of a return is one step on already, so that nothing stands still.
            self._since_s = min(dt_s, LONGEST_STEP_S)
            shown = Rotation.from_matrix(self._last.rotation)
            self._turn = (Rotation.from_matrix(rotation).inv() * shown).as_rotvec()
            self._way = self._last.root_position - root
        self._seen = [*self._seen[-1:], pose]
        self._last = pose if self._since_s >= self._return_s else self._on_the_way(pose, rotation, root)
        return self._last

    def _jumped(self, pose: WorldPose, dt_s: float) -> bool:
        """Whether a pose `dt_s` after the frame before is neither near the pose seen last nor where that one headed."""
        last = self._seen[-1]
        unseen_s = pose.time_s - last.time_s
        if unseen_s > (LONGEST_STEP_S if unseen_s == dt_s else LONGEST_LOSS_S):
            return True
        most = np.array([JUMP_RAD_PER_S, JUMP_M_PER_S]) * dt_s
        moved = _apart(pose, last.rotation, last.root_position)
        # What is slow need not be compared with what was before.
        return bool((moved > most).any() and (np.minimum(moved, _apart(pose, *self._headed(unseen_s))) > most).any())

    def _headed(self, ahead_s: float) -> tuple[Turns, Place]:
        """Where the two poses seen last lead to in that time."""
        before, last = self._seen[0], self._seen[-1]
        share = ahead_s / (last.time_s - before.time_s) if before is not last else 0.0
        turn = Rotation.from_matrix(before.rotation.mT @ last.rotation).as_rotvec()
        rotation = last.rotation @ Rotation.from_rotvec(share * turn).as_matrix()
        return rotation, last.root_position + share * (last.root_position - before.root_position)

    def _on_the_way(self, pose: WorldPose, rotation: Turns, root: Place) -> WorldPose:
        left = 1 - eased(np.array([self._since_s / self._return_s]))
        turned = rotation @ Rotation.from_rotvec(left * self._turn).as_matrix()
        return pose._replace(rotation=turned, root_position=root + left * self._way)


def _apart(pose: WorldPose, rotation: Turns, root: Place) -> Float[np.ndarray, "2"]:
    """Mean turn of the joints [rad] and way of the hips [m] from there to a pose."""
    # Of the turn between two rotations, sqrt(8) sin(angle / 2) is the length of their difference.
    apart = np.sqrt(np.square(pose.rotation - rotation).sum((-2, -1)) / 8)
    return np.array([2 * np.arcsin(np.minimum(apart, 1)).mean(), np.linalg.norm(pose.root_position - root)])
