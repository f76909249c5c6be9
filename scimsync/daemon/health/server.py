"""The server of the pages: a port, and a thread that answers there."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import TYPE_CHECKING

from scimsync.config.models import DEFAULT_PORT
from scimsync.daemon.health.watched import Watched
from scimsync.errors import ConfigError

if TYPE_CHECKING:
    from scimsync.daemon.health.quiet import QuietServer

_END_S = 5.0


class HealthServer:
    """Says at `host` and `port` how `watched` is; port 0 is any that is free, and `port` says which
    once it has started."""

    def __init__(self, host: str, port: int, watched: Watched) -> None:
        self.host = host
        self.port = port
        self._watched = watched
        self._server: QuietServer | None = None
        self._thread: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None

    def start(self) -> None:
        """Returns when it answers. Raises ConfigError where it cannot listen there, or lacks a
        package."""
        for package in ("starlette", "uvicorn"):
            if find_spec(package) is None:
                raise ConfigError(
                    f"health: this needs {package}", hint="pip install 'scimsync[daemon]' brings it"
                )
        from scimsync.daemon.health.pages import make_pages
        from scimsync.daemon.health.quiet import QuietServer

        listener = _listen(self.host, self.port)
        self.port = listener.getsockname()[1]
        stopping = asyncio.Event()
        self._readers = ThreadPoolExecutor(1, "metrics")
        self._server = QuietServer(make_pages(self._watched, stopping, self._readers), stopping)
        self._thread = threading.Thread(
            target=self._server.serve_on, args=(listener,), name="health", daemon=True
        )
        self._thread.start()
        self._server.up.wait()
        if not self._server.started:
            raise RuntimeError("the thread that answers at health.port ended at once")

    def stop(self) -> None:
        """Returns when nothing answers any more, in a few seconds at most. Nothing happens where it
        had not started."""
        if self._server is None or self._thread is None or self._readers is None:
            return
        self._server.should_exit = True
        self._thread.join(_END_S)
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._server = self._thread = self._readers = None


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigError:
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"sync.toml: health.port: port {port} at {host} is taken",
            hint=(
                "another program listens there, or another daemon; write another port, or 0 for"
                " none"
            ),
        )
    if error.errno == errno.EACCES:
        return ConfigError(
            f"sync.toml: health.port: port {port} is not for everybody",
            hint=f"those from 1024 on are; write port = {DEFAULT_PORT}",
        )
    # of names that cannot be looked up the numbers are others
    why = (
        error.strerror
        if error.errno is None or isinstance(error, socket.gaierror)
        else os.strerror(error.errno)
    )
    return ConfigError(
        f"sync.toml: health.host: nothing can listen at {host}: {why}",
        hint="127.0.0.1 is this machine alone, 0.0.0.0 all its addresses",
    )
