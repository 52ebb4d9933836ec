"""What a user would do instead of a network: a smoothing filter and inverse kinematics, or no pose at all.

`one_euro_ik` filters the landmarks, takes their analytic pose with the viewing ray undone, and turns each joint by a
constant learned on the training takes. `constant_pose` has the same root and the training takes' mean pose.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.inverse_kinematics import camera_pose
from blaze2cap.body.kinematics import forward_kinematics, global_to_local
from blaze2cap.body.landmark import SCREEN, TRACKED, VISIBILITY, WORLD
from blaze2cap.body.motion import Motion, root_deltas
from blaze2cap.body.root_position import root_position
from blaze2cap.body.rotation import mean_rotation
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.data.clipset import ClipSet, Known
from blaze2cap.errors import UserError
from blaze2cap.learning.absolute_root import turned_in_runs
from blaze2cap.learning.metric import acceleration_error_mm_per_frame2, mpjpe_mm, unbroken
from blaze2cap.learning.one_euro import one_euro

# The grid on which the filter is tuned: cutoff at rest [Hz], and its rise with speed [Hz per m/s].
MIN_CUTOFFS = (0.5, 1.0, 2.0, 4.0)
BETAS = (0.0, 0.5, 1.0, 2.0, 4.0)
# Cost of 1 mm/frame^2 of acceleration error in mm of MPJPE. MPJPE alone wants no filter (on the real training takes 77
# mm at 11 mm/frame^2 without one, 79 at 2.3 with this weight), and acceleration alone wants a statue.
ACCELERATION_WEIGHT = 2.0

# The fit looks at this many windows of this many frames, evenly spread over the training clips.
WINDOWS = 48
WINDOW_FRAMES = 240
# The mean pose looks at every so-manieth frame.
POSE_STRIDE = 10

# The filter's speeds are metres: image positions are taken as they are at this distance [m].
IMAGE_DISTANCE = 4.0


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """Everything that the baselines learned from the training takes."""

    filter: Float[Tensor, "2"]
    """One-Euro filter: cutoff at rest [Hz], its rise with speed [Hz per m/s]."""
    correction: Float[Tensor, "21 3 3"]
    """A constant turn of each joint's global rotation, from its right, that brings the analytic pose to the truth."""
    mean_pose: Float[Tensor, "21 3 3"]
    """Mean local rotations; the root's is the identity."""
    offset: Float[Tensor, "21 3"]
    """Bone offsets of the mean training skeleton [m]."""

    def tensors(self) -> dict[str, Tensor]:
        """All of it, for a checkpoint; inverse of `from_tensors`."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Baselines":
        """Baselines out of a checkpoint; TypeError where a tensor is missing or unknown, ValueError on its shape."""
        joints = len(JOINTS)
        shapes = {"filter": (2,), "correction": (joints, 3, 3), "mean_pose": (joints, 3, 3), "offset": (joints, 3)}
        for name, tensor in tensors.items():
            if tensor.shape != shapes.get(name, tensor.shape):
                raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected {shapes[name]}")
        return cls(**tensors)

    def one_euro_ik(self, landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"], dt: float) -> Motion:
        """One-Euro filter, analytic pose, constant rotation per joint, over a whole clip; `dt` in units of 1/60 s."""
        return self._motion(landmarks, intrinsics, dt, None)

    def constant_pose(self, landmarks: Float[Tensor, "N 25 7"], intrinsics: Float[Tensor, "4"], dt: float) -> Motion:
        """The mean training pose, with the root of `one_euro_ik`."""
        return self._motion(landmarks, intrinsics, dt, self.mean_pose)

    def _motion(self, landmarks: Tensor, intrinsics: Tensor, dt: float, pose: Tensor | None) -> Motion:
        detected = (landmarks != 0).flatten(1).any(1)
        restart = restarts(landmarks[None])[0]
        smooth = filter_landmarks(landmarks[None], intrinsics, dt, self.filter)[0]
        rotation = corrected(camera_pose(smooth, intrinsics), self.correction)
        if pose is not None:
            rotation = torch.cat((rotation[:, :1], pose[1:].expand(len(rotation), -1, -1, -1)), dim=1)
        # The last frame that saw somebody; before the first one, frame 0, which shows a person of no pose.
        frame = torch.arange(len(landmarks), device=landmarks.device)
        held = torch.where(detected, frame, 0).cummax(0).values
        rotation, position = rotation[held], root_position(smooth, intrinsics)[held]
        return Motion(rotation, *root_deltas(position, rotation[:, 0], restart | ~detected), detected)


def restarts(landmarks: Float[Tensor, "B S 25 7"]) -> Bool[Tensor, "B S"]:
    """Frames that do not continue the one before: anchors, and the first detection after a gap."""
    detected = (landmarks != 0).flatten(2).any(2)
    before = torch.cat((torch.zeros_like(detected[:, :1]), detected[:, :-1]), dim=1)
    return detected & ((landmarks[..., 0, TRACKED] == 0) | ~before)


def filter_landmarks(
    landmarks: Float[Tensor, "B S 25 7"],
    intrinsics: Float[Tensor, "*#B 4"],
    dt: float | Float[Tensor, "B"],
    filter: Float[Tensor, "2"],
) -> Float[Tensor, "B S 25 7"]:
    """World and screen positions filtered by One-Euro, from each restart on; visibility and flag as they are."""
    world = landmarks[..., WORLD]
    screen = landmarks[..., SCREEN]
    focal = intrinsics[..., None, None, :2]
    points = torch.cat((world, torch.nn.functional.pad(screen / focal * IMAGE_DISTANCE, (0, 1))), dim=-2)
    smooth = one_euro(points, restarts(landmarks), dt, filter[0], filter[1])
    world, image = smooth.split(landmarks.shape[-2], dim=-2)
    return torch.cat((world, image[..., :2] * focal / IMAGE_DISTANCE, landmarks[..., VISIBILITY:]), dim=-1)


def corrected(
    local: Float[Tensor, "*batch 21 3 3"], correction: Float[Tensor, "21 3 3"]
) -> Float[Tensor, "*batch 21 3 3"]:
    """Local rotations after each joint's global rotation was turned by its constant.

    Global ones, so that a turn of the trunk leaves the arms where they were seen.
    """
    _, rotation = forward_kinematics(local, torch.zeros_like(correction[..., 0]))
    return global_to_local(rotation @ correction)


class Windows(NamedTuple):
    """Stretches of training clips with their truth in the camera's frame; `scored` says which frames count."""

    landmarks: Float[Tensor, "B S 25 7"]
    intrinsics: Float[Tensor, "B 4"]
    dt: Float[Tensor, "B"]
    scored: Bool[Tensor, "B S"]
    rotation: Float[Tensor, "B S 21 3 3"]
    offset: Float[Tensor, "B 21 3"]


