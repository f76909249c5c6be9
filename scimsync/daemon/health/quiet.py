"""uvicorn, as a part of a program that has other things to do: it writes no log of its own and
leaves logging as it is."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE_S = 2
"""How long answers that are on their way are waited for at the end."""

# Not one that others can get: errors go to the log of scimsync, what strangers send wrongly (a
# warning each) goes nowhere.
_LOG = logging.Logger("scimsync.health", logging.ERROR)
_LOG.parent = logging.getLogger("scimsync")


class _Protocol(H11Protocol):
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.logger = _LOG
        self.access_log = False


class _Config(uvicorn.Config):
    def configure_logging(self) -> None:
        """Leaves it to the program. uvicorn would also name a level of its own, 5, which is
        taken."""


class QuietServer(uvicorn.Server):
    """Serves `app`. `up` is set once it does, or never will; `stopping`, of its event loop, when it
    begins to end."""

    def __init__(self, app: Starlette, stopping: asyncio.Event) -> None:
        super().__init__(
            _Config(
                app,
                http=_Protocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self.up = threading.Event()
        self._stopping = stopping

    def serve_on(self, listener: socket.socket) -> None:
        """Serves until `should_exit` is set. Signals are the main thread's: uvicorn takes none in
        another."""
        try:
            asyncio.run(self.serve(sockets=[listener]))
        finally:
            self.up.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping.set()
        await super().shutdown(sockets=sockets)
