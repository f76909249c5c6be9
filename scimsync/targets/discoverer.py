"""Read what a target declares about itself when a run needs it: at most once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from scimsync.model.service_provider import Capabilities, Discovery
from scimsync.scim.discovery import discover
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.connection import TargetConnection
from scimsync.transport.request_errors import NoResponse


def _forget(discovery: Discovery) -> None:
    pass


class Discoverer:
    """The discovery of one target in one run.

    It is asked before requests that depend on it, so that a run that sends nothing sends nothing
    here either. `load` returns what was read before, and `keep` is called with what is read at
    `now`.
    """

    def __init__(
        self,
        connection: TargetConnection,
        load: Callable[[], Discovery],
        now: datetime,
        keep: Callable[[Discovery], None] = _forget,
    ) -> None:
        self._connection = connection
        self._now = now
        self._keep = keep
        self._lock = asyncio.Lock()
        self._is_done = False
        self._load = load
        self._known: Discovery | None = None

    @property
    def known(self) -> Discovery:
        """What the target declares, as far as it was read."""
        if self._known is None:
            self._known = self._load()
        return self._known

    async def discover(self) -> Discovery:
        """Return what the target declares, after reading it if it was read long ago.

        Anything that cannot be read stays unknown. Raise TargetStopped if nothing is sent to the
        target.
        """
        async with self._lock:
            if not (self._is_done or self._connection.is_probing):
                self._is_done = self.known.is_fresh(self._now)
                if not self._is_done:
                    await self._read()
        return self.known

    async def capabilities(self) -> Capabilities:
        """Do what `discover` does, and return the capabilities."""
        return (await self.discover()).capabilities

    async def _read(self) -> None:
        self._is_done = True
        try:
            found = await discover(_Asking(self._connection), self._now, known=self.known)
        except NoResponse:
            return  # the request that follows shows whether the target is down
        self._known = found
        self._keep(found)


class _Asking:
    """A sender of requests whose errors show nothing about the target."""

    def __init__(self, connection: TargetConnection) -> None:
        self._connection = connection

    async def send(self, request: ScimRequest) -> ScimResponse:
        return await self._connection.ask(request)
