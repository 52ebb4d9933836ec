"""BVH files say what the animation says: to our own reader, to another one, and to Blender."""

import json
from pathlib import Path

import numpy as np
import pytest
from blender import documented_fbx, run_in_blender, same_in_blender, seen_in_blender
from moving import animation_of, tumbling

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS, PARENTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.bvh import read_bvh, write_bvh
from blaze2cap.runtime.euler import continuous_zxy, zxy_to_matrix
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.rig import rigged
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, SkeletonMap

# As somebody imports who sets nothing; says the rate and where the head is.
_BY_DEFAULT = """
import json
import bpy
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_anim.bvh(filepath="a.bvh")
figure = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
bpy.context.scene.frame_set(int(figure.animation_data.action.frame_range[0]))
render, head = bpy.context.scene.render, figure.matrix_world @ figure.pose.bones["Head"].head
with open("seen.json", "w") as file:
    json.dump({"fps": render.fps / render.fps_base, "head": list(head)}, file)
"""
HUMANOIDS = [skeleton for name, skeleton in SKELETON_MAPS.items() if name != "totalcapture"]


def all_positions(animation: Animation) -> np.ndarray:
    """Joints [N, 21, 3], then the end sites of END_JOINTS."""
    joint, rotation = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    last = [JOINT_INDEX[name] for name in END_JOINTS]
    end = joint[:, last] + (rotation[:, last] @ animation.end[..., None])[..., 0]
    return np.concatenate((joint, end), axis=1)


def test_joints_and_end_sites_come_back_within_a_tenth_of_a_millimetre(tmp_path: Path) -> None:
    animation = tumbling(300, seed=0)
    write_bvh(tmp_path / "a.bvh", animation)
    read = read_bvh(tmp_path / "a.bvh")
    position, _ = read.forward_kinematics()
    order = [read.names.index(name) for name in (*JOINTS, *(f"{name}_end" for name in END_JOINTS))]
    assert np.abs(position[:, order] / 100 - all_positions(animation)).max() < 1e-4
    assert len(read.names) == 26


def test_the_file_has_the_skeleton_channels_and_rate_that_it_promises(tmp_path: Path) -> None:
    write_bvh(tmp_path / "a.bvh", tumbling(5, seed=1, fps=29.97))
    read = read_bvh(tmp_path / "a.bvh")
    joints = [index for index, channels in enumerate(read.channels) if channels]
    assert tuple(read.names[index] for index in joints) == JOINTS
    for joint, parent in zip(joints[1:], PARENTS[1:], strict=True):
        assert read.names[read.parents[joint]] == JOINTS[parent]
    zxy = ("Zrotation", "Xrotation", "Yrotation")
    assert read.channels[0] == ("Xposition", "Yposition", "Zposition", *zxy)
    assert {read.channels[index] for index in joints[1:]} == {zxy}
    assert 1 / read.frame_time == pytest.approx(29.97, abs=1e-5)
    text = (tmp_path / "a.bvh").read_text()
    assert text.count("End Site") == 5
    assert text.isascii()


def test_at_rest_the_person_stands_in_a_t_pose_facing_z_with_the_right_hand_at_negative_x(tmp_path: Path) -> None:
    write_bvh(tmp_path / "a.bvh", animation_of(np.tile(np.eye(3), (2, 21, 1, 1)), np.zeros((2, 3))))
    read = read_bvh(tmp_path / "a.bvh")
    at = dict(zip(read.names, np.cumsum(np.zeros((26, 3)), axis=0), strict=True))
    for name, parent, offset in zip(read.names, read.parents, read.offset, strict=True):
        at[name] = offset + (at[read.names[parent]] if parent >= 0 else 0)
    assert at["RightHand_end"][0] < at["RightHand"][0] < at["RightArm"][0] < 0 < at["LeftArm"][0] < at["LeftHand"][0]
    assert at["RightHand_end"][1] == pytest.approx(at["RightArm"][1])
    assert at["RightFoot_end"][1] < at["RightFoot"][1] < at["RightLeg"][1] < 0 < at["Neck"][1] < at["Head_end"][1]
    assert at["RightFoot_end"][2] > at["RightFoot"][2] + 10


def test_angles_have_no_jumps_and_make_the_rotations_again() -> None:
    # A fast tumble about axes that wander, through gimbal lock and round and round.
    rotation = tumbling(4000, seed=2, turns=20).rotation
    angle = continuous_zxy(rotation)
    assert np.abs(zxy_to_matrix(angle) - rotation).max() < 2e-6
    far = np.abs(angle).max()
    assert far > 2 * np.pi, "this motion does not go round"
    # What jumps is z and y in gimbal lock only, where x is a quarter turn from level and their axes are one.
    step = np.abs(np.diff(angle, axis=0)).max(-1)
    free = np.abs(np.cos(angle[1:, :, 1])) > 0.3
    assert step[free].max() < 0.6
    assert step.max() < np.pi


def test_one_frame_is_a_motion_too(tmp_path: Path) -> None:
    animation = tumbling(1, seed=0)
    write_bvh(tmp_path / "one.bvh", animation)
    assert len(read_bvh(tmp_path / "one.bvh").motion) == 1
    assert np.abs(zxy_to_matrix(continuous_zxy(animation.rotation)) - animation.rotation).max() < 2e-6


def test_a_turn_on_the_spot_winds_on_and_does_not_flip_back() -> None:
    yaw = np.linspace(0, 6 * np.pi, 200)
    rotation = zxy_to_matrix(np.stack((0 * yaw, 0 * yaw, yaw), axis=-1))[:, None]
    angle = continuous_zxy(rotation)[:, 0]
    assert angle[:, 2] == pytest.approx(yaw, abs=1e-6)
    assert np.abs(angle[:, :2]).max() < 1e-6


