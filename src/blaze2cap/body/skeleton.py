"""The 21-joint TotalCapture (Vicon) skeleton: names, parents, levels of the tree, left-right pairs.

Hips frame: up = -z, forward = -y, the body's right = +x. In the rest pose (all local rotations identity) the legs
run along +z and the arms along +x (right) and -x (left). Bone offsets, in the parent's frame, are constant per take.
"""

_TREE = {
    "Hips": None,
    "Spine": "Hips", "Spine1": "Spine", "Spine2": "Spine1", "Spine3": "Spine2", "Neck": "Spine3", "Head": "Neck",
    "RightShoulder": "Spine3", "RightArm": "RightShoulder", "RightForeArm": "RightArm", "RightHand": "RightForeArm",
    "LeftShoulder": "Spine3", "LeftArm": "LeftShoulder", "LeftForeArm": "LeftArm", "LeftHand": "LeftForeArm",
    "RightUpLeg": "Hips", "RightLeg": "RightUpLeg", "RightFoot": "RightLeg",
    "LeftUpLeg": "Hips", "LeftLeg": "LeftUpLeg", "LeftFoot": "LeftLeg",
}  # fmt: skip

JOINTS = tuple(_TREE)
ROOT = JOINTS[0]
BODY_JOINTS = JOINTS[1:]
JOINT_INDEX = {name: index for index, name in enumerate(JOINTS)}
PARENTS = tuple(JOINT_INDEX[parent] if parent else -1 for parent in _TREE.values())


def indices(*names: str) -> list[int]:
    """Positions of the named joints among the 21."""
    return [JOINT_INDEX[name] for name in names]


def mirrored(name: str) -> str:
    """The joint on the other side of the body; joints of the spine are their own mirror images."""
    if name.startswith("Left"):
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")


MIRROR = tuple(JOINT_INDEX[mirrored(name)] for name in JOINTS)


def _levels() -> tuple[tuple[int, ...], ...]:
    depth: list[int] = []
    for parent in PARENTS:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return tuple(tuple(j for j, d in enumerate(depth) if d == level) for level in range(max(depth) + 1))


LEVELS = _levels()
"""Joints by their distance from the root: a level's parents all lie one level up."""

# Bone offsets of a right-handed half of a skeleton in the parents' frames [mm], as measured on Vicon skeletons.
MEAN_OFFSET_MM = {
    "Hips": (0, 0, 0), "Spine": (0, 44, -66), "Spine1": (0, 15, -87), "Spine2": (0, 8, -88), "Spine3": (0, 0, -88),
    "Neck": (0, -33, -232), "Head": (0, -21, -120),
    "Shoulder": (29, -48, -155), "Arm": (142, 0, 0), "ForeArm": (266, 0, 0), "Hand": (216, 0, 0),
    "UpLeg": (85, 0, 25), "Leg": (0, 0, 389), "Foot": (0, 0, 388),
}  # fmt: skip


def _mean_bone(joint: str) -> tuple[int, int, int]:
    x, y, z = MEAN_OFFSET_MM[joint.removeprefix("Right").removeprefix("Left")]
    return -x if joint.startswith("Left") else x, y, z


MEAN_BONES_MM = tuple(_mean_bone(joint) for joint in JOINTS)
"""Bone offsets of all joints, left and right mirror images of each other: a person of usual proportions."""

# The joint that sits where each of the 12 limb landmarks is (a joint is the *start* of its bone).
LIMB_JOINTS = {
    "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand", "hip": "UpLeg", "knee": "Leg", "ankle": "Foot",
}  # fmt: skip


def joint_of_landmark(landmark: str) -> str:
    """Joint at the place of a limb landmark: `left_elbow` -> `LeftForeArm`."""
    side, part = landmark.split("_")
    return side.capitalize() + LIMB_JOINTS[part]
