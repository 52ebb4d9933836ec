"""Windows of clips as index arithmetic over the packed arrays: a batch is one gather, nothing is materialised."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.landmark import TRACKED
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.rotation import rotation_6d_to_matrix
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.generated_motion import GeneratedMotion
from blaze2cap.data.segment_start import segment_starts


class Batch(NamedTuple):
    """Windows with their truth, in the camera's frame; frame 0 is the one before the window.

    `outlier` joints have a true rotation that is not to be believed (their positions are); where the root is one, the
    truth jumps, and no joint's change from frame to frame is. `inside` is false for frames that the sample does not
    have: before its first one, and padding after its last. Where not `root_known`, the root's true rotation is known
    from its segment's start on, which is as the landmarks show it (`segment_start`).
    """

    landmarks: Float[Tensor, "B F 25 7"]
    intrinsics: Float[Tensor, "B 4"]
    dt: Float[Tensor, "B"]
    rotation: Float[Tensor, "B F 21 3 3"]
    root_position: Float[Tensor, "B F 3"]
    offset: Float[Tensor, "B 21 3"]
    outlier: Bool[Tensor, "B F 21"]
    inside: Bool[Tensor, "B F"]
    root_known: Bool[Tensor, "B"]

    def truth(self) -> Motion:
        """True motion of the window's frames (without the one before); valid where inside."""
        anchor = torch.cat((self.inside[:, :1], ~self.inside[:, :-1]), dim=1)
        way, turn = root_deltas(self.root_position, self.rotation[..., 0, :, :], anchor)
        return Motion(self.rotation[:, 1:], way[:, 1:], turn[:, 1:], self.inside[:, 1:])

    def together(self) -> Bool[Tensor, "B S"]:
        """Frames of the window that follow, in one segment, on the frame before them *in the window*."""
        pair = self.inside[:, 1:].clone()
        pair[:, 0] = False
        return pair

    @staticmethod
    def concatenate(batches: Sequence["Batch"]) -> "Batch":
        """One batch of several."""
        return Batch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))

    def part(self, windows: slice) -> "Batch":
        """Some of the windows."""
        return Batch(*(part[windows] for part in self))

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        return Batch(*(part.to(device, non_blocking=True) for part in self))


