"""What it costs to read a target back and compare it, in bare paged reads of the same list.

Run: python -m benchmarks.bench_reconcile [--rows N]. The target has 100,000 accounts in pages of
100, and the state is as if all had been pushed. The bare read fetches the same pages with httpx2,
one after the other, and parses their JSON. Both are whole processes, the start of Python included.
The server answers each request after `PAUSE_S`, which is little for an application on a network.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bench_plan import ingest, link
from benchmarks.common import (
    SYNC_TOML,
    fastest,
    rows_wanted,
    run,
    scimsync,
    scratch_folder,
    write_people,
)

PAGE = 100
PAUSE_S = 0.01
CHANGED = 20
_START = re.compile(rb"[?&]startIndex=(\d+)")
_USER = re.compile(rb"/v2/Users/([^ ?]+)")
_EXTENSION = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_BARE = """
import json, sys
import httpx2
import orjson
url, rows = sys.argv[1], int(sys.argv[2])
with httpx2.Client() as client:
    read = 0
    while read < rows:
        page = client.get(f"{url}/Users?startIndex={read + 1}&count=100")
        read += len(orjson.loads(page.content)["Resources"])
"""


def account(number: int, *, changed: bool) -> bytes:
    """Returns what the target shows of a person of `write_people`."""
    email, title = f"person{number}@example.com", f"Title {number % 300}"
    shown = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", _EXTENSION],
        "id": f"id-E{number:07d}",
        "externalId": f"E{number:07d}",
        "meta": {
            "resourceType": "User",
            "created": "2026-03-02T08:00:00Z",
            "lastModified": "2026-03-02T08:00:00Z",
            "location": f"https://wiki.example.com/scim/v2/Users/id-E{number:07d}",
        },
        "userName": email,
        "name": {"givenName": f"Given{number % 5000}", "familyName": f"Family{number % 20011}"},
        "displayName": f"Given{number % 5000} Family{number % 20011}",
        "title": "Changed by hand" if changed else title,
        "active": True,
        "emails": [{"type": "work", "value": email, "primary": True}],
        "phoneNumbers": [
            {"type": "work", "value": f"+1 555 {number % 10000:04d} {number % 977:03d}"}
        ],
        "addresses": [{"type": "work", "locality": f"Location {number % 40}"}],
        _EXTENSION: {"department": f"Department {number % 50}"},
    }
    return json.dumps(shown).encode()


class Lists:
    """A server that shows one list of users, in pages."""

    def __init__(self, rows: int) -> None:
        step = max(rows // CHANGED, 1)
        self._users = [account(number, changed=number % step == 1) for number in range(rows)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(PAUSE_S)
                writer.write(self._answer(head.split(b"\r\n", 1)[0]))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        user, start = _USER.search(line), _START.search(line)
        if user is not None:
            return _response(b"200 OK", self._users[int(user[1][4:])])
        if b"/v2/Users" not in line:
            return _response(b"404 Not Found", b"{}")
        first = int(start[1]) - 1 if start else 0
        shown = b",".join(self._users[first : first + PAGE])
        body = b'{"totalResults":%d,"startIndex":%d,"Resources":[%b]}'
        return _response(b"200 OK", body % (len(self._users), first + 1, shown))


def _response(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n%b"
    return head % (status, len(body), body)


@contextmanager
def running_lists(rows: int) -> Iterator[str]:
    """The server as a process of its own, as long as the block lasts. Yields its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench_reconcile", "--serve", str(rows)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate()


async def _serve(rows: int) -> None:
    server = await asyncio.start_server(Lists(rows).serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2", flush=True)
    await asyncio.to_thread(sys.stdin.read)


def fill(folder: Path) -> None:
    """Makes the state say that all accounts are at the target."""
    ingest(folder)
    link(folder, make_links=True)


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(100_000, __doc__)
    with scratch_folder() as folder, running_lists(rows) as url:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=url), "utf-8")
        write_people(folder / "hr.csv", rows)
        with get_context("spawn").Pool(1) as pool:  # a process of its own: this one stays small
            pool.apply(fill, (folder,))
        bare = fastest(lambda: run([sys.executable, "-c", _BARE, url, str(rows)]))
        compared = fastest(lambda: scimsync(folder, "reconcile", "--json"))
        found = json.loads(compared.out)
    if found["drift"] != CHANGED:
        sys.exit(f"{found['drift']} findings, not {CHANGED}")
    figures.show("reconcile", compared.seconds / bare.seconds, "bare paged reads", at_most=1.3)
    figures.show("reconcile, memory", compared.peak_mb, "MB", at_most=300)
    figures.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        asyncio.run(_serve(int(sys.argv[2])))
    else:
        main()
