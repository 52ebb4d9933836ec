"""Laws of plain OSC: where it goes, what a receiver gets, and what happens when nothing can be sent."""

import errno
import math
import sys

import numpy as np
import pytest
from moving import tumbling
from network_use import nobody_knows
from osc_receiver import Receiver

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.osc import Message, OscOutput, OscSender, find_destination
from blaze2cap.runtime.rotation import geodesic_angle, quaternion_to_matrix
from blaze2cap.runtime.world_pose import WorldPose


def test_a_receiver_gets_every_joint_of_a_frame_in_one_bundle() -> None:
    animation = tumbling(30, seed=1)
    place = animation.joint_positions()
    with Receiver() as receiver:
        output = OscOutput(OscSender(find_destination(receiver.name, "--osc")))
        last: np.ndarray | None = None
        for frame in range(30):
            pose = WorldPose(
                frame / 30, animation.rotation[frame], animation.root_position[frame], frame != 7, np.zeros(21)
            )
            output.send(pose, animation.offset)
            number, time, valid, *joints = receiver.bundle()
            assert number == ("/blaze2cap/frame", (frame,))
            assert time == ("/blaze2cap/time", (pytest.approx(frame / 30),))
            assert valid == ("/blaze2cap/valid", (int(frame != 7),))
            assert {joint.address for joint in joints} == {"/blaze2cap/joint"}
            assert [joint.arguments[0] for joint in joints] == list(JOINTS)
            numbers = np.array([joint.arguments[1:] for joint in joints])
            assert numbers.shape == (21, 7)
            np.testing.assert_allclose(numbers[:, :3], place[frame], atol=1e-5, rtol=0)
            turn = quaternion_to_matrix(numbers[:, 3:])
            assert geodesic_angle(turn, animation.rotation[frame]).max() < 2e-3
            if last is not None:
                assert ((numbers[:, 3:] * last).sum(-1) > 0).all(), "of q and -q the one near the frame before"
            last = numbers[:, 3:]
        output.close()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("127.0.0.1", "expected HOST:PORT, such as 127.0.0.1:39539"),
        (":39539", "expected HOST:PORT"),
        ("127.0.0.1:", "expected HOST:PORT"),
        ("127.0.0.1:port", "expected HOST:PORT"),
        ("127.0.0.1:-5", "expected HOST:PORT"),
        ("::1:39539", "expected HOST:PORT"),
        ("127.0.0.1:0", "port 0, expected 1 to 65535"),
        ("127.0.0.1:65536", "port 65536, expected 1 to 65535"),
        ("no-such-host.invalid:39539", "the host no-such-host.invalid cannot be found"),
        (f"{'x' * 70}.org:39539", "cannot be found"),
    ],
)
def test_a_place_that_is_none_ends_in_a_sentence(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_knows("no-such-host.invalid", monkeypatch)
    with pytest.raises(UserError) as caught:
        find_destination(name, "--osc")
    assert str(caught.value).startswith(f"--osc {name}: ")
    assert told in str(caught.value)


def test_a_place_has_a_numeric_address_of_either_kind() -> None:
    assert find_destination("127.0.0.1:39539", "--vmc") == ("127.0.0.1:39539", "127.0.0.1", 39539)
    assert find_destination("[::1]:80", "--vmc") == ("[::1]:80", "::1", 80)
    assert find_destination("localhost:39539", "--vmc").address in ("127.0.0.1", "::1")


def test_what_cannot_be_sent_is_counted_and_the_reason_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as receiver:
        sender = OscSender(find_destination(receiver.name, "--vmc"))
        sender.send([Message("/a", "i", (1,))])
        assert (sender.unsent, sender.reason) == (0, "")

        def unplugged(*_: object) -> None:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")

        with monkeypatch.context() as patch:
            patch.setattr(type(sender._client), "send", unplugged)
            sender.send([Message("/a", "i", (2,))])
            sender.send([Message("/a", "i", (3,))])
        assert (sender.unsent, sender.reason) == (2, "Network is unreachable")
        sender.send([Message("/a", "f", (math.pi,))])
        assert [bundle[0].arguments for bundle in receiver.waiting()] == [(1,), (pytest.approx(math.pi),)]
        sender.close()


def test_nobody_needs_to_listen() -> None:
    """A receiver that starts later, or is closed, is no error."""
    with Receiver() as receiver:
        destination = find_destination(receiver.name, "--vmc")
    sender = OscSender(destination)
    for number in range(5):
        sender.send([Message("/a", "i", (number,))])
    assert sender.unsent == 0
    sender.close()


def test_without_python_osc_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonosc.udp_client", None)
    with pytest.raises(UserError, match=r"python-osc is not installed; run `pip install 'blaze2cap\[live\]'`"):
        OscSender(find_destination("127.0.0.1:39539", "--vmc"))
