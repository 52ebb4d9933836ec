"""Laws of the VMC output: what a receiver gets is what the protocol says, and right stays right in Unity's axes."""

import itertools
import math
import re

import numpy as np
import pytest
from moving import tumbling
from osc_receiver import Received, Receiver
from scipy.spatial.transform import Rotation

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.animation import bones
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.live_rest import BLEND_S, RestBlend, rest_rotation
from blaze2cap.runtime.osc import OscSender, find_destination
from blaze2cap.runtime.rotation import geodesic_angle, quaternion_to_matrix, rotation_vector_to_matrix
from blaze2cap.runtime.vmc import HEARTBEAT_S, VmcOutput, transforms
from blaze2cap.runtime.world_pose import WorldPose

# Unity's HumanBodyBones that a VRM humanoid moves (without fingers, eyes, jaw and toes), and their parents.
PARENTS = {
    "Hips": None, "Spine": "Hips", "Chest": "Spine", "UpperChest": "Chest", "Neck": "UpperChest", "Head": "Neck",
    "RightShoulder": "UpperChest", "RightUpperArm": "RightShoulder", "RightLowerArm": "RightUpperArm",
    "RightHand": "RightLowerArm",
    "LeftShoulder": "UpperChest", "LeftUpperArm": "LeftShoulder", "LeftLowerArm": "LeftUpperArm",
    "LeftHand": "LeftLowerArm",
    "RightUpperLeg": "Hips", "RightLowerLeg": "RightUpperLeg", "RightFoot": "RightLowerLeg",
    "LeftUpperLeg": "Hips", "LeftLowerLeg": "LeftUpperLeg", "LeftFoot": "LeftLowerLeg",
}  # fmt: skip
# Which joint of ours has the orientation of each.
JOINT_OF = {
    "Hips": "Hips", "Spine": "Spine", "Chest": "Spine2", "UpperChest": "Spine3", "Neck": "Neck", "Head": "Head",
    **{side + bone: side + joint
       for side in ("Right", "Left")
       for bone, joint in {
           "Shoulder": "Shoulder", "UpperArm": "Arm", "LowerArm": "ForeArm", "Hand": "Hand",
           "UpperLeg": "UpLeg", "LowerLeg": "Leg", "Foot": "Foot"}.items()},
}  # fmt: skip
OFFSET = bones(1.0)
MIRROR = np.diag([-1.0, 1.0, 1.0])


def pose(
    turns: dict[str, tuple[float, float, float]] | None = None,
    place: tuple[float, float, float] = (0.0, 0.95, 0.0),
    time_s: float = 0.0,
    valid: bool = True,
) -> WorldPose:
    """The rest pose with some joints turned by rotation vectors [degrees], in the axes of the file."""
    vector = np.zeros((len(JOINTS), 3))
    for joint, turn in (turns or {}).items():
        vector[JOINT_INDEX[joint]] = np.array(turn) * math.pi / 180
    return WorldPose(
        time_s, rotation_vector_to_matrix(vector), np.array(place, float), valid, np.full((len(JOINTS),), np.nan)
    )


def sent(shown: WorldPose, mirror: bool = False) -> dict[str, tuple[float, ...]]:
    """Place and quaternion of the root and of every bone, by name."""
    return {str(message.arguments[0]): message.arguments[1:] for message in transforms(shown, OFFSET, mirror)}  # type: ignore[misc]


def quaternions(shown: WorldPose, mirror: bool = False) -> dict[str, tuple[float, ...]]:
    """Those that turn anything."""
    return {
        name: numbers[3:] for name, numbers in sent(shown, mirror).items() if numbers[3:] != pytest.approx((0, 0, 0, 1))
    }


