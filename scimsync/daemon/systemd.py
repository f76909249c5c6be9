"""What systemd is told, where it started the daemon (sd_notify(3)): ready, reloading, stopping,
alive."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

_LOG = logging.getLogger("scimsync")


class Systemd:
    """Speaks to the socket that `environment` names; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.ping_every_s = (
            int(watchdog) / 2e6 if mine and watchdog.isdigit() and int(watchdog) else None
        )
        """Half of the time within which systemd wants to hear that the daemon is alive, in seconds;
        None where it does not."""

    def ready(self, status: str) -> None:
        """It has started, or reloaded."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """It reads sync.toml again; `ready` follows."""
        self._say(
            "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        )

    def stopping(self) -> None:
        """It finishes what is in flight."""
        self._say("STOPPING=1", "STATUS=finishing what is in flight")

    def status(self, status: str) -> None:
        """What it does now, for `systemctl status`."""
        self._say(f"STATUS={status}")

    def alive(self) -> None:
        """It is not stuck."""
        self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _LOG.debug("systemd was not told: %s", error.strerror)
