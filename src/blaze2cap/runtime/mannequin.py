"""A figure to be moved by the skeleton: smooth tubes around the bones of the T-pose, each vertex with its joints.

Axes of `animation`, metres, Hips at the origin. Measures below are those of the mean skeleton, which is 1.73 m tall,
and grow with the bones. Triangles go round counter-clockwise seen from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.kinematics import forward_kinematics, mean_offset

_SIDES = 14
# Roundness of a cross-section: 2 is an ellipse, more is boxier.
_TRUNK_ROUNDNESS, _FOOT_ROUNDNESS = 2.3, 2.8
_SPINE = ("Hips", "Spine", "Spine1", "Spine2", "Spine3")
# The trunk bends this far below and above a joint of the spine [m].
_BEND = 0.045

# Cross-sections from below: height above Hips, half the width, half the depth, how far in front of Hips [m].
_TRUNK = (
    (-0.105, 0.0, 0.0, 0.0), (-0.09, 0.085, 0.075, 0.0), (-0.045, 0.148, 0.103, -0.006), (0.015, 0.158, 0.108, -0.012),
    (0.075, 0.143, 0.098, -0.014), (0.135, 0.131, 0.09, -0.014), (0.2, 0.132, 0.09, -0.014),
    (0.27, 0.144, 0.1, -0.014), (0.34, 0.158, 0.108, -0.014), (0.41, 0.166, 0.106, -0.016),
    (0.465, 0.156, 0.092, -0.02), (0.505, 0.13, 0.074, -0.024), (0.54, 0.088, 0.058, -0.028), (0.558, 0.0, 0.0, -0.03),
)  # fmt: skip
# The same for the head, from the Head joint.
_HEAD = (
    (-0.05, 0.0, 0.0, 0.034), (-0.04, 0.036, 0.036, 0.032), (-0.008, 0.055, 0.064, 0.022), (0.04, 0.067, 0.085, 0.012),
    (0.085, 0.073, 0.095, 0.006), (0.125, 0.073, 0.094, 0.002), (0.157, 0.06, 0.078, 0.0), (0.178, 0.039, 0.05, 0.0),
    (0.19, 0.0, 0.0, 0.0),
)  # fmt: skip
_VISOR = (
    (0.063, 0.0, 0.0, 0.07), (0.066, 0.04, 0.025, 0.07), (0.076, 0.06, 0.034, 0.07), (0.09, 0.062, 0.036, 0.07),
    (0.1, 0.042, 0.027, 0.07), (0.103, 0.0, 0.0, 0.07),
)  # fmt: skip
# Feet from the heel on: way to the front of the ankle, half the width, height of the upper and of the lower side [m].
_FOOT = (
    (-0.056, 0.0, -0.035, -0.035), (-0.05, 0.022, -0.015, -0.053), (-0.032, 0.033, 0.008, -0.06),
    (0.0, 0.037, 0.024, -0.06), (0.045, 0.039, 0.002, -0.06), (0.09, 0.044, -0.02, -0.06),
    (0.135, 0.045, -0.033, -0.06), (0.16, 0.034, -0.041, -0.06), (0.172, 0.0, -0.052, -0.052),
)  # fmt: skip
# A right hand, palm down: way out from the wrist, half the breadth, half the thickness [m].
_HAND = (
    (-0.018, 0.0, 0.0), (-0.012, 0.02, 0.016), (0.01, 0.028, 0.019), (0.05, 0.041, 0.019), (0.09, 0.042, 0.016),
    (0.13, 0.037, 0.012), (0.165, 0.028, 0.009), (0.18, 0.0, 0.0),
)  # fmt: skip
_THUMB = ((-0.03, 0.0, 0.028), (-0.085, -0.004, 0.062))
# Limbs: share of the way to the next joint, radius [m]; round ends are added.
_LIMBS = {
    "Neck": ("Head", ((0.0, 0.06), (0.5, 0.052), (1.0, 0.049))),
    "Shoulder": ("Arm", ((0.0, 0.056), (1.0, 0.058))),
    "Arm": ("ForeArm", ((0.0, 0.057), (0.3, 0.051), (0.7, 0.043), (1.0, 0.039))),
    "ForeArm": ("Hand", ((0.0, 0.039), (0.25, 0.042), (0.6, 0.035), (1.0, 0.026))),
    "UpLeg": ("Leg", ((0.0, 0.081), (0.25, 0.082), (0.65, 0.065), (1.0, 0.053))),
    "Leg": ("Foot", ((0.0, 0.053), (0.25, 0.057), (0.6, 0.045), (1.0, 0.036))),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mannequin:
    """Triangles in the T-pose, Hips at the origin."""

    position: Float32[np.ndarray, "V 3"]
    normal: Float32[np.ndarray, "V 3"]
    """Of length 1, outwards."""
    weight: Float32[np.ndarray, "V 21"]
    """How far each joint moves a vertex: two joints at most, sums of 1."""
    faces: dict[str, Int[np.ndarray, "F 3"]]
    """Triangles by material: "body", and "dark" for the visor, the hands and the feet."""


class _Modeller:
    """Takes tubes, each moved by one joint or by given weights."""

    def __init__(self) -> None:
        self.positions: list[np.ndarray] = []
        self.weights: list[np.ndarray] = []
        self.faces: dict[str, list[np.ndarray]] = {"body": [], "dark": []}
        self.count = 0

    def tube(
        self,
        material: str,
        weight: Float[np.ndarray, "R 21"],
        centre: Float[np.ndarray, "R 3"],
        across: Float[np.ndarray, "R 3"],
        up: Float[np.ndarray, "R 3"],
        roundness: float = 2.0,
    ) -> None:
        """Cross-sections about centres, half-axes `across` and `up`; it goes towards their cross product.

        The first and the last are points.
        """
        turn = 2 * np.pi * np.arange(_SIDES) / _SIDES
        cosine, sine = (np.sign(f) * np.abs(f) ** (2 / roundness) for f in (np.cos(turn), np.sin(turn)))
        rings = centre[:, None] + cosine[:, None] * across[:, None] + sine[:, None] * up[:, None]
        last = _SIDES * (len(centre) - 2) + 1
        ring = 1 + np.arange(last - 1).reshape(-1, _SIDES)
        beside = np.roll(ring, -1, axis=1)
        below, above, next_below, next_above = ring[:-1], ring[1:], beside[:-1], beside[1:]
        faces = [
            np.stack((np.zeros_like(ring[0]), beside[0], ring[0]), axis=-1),
            np.stack((below, next_below, next_above), axis=-1).reshape(-1, 3),
            np.stack((below, next_above, above), axis=-1).reshape(-1, 3),
            np.stack((np.full_like(ring[-1], last), ring[-1], beside[-1]), axis=-1),
        ]
        self.positions.append(np.concatenate((centre[:1], rings[1:-1].reshape(-1, 3), centre[-1:])))
        self.weights.append(np.concatenate((weight[:1], np.repeat(weight[1:-1], _SIDES, axis=0), weight[-1:])))
        self.faces[material].append(self.count + np.concatenate(faces))
        self.count += last + 1

    def limb(
        self, material: str, joint: str, start: np.ndarray, end: np.ndarray, radii: Sequence[Sequence[float]]
    ) -> None:
        """A round tube from one point to another: shares of the way and radii there, with round ends."""
        way = end - start
        length = np.linalg.norm(way)
        (_, first), (_, last) = radii[0], radii[-1]
        cap = np.radians((90, 60, 30))
        along = np.concatenate(
            (-first * np.sin(cap), [share * length for share, _ in radii], length + last * np.sin(cap[::-1]))
        )
        radius = np.concatenate((first * np.cos(cap), [r for _, r in radii], last * np.cos(cap[::-1])))
        ahead = way / length
        # Any direction across will do: the one nearest to the front, or to the side.
        front = np.array((0.0, 0.0, 1.0)) if abs(ahead[2]) < 0.9 else np.array((1.0, 0.0, 0.0))
        across = front - front @ ahead * ahead
        across /= np.linalg.norm(across)
        centre = start + along[:, None] * ahead
        up = np.cross(ahead, across)
        self.tube(material, _of(joint, len(centre)), centre, radius[:, None] * across, radius[:, None] * up)


def mannequin(offset: Float[np.ndarray, "21 3"]) -> Mannequin:
    """The figure of a skeleton with these bones [m], which are the mean skeleton's to scale."""
    size = float(np.linalg.norm(offset, axis=-1).sum() / np.linalg.norm(mean_offset(), axis=-1).sum())
    at_rest, _ = forward_kinematics(np.tile(np.eye(3), (len(JOINTS), 1, 1)), offset / size)
    joint = dict(zip(JOINTS, at_rest, strict=True))
    model = _Modeller()
    _upright(model, "body", _spine_weights(joint), joint["Hips"], _TRUNK, _TRUNK_ROUNDNESS)
    for material, shape in (("body", _HEAD), ("dark", _VISOR)):
        _upright(model, material, _of("Head", len(shape)), joint["Head"], shape, 2.0)
    for part, (next_part, radii) in _LIMBS.items():
        for side in ("Right", "Left") if part != "Neck" else ("",):
            model.limb("body", side + part, joint[side + part], joint[side + next_part], radii)
    for side, sign in (("Right", 1.0), ("Left", -1.0)):
        _hand(model, side, sign, joint[f"{side}Hand"])
        _foot(model, side, joint[f"{side}Foot"])
    position = np.concatenate(model.positions)
    faces = {material: np.concatenate(parts) for material, parts in model.faces.items()}
    return Mannequin(
        position=(size * position).astype(np.float32),
        normal=_normals(position, np.concatenate(list(faces.values()))).astype(np.float32),
        weight=np.concatenate(model.weights).astype(np.float32),
        faces=faces,
    )


