"""The bootstrap error model, for real folders: mean errors learned by ridge regression, errors about them borrowed.

The regression goes from the pose in the viewing-ray frame (joint positions and orientations, sine and cosine of
facing) to the 25 world landmarks. What it leaves (world, image, and the visibility that came with it) is kept clip by
clip; a simulated window takes a stretch of it from a moment in which a person faced and stood alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LANDMARK_INDEX, SCREEN, VISIBILITY, WORLD
from blaze2cap.body.rotation import matrix_to_rotation_6d
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import RayView, in_front, model_layout, project, ray_view
from blaze2cap.errors import UserError

RIDGE = 0.01  # of the features' variance
CANDIDATES = 4096  # moments looked at for a batch
NEAREST = 12  # of these moments, one is taken
MOST_FRAMES = 200_000  # of borrowed errors kept in memory, 600 bytes each
_FACING_WEIGHT = 0.5  # a turn by 1 rad against 1 m of one landmark's place
_MATCHED = [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in
            ("shoulder", "elbow", "wrist", "knee", "ankle")]  # fmt: skip


@dataclass(frozen=True)
class BootstrapDetector:
    """BlazePose from clips; make one with `fit`, on training takes only.

    mean, scale   of the features;  weight  from scaled features to the world landmarks [m]
    moment        descriptor of every kept frame
    error         world errors [m], image errors [m at the person] and visibility of every kept frame
    first, last   of the unbroken run that each kept frame lies in
    """

    mean: Float[Tensor, "D"]
    scale: Float[Tensor, "D"]
    weight: Float[Tensor, "D 75"]
    moment: Float[Tensor, "N M"]
    error: Float[Tensor, "N 25 6"]
    first: Int[Tensor, "N"]
    last: Int[Tensor, "N"]

    @classmethod
    def fit(cls, clipset: ClipSet, takes: Sequence[str]) -> "BootstrapDetector":
        """Learn from the clips of the given takes; takes without landmarks add nothing.

        Raises UserError where none of them has a detected frame.
        """
        clips = [clip for clip in clipset.clips.index if clipset.clips.at[clip, "take"] in set(takes)]
        parts = [part for clip in clips for part in _runs(clipset, clip)]
        if not parts:
            raise UserError(
                f"the bootstrap detector needs detections to learn from, but none of {', '.join(takes) or 'no take'} "
                "has any; use the parametric one"
            )
        mean, scale, weight = _ridge(parts)
        kept = parts[:: 1 + sum(len(part.landmarks) for part in parts) // MOST_FRAMES]
        sizes = torch.tensor([len(part.landmarks) for part in kept])
        last = sizes.cumsum(0) - 1
        return cls(
            mean,
            scale,
            weight,
            torch.cat([_moment(part.view) for part in kept]),
            torch.cat([_error(part, ((_features(part.view) - mean) / scale) @ weight) for part in kept]),
            (last - sizes + 1).repeat_interleave(sizes),
            last.repeat_interleave(sizes),
        )

    def simulate(
        self,
        position: Float[Tensor, "B S 21 3"],
        rotation: Float[Tensor, "B S 21 3 3"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B S 25 7"]:
        """Landmarks in the model layout (see `SimulatedDetector`); `dt` is rounded to whole frames."""
        view = ray_view(position, rotation)
        error = self.error[self._borrow(view, dt, generator)]
        world = (((_features(view) - self.mean) / self.scale) @ self.weight).unflatten(-1, (-1, 3))
        world = world + error[..., WORLD]
        moved = torch.cat((view.place[..., :2] + error[..., SCREEN], view.place[..., 2:]), dim=-1)
        return model_layout(world, project(moved, intrinsics[:, None, None]), error[..., VISIBILITY])

    def _borrow(self, view: RayView, dt: Tensor, generator: torch.Generator) -> Int[Tensor, "B S"]:
        """Kept frames to borrow from: about a moment like the middle of the window; run ends are walked back from."""
        batch, frames = view.truth.shape[:2]
        device = dt.device
        candidate = torch.randint(len(self.moment), (CANDIDATES,), generator=generator, device=device)
        middle = RayView(*(part[:, frames // 2] for part in view))
        nearest = torch.cdist(_moment(middle), self.moment[candidate]).topk(NEAREST, largest=False).indices
        pick = torch.randint(NEAREST, (batch, 1), generator=generator, device=device)
        centre = candidate[nearest.gather(1, pick)]
        wanted = centre + (torch.arange(frames, device=device) - frames // 2) * dt.round().long()[:, None]
        first, last = self.first[centre], self.last[centre]
        # A triangle wave between the run's ends.
        period = (2 * (last - first)).clamp_min(1)
        phase = (wanted - first) % period
        return first + torch.minimum(phase, period - phase).clamp_max(last - first)


@dataclass(frozen=True)
class _Run:
    """Frames tracked on without a break: what was detected, and the true view of it."""

    landmarks: Float[Tensor, "N 25 7"]
    view: RayView
    intrinsics: Float[Tensor, "4"]


def _runs(clipset: ClipSet, clip: str) -> Iterator[_Run]:
    truth = clipset.clip_truth(clip)
    position, rotation = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    scored, anchors = clipset.scored_frames(clip), clipset.clip_anchors(clip)
    landmarks = clipset.clip_landmarks(clip)
    number = anchors.cumsum(0)
    intrinsics = clipset.camera_of(clip).intrinsics.float()
    for segment in number[scored].unique():
        own = scored & (number == segment)
        yield _Run(landmarks[own], ray_view(position[own], rotation[own]), intrinsics)


def _ridge(runs: Sequence[_Run]) -> tuple[Float[Tensor, "D"], Float[Tensor, "D"], Float[Tensor, "D 75"]]:
    """Mean and scale of the features, and weights of the scaled features; the first feature is 1."""
    size = _features(runs[0].view).shape[-1]
    gram = torch.zeros(size, size, dtype=torch.float64)
    moment = torch.zeros(size, runs[0].landmarks[0, :, WORLD].numel(), dtype=torch.float64)
    for run in runs:
        feature = _features(run.view).double()
        gram += feature.mT @ feature
        moment += feature.mT @ run.landmarks[..., WORLD].flatten(1).double()
    count = gram[0, 0]
    mean = gram[0] / count
    scale = (gram.diagonal() / count - mean.square()).clamp_min(1e-8).sqrt()
    mean[0], scale[0] = 0, 1
    centred = gram - count * mean[:, None] * mean
    centred[0] = centred[:, 0] = 0
    centred[0, 0] = count
    target = moment - mean[:, None] * moment[0]
    penalty = RIDGE * count * torch.ones_like(mean)
    penalty[0] = 0
    weight = torch.linalg.solve(centred / scale[:, None] / scale + penalty.diag(), target / scale[:, None])
    return mean.float(), scale.float(), weight.float()


def _features(view: RayView) -> Float[Tensor, "*batch D"]:
    """1, sine and cosine of facing once and twice, places and root orientation, and places times facing."""
    facing = _facing(view)
    double = torch.stack((2 * facing[..., 0] * facing[..., 1], facing[..., 1].square() - facing[..., 0].square()), -1)
    place = view.truth.flatten(-2)
    root = matrix_to_rotation_6d(view.root)
    one = torch.ones_like(place[..., :1])
    return torch.cat((one, facing, double, root, place, place * facing[..., :1], place * facing[..., 1:]), dim=-1)


def _facing(view: RayView) -> Float[Tensor, "*batch 2"]:
    """Sine and cosine of the yaw at which the hips' forward (-y) points, 0 away from the camera."""
    forward = -view.root[..., 1]
    across = torch.stack((forward[..., 0], forward[..., 2]), dim=-1)
    return across / across.norm(dim=-1, keepdim=True).clamp_min(1e-3)


def _moment(view: RayView) -> Float[Tensor, "*batch M"]:
    """What makes two moments alike: the places of the limbs about the hips [m], and facing."""
    return torch.cat((view.truth[..., _MATCHED, :].flatten(-2), _FACING_WEIGHT * _facing(view)), dim=-1)


def _error(run: _Run, predicted: Float[Tensor, "N 75"]) -> Float[Tensor, "N 25 6"]:
    """World errors about the regression, image errors at the person's depth, and visibility, in the model's order."""
    world = run.landmarks[..., WORLD] - predicted.unflatten(-1, (-1, 3))
    depth = in_front(run.view.place)[..., 2:]
    screen = (run.landmarks[..., SCREEN] - project(run.view.place, run.intrinsics)) / run.intrinsics[:2] * depth
    return torch.cat((world, screen, run.landmarks[..., VISIBILITY, None]), dim=-1)
