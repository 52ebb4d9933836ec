"""Open Sound Control over UDP: where to, how sent, and a person's motion as plain messages of one's own.

A message is its address, the types of its arguments ("s" text, "i" whole number, "f" float) and these. All messages of
a frame travel in one bundle. Nothing is received, and nothing is sent anywhere but to the one place named.
"""

import socket
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import JOINTS
from blaze2cap.errors import UserError
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.rotation import matrix_to_quaternion
from blaze2cap.runtime.world_pose import WorldPose

ADDRESS = "/blaze2cap"
_EXTRA = "live"


class Message(NamedTuple):
    """An OSC message; `types` has a letter for each argument."""

    address: str
    types: str
    arguments: tuple[str | int | float, ...]


class Destination(NamedTuple):
    """Where to send: as it was named, and the numeric address that this means."""

    name: str
    address: str
    port: int


def find_destination(name: str, option: str) -> Destination:
    """The place that an option names as HOST:PORT, [HOST]:PORT for IPv6; UserError where it names none."""
    host, colon, port = name.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not (colon and bare and port.isascii() and port.isdigit()) or (":" in bare and bare == host):
        raise UserError(f"{option} {name}: expected HOST:PORT, such as 127.0.0.1:39539")
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise UserError(f"{option} {name[:80]}: port {port[:9]}, expected 1 to 65535")
    try:
        found = socket.getaddrinfo(bare, int(port), type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{option} {name}: the host {bare} cannot be found ({reason}); give its address") from None
    return Destination(name, str(found[0][4][0]), int(port))


class OscSender:
    """Sends bundles to one place; UserError where python-osc is not installed.

    A bundle that the system does not take, as without a network, is counted and the last reason kept: the session goes
    on. Whether anybody listens cannot be known over UDP.
    """

    def __init__(self, destination: Destination) -> None:
        try:
            from pythonosc.udp_client import UDPClient
        except ImportError:
            raise UserError(f"python-osc is not installed; run `pip install 'blaze2cap[{_EXTRA}]'`") from None
        self.destination = destination
        self.unsent, self.reason = 0, ""
        # The numeric address: a name would be looked up again for every bundle.
        self._client = UDPClient(destination.address, destination.port, allow_broadcast=True)

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages as one bundle, to be acted on at once."""
        from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
        from pythonosc.osc_message_builder import OscMessageBuilder

        bundle = OscBundleBuilder(IMMEDIATELY)
        for message in messages:
            builder = OscMessageBuilder(message.address)
            for kind, argument in zip(message.types, message.arguments, strict=True):
                builder.add_arg(argument, kind)
            bundle.add_content(builder.build())
        try:
            self._client.send(bundle.build())
        except OSError as error:
            self.unsent, self.reason = self.unsent + 1, error.strerror or str(error)

    def close(self) -> None:
        """Give the socket back."""
        self._client.close()


class OscOutput:
    """Every frame as messages of our own: /blaze2cap/frame, time, valid, and joint for each of the 21."""

    def __init__(self, sender: OscSender) -> None:
        self._sender = sender
        self._frame = 0
        self._quaternion: np.ndarray | None = None

    def send(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> None:
        """Send a frame of a person with these bones, as it is: a pose that is held is held here, too."""
        quaternion = matrix_to_quaternion(pose.rotation)
        if self._quaternion is not None:
            # Of q and -q, which are the same rotation, the one nearer to the frame before.
            nearer = (quaternion * self._quaternion).sum(-1, keepdims=True) >= 0
            quaternion = np.where(nearer, quaternion, -quaternion)
        self._quaternion = quaternion
        place = forward_kinematics(pose.rotation, offset, pose.root_position)[0]
        joints = np.concatenate((place, quaternion), axis=-1).tolist()
        self._sender.send(
            [
                Message(f"{ADDRESS}/frame", "i", (self._frame,)),
                Message(f"{ADDRESS}/time", "f", (pose.time_s,)),
                Message(f"{ADDRESS}/valid", "i", (int(pose.valid),)),
                *(
                    Message(f"{ADDRESS}/joint", "sfffffff", (name, *numbers))
                    for name, numbers in zip(JOINTS, joints, strict=True)
                ),
            ]
        )
        self._frame += 1

    def idle(self) -> None:
        """Without a picture there is nothing to say."""

    def close(self) -> None:
        """Give the socket back."""
        self._sender.close()
