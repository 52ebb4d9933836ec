"""What a live session showed, kept until its end and then written as any other motion, at a constant frame rate.

Frames come when the detector is done with them, so neither evenly nor all. The file has the source's own rate: between
two frames turns are the shortest and ways straight. Kept in memory, 450 bytes a frame, up to `MOST_FRAMES`: what a file
is made of takes about ten times that for a moment at the end.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation, size_of
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.retiming import Track
from blaze2cap.runtime.rotation import (
    matrix_to_quaternion,
    matrix_to_rotation_vector,
    quaternion_to_matrix,
    rotation_vector_to_matrix,
)
from blaze2cap.runtime.streamer import LONGEST_BRIDGE_S
from blaze2cap.runtime.world_pose import WorldPose

MOST_FRAMES = 108_000
"""Of a recording; an hour at 30 frames per second. What comes after is not kept, and told."""

_CHUNK = 1024
_ROW = np.dtype(
    [
        ("time_s", np.float64), ("quaternion", np.float32, (len(JOINTS), 4)), ("root_position", np.float32, 3),
        ("valid", np.bool_), ("deviation", np.float32, len(JOINTS)), ("size", np.float64),
    ]
)  # fmt: skip


class Recording:
    """Frames of a session, for `paths` to be written at its end; nothing is written before.

    `skeleton` is the name of the one whose bones animation files get; the network's own if None.
    """

    def __init__(self, paths: Sequence[Path], skeleton: str | None = None, most_frames: int = MOST_FRAMES) -> None:
        self.paths, self._skeleton = list(paths), skeleton
        self._most = most_frames
        self._chunks: list[np.ndarray] = []
        self.frames = 0
        self.left_out = 0
        self._offset = np.zeros((len(JOINTS), 3))

    def send(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> None:
        """Keep a frame; the bones are those of the last one, by which the ways of the others are sized, too."""
        self._offset = offset
        if self.frames == self._most:
            self.left_out += 1
            return
        chunk, row = divmod(self.frames, _CHUNK)
        if chunk == len(self._chunks):
            self._chunks.append(np.empty(_CHUNK, _ROW))
        self._chunks[chunk][row] = (
            pose.time_s, matrix_to_quaternion(pose.rotation), pose.root_position, pose.valid, pose.deviation,
            size_of(offset),
        )  # fmt: skip
        self.frames += 1

    def idle(self) -> None:
        """Without a picture there is nothing to keep."""

    def write(self, fps: float, end: Float[np.ndarray, "5 3"], camera_tilt_deg: float) -> Animation:
        """Write what was kept to all paths, whole or not at all; UserError where nobody was seen, or a file cannot be.

        `end` and `camera_tilt_deg` are as in `Animation`, `fps` is the rate of the files.
        """
        animation = self.animation(fps, end, camera_tilt_deg)
        write_motion(self.paths, animation, skeleton=self._skeleton)
        return animation

    def animation(self, fps: float, end: Float[np.ndarray, "5 3"], camera_tilt_deg: float) -> Animation:
        """What was kept, at a constant rate; UserError where nobody was seen."""
        rows = np.concatenate([np.empty(0, _ROW), *self._chunks])[: self.frames]
        if not rows["valid"].any():
            names = ", ".join(map(str, self.paths))
            raise UserError(f"{names}: nobody was in view in any of {len(rows)} frames, so nothing is written")
        way = rows["root_position"] * (size_of(self._offset) / rows["size"])[:, None]
        track = Track(quaternion_to_matrix(rows["quaternion"]), way, rows["valid"], rows["deviation"]).held()
        track = at_rate(track, rows["time_s"], fps)
        return Animation(
            fps=fps,
            rotation=track.rotation,
            root_position=track.root_position,
            offset=self._offset,
            end=end,
            valid=track.valid,
            deviation=track.deviation,
            camera_tilt_deg=camera_tilt_deg,
        )


def at_rate(track: Track, time_s: Float[np.ndarray, "N"], fps: float) -> Track:
    """Frames at increasing times, at a constant rate from the first to the last.

    Between two frames with somebody in them, half a second apart at most, shortest turns and straight ways; otherwise
    the frame before stands.
    """
    rows = int((time_s[-1] - time_s[0]) * fps + 1e-6) + 1
    moment = time_s[0] + np.arange(rows) / fps
    last = len(time_s) - 1
    before = np.clip(np.searchsorted(time_s, moment, side="right") - 1, 0, last)
    after = np.minimum(before + 1, last)
    apart = time_s[after] - time_s[before]
    bridged = track.valid[before] & track.valid[after] & (apart > 0) & (apart <= LONGEST_BRIDGE_S)
    share = np.where(bridged, (moment - time_s[before]) / np.where(bridged, apart, 1), 0).astype(np.float32)
    steps = [slice(first, first + _CHUNK) for first in range(0, rows, _CHUNK)]
    turned = [_between(track, before[step], after[step], share[step]) for step in steps]
    return Track(
        np.concatenate([rotation for rotation, _ in turned]),
        np.concatenate([place for _, place in turned]),
        track.valid[before],
        track.deviation[before],
    )


def _between(
    track: Track, before: np.ndarray, after: np.ndarray, share: Float[np.ndarray, "M"]
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and places on the way from some frames to others; in pieces, because it takes much memory."""
    here, there = track.rotation[before], track.rotation[after]
    turn = matrix_to_rotation_vector(here.mT @ there) * share[:, None, None]
    start, end = track.root_position[before], track.root_position[after]
    return here @ rotation_vector_to_matrix(turn), start + share[:, None] * (end - start)
