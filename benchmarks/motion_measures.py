"""What is measured of finished motion against the truth: sums and weights that add up over clips."""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.skeleton import indices
from blaze2cap.learning import metric
from blaze2cap.learning.measure import FEET, Reference
from blaze2cap.runtime.animation import Animation, camera_to_world, size_of, sole, world_rotation

Sums = dict[str, tuple[float, float]]
"""Sum of values and sum of weights, by measure."""

# A sole that is deeper than this [m] is seen to be in the floor.
_DEEP_M = 0.01
# Returns are looked at for this long [s].
_RETURN_S = 0.5
_LONGEST_LAG_S = 0.25
_FEET = indices(*FEET)


class Joints(NamedTuple):
    """Places of joints and of the feet's heels and toes in the world [m]."""

    joint: Float[Tensor, "N 21 3"]
    sole: Float[Tensor, "N 2 2 3"]


def joints_of(animation: Animation) -> Joints:
    """With the animation's own bones: what one sees."""
    bones = animation.rotation, animation.offset, animation.root_position, sole(size_of(animation.offset))
    rotation, offset, root_position, soles = map(_tensor, bones)
    joint, turn = forward_kinematics(rotation, offset, root_position)
    points = (turn[:, _FEET, None] @ soles[..., None]).squeeze(-1)
    return Joints(joint, joint[:, _FEET, None] + points)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


def part(reference: Reference, frames: slice) -> Reference:
    """The truth of some of the frames."""
    one_skeleton = {"offset", "fps", "known"}
    cut = {name: value[frames] for name, value in reference._asdict().items() if name not in one_skeleton}
    return reference._replace(**cut)


def measured(animation: Animation, truth: Reference) -> Sums:
    """Slide of feet that truly stand, depth of soles, error of the pose and jitter over the scored frames."""
    seen = joints_of(animation)
    scored = truth.scored[:, None]
    stands = metric.unbroken(truth.scored, truth.anchor, 1)[:, None] & truth.planted
    slide = 1000 * metric.difference(seen.joint[:, _FEET], 1).norm(dim=-1)
    height = seen.sole[..., 1].amin(-1)
    world = camera_to_world(animation.camera_tilt_deg)
    rotation, true_rotation = _tensor(animation.rotation), _tensor(world_rotation(truth.rotation.numpy(), world))
    # Bones in the file's axes: x' = -x, y' = -z, z' = -y.
    x, y, z = truth.offset.unbind(-1)
    offset = torch.stack((-x, -z, -y), dim=-1)
    position, _ = forward_kinematics(rotation, offset)
    true_position, _ = forward_kinematics(true_rotation, offset)
    roots = rotation[:, 0], true_rotation[:, 0]
    local = metric.mpjpe_local_mm(position, true_position, *roots)
    smooth = metric.unbroken(truth.scored, truth.anchor, 3)[:, None]
    jitter, true_jitter = (metric.jitter_km_per_s3(place, truth.fps) for place in (position, true_position))
    foot_jitter = metric.jitter_km_per_s3(seen.joint[:, _FEET], truth.fps)
    return {
        "slide": _sums(slide, stands),
        "hover": _sums(1000 * height.clamp_min(0), stands),
        "deep": _sums(100 * (height < -_DEEP_M).float(), scored),
        "local": _sums(local, scored),
        "jitter": (float((jitter * smooth).sum()), float((true_jitter * smooth).sum())),
        "foot jitter": _sums(foot_jitter, smooth),
    }


def _sums(value: Float[Tensor, "N K"], counts: Bool[Tensor, "N #K"]) -> tuple[float, float]:
    weight = counts.expand_as(value)
    return float(value[weight].sum()), float(weight.sum())


def fastest_at_returns(animation: Animation) -> list[float]:
    """Of each return, the greatest speed of any joint from the frame before it on [m/s]."""
    joint = joints_of(animation).joint
    speed = metric.difference(joint, 1).norm(dim=-1).amax(1) * animation.fps
    valid, frames = animation.valid, round(_RETURN_S * animation.fps)
    returns = np.flatnonzero(valid[1:] & ~valid[:-1] & np.maximum.accumulate(valid)[:-1]) + 1
    return [float(speed[first : first + frames].max()) for first in returns.tolist()]


def lag_ms(after: Animation, before: Animation) -> float:
    """By how much later joints, from the Hips, are where they were before: the shift of least difference [ms]."""
    late, early = (joints_of(motion).joint for motion in (after, before))
    late, early = late - late[:, :1], early - early[:, :1]
    reach = round(_LONGEST_LAG_S * after.fps)
    apart = [float((late[reach:] - early[reach - k : len(early) - k]).norm(dim=-1).mean()) for k in range(reach + 1)]
    best = min(range(1, reach), key=apart.__getitem__) if apart[0] > min(apart) else 0
    if best == 0:
        return 0.0
    # The least of the parabola through three shifts.
    left, middle, right = apart[best - 1 : best + 2]
    return 1000 * (best + 0.5 * (left - right) / (left - 2 * middle + right)) / after.fps


def cut(animation: Animation, frames: slice) -> Animation:
    """Some of an animation's frames."""
    names = ("rotation", "root_position", "valid", "deviation")
    return dataclasses.replace(animation, **{name: getattr(animation, name)[frames] for name in names})
