"""A server on loopback that sends raw HTTP responses, also such as no HTTP library would send."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class RawServer:
    """Sends the next of `responses` to each request (the last one again and again) and keeps the
    requests."""

    responses: list[bytes]
    url: str = ""
    requests: list[str] = field(default_factory=list)
    connections: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length.group(1))) if length else b""
                self.requests.append((head + body).decode())
                response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
                writer.write(response)
                await writer.drain()
                if not _is_whole(response):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _is_whole(response: bytes) -> bool:
    """Whether the response has all bytes that it announces, so that the connection can be used
    again."""
    head, _, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return length is not None and int(length.group(1)) == len(body)


def raw_response(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return an HTTP response with `status` ("200 OK") and header lines."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@asynccontextmanager
async def running_raw_server(*responses: bytes) -> AsyncIterator[RawServer]:
    """Run a server as long as the context lasts. The response b"" closes the connection."""
    state = RawServer(list(responses))
    server = await asyncio.start_server(state.serve, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"
    try:
        yield state
    finally:
        server.close()
        await asyncio.gather(*filter(None, state.connections))
