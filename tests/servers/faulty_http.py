"""A base class for servers on loopback that speak HTTP with JSON and fail on demand."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from tests.servers.loopback import LoopbackServer

Json = dict[str, Any]
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Seen:
    """One request. `path` is relative to the base URL; `path` and `query` are decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Json | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def writes(self) -> bool:
        return self.method in WRITES


@dataclass
class Fault:
    """How the next `times` requests of `method` fail for which `where` returns True.

    With `effect` the request is carried out first. Then the connection ends (`hang_up`), no
    response is sent (`hold`), the right response is sent once `until` is set, or the response has
    `status`, `body` and `headers`.
    """

    method: str | None = None
    where: Callable[[Seen], bool] = lambda seen: True
    times: int = 1
    status: int = 500
    body: bytes | Json = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: bool = False
    hang_up: bool = False
    hold: bool = False
    until: threading.Event | None = None

    def fits(self, seen: Seen) -> bool:
        return self.times > 0 and self.method in (None, seen.method) and self.where(seen)


@dataclass
class Reply:
    """An HTTP response."""

    status: int
    body: bytes | Json | list[Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultyHttpServer(LoopbackServer):
    """An HTTP server in a thread. `seen` and `faults` may be read and changed while no push runs.

    A subclass overrides `answer`. `media_type` is that of JSON bodies.
    """

    media_type = "application/json"

    def __init__(self, path: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.holding = threading.Event()
        """Set once a response is held back."""

    def answer(self, seen: Seen) -> Reply:
        """Return the response to a request."""
        raise NotImplementedError

    def elsewhere(self, seen: Seen) -> Reply:
        """Return the response to a request for a path that is not below the base URL."""
        return self.answer(seen)

    def aside(self, seen: Seen) -> Reply | None:
        """Return the response to a request that is neither recorded nor subject to faults."""
        return None

    def shaped(self, body: Any) -> Any:
        """Return a JSON body as it is sent."""
        return body

    def fail(self, method: str | None = None, **more: Any) -> Fault:
        """Add a fault."""
        fault = Fault(method, **more)
        self.faults.append(fault)
        return fault

    def written(self) -> list[Seen]:
        """Return the requests that change something."""
        return [one for one in self.seen if one.writes]

    def forget(self) -> None:
        """Forget all requests."""
        self.seen.clear()

    def wait_until_disconnected(self) -> None:
        """Return once no client is connected, so that nothing more arrives from a client that was
        killed."""
        asyncio.run_coroutine_threadsafe(self.until_disconnected(), self.loop).result()

    async def respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        query = {
            name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()
        }
        seen = Seen(
            method,
            unquote(url.path.removeprefix(self.path)),
            query,
            headers,
            _parsed(headers.get("content-type", ""), body) if body else None,
        )
        if (reply_aside := self.aside(seen)) is not None:
            writer.write(self._bytes(reply_aside))
            await writer.drain()
            return True
        self.seen.append(seen)
        fault = next((one for one in self.faults if one.fits(seen)), None)
        reply = Reply(500)
        if fault is None or fault.effect or fault.until is not None:
            below = url.path.startswith(self.path)
            reply = self.answer(seen) if below else self.elsewhere(seen)
        if fault is not None:
            fault.times -= 1
            if fault.hang_up:
                writer.transport.abort()
                return False
            if fault.hold:
                self.holding.set()
                await reader.read(1)  # until the client is gone
                return False
            if fault.until is not None:
                self.holding.set()
                await asyncio.to_thread(fault.until.wait)
            else:
                reply = Reply(fault.status, fault.body, fault.headers)
        writer.write(self._bytes(reply))
        await writer.drain()
        return True

    def _bytes(self, reply: Reply) -> bytes:
        body = reply.body
        kind = "text/html"
        if isinstance(body, dict | list):
            body, kind = json.dumps(self.shaped(body)).encode(), self.media_type
        body = body or b""
        headers = {"Content-Type": kind, **reply.headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {reply.status} Said\r\n{lines}\r\n".encode() + body


def _parsed(kind: str, body: bytes) -> Any:
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(body.decode()))
    try:
        return json.loads(body)
    except ValueError:
        return body
