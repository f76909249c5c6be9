"""Serve the pages with uvicorn, in its own thread, at the address in sync.toml."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from scimsync.config.models import DEFAULT_PORT, Health
from scimsync.daemon.extras import require_extra
from scimsync.daemon.health.probes import Probes
from scimsync.errors import ConfigError

GRACE_S = 2
"""How long a response that is on its way may take at the end."""

REQUEST_TIMEOUT_S = 10.0
"""Seconds in which a request must arrive with all its headers."""

_JOIN_S = 5.0


class HealthEndpoint:
    """Answers at the address of the last successful `serve_at`.

    A connection is closed if no request arrives within `request_timeout_s` seconds.
    """

    def __init__(self, probes: Probes, request_timeout_s: float = REQUEST_TIMEOUT_S) -> None:
        self._probes = probes
        self._request_timeout_s = request_timeout_s
        self._server: _Server | None = None

    def serve_at(self, settings: Health) -> None:
        """Serve at `settings` instead of the current address; port 0 disables the endpoint.

        Raise ConfigError; then everything stays as it was.
        """
        before = self._server
        if before is not None and before.settings == settings:
            return
        server = None
        if settings.port:
            server = _Server(settings, self._probes, self._request_timeout_s)
        # two servers cannot listen at the same port
        conflict = before is not None and before.settings.port == settings.port
        if before is not None and conflict:
            before.stop()
        try:
            if server is not None:
                server.start()
        except BaseException:
            if before is not None and conflict:
                before.start()
            raise
        if before is not None and not conflict:
            before.stop()
        self._server = server

    def stop(self) -> None:
        """Stop serving; return within a few seconds, when no thread answers requests."""
        if self._server is not None:
            self._server.stop()
            self._server = None


class _Server:
    def __init__(self, settings: Health, probes: Probes, request_timeout_s: float) -> None:
        self.settings = settings
        self._probes = probes
        self._request_timeout_s = request_timeout_s

    def start(self) -> None:
        for module in ("starlette", "uvicorn"):
            require_extra(module, "daemon")
        import uvicorn

        from scimsync.daemon.health.app import make_app
        from scimsync.daemon.health.bounded_protocol import bounded_protocol
        from scimsync.daemon.health.hosts import OnlyOwnHosts

        listener = _listen(
            self.settings.host, self.settings.port
        )  # it accepts connections from now on
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._readers = ThreadPoolExecutor(1, "metrics")
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                OnlyOwnHosts(
                    make_app(self._probes, self._stopping, self._readers),
                    (self.settings.host, *self.settings.hosts),
                ),
                http=bounded_protocol(self._request_timeout_s),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level=logging.ERROR,  # malformed requests of strangers are not logged
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="health", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        with suppress(RuntimeError):  # the thread has ended
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._uvicorn.should_exit = True
        self._thread.join(_JOIN_S)
        self._readers.shutdown(wait=False, cancel_futures=True)

    def _run(self, listener: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._uvicorn.serve(sockets=[listener]))
        finally:
            self._loop.close()


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
            f"sync.toml: health.port: port {port} at {host} is in use",
            hint=(
                "another program or another daemon listens there; set another port, or 0 to"
                " disable the endpoint"
            ),
            code="SYNC-0806",
        )
    if error.errno == errno.EACCES:
        return ConfigError(
            f"sync.toml: health.port: port {port} needs root privileges",
            hint=f"use a port above 1023, such as port = {DEFAULT_PORT}",
            code="SYNC-0806",
        )
    # the error numbers of failed name lookups are not those of the system
    why = (
        error.strerror
        if error.errno is None or isinstance(error, socket.gaierror)
        else os.strerror(error.errno)
    )
    return ConfigError(
        f"sync.toml: health.host: cannot listen at {host}: {why}",
        hint="127.0.0.1 is this machine only, 0.0.0.0 is all its addresses",
        code="SYNC-0806",
    )
