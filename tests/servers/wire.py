"""A proxy on loopback that records the requests to a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from tests.servers.loopback import LoopbackServer


class Wire(LoopbackServer):
    """Passes everything on. `seen` holds method, path with query, and body of each request. While
    `is_down` returns True, connections end without a response."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        super().__init__(parts.path)
        self.seen: list[tuple[str, str, Any]] = []
        self.is_down: Callable[[], bool] = lambda: False
        self._host, self._port, self.path = parts.hostname or "", parts.port or 0, parts.path

    def written(self) -> list[tuple[str, str, Any]]:
        """Return the requests that change something; paths are relative to the base URL."""
        return [one for one in self.seen if one[0] != "GET"]

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        back = asyncio.create_task(_pump(server_reader, writer))
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                method, target, _ = first.split(" ")
                lengths = [
                    line.partition(":")[2]
                    for line in lines
                    if line.lower().startswith("content-length:")
                ]
                body = await reader.readexactly(int(lengths[0])) if lengths else b""
                if self.is_down():
                    writer.transport.abort()
                    return
                self.seen.append(
                    (method, target.removeprefix(self.path), json.loads(body) if body else None)
                )
                server_writer.write(head + body)
                await server_writer.drain()
        finally:
            back.cancel()
            server_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.CancelledError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()


@contextmanager
def watched(upstream: str) -> Iterator[Wire]:
    """Run a proxy that records the requests to the base URL `upstream`."""
    wire = Wire(upstream)
    with wire.running():
        yield wire