def in_unity(messages: dict[str, tuple[float, ...]]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Places and orientations of the bones as a receiver in Unity computes them, root and hips and outwards."""
    root = messages["root"]
    place, turn = {None: np.array(root[:3])}, {None: Rotation.from_quat(root[3:]).as_matrix()}
    for name, parent in PARENTS.items():
        place[name] = place[parent] + turn[parent] @ np.array(messages[name][:3])
        turn[name] = turn[parent] @ Rotation.from_quat(messages[name][3:]).as_matrix()
    return place, turn


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_receiver_gets_what_the_protocol_says() -> None:
    """protocol.vmc.info: addresses, types and order of the arguments, names of HumanBodyBones, one bundle a frame."""
    clock = Clock()
    with Receiver() as receiver:
        output = VmcOutput(OscSender(find_destination(receiver.name, "--vmc")), clock=clock)
        clock.now += 0.25
        output.send(pose({"RightArm": (10, 20, 30), "Hips": (0, 40, 0)}, (0.5, 0.9, -1.5)), OFFSET)
        ok, time, root, *rest = receiver.bundle()
        output.close()
    assert ok == Received("/VMC/Ext/OK", (1, 3, 0, 1))
    assert all(type(argument) is int for argument in ok.arguments)
    assert time == Received("/VMC/Ext/T", (0.25,))
    assert root.address == "/VMC/Ext/Root/Pos"
    assert root.arguments[0] == "root"
    assert {message.address for message in rest} == {"/VMC/Ext/Bone/Pos"}
    assert [message.arguments[0] for message in rest] == list(PARENTS)
    for message in (root, *rest):
        name, *numbers = message.arguments
        assert type(name) is str
        assert [type(number) for number in numbers] == [float] * 7
        assert math.hypot(*numbers[3:]) == pytest.approx(1, abs=1e-5)
    (datagram,) = receiver.datagrams
    assert len(re.findall(rb",sfffffff\x00", datagram)) == 1 + len(PARENTS)
    assert datagram[8:16] == b"\0\0\0\0\0\0\0\1", "the time tag means: at once"


def test_a_raised_right_arm_is_a_raised_right_arm_in_unity() -> None:
    """By hand. File: the right arm lies along -x; a quarter turn about z, clockwise seen from +z, brings it to +y.
    Unity: a humanoid that faces +z has its right arm along +x, and (0, 0, sin 45, cos 45) turns +x to +y."""
    half = math.sqrt(0.5)
    raised = pose({"RightArm": (0, 0, -90)})
    assert quaternions(raised) == {"RightUpperArm": pytest.approx((0, 0, half, half), abs=1e-6)}
    place, _ = in_unity(sent(raised))
    assert place["RightHand"][1] > place["Head"][1]
    assert place["RightUpperArm"][0] > 0.1
    assert place["LeftHand"][0] < -0.5


@pytest.mark.parametrize(
    ("turns", "bone", "quaternion"),
    [
        # Left arm down: in Unity along -x, a quarter turn about z from +x to +y brings -x to -y.
        ({"LeftArm": (0, 0, -90)}, "LeftUpperArm", (0, 0, math.sqrt(0.5), math.sqrt(0.5))),
        # A bow: up goes to the front, y to z, in both.
        ({"Spine": (90, 0, 0)}, "Spine", (math.sqrt(0.5), 0, 0, math.sqrt(0.5))),
        # A quarter turn to the left: the file's front goes to +x, Unity's to -x.
        ({"Hips": (0, 90, 0)}, "Hips", (0, -math.sqrt(0.5), 0, math.sqrt(0.5))),
        # A right knee that bends by a right angle: the shin goes back, -y to -z.
        ({"RightLeg": (90, 0, 0)}, "RightLowerLeg", (math.sqrt(0.5), 0, 0, math.sqrt(0.5))),
    ],
)
def test_turns_keep_their_meaning(turns: dict, bone: str, quaternion: tuple[float, ...]) -> None:
    assert quaternions(pose(turns)) == {bone: pytest.approx(quaternion, abs=1e-6)}


def test_every_bone_is_oriented_and_every_leg_placed_as_seen_in_the_mirror_x() -> None:
    """The change of handedness is one mirror for all, on any pose."""
    animation = tumbling(20, seed=3)
    position, rotation = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    for frame in range(0, 20, 4):
        shown = WorldPose(0.0, animation.rotation[frame], animation.root_position[frame], True, np.zeros(21))
        messages = {str(m.arguments[0]): m.arguments[1:] for m in transforms(shown, animation.offset)}
        place, turn = in_unity(messages)  # type: ignore[arg-type]
        for bone, joint in JOINT_OF.items():
            there = MIRROR @ rotation[frame, JOINT_INDEX[joint]] @ MIRROR
            np.testing.assert_allclose(turn[bone], there, atol=1e-5, err_msg=bone)
            if bone == "Hips" or "Leg" in bone or "Foot" in bone:
                np.testing.assert_allclose(place[bone], MIRROR @ position[frame, JOINT_INDEX[joint]], atol=1e-5)


def test_the_root_is_the_place_on_the_floor_and_the_hips_carry_the_height() -> None:
    messages = sent(pose({"Hips": (0, 30, 0)}, (0.5, 0.9, -1.5)))
    assert messages["root"] == pytest.approx((-0.5, 0, -1.5, 0, 0, 0, 1))
    assert messages["Hips"][:3] == pytest.approx((0, 0.9, 0))
    assert messages["Head"][1] > 0.05


def test_mirrored_the_avatar_raises_the_other_arm_and_goes_the_other_way() -> None:
    half = math.sqrt(0.5)
    raised = pose({"RightArm": (0, 0, -90), "Hips": (0, 90, 0)}, (0.5, 0.9, 0.2))
    assert quaternions(raised, mirror=True) == {
        "LeftUpperArm": pytest.approx((0, 0, -half, half), abs=1e-6),
        "Hips": pytest.approx((0, half, 0, half), abs=1e-6),
    }
    assert sent(raised, mirror=True)["root"][:3] == pytest.approx((0.5, 0, 0.2))
    place, _ = in_unity(sent(raised, mirror=True))
    assert place["LeftHand"][1] > place["Head"][1]


def test_without_pictures_a_heartbeat_comes_once_a_second() -> None:
    clock = Clock()
    with Receiver() as receiver:
        output = VmcOutput(OscSender(find_destination(receiver.name, "--vmc")), clock=clock)
        for _ in range(15):
            clock.now += HEARTBEAT_S / 4
            output.idle()
        beats = receiver.waiting()
        output.send(pose(), OFFSET)
        output.idle()
        assert len(receiver.waiting()) == 1
        output.close()
    assert [[message.address for message in beat] for beat in beats] == [["/VMC/Ext/OK", "/VMC/Ext/T"]] * 3
    assert [beat[0].arguments for beat in beats] == [(1, 3, 0, 0)] * 3
    assert [beat[1].arguments[0] for beat in beats] == pytest.approx([1, 2, 3])


def steps(frames: list[tuple[float, bool]], turns: dict | None = None) -> list[WorldPose]:
    """What is shown of a pose at these times, with somebody in view or not."""
    blend = RestBlend()
    return [blend.step(pose(turns, time_s=time_s, valid=valid), OFFSET) for time_s, valid in frames]


def angles(shown: WorldPose, other: np.ndarray) -> float:
    return math.degrees(geodesic_angle(shown.rotation, other).max())


def test_an_avatar_stands_with_its_arms_down_before_anybody_is_in_view() -> None:
    (shown,) = steps([(0.0, False)])
    place, _ = in_unity({str(m.arguments[0]): m.arguments[1:] for m in transforms(shown, OFFSET)})  # type: ignore[misc]
    for side, sign in (("Right", 1), ("Left", -1)):
        hand, arm, foot = (place[f"{side}{name}"] for name in ("Hand", "UpperArm", "Foot"))
        assert hand[1] < arm[1] - 0.4
        assert 0 < sign * (hand[0] - arm[0]) < 0.2
        assert 0.03 < foot[1] < 0.12


def test_an_avatar_goes_to_rest_in_a_second_and_back_without_a_jump() -> None:
    """At 50 frames per second nothing turns by more than the blend's steepest step, and both ends are exact."""
    turns = {"RightArm": (0, 0, -90), "Hips": (0, 170, 0), "LeftLeg": (80, 0, 0)}
    there = pose(turns).rotation
    gone, back = 1.0, 1.0 + BLEND_S + 0.5
    frames = [(number / 50, not gone <= number / 50 < back) for number in range(200)]
    shown = steps(frames, turns)
    by_time = {round(time_s, 2): each for (time_s, _), each in zip(frames, shown, strict=True)}
    assert angles(by_time[0.98], there) == 0
    assert angles(by_time[gone + BLEND_S], rest_rotation()) < 0.1
    assert 30 < angles(by_time[gone + BLEND_S / 2], rest_rotation()) < 120
    assert by_time[gone + BLEND_S].root_position[1] > 0.8
    assert angles(by_time[round(back + BLEND_S, 2)], there) < 0.1
    assert not by_time[gone + 0.5].valid
    largest = 170 * 1.5 / (50 * BLEND_S)
    for one, next_ in itertools.pairwise(shown):
        assert angles(one, next_.rotation) < largest + 0.1


def test_a_frame_without_anybody_hardly_shows() -> None:
    turns = {"RightArm": (0, 0, -90), "Hips": (0, 90, 0)}
    shown = steps([(number / 30, number != 10) for number in range(20)], turns)
    assert max(angles(each, pose(turns).rotation) for each in shown) < 1


def test_who_returns_in_the_middle_of_the_blend_is_met_where_the_avatar_is() -> None:
    turns = {"RightArm": (0, 0, -90)}
    frames = [(number / 50, not 50 <= number < 75) for number in range(150)]
    shown = steps(frames, turns)
    moved = [angles(one, next_.rotation) for one, next_ in itertools.pairwise(shown)]
    assert max(moved) < 165 * 1.5 / 50 + 0.1
    assert angles(shown[-1], pose(turns).rotation) == 0


def test_quaternions_are_those_of_the_rotations() -> None:
    """Of mirrored rotations, M R M, whatever the rotation."""
    vector = np.random.default_rng(0).normal(size=(21, 3))
    shown = pose()._replace(rotation=rotation_vector_to_matrix(vector))
    foot = np.array(sent(shown)["RightFoot"][3:])
    mirror = MIRROR
    expected = mirror @ shown.rotation[JOINT_INDEX["RightFoot"]] @ mirror
    np.testing.assert_allclose(quaternion_to_matrix(foot), expected, atol=1e-5, rtol=0)
