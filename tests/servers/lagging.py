"""A SCIM server on loopback whose reads of one resource are behind its writes.

Its writes are carried out at once, to the letter of RFC 7644. Searches show them at once too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from tests.office import Pauses
from tests.servers.faulty import Quirks, Reply, Seen, error_reply
from tests.servers.lying import LyingServer, Resources


class LaggingServer(LyingServer):
    """Reads are behind from `fall_behind` until `catch_up`.

    `pauses` is the time that scimsync waits by; each request takes `step` seconds besides. With
    `shows_old`, the answer to a change is behind too. With `unreadable`, reads of one resource fail
    for as long as they would be behind.
    """

    def __init__(self, token: str) -> None:
        super().__init__(token, Quirks())
        self.pauses = Pauses()
        self._lag: float | None = None
        self.step = 0.05
        self.shows_old = False
        self.unreadable = False
        self.refuses_patch = False
        self._requests = 0
        self._past: list[tuple[float, Resources]] = []

    def fall_behind(self, lag: float) -> None:
        """Show a resource as it was `lag` seconds ago, but not before this moment."""
        self._past.clear()
        self._lag = lag

    def catch_up(self) -> None:
        """Show everything as it is, and let no more requests fail."""
        self._lag = None
        self.faults.clear()

    @property
    def now(self) -> float:
        return sum(self.pauses) + self.step * self._requests

    def answer(self, seen: Seen) -> Reply:
        self._requests += 1
        one = seen.path.count("/") > 1
        if seen.writes:
            self._past.append((self.now, deepcopy({**self.users, **self.groups})))
        before = self._as_it_was(seen.path.rpartition("/")[2]) if one else None
        if seen.method == "GET" and before is not None:
            return error_reply(500, "not yet") if self.unreadable else Reply(200, before)
        if seen.method == "PATCH" and self.refuses_patch:
            return error_reply(501, "no PATCH here")
        reply = super().answer(seen)
        if self.shows_old and before is not None and reply.status < 300:
            return Reply(200, before)
        return reply

    def _as_it_was(self, resource_id: str) -> dict[str, object] | None:
        """Return a resource as it was `lag` seconds ago, or as it was created since."""
        if self._lag is None:
            return None
        then = self.now - self._lag
        later = (held for time, held in self._past if time > then)
        return next((held[resource_id] for held in later if resource_id in held), None)


@contextmanager
def running_lagging_server() -> Iterator[LaggingServer]:
    """Run a server as long as the context lasts."""
    server = LaggingServer("sesame-open")
    with server.running():
        yield server
