"""What Python's own sockets of this process are used for: seen by an audit hook, which nothing goes around."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_WATCHED = {"socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
_watchers: list[list[tuple[str, Any]]] = []
_hooked = False


@contextmanager
def network_use() -> Iterator[list[tuple[str, Any]]]:
    """Events while the block runs: what was done, and the address that it was done with."""
    global _hooked
    if not _hooked:
        # One for all: a hook cannot be taken away again.
        sys.addaudithook(_seen)
        _hooked = True
    events: list[tuple[str, Any]] = []
    _watchers.append(events)
    try:
        yield events
    finally:
        _watchers.remove(events)


def nobody_knows(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a host cannot be found, without that anybody is asked."""
    known = socket.getaddrinfo

    def found(name: str, *arguments: Any, **options: Any) -> Any:
        if name == host:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(name, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED and _watchers:
        address = arguments[:2] if event == "socket.getaddrinfo" else arguments[1]
        for events in _watchers:
            events.append((event.removeprefix("socket."), address))
