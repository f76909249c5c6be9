"""Refuse requests that are meant for another host.

A web page that a browser shows can reach this machine under a name of its own, if its name server
says so (DNS rebinding). Its requests have that name in their Host header.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from starlette.responses import JSONResponse

_REFUSAL = "unknown Host header; [health] hosts in sync.toml adds names"


class OnlyOwnHosts:
    """An application that answers requests with an own or no Host header, and 421 to all others.

    Own hosts are this machine, IP addresses, and `names` (RFC 9110 section 15.5.20).
    """

    def __init__(self, app: Any, names: Iterable[str]) -> None:
        self._app = app
        self._names = {_without_dot(name) for name in ("localhost", socket.gethostname(), *names)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if all(self._is_own(host) for host in hosts):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"detail": _REFUSAL}, 421, {"Cache-Control": "no-store"})
        await refusal(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        """Return whether a Host header, with or without a port, names this machine."""
        if host.startswith("["):
            return _is_address(host[1:].partition("]")[0])
        name = host.partition(":")[0]
        return _is_address(name) or _without_dot(name) in self._names


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _without_dot(name: str) -> str:
    return name.lower().removesuffix(".")
