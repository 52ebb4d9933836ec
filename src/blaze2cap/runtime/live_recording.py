"""What a live session showed, kept until its end and then written as any other motion, at a constant frame rate.

Frames come when the detector is done with them, so neither evenly nor all. The file has the source's own rate: between
two frames turns are the shortest and ways straight. Kept in memory, 500 bytes a frame, up to `MOST_FRAMES`: what a file
is made of takes about ten times that for a moment at the end.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.rotation import (
    matrix_to_rotation_6d,
    matrix_to_rotation_vector,
    rotation_6d_to_matrix,
    rotation_vector_to_matrix,
)
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.motion_files import write_motion
from blaze2cap.runtime.retiming import Track
from blaze2cap.runtime.streamer import LONGEST_BRIDGE_S
from blaze2cap.runtime.world_pose import WorldPose

MOST_FRAMES = 108_000
"""Of a recording; an hour at 30 frames per second. What comes after is not kept, and told."""

_CHUNK = 1024
_ROW = np.dtype(
    [
        ("time_s", np.float64), ("rotation_6d", np.float32, (len(JOINTS), 6)), ("root_position", np.float32, 3),
        ("valid", np.bool_), ("deviation", np.float32, len(JOINTS)),
    ]
)  # fmt: skip


class Recording:
    """Frames of a session, for `paths` to be written at its end; nothing is written before.

    `skeleton` is the name of the one whose bones animation files get.
    """

    def __init__(self, paths: Sequence[Path], skeleton: str = "totalcapture", most_frames: int = MOST_FRAMES) -> None:
        self.paths, self._skeleton = list(paths), skeleton
        self._most = most_frames
        self._chunks: list[np.ndarray] = []
        self.frames = 0
        self.left_out = 0
        self._offset = torch.zeros(len(JOINTS), 3)

    def send(self, pose: WorldPose, offset: Float[Tensor, "21 3"]) -> None:
        """Keep a frame; the bones are those of the last one."""
        self._offset = offset
        if self.frames == self._most:
            self.left_out += 1
            return
        chunk, row = divmod(self.frames, _CHUNK)
        if chunk == len(self._chunks):
            self._chunks.append(np.empty(_CHUNK, _ROW))
        self._chunks[chunk][row] = (
            pose.time_s, matrix_to_rotation_6d(pose.rotation).numpy(), pose.root_position.numpy(), pose.valid,
            pose.deviation.numpy(),
        )  # fmt: skip
        self.frames += 1

    def idle(self) -> None:
        """Without a picture there is nothing to keep."""

    def write(self, fps: float, end: Float[Tensor, "5 3"], camera_tilt_deg: float) -> Animation:
        """Write what was kept to all paths, whole or not at all; UserError where nobody was seen, or a file cannot be.

        `end` and `camera_tilt_deg` are as in `Animation`, `fps` is the rate of the files.
        """
        animation = self.animation(fps, end, camera_tilt_deg)
        write_motion(self.paths, animation, skeleton=self._skeleton)
        return animation

    def animation(self, fps: float, end: Float[Tensor, "5 3"], camera_tilt_deg: float) -> Animation:
        """What was kept, at a constant rate; UserError where nobody was seen."""
        rows = np.concatenate([np.empty(0, _ROW), *self._chunks])[: self.frames]
        if not rows["valid"].any():
            names = ", ".join(map(str, self.paths))
            raise UserError(f"{names}: nobody was in view in any of {len(rows)} frames, so nothing is written")
        track = Track(
            rotation_6d_to_matrix(torch.from_numpy(rows["rotation_6d"].copy())),
            torch.from_numpy(rows["root_position"].copy()),
            torch.from_numpy(rows["valid"].copy()),
            torch.from_numpy(rows["deviation"].copy()),
        ).held()
        track = at_rate(track, torch.from_numpy(rows["time_s"].copy()), fps)
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


def at_rate(track: Track, time_s: Float[Tensor, "N"], fps: float) -> Track:
    """Frames at increasing times, at a constant rate from the first to the last.

    Between two frames with somebody in them, half a second apart at most, shortest turns and straight ways; otherwise
    the frame before stands.
    """
    rows = int((time_s[-1] - time_s[0]) * fps + 1e-6) + 1
    moment = time_s[0] + torch.arange(rows, dtype=time_s.dtype) / fps
    last = len(time_s) - 1
    before = (torch.searchsorted(time_s, moment, right=True) - 1).clamp(0, last)
    after = (before + 1).clamp_max(last)
    apart = time_s[after] - time_s[before]
    bridged = track.valid[before] & track.valid[after] & (apart > 0) & (apart <= LONGEST_BRIDGE_S)
    share = torch.where(bridged, (moment - time_s[before]) / apart, 0.0).float()
    steps = [slice(first, first + _CHUNK) for first in range(0, rows, _CHUNK)]
    turned = [_between(track, before[step], after[step], share[step]) for step in steps]
    return Track(
        torch.cat([rotation for rotation, _ in turned]),
        torch.cat([place for _, place in turned]),
        track.valid[before],
        track.deviation[before],
    )


def _between(track: Track, before: Tensor, after: Tensor, share: Float[Tensor, "M"]) -> tuple[Tensor, Tensor]:
    """Rotations and places on the way from some frames to others; in pieces, because it takes much memory."""
    here, there = track.rotation[before], track.rotation[after]
    turn = matrix_to_rotation_vector(here.mT @ there) * share[:, None, None]
    place = torch.lerp(track.root_position[before], track.root_position[after], share[:, None])
    return here @ rotation_vector_to_matrix(turn), place
