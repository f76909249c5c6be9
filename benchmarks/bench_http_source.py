"""Read people from an HTTP API page by page, next to a bare read of the same pages.

Run: python -m benchmarks.bench_http_source [--rows 50000]

The bare read asks for each page with httpx2, parses it for the token of the next one, and keeps
nothing. The source also takes its columns, notices repeated records, and writes everything to the
spool. The API is another process. It answers as an API on a fast network would, some milliseconds
after each request, of which the source uses what its own work takes. The figures without a limit
are those of an API that has all pages ready, so that only the two readers' own work counts.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import orjson

from benchmarks.common import rows_wanted, seconds_of
from scimsync.builtin import parse
from scimsync.run.compile import source_spec
from scimsync.sources import SourceSpec
from scimsync.sources.workspace import Workspace

ROWS = 50_000
PAGE = 200
PAUSE_S = 0.005
"""How long the API takes for a page, in seconds: less than the round trip to any public API."""

ROUNDS = 5
AT_MOST = 1.2
SYNC_TOML = """\
[sources.hr]
type = "http"
url = "{url}/people"
key = "id"
records = "people"
paging = {{ kind = "body_token", in = "query.token", out = "next", total = "total" }}
{columns}

[targets.wiki]
url = "https://wiki.example.com/scim/v2"
auth = {{ type = "bearer", token = "literal:made-up" }}
[targets.wiki.user]
userName = "email"
"""
COLUMNS = """
[sources.hr.columns]
id = "id"
email = "profile.email"
given = "profile.given"
family = "profile.family"
department = "job.department"
title = "job.title"
manager = "job.manager.id"
status = "status"
"""


def person(n: int) -> dict[str, object]:
    """One person, as APIs show them: nested, with more than anybody needs."""
    return {
        "id": f"E{n:07d}",
        "status": "active",
        "profile": {
            "email": f"person{n}@example.com",
            "given": f"Given{n % 5000}",
            "family": f"Family{n % 20011}",
            "phone": f"+1 555 {n % 10000:04d}",
        },
        "job": {
            "department": f"Department {n % 50}",
            "title": f"Title {n % 300}",
            "location": {"city": f"City {n % 40}", "country": "DE"},
            "manager": {"id": f"E{n // 10:07d}"},
        },
        "created": "2020-01-01T00:00:00Z",
        "links": {"self": {"href": f"https://hr.example.com/people/E{n:07d}"}},
    }


def serve(rows: int, pause: float) -> None:
    """Write the URL to stdout, and serve the pages until stdin ends, each after `pause` seconds."""
    pages = {}
    for start in range(0, rows, PAGE):
        body: dict[str, object] = {
            "people": [person(n) for n in range(start, min(start + PAGE, rows))],
            "total": rows,
        }
        if start + PAGE < rows:
            body["next"] = str(start + PAGE)
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
        )
        pages[str(start).encode()] = f"{head}\r\n\r\n".encode() + content

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1]
                if pause:
                    await asyncio.sleep(pause)
                writer.write(pages[target.partition(b"token=")[2] or b"0"])
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(run())


@contextmanager
def serving(rows: int, pause: float) -> Iterator[str]:
    """The URL of the API, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_http_source", "--serve"]
    command += [str(rows), str(pause)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def bare(url: str, rows: int) -> None:
    """Read all pages and keep nothing."""

    async def run() -> int:
        number, token = 0, ""
        async with httpx2.AsyncClient() as client:
            while True:
                response = await client.get(f"{url}/people{f'?token={token}' if token else ''}")
                body = orjson.loads(response.content)
                number += len(body["people"])
                token = body.get("next")
                if not token:
                    return number

    assert asyncio.run(run()) == rows


def source(url: str, columns: str) -> SourceSpec[Any]:
    """The source of the same people."""
    text = SYNC_TOML.format(url=url, columns=columns)
    used = ("email", "given", "family", "department", "title", "manager", "status")
    return replace(source_spec(parse(text, Path("sync.toml")), "hr"), used=used)


def spool(spec: SourceSpec[Any]) -> None:
    """Read all pages as a source does, to the spool."""
    with Workspace() as workspace:
        spec.open(workspace).checksum()


def measure(rows: int, pause: float) -> dict[str, float]:
    """Return the least seconds of each way to read, which take turns."""
    with serving(rows, pause) as url:
        works: dict[str, Callable[[], None]] = {
            "bare": lambda: bare(url, rows),
            "with columns": partial(spool, source(url, COLUMNS)),
            "without columns": partial(spool, source(url, "")),
        }
        seconds = dict.fromkeys(works, float("inf"))
        for _ in range(ROUNDS):  # in turns, as other work on the machine comes and goes
            for name, work in works.items():
                seconds[name] = min(seconds[name], seconds_of(work))
    return seconds


def main() -> None:
    """Print the figures."""
    rows, figures = rows_wanted(ROWS, __doc__)
    gc.set_threshold(50_000, 20, 20)  # as the command line sets it
    for pause in (PAUSE_S, 0.0):
        seconds = measure(rows, pause)
        floor = seconds.pop("bare")
        for name, taken in seconds.items():
            figures.show(
                f"HTTP source, {rows:,} people, {name}, {pause * 1000:g} ms for a page",
                taken / floor,
                at_most=AT_MOST if pause else None,
            )
            print(f"  {taken:.2f} s, bare {floor:.2f} s")
    figures.end()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(int(sys.argv[-2]), float(sys.argv[-1]))
    else:
        main()
