"""From a performance's channels to a pose: pelvis over the feet, legs by two-bone inverse kinematics, trunk and arms.

Hips frame: x right, y back, z down (`body.skeleton`). Elbows and knees are pure hinges, as in Vicon's skeleton.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.rotation import mirror_rotation, rotation_vector_to_matrix
from blaze2cap.body.skeleton import BODY_JOINTS, JOINT_INDEX
from blaze2cap.data.sources.sample.curve import FPS, Number, smooth_noise
from blaze2cap.data.sources.sample.performance import ARM, LIMITS_DEG, SIDES, SIGN, Performance, without_side
from blaze2cap.data.sources.sample.subject import Subject

# How trunk and head share a bend, a lean and a twist between their joints, as Vicon's skeleton does.
_SHARES = {
    "Spine": (0.45, 0.3, 0.06),
    "Spine1": (0.17, 0.1, 0.02),
    "Spine2": (0.3, 0.5, 0.72),
    "Spine3": (0.08, 0.1, 0.2),
}
_HEAD_SHARES = {"Neck": (0.55, 0.6, 0.3), "Head": (0.45, 0.4, 0.7)}
_BALL_M = 0.13  # from below the ankle forward to the ball of the foot
# Shortest and longest reach of a leg, as a share of its length: the knee bends by 2 to 145 degrees.
_FOLDED, _STRETCHED, _SOFT_REACH = 0.3, 0.9998, 0.001
# Reach at which the pelvis gives way, the height that a foot on its way gives back, and the margin between limits [m].
_COMFORTABLE, _SWING_M, _SOFT_M, _SMOOTH_S = 0.998, 0.15, 0.004, 0.05
_SOFT_LIMIT_DEG = 1.5
# Slow wandering of each channel about what the script says, and tremor with the noise of marker capture [deg].
_SWAY_DEG = {
    "tilt": 0.9, "lean": 1.5, "turn": 3.6, "bend": 2.5, "spine_lean": 3.0, "twist": 5.0, "nod": 4.0, "head_lean": 5.0,
    "look": 6.0, "shrug": 7.0, "protract": 7.0, "lift": 3.0, "spread": 3.0, "rotate": 5.0, "elbow": 5.0,
    "pronate": 7.0, "flex": 6.0, "deviate": 4.0,
}  # fmt: skip
_KNEE_SWAY_DEG, _SWAY_M = 6.0, 0.004
_SWAY_PERIOD_S = 2.0
_TREMOR_DEG, _TREMOR_PERIOD_S = 0.05, 0.17
_ROUGHNESS_S = 0.008  # tremor [deg] for each deg/s of movement

Channels = dict[str, Float[np.ndarray, "N"]]


class Take(NamedTuple):
    """Positions [m] and global rotations in the world, and which foot (right, left) bears weight flat on the floor."""

    position: Float[Tensor, "N 21 3"]
    rotation: Float[Tensor, "N 21 3 3"]
    planted: Bool[Tensor, "N 2"]


def embody(performance: Performance) -> Take:
    """The pose of every frame of a performance."""
    subject = performance.subject
    body = performance.body.render(performance.frames)
    feet = {side: performance.feet[side].render(performance.frames) for side in SIDES}
    _add_gait(body, performance.gait)
    body["tilt"] = body["tilt"] + subject.style.pelvis_tilt_deg
    body["bend"] = body["bend"] - subject.style.pelvis_tilt_deg
    _add_noise(body, performance.rng)
    _keep_within_limits(body)
    x, z, yaw = performance.heading
    facing = _facing(yaw)
    hips = facing @ _turned(z=-body["turn"]) @ _turned(x=-body["tilt"]) @ _turned(y=-body["lean"])
    ankle = {side: _ankle(subject, feet[side]) for side in SIDES}
    root = _root_position(subject, body, hips, np.stack((x, z)), facing, feet, ankle)
    local = {"Hips": hips}
    knees = _KNEE_SWAY_DEG * smooth_noise(performance.rng, performance.frames, len(SIDES), _SWAY_PERIOD_S)
    for side, knee_sway in zip(SIDES, knees, strict=True):
        local |= _leg(subject, side, hips, root, feet[side], ankle[side], knee_sway)
        local |= _arm(subject, side, body)
    for joint, (bend, lean, twist) in (_SHARES | _HEAD_SHARES).items():
        names = ("bend", "spine_lean", "twist") if joint in _SHARES else ("nod", "head_lean", "look")
        shares = zip(names, (bend, lean, twist), strict=True)
        local[joint] = _turned(*(-share * body[name] for name, share in shares))
    for joint, constant in subject.calibration.items():
        local[joint] = local[joint] @ constant
    stacked = torch.stack([local[joint] for joint in ("Hips", *BODY_JOINTS)], dim=1)
    position, rotation = forward_kinematics(stacked, subject.offset, root)
    planted = [_planted(feet[side]) for side in SIDES]
    return Take(position, rotation, torch.from_numpy(np.stack(planted, axis=1)))


def _planted(foot: Channels) -> Bool[np.ndarray, "N"]:
    moves = np.abs(np.gradient(np.stack((foot["x"], foot["z"])), axis=1)).max(axis=0) > 1e-6
    return ~moves & (np.abs(foot["height"]) < 1e-4) & (np.abs(foot["rise"]) < 0.1)


def _turned(
    x: Float[np.ndarray, "N"] | None = None,
    y: Float[np.ndarray, "N"] | None = None,
    z: Float[np.ndarray, "N"] | None = None,
) -> Float[Tensor, "N 3 3"]:
    """Rotations by a rotation vector [deg]; axes left out are 0."""
    known = next(a for a in (x, y, z) if a is not None)
    vector = np.stack([np.zeros_like(known) if a is None else a for a in (x, y, z)], axis=-1)
    return rotation_vector_to_matrix(torch.from_numpy(np.deg2rad(vector)))


def _facing(yaw: Float[np.ndarray, "N"]) -> Float[Tensor, "N 3 3"]:
    """An upright body in the world that faces `yaw` [rad]: columns right, back, down."""
    sin, cos, zero = np.sin(yaw), np.cos(yaw), np.zeros_like(yaw)
    rows = ((-cos, -sin, zero), (zero, zero, zero - 1), (sin, -cos, zero))
    return torch.from_numpy(np.stack([np.stack(row, axis=-1) for row in rows], axis=-2))


def _add_gait(body: Channels, gait: Channels) -> None:
    for name, curve in gait.items():
        share = body[f"{name.split('_')[0]}_swing"] if name.split("_")[0] in SIDES else 1.0
        body[name] = body[name] + share * curve


def _add_noise(body: Channels, rng: np.random.Generator) -> None:
    names = [name for name in body if not name.endswith("swing") and name not in ("forward", "side", "drop")]
    frames = len(body["tilt"])
    size = np.array([_SWAY_DEG[without_side(name)] for name in names])
    sway = smooth_noise(rng, frames, len(names), _SWAY_PERIOD_S) * size[:, None]
    # Noise grows with the signal (Harris and Wolpert 1998): quick movement is rough, rest is quiet.
    speed = np.abs(np.gradient(np.stack([body[name] for name in names]), axis=1)) * FPS
    tremor = smooth_noise(rng, frames, len(names), _TREMOR_PERIOD_S) * (_TREMOR_DEG + _ROUGHNESS_S * speed)
    # The pelvis carries everything above it, so it keeps stiller.
    tremor[[names.index(name) for name in ("tilt", "lean", "turn")]] *= 0.3
    for name, noise in zip(names, sway + tremor, strict=True):
        body[name] = body[name] + noise
    for name, noise in zip(("forward", "side"), smooth_noise(rng, frames, 2, _SWAY_PERIOD_S), strict=True):
        body[name] = body[name] + _SWAY_M * noise


def _keep_within_limits(body: Channels) -> None:
    for name in body:
        limits = LIMITS_DEG.get(without_side(name))
        if limits is not None:
            body[name] = _softly_within(body[name], *limits, _SOFT_LIMIT_DEG)


def _softly_within(x: Float[np.ndarray, "*any"], low: Number, high: Number, soft: float) -> Float[np.ndarray, "*any"]:
    """`x`, bent over about `soft` before the limits so that it never passes them (softplus at both ends)."""
    below = high - soft * np.logaddexp(0, (high - x) / soft)
    return low + soft * np.logaddexp(0, (below - low) / soft)


def _ankle(subject: Subject, foot: Channels) -> Float[Tensor, "N 3"]:
    """Place of the ankle in the world: above the foot's place, carried forward and up as the heel lifts off."""
    rise, ball_below = np.deg2rad(foot["rise"]), subject.ankle_height - 0.015
    forward = _BALL_M * (1 - np.cos(rise)) + ball_below * np.sin(rise)
    up = _BALL_M * np.sin(rise) - ball_below * (1 - np.cos(rise))
    yaw = np.deg2rad(foot["yaw"])
    height = subject.ankle_height + foot["height"] + up
    place = (foot["x"] + forward * np.sin(yaw), height, foot["z"] + forward * np.cos(yaw))
    return torch.from_numpy(np.stack(place, axis=-1))