def _upright(
    model: _Modeller,
    material: str,
    weight: np.ndarray,
    foot: np.ndarray,
    shape: Sequence[Sequence[float]],
    roundness: float,
) -> None:
    height, half_width, half_depth, front = np.array(shape).T
    zero = np.zeros_like(height)
    centre = foot + np.stack((zero, height, front), axis=-1)
    across, up = np.stack((zero, zero, half_depth), axis=-1), np.stack((half_width, zero, zero), axis=-1)
    model.tube(material, weight, centre, across, up, roundness)


def _hand(model: _Modeller, side: str, sign: float, wrist: np.ndarray) -> None:
    out, breadth, thickness = np.array(_HAND).T
    zero = np.zeros_like(out)
    centre = wrist + np.stack((-sign * out, zero, zero), axis=-1)
    across, up = np.stack((zero, zero, breadth), axis=-1), np.stack((zero, sign * thickness, zero), axis=-1)
    model.tube("dark", _of(f"{side}Hand", len(out)), centre, across, up)
    start, end = (wrist + np.array((sign * x, y, z)) for x, y, z in _THUMB)
    model.limb("dark", f"{side}Hand", start, end, ((0.0, 0.013), (1.0, 0.01)))


def _foot(model: _Modeller, side: str, ankle: np.ndarray) -> None:
    front, half_width, upper, lower = np.array(_FOOT).T
    zero = np.zeros_like(front)
    centre = ankle + np.stack((zero, (upper + lower) / 2, front), axis=-1)
    across, up = np.stack((half_width, zero, zero), axis=-1), np.stack((zero, (upper - lower) / 2, zero), axis=-1)
    model.tube("dark", _of(f"{side}Foot", len(front)), centre, across, up, _FOOT_ROUNDNESS)


