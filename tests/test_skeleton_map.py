"""Laws of target skeletons: nothing that they name is turned otherwise than the joints that it stands for."""

from pathlib import Path

import numpy as np
import pytest
from moving import tumbling

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.rotation import rotation_vector_to_matrix
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap, mapped_offsets, mapped_rotations

MAPS = pytest.mark.parametrize("skeleton", SKELETON_MAPS.values(), ids=SKELETON_MAPS)
HUMANOIDS = [skeleton for name, skeleton in SKELETON_MAPS.items() if name != "totalcapture"]


def walked(
    local: np.ndarray, offset: np.ndarray, root: np.ndarray, skeleton: SkeletonMap
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and global rotations of a target's bones, bone by bone."""
    position, rotation = [root], [local[:, 0]]
    for bone, parent in list(enumerate(skeleton.parents))[1:]:
        position.append(position[parent] + rotation[parent] @ offset[bone])
        rotation.append(rotation[parent] @ local[:, bone])
    return np.stack(position, axis=1), np.stack(rotation, axis=1)


def mapped(animation: Animation, skeleton: SkeletonMap) -> tuple[np.ndarray, np.ndarray]:
    local = mapped_rotations(animation.rotation, skeleton)
    return walked(local, mapped_offsets(animation.offset, skeleton), animation.root_position, skeleton)


@MAPS
def test_every_joint_belongs_to_one_bone_and_parents_come_first(skeleton: SkeletonMap) -> None:
    assert sorted(joint for bone in skeleton.bones for joint in bone.joints) == sorted(JOINTS)
    assert len(set(skeleton.names) | {toe.name for toe in skeleton.toes}) == len(skeleton.bones) + len(skeleton.toes)
    assert skeleton.parents[0] == -1
    assert all(0 <= parent < bone for bone, parent in list(enumerate(skeleton.parents))[1:])
    assert {toe.parent for toe in skeleton.toes} <= {skeleton.bone_of("RightFoot"), skeleton.bone_of("LeftFoot")}


@MAPS
def test_chest_and_every_other_bone_have_the_orientation_of_their_last_joint(skeleton: SkeletonMap) -> None:
    animation = tumbling(50, seed=0)
    _, ours = forward_kinematics(animation.rotation, animation.offset)
    _, theirs = mapped(animation, skeleton)
    for index, bone in enumerate(skeleton.bones):
        assert np.abs(theirs[:, index] - ours[:, JOINT_INDEX[bone.joints[-1]]]).max() < 2e-6, bone.name
    chest = skeleton.names.index(skeleton.bone_of("Spine3"))
    assert skeleton.bones[chest].joints[-1] == "Spine3"
    assert skeleton.parents[skeleton.names.index(skeleton.bone_of("Neck"))] == chest
    assert skeleton.parents[skeleton.names.index(skeleton.bone_of("LeftShoulder"))] == chest


def test_totalcapture_is_the_skeleton_itself() -> None:
    animation, skeleton = tumbling(20, seed=1), SKELETON_MAPS["totalcapture"]
    assert skeleton.names == JOINTS
    assert np.array_equal(mapped_rotations(animation.rotation, skeleton), animation.rotation)
    assert np.abs(mapped_offsets(animation.offset, skeleton) - animation.offset).max() < 1e-15


@MAPS
def test_at_rest_every_bone_starts_where_its_joints_are(skeleton: SkeletonMap) -> None:
    animation = tumbling(2, seed=2)
    rest = np.tile(np.eye(3), (1, 21, 1, 1))
    ours, _ = forward_kinematics(rest, animation.offset)
    local = mapped_rotations(rest, skeleton)
    theirs, _ = walked(local, mapped_offsets(animation.offset, skeleton), np.zeros((1, 3)), skeleton)
    for index, bone in enumerate(skeleton.bones):
        first, last = (ours[0, JOINT_INDEX[joint]] for joint in (bone.joints[0], bone.joints[-1]))
        assert np.allclose(theirs[0, index], first + 0.75 * (last - first), atol=1e-6), bone.name


@pytest.mark.parametrize("skeleton", HUMANOIDS, ids=lambda skeleton: skeleton.name)
def test_a_bent_back_carries_head_and_hands_to_where_they_are(skeleton: SkeletonMap) -> None:
    # Legs are where they were; what the back carries is off by the second order of the angles, if Spine1 turns by a
    # third of what Spine2 does.
    offset = tumbling(2, seed=3).offset
    error = []
    for degrees in (5.0, 10.0, 20.0):
        rotation = np.tile(np.eye(3), (1, 21, 1, 1))
        bend = np.radians(np.array([0.8, 0.3, 0.5]) * degrees)
        rotation[:, JOINT_INDEX["Spine1"]] = rotation_vector_to_matrix(bend / 2)
        rotation[:, JOINT_INDEX["Spine2"]] = rotation_vector_to_matrix(1.5 * bend)
        ours, _ = forward_kinematics(rotation, offset)
        local = mapped_rotations(rotation, skeleton)
        theirs, _ = walked(local, mapped_offsets(offset, skeleton), np.zeros((1, 3)), skeleton)
        at = {joint: theirs[0, skeleton.names.index(skeleton.bone_of(joint))] for joint in JOINTS}
        far = {joint: np.linalg.norm(at[joint] - ours[0, JOINT_INDEX[joint]]) for joint in JOINTS}
        assert max(far["LeftFoot"], far["RightFoot"]) < 1e-6
        assert far["Head"] == pytest.approx(far["LeftHand"], abs=1e-6)
        error.append(far["Head"])
    assert error[1] / error[0] == pytest.approx(4, abs=0.1)
    assert error[2] / error[1] == pytest.approx(4, abs=0.1)
    assert error[2] < 0.006


@MAPS
def test_rest_axes_are_right_handed(skeleton: SkeletonMap) -> None:
    for bone in (*skeleton.bones, *skeleton.toes):
        assert np.allclose(bone.rest @ bone.rest.T, np.eye(3), atol=1e-6), bone.name
        assert np.linalg.det(bone.rest) == pytest.approx(1.0, abs=1e-6), bone.name


def along(skeleton: SkeletonMap, joint: str, tip: str) -> np.ndarray:
    """Direction, at rest and in a bone's own axes, from where it starts to where the bone of `tip` does."""
    rest = np.tile(np.eye(3), (1, 21, 1, 1))
    offset = mapped_offsets(tumbling(2, seed=4).offset, skeleton)
    head, _ = walked(mapped_rotations(rest, skeleton), offset, np.zeros((1, 3)), skeleton)
    start, end = (skeleton.names.index(skeleton.bone_of(name)) for name in (joint, tip))
    way = head[0, end] - head[0, start]
    return skeleton.bones[start].rest.T @ (way / np.linalg.norm(way))


BONES = [(f"{side}{part}", f"{side}{tip}") for side in ("Left", "Right") for part, tip in (
    ("Shoulder", "Arm"), ("Arm", "ForeArm"), ("ForeArm", "Hand"), ("UpLeg", "Leg"), ("Leg", "Foot"),
)]  # fmt: skip


@pytest.mark.parametrize(("joint", "tip"), [*BONES, ("Spine1", "Spine3"), ("Spine3", "Neck"), ("Neck", "Head")])
def test_mixamo_bones_lie_along_y_and_unreal_bones_along_x(joint: str, tip: str) -> None:
    y = along(SKELETON_MAPS["mixamo"], joint, tip)
    assert y[1] > 0.97
    x = along(SKELETON_MAPS["unreal"], joint, tip)
    against = joint in ("RightShoulder", "RightArm", "RightForeArm", "LeftUpLeg", "LeftLeg")
    assert x[0] * (-1 if against else 1) > 0.97


def test_the_document_names_the_bones() -> None:
    document = (Path(__file__).parent.parent / "docs" / "skeletons.md").read_text()
    table = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in document.splitlines() if line[:1] == "|"
    ]
    start = table.index(["joint", "`mixamo`", "`unreal`", "`vrm`"])
    rows = {row[0]: row[1:] for row in table[start + 2 : start + 16]}
    said = {joint: names for joints, names in rows.items() for joint in joints.split(", ")}
    for column, skeleton in enumerate(HUMANOIDS):
        for joint in (name for name in JOINTS if not name.startswith("Right")):
            assert said[joint][column] == skeleton.bone_of(joint)
        assert said["none"][column] == next(
            (toe.name for toe in skeleton.toes if "eft" in toe.name or toe.name.endswith("_l")), "none"
        )
        assert f"| `{skeleton.name}` | {len(skeleton.bones) + len(skeleton.toes)}, " in document
