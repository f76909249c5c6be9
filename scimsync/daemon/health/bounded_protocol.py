"""HTTP connections of strangers: few at a time, and none for long without a request."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 64
"""The number of open connections. Each further one closes the oldest that waits for a request."""

_numbers = count()


class BoundedProtocol(H11Protocol):
    """A connection that is closed if its next request does not arrive in time.

    uvicorn does not limit the time between two pieces of a request, and it refuses requests while
    there are too many connections. Here, the connections that only wait make room instead.
    """

    request_timeout_s: ClassVar[float]
    """Seconds in which a request must arrive with all its headers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._number = next(_numbers)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note a new connection, and make room for it."""
        self._make_room()
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        """Handle a piece of a request."""
        super().data_received(data)
        if self._is_answering:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it has arrived already."""
        super().on_response_complete()
        if not self._is_answering:
            self._await_request()

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_request(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self.request_timeout_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _make_room(self) -> None:
        """Close the oldest connection without a request, or else the oldest, if there are many."""
        others = [other for other in self.connections if isinstance(other, BoundedProtocol)]
        if len(others) >= MAX_CONNECTIONS:
            oldest = min(others, key=lambda other: (other._is_answering, other._number))
            self.connections.discard(oldest)
            oldest.transport.abort()


def bounded_protocol(timeout_s: float) -> type[BoundedProtocol]:
    """Return the protocol with a limit of `timeout_s` seconds for the arrival of a request."""

    class Bounded(BoundedProtocol):
        request_timeout_s = timeout_s

    return Bounded
