"""How fast a push creates accounts, beside a bare client that sends the same bodies with as many
requests in flight.

Run: python -m benchmarks.bench_push [--rows N]. The server does next to nothing and is a process of
its own. `sending` is the part of the push in which requests are sent, each journalled before and
after; `all of it` is the whole process, from the start of Python over reading and planning to the
last line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from benchmarks.common import (
    ROUNDS,
    SYNC_TOML,
    Figures,
    rows_wanted,
    run,
    scimsync,
    scratch_folder,
    write_people,
)
from benchmarks.server import running_server

T = TypeVar("T")

ACCOUNTS = 5_000
IN_FLIGHT = 8
BODIES = "bodies.ndjson"


async def send_all(url: str, bodies: list[bytes]) -> None:
    """POSTs all bodies, `IN_FLIGHT` at a time."""
    import httpx2

    headers = {
        "Authorization": "Bearer made-up",
        "Accept": "application/scim+json",
        "Content-Type": "application/scim+json",
    }
    limits = httpx2.Limits(max_connections=IN_FLIGHT, max_keepalive_connections=IN_FLIGHT)
    left = iter(bodies)

    async def worker() -> None:
        for body in left:
            answer = await http.post(f"{url}/Users", content=body)
            assert answer.status_code == 201
            json.loads(answer.content)

    async with (
        httpx2.AsyncClient(limits=limits, trust_env=False, headers=headers) as http,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(IN_FLIGHT):
            group.create_task(worker())


def bare_client(folder: Path, url: str) -> float:
    """Seconds that a client without any knowledge needs for the bodies of `write_bodies`."""
    bodies = (folder / BODIES).read_bytes().splitlines()
    start = perf_counter()
    asyncio.run(send_all(url, bodies))
    return perf_counter() - start


def write_bodies(folder: Path) -> None:
    """Writes the bodies that a push will send, a line each."""
    plan = json.loads(scimsync(folder, "plan", "--offline", "--json").out)["targets"]["wiki"][
        "operations"
    ]
    with (folder / BODIES).open("w") as stream:
        stream.writelines(
            json.dumps(one["requests"][0]["body"], separators=(",", ":")) + "\n" for one in plan
        )


def fresh_push(folder: Path, url: str) -> tuple[float, float]:
    """Seconds of sending and of the whole process, for a push that has to create everybody."""
    for left in (*folder.glob("scimsync.db*"), *folder.glob("*.index.duckdb")):
        left.unlink()
    (folder / "sync.toml").write_text(SYNC_TOML.format(url=url), "utf-8")
    ran = scimsync(folder, "push", "--json")
    return float(json.loads(ran.out)["targets"]["wiki"]["seconds"]), ran.seconds


def at_new_server(rows: int, work: Callable[[str], T]) -> T:
    """What `work` gives for the URL of a server that nobody has spoken to; ends where not everybody
    was created."""
    with running_server() as server:
        taken = work(server.url)
    if server.requests["POST"] != rows:
        sys.exit(f"{server.requests['POST']:,} requests came, not {rows:,}")
    return taken


def main() -> None:
    """Prints the figures."""
    if len(sys.argv) == 4 and sys.argv[1] == "bare":
        print(bare_client(Path(sys.argv[2]), sys.argv[3]))
        return
    rows, figures = rows_wanted(ACCOUNTS, __doc__)
    with scratch_folder() as folder:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url="http://127.0.0.1:9/v2"), "utf-8")
        write_people(folder / "hr.csv", rows)
        write_bodies(folder)
        show(folder, rows, figures)
    figures.end()


def show(folder: Path, rows: int, figures: Figures) -> None:
    """Measures one after the other, in turns, so that both meet the same machine."""
    bare, sending, whole = [], [], []
    command = [sys.executable, "-m", "benchmarks.bench_push", "bare", str(folder)]
    for _ in range(ROUNDS):
        bare.append(at_new_server(rows, lambda url: float(run([*command, url]).out)))
        one, all_of_it = at_new_server(rows, lambda url: fresh_push(folder, url))
        sending.append(one)
        whole.append(all_of_it)
    figures.show("bare client", rows / min(bare), "requests/s")
    figures.show(
        "push, sending", min(bare) / min(sending), "of the bare client's rate", at_least=0.8
    )
    figures.show("push, all of it", min(bare) / min(whole), "of the bare client's rate")


if __name__ == "__main__":
    main()
