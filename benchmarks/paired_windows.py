"""Real detections and simulated ones of the same motion from the same camera, so that only their errors differ."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import SCREEN, VISIBILITY, WORLD
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import HIPS, SimulatedDetector, in_front, ray_view
from blaze2cap.errors import UserError

CHANNELS = ("world x", "world y", "world z", "image x", "image y", "visibility")
BLOCK_FRAMES = 120  # a window belongs to the block of its take, all cameras together, that holds its middle
VISIBILITY_STEP = 0.01  # 0.9999 instead of 0.997 gives a simulation away, but means nothing to who uses it
_BATCH = 256


class Views(NamedTuple):
    """Windows of motion before a real camera, and what the real detector saw of them.

    position [m] and rotation (global) in the camera's frame; block numbers are of one take.
    """

    position: Float[Tensor, "N S 21 3"]
    rotation: Float[Tensor, "N S 21 3 3"]
    intrinsics: Float[Tensor, "N 4"]
    landmarks: Float[Tensor, "N S 25 7"]
    block: Int[Tensor, "N"]


class Labelled(NamedTuple):
    """Windows to be told apart.

    error   landmarks less the truth in `CHANNELS`: world in the frame of the viewing ray, about the middle of the hips
            as the model's features have it [m]; image at the person's distance [m]; visibility in steps
    truth   what was taken off: true places about the middle of the hips, in the ray frame (world) and in the camera's
            (image) [m]; 0 for visibility
    real    what is to be guessed
    """

    error: Float[Tensor, "N S 25 6"]
    truth: Float[Tensor, "N S 25 6"]
    real: Bool[Tensor, "N"]
    block: Int[Tensor, "N"]

    @property
    def landmarks(self) -> Float[Tensor, "N S 25 6"]:
        """What a detector gave, in `CHANNELS`."""
        return self.error + self.truth


def together(parts: Sequence[Labelled]) -> Labelled:
    """All windows of the parts; blocks of the same number stay one."""
    return Labelled(*(torch.cat(field) for field in zip(*parts, strict=True)))


def of_takes(parts: Sequence[Labelled]) -> Labelled:
    """All windows of the parts, a take each; blocks of different takes are kept apart."""
    shifts = np.cumsum([0, *(int(part.block.max()) + 1 for part in parts[:-1])]).tolist()
    return together([part._replace(block=part.block + shift) for part, shift in zip(parts, shifts, strict=True)])


def views_of(clipset: ClipSet, take: str, frames: int, hop: int) -> Views:
    """Every `hop`-th window of a take's clips that lies in one segment of scored frames.

    Raises UserError where there is none.
    """
    clips = clipset.clips.index[clipset.clips["take"] == take]
    views = [view for clip in clips if (view := _views_of_clip(clipset, clip, frames, hop)) is not None]
    if not views:
        raise UserError(f"{take}: no segment of detections is as long as a window of {frames} frames; take another")
    return Views(*(torch.cat(field) for field in zip(*views, strict=True)))


def _views_of_clip(clipset: ClipSet, clip: str, frames: int, hop: int) -> Views | None:
    number = torch.where(clipset.scored_frames(clip), clipset.clip_anchors(clip).cumsum(0), 0)
    if len(number) < frames:
        return None
    inside = number.unfold(0, frames, hop)
    start = hop * torch.nonzero((inside == inside[:, :1]).all(1) & (inside[:, 0] > 0))[:, 0]
    truth = clipset.clip_truth(clip)
    position, rotation = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    row = start[:, None] + torch.arange(frames)
    middle = start + frames // 2 + clipset.take_frames(clip).start
    intrinsics = clipset.camera_of(clip).intrinsics.float().expand(len(start), 4)
    return Views(position[row], rotation[row], intrinsics, clipset.clip_landmarks(clip)[row], middle // BLOCK_FRAMES)


def real_windows(views: Views) -> Labelled:
    """What the real detector saw."""
    return _labelled(views, views.landmarks, real=True)


def simulated_windows(views: Views, detector: SimulatedDetector, generator: torch.Generator) -> Labelled:
    """What a simulated detector sees of the same motion from the same cameras, in the same order."""
    seen = [
        detector.simulate(position, rotation, intrinsics, torch.ones(len(position)), generator)
        for position, rotation, intrinsics in zip(*(field.split(_BATCH) for field in views[:3]), strict=True)
    ]
    return _labelled(views, torch.cat(seen), real=False)


def real_halves(windows: Labelled, generator: torch.Generator) -> Labelled:
    """A control without any difference: half the blocks of the real windows, drawn at random, called simulated."""
    windows = Labelled(*(field[windows.real] for field in windows))
    blocks = windows.block.unique()
    chosen = blocks[torch.randperm(len(blocks), generator=generator)[: len(blocks) // 2]]
    return windows._replace(real=~torch.isin(windows.block, chosen))


def _labelled(views: Views, landmarks: Tensor, real: bool) -> Labelled:
    view = ray_view(views.position, views.rotation)
    place = in_front(view.place)
    focal, centre = views.intrinsics[:, None, None, :2], views.intrinsics[:, None, None, 2:]
    at_person = (landmarks[..., SCREEN] - centre) / focal * place[..., 2:]
    world = landmarks[..., WORLD] - landmarks[..., HIPS, WORLD].mean(-2, keepdim=True)
    visibility = landmarks[..., VISIBILITY, None].div(VISIBILITY_STEP).round() * VISIBILITY_STEP
    seen = torch.cat((world, at_person - place[..., :2], visibility), dim=-1)
    in_image = place[..., :2] - place[..., HIPS, :2].mean(-2, keepdim=True)
    truth = torch.cat((view.truth, in_image, torch.zeros_like(seen[..., :1])), dim=-1)
    error = seen - torch.cat((view.truth, torch.zeros_like(seen[..., 3:])), dim=-1)
    return Labelled(error, truth, torch.full((len(error),), real), views.block)
