"""A proxy on loopback in front of a real SCIM server that spoils responses as networks do."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.servers.loopback import LoopbackServer

BEFORE = ("429", "503", "500", "reset")
"""Faults instead of the request."""

AFTER = ("lost", "late 500", "late 503", "truncated", "no JSON", "web page", "slow")
"""Faults of its response. `slow` sends all of it, in pieces; `late 503` is the response of a proxy
that lost the one of the service."""

NO_SERVICE = "no service"
"""The response of a router that does not find the service at the moment."""

HELD = "held"
"""The connection ends, and the request reaches the server only on demand (`let_go`)."""


Choice = Callable[[str, bytes], str]
"""Returns the fault for a request, given as `METHOD /PATH?QUERY` and body: one of `BEFORE` or
`AFTER`, `HELD`, `NO_SERVICE`, a status, or "" for none."""


def at_random(share: float, seed: int) -> Choice:
    """Spoil `share` of the responses."""
    chance = random.Random(seed)
    return lambda _line, _body: chance.choice(BEFORE + AFTER) if chance.random() < share else ""


class Proxy(LoopbackServer):
    """Spoils the requests for which `choose` returns a fault.

    `spoilt` counts the faults, `requests` holds the lines of all requests.
    """

    def __init__(self, upstream: str, choose: Choice) -> None:
        super().__init__()
        parts = urlsplit(upstream)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.choose = choose
        self.spoilt: Counter[str] = Counter()
        self.requests: list[str] = []
        self._held: list[tuple[bytes, bytes]] = []

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        line = head.partition(b" HTTP/")[0].decode()
        self.requests.append(line)
        how = self.choose(line, body)
        self.spoilt[how] += bool(how)
        if how in ("reset", HELD):
            if how == HELD:
                self._held.append((head, body))
            writer.transport.abort()
            return False
        if how == NO_SERVICE:
            writer.write(_answer(404, b"404 page not found\n"))
            await writer.drain()
            return True
        if how in BEFORE or how.isdecimal():
            writer.write(_answer(int(how), b'{"detail": "not now"}'))
            await writer.drain()
            return True
        answer_head, answer = await self._ask(head, body)
        if how == "lost":
            writer.transport.abort()
            return False
        if how == "truncated":
            writer.write(answer_head + answer[: len(answer) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        if how == "late 500":
            writer.write(_answer(500, b""))
        elif how == "late 503":
            writer.write(_answer(503, b"upstream connect error"))
        elif how == "no JSON":
            writer.write(_answer(200, b'{"id": '))
        elif how == "web page":
            writer.write(_answer(502, b"<html>Bad gateway</html>"))
        elif how == "slow":
            for part in (answer_head, answer[:10], answer[10:]):
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        else:
            writer.write(answer_head + answer)
        await writer.drain()
        return True

    async def let_go(self) -> None:
        """Send the requests that were held, from any event loop."""

        async def send_on() -> None:
            while self._held:
                await self._ask(*self._held.pop(0))

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(send_on(), self.loop))

    async def _ask(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return head and body of the real response."""
        lines = [
            line
            for line in head.split(b"\r\n")
            if line and not line.lower().startswith((b"connection:", b"host:"))
        ]
        host = f"Host: {self._host}:{self._port}".encode()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            first = lines[0].replace(b"HTTP/1.1", b"HTTP/1.0")  # the answer comes in one piece
            writer.write(b"\r\n".join([first, host, *lines[1:], b"", b""]) + body)
            answer = await reader.read()
        finally:
            writer.close()
        answer_head, _, content = answer.partition(b"\r\n\r\n")
        status, *headers = answer_head.replace(b"HTTP/1.0", b"HTTP/1.1", 1).split(b"\r\n")
        kept = [
            one
            for one in headers
            if not one.lower().startswith(
                (b"connection:", b"content-length:", b"transfer-encoding:")
            )
        ]
        return (
            b"\r\n".join([status, *kept, f"Content-Length: {len(content)}".encode(), b"", b""]),
            content,
        )


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _answer(status: int, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 {status} Said\r\nContent-Type: application/scim+json\r\nContent-Length:"
        f" {len(body)}\r\n\r\n".encode()
        + body
    )


@contextmanager
def running_proxy(upstream: str, choose: Choice) -> Iterator[Proxy]:
    """Run a proxy in front of the server at `upstream`, whose URL has no path."""
    proxy = Proxy(upstream, choose)
    with proxy.running():
        yield proxy