def _root_position(
    subject: Subject,
    body: Channels,
    hips: Float[Tensor, "N 3 3"],
    place: Float[np.ndarray, "2 N"],
    facing: Float[Tensor, "N 3 3"],
    feet: dict[str, Channels],
    ankle: dict[str, Float[Tensor, "N 3"]],
) -> Float[Tensor, "N 3"]:
    """Pelvis over its place, as high as its drop from standing says and as both legs allow."""
    down = subject.offset[JOINT_INDEX["RightUpLeg"], 2].item()
    standing = subject.ankle_height + _COMFORTABLE * subject.leg + down
    offset = torch.from_numpy(np.stack((body["side"], -body["forward"], np.zeros_like(body["side"])), axis=-1))
    root = (facing @ offset[..., None]).squeeze(-1)
    root = root + torch.from_numpy(np.stack((place[0], standing - body["drop"], place[1]), axis=-1))
    heights = [root[:, 1].numpy()]
    for side in SIDES:
        hip = (hips @ subject.offset[JOINT_INDEX[f"{side.capitalize()}UpLeg"]]).numpy()
        away = root.numpy()[:, [0, 2]] + hip[:, [0, 2]] - ankle[side].numpy()[:, [0, 2]]
        upright = np.sqrt(np.maximum((_COMFORTABLE * subject.leg) ** 2 - (away**2).sum(-1), 1e-4))
        heights.append(ankle[side].numpy()[:, 1] + upright - hip[:, 1] + _SWING_M * feet[side]["free"])
    lowest = -_SOFT_M * np.logaddexp.reduce(-np.stack(heights) / _SOFT_M, axis=0)
    root[:, 1] = torch.from_numpy(gaussian_filter1d(lowest, _SMOOTH_S * FPS, mode="nearest"))
    return root


