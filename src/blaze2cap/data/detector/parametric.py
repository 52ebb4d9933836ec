"""The parametric error model: BlazePose's errors from figures that stand in the code, without any recordings.

World landmarks are true places in the viewing-ray frame, plus
  a mean error that depends on pose and view (depth shrinks towards the body, the trunk leans away from the camera),
  an asymmetry of left and right that everybody shares, and a subject's bias (trunk and bones too long or too short),
  slow errors of each landmark, handed on along the limbs, larger where the landmark is badly seen, and quicker to
  change while it moves: a random process whose clock runs with the landmark's own speed.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.landmark import LANDMARKS, MIRROR, indices
from blaze2cap.data.detector.figures import NOISE
from blaze2cap.data.detector.noise import Generators, matern, ornstein_uhlenbeck, standard_normal
from blaze2cap.data.detector.observation import HIPS, RayView, model_layout, project, ray_view
from blaze2cap.data.detector.tables import Tables, tables

_MM = 1e-3
_MIRROR = list(MIRROR)
_LEGS = indices(*(name for name in LANDMARKS if name.endswith(("hip", "knee", "ankle", "heel", "foot_index"))))
_LONGEST_STEP = 0.7  # correlation times a frame: the tracker's own smoothing
_SHORTEST_M = 0.01
_LARGEST_AMPLITUDE = 2.5


class SubjectBias(NamedTuple):
    """What is constant for one person: `trunk`, added length [m], and `stretch`, length ratio less one of each bone."""

    trunk: Float[Tensor, "B"]
    stretch: Float[Tensor, "B 25"]


def draw_subjects(count: int, generator: torch.Generator) -> SubjectBias:
    """Random subjects; half of a bone's variance is common to its left and right."""
    normal = torch.randn((count, 1 + 2 * len(LANDMARKS)), generator=generator, device=generator.device)
    trunk, own, other = normal.split((1, len(LANDMARKS), len(LANDMARKS)), dim=-1)
    common = other + other[:, _MIRROR]
    stretch = (own + common / 2**0.5) / 2**0.5
    return SubjectBias(trunk[:, 0] * NOISE.trunk_mm * _MM, stretch * tables().to(generator.device).stretch)