class Windows:
    """Windows of landmarks with truth, from the rows of the sample index of the given takes."""

    def __init__(self, clipset: ClipSet, takes: Sequence[str], window: int) -> None:
        samples = clipset.samples
        clips = clipset.clips.loc[samples["clip"]]
        used = clips["take"].isin(list(takes)).to_numpy() & ~samples["rejected"].to_numpy(bool)
        samples, clips = samples[used], clips[used]
        first = samples["first_frame"].to_numpy()
        self.window = window
        self.frames = samples["frames"].to_numpy()
        self.stride = samples["stride"].to_numpy()
        self._row = clips["first_row"].to_numpy() + first
        self._truth_row = clips["truth_row"].to_numpy() + first
        self._take = clipset.takes.index.get_indexer(clips["take"])
        self._root_known = clipset.takes["root_known"].to_numpy(bool)[self._take]
        self._start = None if self._root_known.all() else segment_starts(clipset, samples)
        cameras = {name: index for index, name in enumerate(clipset.cameras)}
        self._camera = clips["camera"].astype(str).map(cameras).to_numpy()
        self._landmarks = clipset.landmarks
        self._truth = _Truth(clipset)
        values = clipset.cameras.values()
        self._intrinsics = torch.stack([camera.intrinsics for camera in values])
        self._rotation = torch.stack([camera.rotation.float() for camera in values])
        self._translation = torch.stack([camera.translation.float() for camera in values])

    def draw(self, count: int, stride_share: float, rng: np.random.Generator) -> Batch:
        """Random windows, samples by their frames, `stride_share` of the windows at strides above 1."""
        coarse = self.stride > 1
        weight = self.frames / np.where(coarse, self.frames[coarse].sum(), self.frames[~coarse].sum())
        share = stride_share if coarse.any() else 0.0
        chance = weight * np.where(coarse, share, 1 - share)
        row = rng.choice(len(chance), size=count, p=chance / chance.sum())
        latest = np.maximum(self.frames[row] - self.window, 0)
        return self.at(row, rng.integers(0, latest + 1))

    def cover(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Row and start of at most `most` windows spread evenly over all stride-1 samples, for validation."""
        starts = [
            (row, start)
            for row in np.flatnonzero(self.stride == 1)
            for start in range(0, max(self.frames[row] - self.window // 2, 1), self.window)
        ]
        chosen = np.linspace(0, len(starts) - 1, min(most, len(starts))).round().astype(int)
        row, start = np.array(starts, dtype=int).reshape(-1, 2)[chosen].T
        return row, start

    def at(self, row: np.ndarray, start: np.ndarray) -> Batch:
        """The windows that start at frame `start` of sample `row`."""
        frame = start[:, None] + np.arange(-1, self.window)
        inside = (frame >= 0) & (frame < self.frames[row, None])
        step = np.clip(frame, 0, self.frames[row, None] - 1) * self.stride[row, None]
        kept = torch.from_numpy(inside)
        landmarks = torch.from_numpy(self._landmarks[self._row[row, None] + step])
        landmarks[..., TRACKED] = torch.from_numpy(frame > 0).to(landmarks.dtype)[..., None]
        landmarks = landmarks * kept[..., None, None]
        world, position, offset, outlier = self._truth.at(self._truth_row[row, None] + step, self._take[row])
        camera = torch.from_numpy(self._camera[row])
        turn = self._rotation[camera][:, None]
        root = turn @ world[..., 0, :, :]
        if self._start is not None:
            root = self._start[torch.from_numpy(row)][:, None] @ root
        position = (turn @ position[..., None]).squeeze(-1) + self._translation[camera][:, None]
        return Batch(
            landmarks,
            self._intrinsics[camera],
            torch.from_numpy(self.stride[row]).float(),
            torch.cat((root[..., None, :, :], world[..., 1:, :, :]), dim=-3),
            position,
            offset,
            outlier,
            kept,
            torch.from_numpy(self._root_known[row]),
        )


class MotionWindow(NamedTuple):
    """Windows of motion in the world's frame, without detections.

    Local rotations, root position [m], bones [m], joints whose rotation is not to be believed, stride.
    """

    rotation: Float[Tensor, "B F 21 3 3"]
    root_position: Float[Tensor, "B F 3"]
    offset: Float[Tensor, "B 21 3"]
    outlier: Bool[Tensor, "B F 21"]
    dt: Float[Tensor, "B"]

    @staticmethod
    def concatenate(windows: Sequence["MotionWindow"]) -> "MotionWindow":
        """Windows of one length together."""
        return MotionWindow(*(torch.cat(parts) for parts in zip(*windows, strict=True)))


class MotionWindows:
    """Random windows of the motion of whole takes, with or without landmarks."""

    def __init__(self, motion: ClipSet | GeneratedMotion, takes: Sequence[str], window: int) -> None:
        table = motion.takes.loc[list(takes)]
        table = table[table["frames"] > window + 1]
        self.window = window
        self._first = table["first_row"].to_numpy()
        self._frames = table["frames"].to_numpy()
        self._take = motion.takes.index.get_indexer(table.index)
        self._truth = _Truth(motion)

    def __len__(self) -> int:
        return len(self._frames)

    def draw(self, count: int, strides: Sequence[int], stride_share: float, rng: np.random.Generator) -> MotionWindow:
        """Random windows, takes by their frames, `stride_share` of the windows at strides above 1."""
        row = rng.choice(len(self._frames), size=count, p=self._frames / self._frames.sum())
        coarse = [stride for stride in strides if stride > 1] or [1]
        stride = np.where(rng.random(count) < stride_share, rng.choice(coarse, size=count), 1)
        # A take too short for a stride is drawn at stride 1.
        stride = np.where(self.window * stride < self._frames[row], stride, 1)
        start = rng.integers(0, self._frames[row] - self.window * stride)
        index = start[:, None] + np.arange(self.window + 1) * stride[:, None]
        truth = self._truth.at(self._first[row, None] + index, self._take[row])
        return MotionWindow(*truth, torch.from_numpy(stride).float())


class _Truth:
    """The packed truth of all takes, gathered by row."""

    def __init__(self, motion: ClipSet | GeneratedMotion) -> None:
        self._motion = motion

    def at(self, row: np.ndarray, take: np.ndarray) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        known = self._motion
        return (
            rotation_6d_to_matrix(torch.from_numpy(known.rotation[row])),
            torch.from_numpy(known.root_position[row]),
            torch.from_numpy(known.offset[take]),
            torch.from_numpy(known.outlier[row]),
        )