def _leg(
    subject: Subject,
    side: str,
    hips: Float[Tensor, "N 3 3"],
    root: Float[Tensor, "N 3"],
    foot: Channels,
    ankle: Float[Tensor, "N 3"],
    knee_sway: Float[np.ndarray, "N"],
) -> dict[str, Float[Tensor, "N 3 3"]]:
    """Local rotations of one leg whose ankle is in its place; the knee points where pelvis and foot do."""
    name = side.capitalize()
    thigh, shin = subject.length(f"{name}Leg"), subject.length(f"{name}Foot")
    flat = _facing(np.deg2rad(foot["yaw"]))
    sole = flat @ _turned(x=-(foot["pitch"] + foot["rise"]))
    reach = ankle - root - hips @ subject.offset[JOINT_INDEX[f"{name}UpLeg"]]
    distance = reach.norm(dim=-1, keepdim=True)
    along = reach / distance
    reached = _softly_within((distance / (thigh + shin)).numpy(), _FOLDED, _STRETCHED, _SOFT_REACH)
    distance = torch.from_numpy(reached) * (thigh + shin)
    hinge = hips[..., 0] + 0.8 * sole[..., 0]
    hinge = torch.nn.functional.normalize(hinge - (hinge * along).sum(-1, keepdim=True) * along, dim=-1)
    out = torch.from_numpy(np.deg2rad(SIGN[side] * (subject.knee_out_deg + knee_sway)))[:, None]
    hinge = out.cos() * hinge + out.sin() * torch.linalg.cross(along, hinge)
    knee_out = torch.linalg.cross(hinge, along)
    cosine = (thigh**2 + distance**2 - shin**2) / (2 * thigh * distance)
    upper = cosine * along + (1 - cosine**2).sqrt() * knee_out
    lower = (distance * along - thigh * upper) / shin
    rotations = [torch.stack((hinge, torch.linalg.cross(bone, hinge), bone), dim=-1) for bone in (upper, lower)]
    return {
        f"{name}UpLeg": hips.mT @ rotations[0],
        f"{name}Leg": rotations[0].mT @ rotations[1],
        f"{name}Foot": rotations[1].mT @ sole,
    }


def _arm(subject: Subject, side: str, body: Channels) -> dict[str, Float[Tensor, "N 3 3"]]:
    """Local rotations of one arm, worked out as a right arm and mirrored for the left."""
    name, arm = side.capitalize(), {channel: body[f"{side}_{channel}"] for channel in ARM}
    lifted = np.hypot(arm["lift"], np.maximum(arm["spread"], 0))
    # The clavicle takes part in lifting the arm (scapulohumeral rhythm); the arm itself is placed on the chest.
    roll, up, back = subject.clavicle_deg
    clavicle = _turned(
        x=roll + 0.13 * (lifted - 60) + 0.4 * arm["shrug"],
        y=up + arm["shrug"] + 0.28 * (lifted - 60),
        z=back - arm["protract"] - 0.22 * arm["lift"],
    )
    hanging = _turned(y=np.full_like(lifted, -90.0))
    upper = _turned(x=arm["lift"], y=arm["spread"]) @ hanging @ _turned(x=-arm["rotate"])
    local = {
        f"{name}Shoulder": clavicle,
        f"{name}Arm": clavicle.mT @ upper,
        f"{name}ForeArm": _turned(z=-arm["elbow"]),
        f"{name}Hand": _turned(arm["pronate"], arm["flex"], arm["deviate"]),
    }
    return local if SIGN[side] > 0 else {joint: mirror_rotation(rotation) for joint, rotation in local.items()}
