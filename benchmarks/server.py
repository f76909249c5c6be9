"""A SCIM server that does next to nothing, so that what is measured is the client. Run: python -m
benchmarks.server

It says its URL on stdout, answers until stdin ends, and then says how many requests of each method
came, as JSON. Users are made and forgotten: lists are empty, PATCH and DELETE always find somebody.
With `--lose N`, every Nth bulk request is carried out and not answered, and the users of bulk
requests are found by externalId. With `--put`, PATCH is refused, and users are kept.
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

_EXTERNAL_ID = re.compile(rb"externalId%20eq%20%22([^%]+)%22")
_USER = re.compile(rb"/v2/Users/(\d+)$")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EMPTY_LIST = (
    b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"startIndex":1,"itemsPerPage":0,'
    b'"Resources":[]}'
)


class Counting:
    """The other side of all connections."""

    def __init__(self, lose: int = 0, *, put: bool = False) -> None:
        self.requests: Counter[str] = Counter()
        self.first_write = 0.0
        self._lose = lose
        self._put = put
        self._bulks = 0
        self._ids: dict[str, int] = {}
        self._users: dict[bytes, bytes] = {}

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
                path = head.split(b" ", 2)[1]
                if path == b"/v2/Bulk":
                    answer = self._carry_out(body)
                    if self._lose and self._bulks % self._lose == 0:
                        writer.transport.abort()
                        return
                    writer.write(answer)
                elif self._put and method in ("PATCH", "PUT"):
                    writer.write(self._change(method, path, body))
                else:
                    writer.write(self._found(path) or self._answer(method, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _carry_out(self, body: bytes) -> bytes:
        self._bulks += 1
        results = []
        for operation in json.loads(body)["Operations"]:
            result = {"method": operation["method"], "bulkId": operation["bulkId"], "status": "200"}
            if operation["method"] == "POST":
                number = self._ids.setdefault(operation["data"]["externalId"], len(self._ids) + 1)
                result |= {"status": "201", "location": f"/v2/Users/{number}"}
                self._keep(str(number).encode(), operation["data"])
            elif self._put and operation["method"] == "PATCH":
                result["status"] = "501"
            elif self._put:
                result["response"] = operation["data"]
                self._keep(operation["path"].rpartition("/")[2].encode(), operation["data"])
            results.append(result)
        return _response(b"200 OK", json.dumps({"Operations": results}).encode())

    def _found(self, path: bytes) -> bytes | None:
        """Return the response to a look-up of a user of a bulk request, or None for others."""
        if self._put and (user := _USER.search(path)) is not None:
            return _response(b"200 OK", self._users[user[1]])
        searched = _EXTERNAL_ID.search(path)
        key = "" if searched is None else searched[1].decode()
        if key not in self._ids:
            return None
        one = {"id": str(self._ids[key]), "externalId": key}
        return _response(b"200 OK", json.dumps({"totalResults": 1, "Resources": [one]}).encode())

    def _keep(self, user_id: bytes, user: dict[str, object]) -> None:
        if self._put:
            self._users[user_id] = json.dumps({**user, "id": user_id.decode()}).encode()

    def _change(self, method: str, path: bytes, body: bytes) -> bytes:
        """Return the response of a server that takes changes by PUT only."""
        if method == "PATCH":
            return _response(b"501 Not Implemented", b"{}")
        self._users[path.rpartition(b"/")[2]] = body
        return _response(b"200 OK", body)

    def _answer(self, method: str, body: bytes) -> bytes:
        if method == "POST":
            user = b'{"id":"%d",' % self.requests[method] + body[1:]
            if self._put:
                self._users[str(self.requests[method]).encode()] = user
            return _response(b"201 Created", user)
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
def running_server(lose: int = 0, *, put: bool = False) -> Iterator[Server]:
    """The server as a process of its own, as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", f"--lose={lose}", *(["--put"] if put else [])],
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
    lose = int(sys.argv[1].removeprefix("--lose="))
    counting = Counting(lose, put="--put" in sys.argv)
    server = await asyncio.start_server(counting.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    ended = {"requests": counting.requests, "first_write": counting.first_write}
    print(json.dumps(ended), flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
