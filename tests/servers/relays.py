"""What stands between a client and a server on loopback: an HTTP proxy, and a TLS endpoint."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

from tests.servers.loopback import LoopbackServer


class ForwardProxy(LoopbackServer):
    """An HTTP proxy (RFC 9110 sections 7.3.2 and 9.3.6). `lines` are the request lines it got."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        self.lines.append(line.decode())
        method, place, version = line.decode().split()
        if method == "CONNECT":
            host, _, port = place.rpartition(":")
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await _relay(reader, writer, host, int(port), b"")
            return
        parts = urlsplit(place)
        start = f"{method} {parts.path} {version}\r\nConnection: close\r\n".encode()
        await _relay(reader, writer, parts.hostname or "", parts.port or 80, start + rest)


class TlsEndpoint(LoopbackServer):
    """Accepts https for the server at `upstream`."""

    def __init__(self, upstream: str, context: ssl.SSLContext) -> None:
        parts = urlsplit(upstream)
        super().__init__(parts.path, context)
        self._host, self._port = parts.hostname or "", parts.port or 80

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(reader, writer, self._host, self._port, b"")


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, first: bytes
) -> None:
    """Connect, send `first`, and pass bytes on in both directions until one side ends."""
    from_server, to_server = await asyncio.open_connection(host, port)
    to_server.write(first)
    pipes = [
        asyncio.ensure_future(_pipe(reader, to_server)),
        asyncio.ensure_future(_pipe(from_server, writer)),
    ]
    try:
        await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pipe in pipes:
            pipe.cancel()
        to_server.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
