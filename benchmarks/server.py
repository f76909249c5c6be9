"""A SCIM server that does next to nothing, so that what is measured is the client. Run: python -m
benchmarks.server

It says its URL on stdout, answers until stdin ends, and then says how many requests of each method
came, as JSON. Users are made and forgotten: lists are empty, PATCH and DELETE always find somebody.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EMPTY_LIST = (
    b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,'
    b'"Resources":[]}'
)


class Counting:
    """The other side of all connections."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.first_write = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                found = _LENGTH.search(head)
                body = await reader.readexactly(int(found[1])) if found else b""
                method = head[: head.index(b" ")].decode()
                self.requests[method] += 1
                if method != "GET" and not self.first_write:
                    self.first_write = time.monotonic()
                writer.write(self._answer(method, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, method: str, body: bytes) -> bytes:
        if method == "POST":
            return _response(b"201 Created", b'{"id":"%d",' % self.requests[method] + body[1:])
        if method == "GET":
            return _response(b"200 OK", _EMPTY_LIST)
        return b"HTTP/1.1 204 No Content\r\n\r\n"


def _response(status: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


class Server:
    """A running server.

    `requests` and `first_write`, when the first change arrived (seconds of `time.monotonic`), are
    filled in when it has ended.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: Counter[str] = Counter()
        self.first_write = 0.0


@contextmanager
def running_server() -> Iterator[Server]:
    """The server as a process of its own, as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = Server(process.stdout.readline().strip())
    try:
        yield server
    finally:
        counted, _ = process.communicate()
        ended = json.loads(counted)
        server.requests, server.first_write = Counter(ended["requests"]), ended["first_write"]


async def _main() -> None:
    counting = Counting()
    server = await asyncio.start_server(counting.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    ended = {"requests": counting.requests, "first_write": counting.first_write}
    print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