def test_gimbal_lock_itself_keeps_the_rotation() -> None:
    z = np.linspace(0, 1, 20)
    rotation = zxy_to_matrix(np.stack((z, np.full(20, np.pi / 2), 0.3 * z), axis=-1))[:, None]
    angle = continuous_zxy(rotation)
    assert np.abs(zxy_to_matrix(angle) - rotation).max() < 1e-9
    assert np.abs(np.diff(angle, axis=0)).max() < 0.2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it ends early"),
        ("HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\n", "it ends early"),
        ("FILM", "FILM instead of HIERARCHY"),
        ("HIERARCHY ROOT a { OFFSET 0 0 x }", "could not convert"),
        ("HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 1 Wrotation } MOTION", "unknown channels"),
        ("HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 1 Xrotation } MOTION Frames: 2 Frame Time: 0.1 1", "reshape"),
        ("HIERARCHY ROOT a { OFFSET 0 0 0 CHANNELS 1 Xrotation } MOTION Frames: 1 Frame Time: 0.1 nan", "finite"),
    ],
)
def test_what_is_no_bvh_ends_in_a_sentence(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(text)
    with pytest.raises(UserError, match=told):
        read_bvh(tmp_path / "a.bvh")


def test_another_reader_sees_the_same_motion(tmp_path: Path) -> None:
    bvhio = pytest.importorskip("bvhio", reason="bvhio, another reader of BVH files, is not installed")
    animation = tumbling(20, seed=3)
    write_bvh(tmp_path / "a.bvh", animation)
    root = bvhio.readAsHierarchy(str(tmp_path / "a.bvh"))
    expected = 100 * animation.joint_positions()
    for frame in range(0, 20, 6):
        root.loadPose(frame)
        for joint, _, _ in root.layout():
            position = np.array(joint.PositionWorld)
            assert position == pytest.approx(expected[frame, JOINT_INDEX[joint.Name]], abs=0.01), joint.Name


@pytest.mark.parametrize("skeleton", HUMANOIDS, ids=lambda skeleton: skeleton.name)
def test_other_skeletons_have_their_names_and_the_orientations_of_the_joints(
    skeleton: SkeletonMap, tmp_path: Path
) -> None:
    animation = tumbling(60, seed=5)
    write_bvh(tmp_path / "a.bvh", animation, skeleton)
    read = read_bvh(tmp_path / "a.bvh")
    position, turned = read.forward_kinematics()
    expected = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    moved = [name for name, channels in zip(read.names, read.channels, strict=True) if channels]
    assert sorted(moved) == sorted((*skeleton.names, *(toe.name for toe in skeleton.toes)))
    for joint in ("Hips", "Spine", "Spine3", "Neck", "Head", "LeftHand", "RightForeArm", "LeftFoot"):
        own = turned[:, read.names.index(skeleton.bone_of(joint))]
        assert np.abs(own - expected[1][:, JOINT_INDEX[joint]]).max() < 1e-5, joint
    for toe in skeleton.toes:
        stiff = turned[:, read.names.index(toe.parent or "")], turned[:, read.names.index(toe.name)]
        assert np.abs(stiff[0] - stiff[1]).max() < 1e-6
    # Legs hang on the hips, which are where they were, and their ends as far out as without a toe bone.
    for side in ("Left", "Right"):
        foot = skeleton.bone_of(f"{side}Foot")
        end = next((toe.name for toe in skeleton.toes if toe.parent == foot), foot)
        ours = all_positions(animation)[:, len(JOINTS) + END_JOINTS.index(f"{side}Foot")]
        assert np.abs(position[:, read.names.index(f"{end}_end")] / 100 - ours).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("skeleton", SKELETON_MAPS.values(), ids=SKELETON_MAPS)
def test_blender_shows_the_same_motion_within_a_millimetre(skeleton: SkeletonMap, tmp_path: Path) -> None:
    animation = tumbling(120, seed=4, fps=30.0)
    write_bvh(tmp_path / "a.bvh", animation, skeleton)
    frames = range(0, 120, 7)
    seen = seen_in_blender(tmp_path / "a.bvh", 30.0, frames)
    assert seen["fps"] == pytest.approx(30.0)
    rig = rigged(animation, skeleton, own_axes=False)
    expected = rig.forward_kinematics(rig.rotation, rig.root_position)[0]
    for frame, heads in zip(frames, seen["heads"], strict=True):
        head = np.array([heads[name] for name in rig.names])
        assert np.abs(head - expected[frame]).max() < 1e-3
    if skeleton.name == "totalcapture":
        assert np.abs(expected - animation.joint_positions()).max() < 1e-5


@pytest.mark.slow
def test_blenders_defaults_are_upright_but_a_hundred_times_as_large_and_at_its_own_rate(tmp_path: Path) -> None:
    animation = tumbling(2, seed=4, fps=60.0)
    write_bvh(tmp_path / "a.bvh", animation, SKELETON_MAPS["totalcapture"])
    run_in_blender(_BY_DEFAULT, tmp_path)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["fps"] == 24
    x, y, z = seen["head"]
    head = animation.joint_positions()[0, JOINT_INDEX["Head"]]
    assert np.abs(np.array([x, z, -y]) - 100 * head).max() < 0.1


@pytest.mark.slow
def test_the_documented_way_to_fbx_keeps_the_motion(tmp_path: Path) -> None:
    write_bvh(tmp_path / "dance.bvh", tumbling(60, seed=14, fps=60.0), SKELETON_MAPS["totalcapture"])
    fbx = documented_fbx("predict.md", tmp_path)
    assert same_in_blender(tmp_path / "dance.bvh", fbx, 60.0, range(0, 60, 7), 1e-4)
