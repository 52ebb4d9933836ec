"""Where the root starts in a segment of which only its course is known: as the landmarks show it.

The truth of the published form leads from frame to frame, and any rotation may stand at a segment's start. Training
takes the one that brings the whole segment closest to the analytic root of its landmarks: what these err by from frame
to frame averages out, what they err by all along remains. (One start for each window would leave the root free to
drift: what was trained like that came a radian off within a segment.)
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.inverse_kinematics import camera_pose
from blaze2cap.body.rotation import nearest_rotation, rotation_6d_to_matrix
from blaze2cap.data.clipset import ClipSet, Known

if TYPE_CHECKING:
    import pandas as pd

MOST_FRAMES = 256
"""Frames of a segment that are looked at, evenly spread."""


def segment_starts(clipset: ClipSet, samples: "pd.DataFrame") -> Float[Tensor, "samples 3 3"]:
    """The turn, in the camera's frame, of the true root in the segment of each sample; none where it is known.

    It comes from the segment's finest sample here, so that all samples of a segment share it.
    """
    turns = torch.eye(3).repeat(len(samples), 1, 1)
    segments: dict[tuple[str, int], list[int]] = {}
    for place, segment in enumerate(zip(samples["clip"], samples["segment"], strict=True)):
        segments.setdefault(segment, []).append(place)
    first, stride, frames = (samples[column].to_numpy() for column in ("first_frame", "stride", "frames"))
    for (clip, _), places in segments.items():
        if Known.ROOT not in clipset.known(str(clipset.clips["take"][clip])):
            finest = min(places, key=stride.__getitem__)
            chosen = np.unique(np.linspace(0, frames[finest] - 1, MOST_FRAMES).round().astype(int))
            turns[torch.tensor(places)] = _turn(clipset, clip, first[finest] + stride[finest] * chosen)
    return turns


@torch.no_grad()
def _turn(clipset: ClipSet, clip: str, frames: np.ndarray) -> Float[Tensor, "3 3"]:
    camera = clipset.camera_of(clip)
    landmarks = torch.from_numpy(clipset.landmarks[int(clipset.clips.first_row[clip]) + frames])
    true = rotation_6d_to_matrix(torch.from_numpy(clipset.rotation[int(clipset.clips.truth_row[clip]) + frames, 0]))
    seen = camera_pose(landmarks, camera.intrinsics)[:, 0]
    return nearest_rotation((seen @ (camera.rotation.to(true) @ true).mT).sum(0))
