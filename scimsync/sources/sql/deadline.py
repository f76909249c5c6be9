"""Abort operations that wait for a database that no longer responds."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer

GRACE_S = 10.0
"""How much longer than the database itself scimsync waits for the end of a query."""

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 30


class Expired:
    """Whether the deadline is over."""

    def __init__(self) -> None:
        self.is_over = False

    def __bool__(self) -> bool:
        return self.is_over


@contextmanager
def deadline(seconds: float, stop: Callable[[], object]) -> Iterator[Expired]:
    """Call `stop` from another thread once the block has taken `seconds`."""
    expired = Expired()

    def end() -> None:
        expired.is_over = True
        with suppress(Exception):
            stop()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def shut_down(descriptor: int) -> None:
    """Shut down a connected socket, so that whoever reads from it finds its end."""
    with socket.socket(fileno=os.dup(descriptor)) as connected:
        connected.shutdown(socket.SHUT_RDWR)