@torch.no_grad()
def fit_baselines(clipset: ClipSet, takes: Iterable[str]) -> Baselines:
    """Learn the baselines from the given takes; those without landmarks add to the mean skeleton only.

    A root that is not known but from its segment's start on is taken to start as the landmarks show it.

    The filter is the grid's best by MPJPE [mm] + ACCELERATION_WEIGHT * acceleration error [mm/frame^2]. UserError where
    no take has landmarks, or only rejected ones. Deterministic; looks at a fixed number of frames, of however many.
    """
    takes = list(takes)
    seen = [take for take in takes if take in set(clipset.clips["take"])]
    if not seen:
        raise UserError(f"none of the training takes has landmarks ({', '.join(takes)}); put one that has into train")
    windows = _windows(clipset, seen)
    if not windows.scored.any():
        raise UserError(
            f"all landmarks of the training takes ({', '.join(seen)}) are rejected, as of somebody else; look at what "
            "preprocess says of them"
        )
    grid = [torch.tensor([cutoff, beta]) for cutoff in MIN_CUTOFFS for beta in BETAS]
    best = min(grid, key=lambda filter: sum(_errors(windows, filter)))
    return Baselines(
        filter=best,
        correction=_correction(windows, _analytic(windows, best)),
        mean_pose=_mean_pose(clipset, seen),
        offset=torch.stack([clipset.take_motion(take).offset for take in takes]).mean(0),
    )


