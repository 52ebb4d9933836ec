"""The analytic pose: joint rotations and the root's place from one frame's landmarks, in closed form.

It is the baseline's inverse kinematics and the base that the network corrects: stateless, differentiable, and
equivariant (turn the landmarks and the root turns; mirror them and the pose is mirrored). Every frame of the body is a
direction seen in the landmarks plus a twist about it, and the twist is the parent's, carried along by the smallest
rotation, turned towards a hint (the elbow's or knee's bending axis, the palm, the foot) as far as the hint is clear.

Axes of the skeleton (TotalCapture): trunk x to the right, y backwards, z down; arms lie along x and bend about z, legs
lie along z and bend about x; elbows and knees are pure hinges. Weights below were chosen on the real training takes.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from blaze2cap.body.camera import ray_rotation, viewing_ray
from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.landmark import SCREEN, VISIBILITY, WORLD, indices
from blaze2cap.body.rotation import matrix_to_quaternion, quaternion_to_matrix
from blaze2cap.body.skeleton import JOINTS

_PARTS = (
    "ear", "shoulder", "elbow", "wrist", "pinky", "index", "hip", "knee", "ankle", "heel", "foot_index",
)  # fmt: skip
_SIDES = ("right", "left")
_PAIRED = [index for side in _SIDES for index in indices(*(f"{side}_{part}" for part in _PARTS))]
_NOSE = indices("nose")
_HIPS = indices("left_hip", "right_hip")

# Directions shorter than this [m] (or, for unit vectors, weaker) say nothing; the parent's direction stands in.
_TINY = 1e-4

# How much of the way from the pelvis to the chest each joint has turned, and from the chest to the head.
_SPINE = {"Spine": 0.2, "Spine1": 0.3, "Spine2": 0.9, "Spine3": 1.0}
_NECK = 0.5

# Weight of the carried twist against a hint of unit length.
_ARM_TWIST = 0.3
_LEG_TWIST = 0.3
_END_TWIST = 0.05

# Where the image has no person with a size, a person stands this far away; nobody stands nearer than this [m].
_USUAL_DISTANCE = 4.0
_NEAREST = 0.1
_DISTANCE_PRIOR = 1e-6


def analytic_pose(
    world: Float[Tensor, "*batch 25 3"], visibility: Float[Tensor, "*batch 25"]
) -> Float[Tensor, "*batch 21 3 3"]:
    """Local rotations of the 21 joints from world landmarks [m]; slot 0 is the root's own, in the frame of `world`.

    Every output is a rotation: coincident landmarks, and frames of zeros, take the parent's direction.
    """
    paired = world.index_select(-2, torch.tensor(_PAIRED, device=world.device)).unflatten(-2, (2, len(_PARTS)))
    part = dict(zip(_PARTS, paired.unbind(-2), strict=True))
    middle = {name: point.mean(-2) for name, point in part.items()}
    across = {name: _unit(point[..., 0, :] - point[..., 1, :]) for name, point in part.items()}
    nose = world.index_select(-2, torch.tensor(_NOSE, device=world.device)).squeeze(-2)
    # Mirroring turns a direction's x into -x, and an axis of bending, being a cross product, the other way round.
    side = world.new_tensor([[1.0], [-1.0]])

    facing = world.new_tensor([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).mT.expand(*world.shape[:-2], 3, 3)
    down = _unit(middle["hip"] - middle["shoulder"])
    pelvis = _frame("xz", across["hip"], down, facing, 0.0)
    chest = _frame("xz", across["shoulder"], down, pelvis, 0.0)
    head = _frame("xy", across["ear"], middle["ear"] - nose, chest, 0.0)

    upper_arm = _unit(part["elbow"] - part["shoulder"])
    forearm = _unit(part["wrist"] - part["elbow"])
    knuckles = 0.5 * (part["index"] + part["pinky"]) - part["wrist"]
    both_chest = chest.unsqueeze(-3).expand(*chest.shape[:-2], 2, 3, 3)
    arm_frame = _frame("xz", side * upper_arm, side * _cross(forearm, upper_arm), both_chest, _ARM_TWIST)
    forearm_frame = _frame("xz", side * forearm, arm_frame[..., 2], arm_frame, 0.0)
    hand_frame = _frame("xy", side * knuckles, _unit(part["pinky"] - part["index"]), forearm_frame, _END_TWIST)

    thigh = _unit(part["knee"] - part["hip"])
    shin = _unit(part["ankle"] - part["knee"])
    both_pelvis = pelvis.unsqueeze(-3).expand(*pelvis.shape[:-2], 2, 3, 3)
    thigh_frame = _frame("zx", thigh, _cross(shin, thigh), both_pelvis, _LEG_TWIST)
    shin_frame = _frame("zx", shin, thigh_frame[..., 0], thigh_frame, 0.0)
    foot_frame = _frame("yz", part["heel"] - part["foot_index"], shin, shin_frame, _END_TWIST)

    frames = {"Hips": pelvis, "Head": head, "Neck": _between(chest, head, _NECK)}
    frames |= {name: _between(pelvis, chest, share) for name, share in _SPINE.items()}
    limbs = {
        "Shoulder": both_chest, "Arm": arm_frame, "ForeArm": forearm_frame, "Hand": hand_frame,
        "UpLeg": thigh_frame, "Leg": shin_frame, "Foot": foot_frame,
    }  # fmt: skip
    for name, frame in limbs.items():
        frames[f"Right{name}"], frames[f"Left{name}"] = frame.unbind(-3)
    return global_to_local(torch.stack([frames[name] for name in JOINTS], dim=-3))


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return torch.linalg.cross(a, b, dim=-1)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1, keepdim=True)


def _unit(vector: Tensor) -> Tensor:
    """The vector at unit length, or zero where it is too short to have a direction."""
    length = vector.norm(dim=-1, keepdim=True)
    return torch.where(length > _TINY, vector / length.clamp_min(_TINY), 0)


def _frame(axes: str, direction: Tensor, hint: Tensor, parent: Tensor, twist: float) -> Tensor:
    """Frame whose first-named axis lies along `direction` and whose second-named one turns towards `hint`.

    `parent` [..., 3, 3] carried along by the smallest rotation weighs `twist` against the hint, and decides alone where
    the hint or the direction vanishes.
    """
    first, second = ("xyz".index(axis) for axis in axes)
    before, carried = parent[..., first], parent[..., second]
    direction = _unit(direction)
    direction = torch.where(_dot(direction, direction) > 0.5, direction, before)
    # The smallest rotation of `before` onto `direction`, applied to a vector at right angles to `before`.
    turn = _dot(carried, direction) / (1 + _dot(before, direction)).clamp_min(_TINY)
    carried = carried - turn * (before + direction)
    toward = _unit(hint - _dot(hint, direction) * direction + twist * carried)
    toward = torch.where(_dot(toward, toward) > 0.5, toward, carried)
    last = _cross(direction, toward) if (second - first) % 3 == 1 else _cross(toward, direction)
    columns = {first: direction, second: toward, 3 - first - second: last}
    return torch.stack([columns[axis] for axis in range(3)], dim=-1)


def _between(start: Tensor, end: Tensor, share: float) -> Tensor:
    """The rotation a share of the way from `start` to `end` (linear in the quaternion: near enough for a spine)."""
    turn = matrix_to_quaternion(start.mT @ end)
    still = turn.new_tensor([0.0, 0.0, 0.0, 1.0])
    return start @ quaternion_to_matrix(torch.lerp(still, turn, share))


def root_position(
    landmarks: Float[Tensor, "*batch 25 7"], intrinsics: Float[Tensor, "*#batch 4"]
) -> Float[Tensor, "*batch 3"]:
    """Camera-frame position of the hips' middle [m]: along its viewing ray, as far as the person's size says.

    The distance Z is linear least squares, weighted by visibility, of Z (screen - hip ray) = (x, y) - screen * z over
    the world landmarks (x, y, z) turned into the camera frame: exact for a perspective camera and exact landmarks.
    On the real takes it is off by 6 % (standard deviation, beside a constant of each person), no better with
    reweighting or with fewer landmarks, and 8 % in weak perspective.
    """
    screen = viewing_ray(landmarks[..., SCREEN], intrinsics[..., None, :])
    ray = screen.index_select(-2, torch.tensor(_HIPS, device=landmarks.device)).mean(-2)
    world = landmarks[..., WORLD] @ ray_rotation(ray).mT
    spread = screen[..., :2] - ray[..., None, :2]
    size = world[..., :2] - screen[..., :2] * world[..., 2:]
    weight = landmarks[..., VISIBILITY, None]
    along = (weight * size * spread).sum((-1, -2)) + _DISTANCE_PRIOR * _USUAL_DISTANCE
    distance = along / ((weight * spread.square()).sum((-1, -2)) + _DISTANCE_PRIOR)
    return distance.clamp_min(_NEAREST)[..., None] * ray
