"""Somebody who listens on this machine, for tests of what is sent."""

import socket
from typing import NamedTuple

from pythonosc.osc_packet import OscPacket


class Received(NamedTuple):
    """A message as it came in: floats and whole numbers are told apart by the types of the arguments."""

    address: str
    arguments: tuple


class Receiver:
    """A UDP socket on the loopback interface; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.name = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.datagrams: list[bytes] = []

    def bundle(self) -> list[Received]:
        """Messages of the next datagram."""
        self.datagrams.append(self._socket.recv(65536))
        return _messages(self.datagrams[-1])

    def waiting(self) -> list[list[Received]]:
        """Messages of all datagrams that are there."""
        self._socket.setblocking(False)
        bundles = []
        try:
            while True:
                bundles.append(_messages(self._socket.recv(65536)))
        except BlockingIOError:
            return bundles
        finally:
            self._socket.settimeout(10)

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _messages(datagram: bytes) -> list[Received]:
    assert datagram.startswith(b"#bundle\x00")
    packet = OscPacket(datagram)
    return [Received(timed.message.address, tuple(timed.message.params)) for timed in packet.messages]