def _windows(clipset: ClipSet, takes: list[str]) -> Windows:
    """Up to WINDOWS windows, evenly spread over the clips of `takes`."""
    clips = clipset.clips[clipset.clips["take"].isin(takes)]
    frames = min(WINDOW_FRAMES, int(clips.frames.max()))
    clips = clips[clips.frames >= frames]
    ends = clips.frames.cumsum().to_numpy()
    count = min(WINDOWS, int(ends[-1]) // frames)
    centres = (np.arange(count) + 0.5) * ends[-1] / count
    numbers = np.searchsorted(ends, centres, side="right")
    rows = []
    for number in np.unique(numbers):
        clip, length = clips.index[number], int(clips.frames.iloc[number])
        landmarks, truth, scored = clipset.clip_landmarks(clip), clipset.clip_truth(clip), clipset.scored_frames(clip)
        intrinsics = clipset.camera_of(clip).intrinsics
        rotation = truth.rotation
        if Known.ROOT not in clipset.known(str(clips["take"][clip])):
            seen = camera_pose(landmarks, intrinsics)[:, 0]
            root = turned_in_runs(rotation[:, 0], seen, scored, restarts(landmarks[None])[0])
            rotation = torch.cat((root[:, None], rotation[:, 1:]), dim=1)
        dt = torch.tensor(60 / float(clips.fps.iloc[number]))
        for centre in centres[numbers == number] - (ends[number] - length):
            start = min(max(round(centre - frames / 2), 0), length - frames)
            part = slice(start, start + frames)
            rows.append((landmarks[part], intrinsics, dt, scored[part], rotation[part], truth.offset))
    return Windows(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _analytic(windows: Windows, filter: Tensor) -> Float[Tensor, "B S 21 3 3"]:
    smooth = filter_landmarks(windows.landmarks, windows.intrinsics, windows.dt, filter)
    return camera_pose(smooth, windows.intrinsics[:, None])


def _correction(windows: Windows, local: Float[Tensor, "B S 21 3 3"]) -> Float[Tensor, "21 3 3"]:
    still = torch.zeros_like(windows.offset[0])
    _, seen = forward_kinematics(local[windows.scored], still)
    _, true = forward_kinematics(windows.rotation[windows.scored], still)
    return mean_rotation(seen.mT @ true)


def _errors(windows: Windows, filter: Tensor) -> tuple[float, float]:
    """MPJPE [mm] and weighted acceleration error of the filter, each with its own correction."""
    local = _analytic(windows, filter)
    position, _ = forward_kinematics(corrected(local, _correction(windows, local)), windows.offset[:, None])
    true, _ = forward_kinematics(windows.rotation, windows.offset[:, None])
    restart = restarts(windows.landmarks)
    tracked = torch.stack([unbroken(*pair, 2) for pair in zip(windows.scored, restart, strict=True)])
    # The metric takes one clip, frames first: the windows' joints stand side by side in it.
    acceleration = acceleration_error_mm_per_frame2(*(p.transpose(0, 1).flatten(1, 2) for p in (position, true)))
    acceleration = acceleration.unflatten(1, (len(position), -1)).transpose(0, 1)
    error = mpjpe_mm(position, true)[windows.scored].mean().item()
    return error, ACCELERATION_WEIGHT * acceleration[tracked].mean().item()


def _mean_pose(clipset: ClipSet, takes: list[str]) -> Float[Tensor, "21 3 3"]:
    # Copies, as a view would keep all frames of its take in memory.
    rotation = torch.cat([clipset.take_motion(take).rotation[::POSE_STRIDE].clone() for take in takes])
    rotation[:, 0] = torch.eye(3)
    return mean_rotation(rotation)
