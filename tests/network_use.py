"""What Python's own sockets of this process are used for: seen by an audit hook, which nothing goes around."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


def _seen(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED and _watchers:
        address = arguments[:2] if event == "socket.getaddrinfo" else arguments[1]
        for events in _watchers:
            events.append((event.removeprefix("socket."), address))
