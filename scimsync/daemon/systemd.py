"""Notify systemd, if it started the daemon (sd_notify(3)): ready, reloading, stopping, alive."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

_LOG = logging.getLogger("scimsync")


class Systemd:
    """Sends to the socket that `environment` names, and does nothing if there is none.

    `ping_every_s` is half of the watchdog interval in seconds, or None without a watchdog.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.ping_every_s = (
            int(watchdog) / 2e6 if mine and watchdog.isdigit() and int(watchdog) else None
        )

    def ready(self) -> None:
        """Report that the daemon has started, or reloaded."""
        self._send("READY=1", "STATUS=watching")

    def reloading(self) -> None:
        """Report that the daemon reads sync.toml again; `ready` follows."""
        self._send(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """Report that the daemon is stopping."""
        self._send("STOPPING=1", "STATUS=finishing requests in flight")

    def alive(self) -> None:
        """Reset the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _LOG.debug("cannot notify systemd: %s", error.strerror)
