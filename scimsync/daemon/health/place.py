"""Where the pages are served, while sync.toml may change that."""

from __future__ import annotations

from scimsync.config.models import Health
from scimsync.daemon.health.server import HealthServer
from scimsync.daemon.health.watched import Watched


class HealthPlace:
    """At most one server at work, that of the last `move`."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._server: HealthServer | None = None

    def move(self, wanted: Health) -> None:
        """Serves where `wanted` says. Raises ConfigError; then all is as before."""
        before = self._server
        if before is not None and (before.host, before.port) == (wanted.host, wanted.port):
            return
        server = HealthServer(wanted.host, wanted.port, self._watched) if wanted.port else None
        # two cannot have one port
        shared = before is not None and server is not None and before.port == server.port
        if before is not None and shared:
            before.stop()
        try:
            if server is not None:
                server.start()
        except BaseException:
            if before is not None and shared:
                before.start()
            raise
        if before is not None and not shared:
            before.stop()
        self._server = server

    def stop(self) -> None:
        """Serves nowhere any more."""
        if self._server is not None:
            self._server.stop()
            self._server = None
