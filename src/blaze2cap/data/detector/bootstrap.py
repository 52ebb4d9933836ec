"""The bootstrap error model, for real folders: mean errors learned by ridge regression, errors about them borrowed.

The regression goes from the pose (places of the landmarks, orientation of the root, sine and cosine of facing) to the
errors of the 25 world landmarks. What it leaves (world, image, and the visibility that came with it) is kept; a
simulated window takes a stretch of it from a moment in which a person faced and stood alike.

All of it happens in the frame of the *crop*: the detector cuts the person out of the image turned so that the trunk is
upright (Bazarevsky et al. 2020, section 2.2), so a person who bends sideways or stands on the hands errs as one who
stands. Poses beyond those of the clips are common (floor work, bending): there the features are held at the edge of
what the fit has seen, so that the error stays that of the strangest pose known instead of growing without bound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LANDMARK_INDEX, LANDMARKS, SCREEN, VISIBILITY, WORLD
from blaze2cap.body.rotation import matrix_to_rotation_6d
from blaze2cap.data.clipset import ClipSet
from blaze2cap.data.detector.observation import RayView, crop_view, in_front, model_layout, project, ray_view
from blaze2cap.errors import UserError

RIDGE = 0.02  # of the features' variance
FARTHEST = 3.0  # from a feature's mean, in standard deviations; farther values count as this
CANDIDATES = 4096  # moments looked at for a batch, a quarter of all at most: the nearest shall not be one frame
NEAREST = 12  # of these moments, one is taken
MOST_FRAMES = 200_000  # of borrowed errors kept in memory, 600 bytes each, and the rest of the last run
_FACING_WEIGHT = 0.5  # a turn by 1 rad against 1 m of one landmark's place
_MATCHED = [LANDMARK_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in
            ("shoulder", "elbow", "wrist", "knee", "ankle")]  # fmt: skip


@dataclass(frozen=True)
class BootstrapDetector:
    """BlazePose from clips; make one with `fit`, on training takes only.

    line          from the pose to the mean error of the world landmarks
    moment        descriptor of every kept frame
    error         world errors and image errors at the person [m], in the crop's frame, and visibility of every frame
    first, last   of the unbroken run that each kept frame lies in
    """

    line: "_Line"
    moment: Float[Tensor, "N M"]
    error: Float[Tensor, "N 25 6"]
    first: Int[Tensor, "N"]
    last: Int[Tensor, "N"]

    @classmethod
    def fit(cls, clipset: ClipSet, takes: Sequence[str], seed: int = 0) -> "BootstrapDetector":
        """Learn from the clips of the given takes; takes without landmarks add nothing.

        Of more frames than are kept, `seed` chooses the runs whose errors can be borrowed; the mean is of all.
        Raises UserError where none of them has a detected frame.
        """
        clips = [clip for clip in clipset.clips.index if clipset.clips.at[clip, "take"] in set(takes)]
        runs = [run for clip in clips for run in _runs(clipset, clip)]
        if not runs:
            raise UserError(
                f"the bootstrap detector needs detections to learn from, but none of {', '.join(takes) or 'no take'} "
                "has any; use the parametric one"
            )
        line = _ridge(runs)
        kept = _thinned(runs, seed)
        sizes = torch.tensor([len(run.world) for run in kept])
        last = sizes.cumsum(0) - 1
        return cls(
            line,
            torch.cat([_moment(run.view) for run in kept]),
            torch.cat([_error(run, line) for run in kept]),
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
        view, roll = crop_view(ray_view(position, rotation))
        error = self.error[self._borrow(view, dt, generator)]
        world = (view.truth + self.line(view) + error[..., WORLD]) @ roll.mT
        moved = view.place[..., :2] + error[..., SCREEN] @ roll[..., :2, :2].mT
        screen = project(torch.cat((moved, view.place[..., 2:]), dim=-1), intrinsics[:, None, None])
        return model_layout(world, screen, error[..., VISIBILITY])

    def _borrow(self, view: RayView, dt: Tensor, generator: torch.Generator) -> Int[Tensor, "B S"]:
        """Kept frames to borrow from: about a moment like the middle of the window; run ends are walked back from."""
        batch, frames = view.truth.shape[:2]
        device = dt.device
        count = max(min(CANDIDATES, len(self.moment) // 4), NEAREST)
        candidate = torch.randint(len(self.moment), (count,), generator=generator, device=device)
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
    """Frames tracked on without a break: the true view of them, what was detected, and how far off, in the crop."""

    view: RayView
    world: Float[Tensor, "N 25 3"]
    screen: Float[Tensor, "N 25 2"]
    visibility: Float[Tensor, "N 25"]


def _runs(clipset: ClipSet, clip: str) -> Iterator[_Run]:
    truth = clipset.clip_truth(clip)
    position, rotation = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    scored, anchors = clipset.scored_frames(clip), clipset.clip_anchors(clip)
    landmarks = clipset.clip_landmarks(clip)
    number = anchors.cumsum(0)
    intrinsics = clipset.camera_of(clip).intrinsics.float()
    for segment in number[scored].unique():
        own = scored & (number == segment)
        view, roll = crop_view(ray_view(position[own], rotation[own]))
        seen = landmarks[own]
        depth = in_front(view.place)[..., 2:]
        screen = (seen[..., SCREEN] - project(view.place, intrinsics)) / intrinsics[:2] * depth
        yield _Run(view, seen[..., WORLD] @ roll - view.truth, screen @ roll[..., :2, :2], seen[..., VISIBILITY])


def _thinned(runs: Sequence[_Run], seed: int) -> list[_Run]:
    """Runs of about `MOST_FRAMES`, drawn and in their order; all, where they hold no more."""
    if sum(len(run.world) for run in runs) <= MOST_FRAMES:
        return list(runs)
    # Not every n-th: runs come by take and camera, and of three cameras that may be one.
    drawn, frames = [], 0
    for index in torch.randperm(len(runs), generator=torch.Generator().manual_seed(seed)).tolist():
        if frames < MOST_FRAMES:
            drawn.append(index)
            frames += len(runs[index].world)
    return [runs[index] for index in sorted(drawn)]


@dataclass(frozen=True)
class _Line:
    """Weights of features less their mean over their scale; the first feature is 1."""

    mean: Float[Tensor, "D"]
    scale: Float[Tensor, "D"]
    weight: Float[Tensor, "D 75"]

    def __call__(self, view: RayView) -> Float[Tensor, "*batch 25 3"]:
        """World errors to expect [m]."""
        feature = ((_features(view) - self.mean) / self.scale).clamp(-FARTHEST, FARTHEST)
        return (feature @ self.weight).unflatten(-1, (-1, 3))


def _ridge(runs: Sequence[_Run]) -> _Line:
    """Ridge regression on features scaled to unit variance; the constant goes unpunished."""
    size = _features(runs[0].view).shape[-1]
    gram = torch.zeros(size, size, dtype=torch.float64)
    target = torch.zeros(size, 3 * len(LANDMARKS), dtype=torch.float64)
    for run in runs:
        feature = _features(run.view).double()
        gram += feature.mT @ feature
        target += feature.mT @ run.world.flatten(1).double()
    count = gram[0, 0]
    mean = gram[0] / count
    scale = (gram.diagonal() / count - mean.square()).clamp_min(1e-8).sqrt()
    mean[0], scale[0] = 0, 1
    centre = torch.eye(len(mean), dtype=gram.dtype)
    centre[:, 0] -= mean
    centre = centre / scale[:, None]
    penalty = torch.full_like(mean, RIDGE) * count
    penalty[0] = 0
    weight = torch.linalg.solve(centre @ gram @ centre.mT + penalty.diag(), centre @ target)
    return _Line(mean.float(), scale.float(), weight.float())


def _features(view: RayView) -> Float[Tensor, "*batch D"]:
    """1, sine and cosine of facing once and twice, places and root orientation, and places times facing."""
    facing = _facing(view)
    double = torch.stack((2 * facing[..., 0] * facing[..., 1], facing[..., 1].square() - facing[..., 0].square()), -1)
    place = view.truth.flatten(-2)
    root = matrix_to_rotation_6d(view.root)
    one = torch.ones_like(place[..., :1])
    return torch.cat((one, facing, double, root, place, place * facing[..., :1], place * facing[..., 1:]), dim=-1)


def _facing(view: RayView) -> Float[Tensor, "*batch 2"]:
    """Sine and cosine of the yaw at which a trunk with the hips' right (x) faces, 0 away from the camera."""
    right = view.root[..., 0]
    across = torch.stack((-right[..., 2], right[..., 0]), dim=-1)
    return across / across.norm(dim=-1, keepdim=True).clamp_min(1e-3)


def _moment(view: RayView) -> Float[Tensor, "*batch M"]:
    """What makes two moments alike: the places of the limbs about the hips [m], and facing."""
    return torch.cat((view.truth[..., _MATCHED, :].flatten(-2), _FACING_WEIGHT * _facing(view)), dim=-1)


def _error(run: _Run, line: _Line) -> Float[Tensor, "N 25 6"]:
    """World errors about the regression, image errors at the person's depth, and visibility, in the model's order."""
    return torch.cat((run.world - line(run.view), run.screen, run.visibility[..., None]), dim=-1)