class ParametricDetector:
    """BlazePose from figures; `simulate` draws a new subject for every window, `observe` is told who it is."""

    def simulate(
        self,
        position: Float[Tensor, "B S 21 3"],
        rotation: Float[Tensor, "B S 21 3 3"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        generator: torch.Generator,
    ) -> Float[Tensor, "B S 25 7"]:
        """Landmarks in the model layout (see `SimulatedDetector`)."""
        subject = draw_subjects(len(position), generator)
        return self.observe(position, rotation, intrinsics, dt, subject, generator)

    def observe(
        self,
        position: Float[Tensor, "B S 21 3"],
        rotation: Float[Tensor, "B S 21 3 3"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        subject: SubjectBias,
        generators: Generators,
    ) -> Float[Tensor, "B S 25 7"]:
        """Landmarks of given subjects."""
        view = ray_view(position, rotation)
        return observed(view, intrinsics, subject, draw_noise(clock(view, dt), dt, generators))


class Noise(NamedTuple):
    """What changes along windows by chance.

    `own` and `visibility` of unit variance; `screen` and `screen_common` in metres at the person.
    """

    own: Float[Tensor, "B S 25 3"]
    visibility: Float[Tensor, "B S 25"]
    screen: Float[Tensor, "B S 25 2"]
    screen_common: Float[Tensor, "B S 2"]

    def window(self, index: int) -> "Noise":
        """That of one window, as a batch of one."""
        return Noise(*(part[index : index + 1] for part in self))


def clock(view: RayView, dt: Float[Tensor, "B"]) -> Float[Tensor, "B S 25"]:
    """How much faster each landmark's own error changes as it moves."""
    way = (view.truth[:, 1:] - view.truth[:, :-1]).norm(dim=-1) / _MM / dt[:, None, None]
    speed = torch.cat((way[:, :1], way), dim=1) if way.shape[1] else torch.zeros_like(view.truth[..., 0])
    return (1 + speed) ** NOISE.clock_speed


def draw_noise(clock: Float[Tensor, "B S 25"], dt: Float[Tensor, "B"], generators: Generators) -> Noise:
    """The noise of windows, along which the clocks of the landmarks' own errors run."""
    visibility, screen, screen_common = _wall_clock_noise(clock.shape, dt, generators)
    return Noise(_own_error(clock, dt, generators), visibility, screen, screen_common)


def observed(
    view: RayView, intrinsics: Float[Tensor, "B 4"], subject: SubjectBias, noise: Noise
) -> Float[Tensor, "B S 25 7"]:
    """Landmarks in the model layout of what is seen: its mean errors, the subject's, and the noise."""
    table = tables().to(view.truth.device)
    upright = view.root[..., 1, 2:]  # the hips' z points down, and so does the ray frame's y
    axes = torch.cat((-view.root[..., 1], view.root[..., 0]), dim=-1)  # the root's forward and right
    logit = torch.cat((torch.ones_like(upright), axes), dim=-1) @ table.visibility + (
        view.truth * table.visibility_by_place
    ).sum(-1)
    logit = logit + (noise.visibility * table.visibility_spread) @ table.visibility_handed_on
    slope = logit.new_tensor(NOISE.visibility_slope)
    amplitude = torch.exp(-slope * (logit - table.usual_visibility)[..., None]).clamp_max(_LARGEST_AMPLITUDE)
    unit = _heavy_tails(noise.own * table.together + noise.own[..., _MIRROR, :] * table.apart)
    own = unit * table.spread * amplitude * (1 + NOISE.tilt * (NOISE.usual_upright - upright[..., None]))
    handed_on = _for_all(table.handed_on, own)

    bone = _for_all(table.bone, view.truth)
    stretched = _for_all(table.chain, bone * subject.stretch[:, None, :, None])
    mean = (torch.cat((0.5 + 0.5 * upright, axes), dim=-1) @ table.mean).unflatten(-1, (-1, 3))
    mean = mean + (table.mean_by_place * view.truth[..., None, :]).sum(-1)
    world = view.truth + mean + table.asymmetry + stretched + _lifted(view, subject) + handed_on
    usual_length = bone.norm(dim=-1) * table.length * (1 + subject.stretch[:, None])
    world = _steady_bones(world, usual_length, table)
    world = world - world[..., HIPS, :].mean(-2, keepdim=True)

    in_image = handed_on[..., :2] * logit.new_tensor(NOISE.screen_gain) + noise.screen * amplitude[..., :1]
    in_image = in_image + noise.screen_common[..., None, :]
    place = torch.cat((view.place[..., :2] + in_image, view.place[..., 2:]), dim=-1)
    return model_layout(world, project(place, intrinsics[:, None, None]), torch.sigmoid(logit))


def _for_all(matrix: Float[Tensor, "75 75"], vectors: Float[Tensor, "*batch 25 3"]) -> Float[Tensor, "*batch 25 3"]:
    """A matrix over all coordinates of all landmarks, applied from the right."""
    return (vectors.flatten(-2) @ matrix).unflatten(-1, (-1, 3))


def _wall_clock_noise(
    shape: torch.Size, dt: Tensor, generators: Generators
) -> tuple[Float[Tensor, "B S 25"], Float[Tensor, "B S 25 2"], Float[Tensor, "B S 2"]]:
    """All that changes with time alone (visibility, screen, screen_common), in one pass over the frames."""
    batch, frames, count = shape
    sizes = (count, 2 * count, 2)
    times = (NOISE.visibility_time, NOISE.screen_own_time, NOISE.screen_time)
    time = torch.cat([dt.new_full((size,), value) for size, value in zip(sizes, times, strict=True)])
    noise = standard_normal((2, frames, batch, sum(sizes)), 2, generators)
    noise = matern(noise, (dt[:, None] / time)[None]).transpose(0, 1)
    visibility, screen, common = noise.split(sizes, dim=-1)
    constant = standard_normal((batch, 1, 2), 0, generators)
    common = common * dt.new_tensor(NOISE.screen_common_mm) + constant * dt.new_tensor(NOISE.screen_constant_mm)
    own = screen.unflatten(-1, (count, 2)) * NOISE.screen_own_mm
    return visibility, own * _MM, common * _MM


def _own_error(clock: Float[Tensor, "B S 25"], dt: Tensor, generators: Generators) -> Float[Tensor, "B S 25 3"]:
    """Unit variance: a constant share, and a smooth and a rough one that change with the clock of the motion."""
    batch, frames, count = clock.shape
    calm = (dt / NOISE.unrest_time)[None, :, None]
    unrest = ornstein_uhlenbeck(standard_normal((frames, batch, count), 1, generators), calm)
    hurry = tables().haste.to(dt.device) * torch.exp(2 * NOISE.unrest * unrest)
    tick = (dt[:, None] * hurry * clock.transpose(0, 1))[..., None]
    shape = (batch, count, 3)
    noise = standard_normal((2, frames, *shape), 2, generators)
    smooth = matern(noise, (NOISE.smooth_clock * tick).clamp_max(_LONGEST_STEP))
    noise = standard_normal((frames, *shape), 1, generators)
    rough = ornstein_uhlenbeck(noise, (NOISE.rough_clock * tick).clamp_max(_LONGEST_STEP))
    constant = standard_normal(shape, 0, generators)
    shares = NOISE.constant**0.5, NOISE.smooth**0.5, (1 - NOISE.constant - NOISE.smooth) ** 0.5
    return (shares[0] * constant + shares[1] * smooth + shares[2] * rough).transpose(0, 1)


def _heavy_tails(unit: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Normal errors made heavy-tailed, still of unit variance: E[x^2 (1 + k x^2)^2] = 1 + 6 k + 15 k^2."""
    tail = unit.new_tensor(NOISE.tail)
    return unit * (1 + tail * unit.square()) / (1 + 6 * tail + 15 * tail.square()).sqrt()


def _steady_bones(
    world: Float[Tensor, "*batch 25 3"], usual_length: Float[Tensor, "*batch 25"], table: Tables
) -> Float[Tensor, "*batch 25 3"]:
    """Bones brought nearer to the length [m] that the detector gives them on average."""
    bone = _for_all(table.bone, world)
    scale = (usual_length.clamp_min(_SHORTEST_M) / bone.norm(dim=-1).clamp_min(_SHORTEST_M)) ** NOISE.steadiness
    return world + _for_all(table.chain, bone * (scale - 1)[..., None])


def _lifted(view: RayView, subject: SubjectBias) -> Float[Tensor, "B S 25 3"]:
    """The trunk's bias: head and arms along the body's up (-z of the hips)."""
    up = -view.root[..., None, :, 2] * subject.trunk[:, None, None, None]
    lifted = torch.ones(len(LANDMARKS), device=up.device)
    lifted[_LEGS] = 0
    return up * lifted[:, None]