def _of(joint: str, rows: int) -> Float[np.ndarray, "R 21"]:
    """Weights of what one joint moves alone."""
    weight = np.zeros((rows, len(JOINTS)))
    weight[:, JOINT_INDEX[joint]] = 1
    return weight


def _spine_weights(joint: dict[str, np.ndarray]) -> Float[np.ndarray, "R 21"]:
    """Weights of the trunk's cross-sections: from one joint of the spine to the next, smoothly at the next."""
    height = np.array(_TRUNK)[:, 0]
    weight = np.zeros((len(height), len(JOINTS)))
    above = np.ones_like(height)
    for name, following in zip(_SPINE, (*_SPINE[1:], None), strict=True):
        share = np.zeros_like(height)
        if following is not None:
            t = np.clip((height - joint[following][1]) / (2 * _BEND) + 0.5, 0, 1)
            share = t * t * (3 - 2 * t)
        weight[:, JOINT_INDEX[name]] = above * (1 - share)
        above = above * share
    return weight


def _normals(position: Float[np.ndarray, "V 3"], faces: Int[np.ndarray, "F 3"]) -> Float[np.ndarray, "V 3"]:
    """Mean normal of the triangles at each vertex, the larger ones counting for more."""
    a, b, c = (position[faces[:, corner]] for corner in range(3))
    face = np.cross(b - a, c - a)
    normal = np.zeros_like(position)
    for corner in range(3):
        np.add.at(normal, faces[:, corner], face)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True)
