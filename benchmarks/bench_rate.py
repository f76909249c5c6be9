"""How much of a target's limit a push uses that was not told of it, and how often it hits it.

Run: python -m benchmarks.bench_rate [--rows N]. The server is a strict token bucket: 25 a second,
25 at once, 429 beyond, with Retry-After as whole seconds. The floor is what the bucket gives in the
time that the push takes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter

from benchmarks.common import (
    SYNC_TOML,
    Figures,
    rows_wanted,
    scimsync,
    scratch_folder,
    write_people,
)
from benchmarks.server import Counting

ACCOUNTS = 1_000
RATE = 25.0
CAPACITY = 25.0

_REFUSED = b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


class Limited(Counting):
    """Answers 429 where the bucket is empty."""

    def __init__(self) -> None:
        super().__init__()
        self._level, self._at = CAPACITY, time.monotonic()
        self.first: float | None = None
        self.last = 0.0
        self.refused = 0

    def _answer(self, method: str, body: bytes) -> bytes:
        now = time.monotonic()
        self.first = self.first or now
        self._level = min(CAPACITY, self._level + (now - self._at) * RATE)
        self._at = now
        if self._level < 1:
            self.refused += 1
            return _REFUSED
        self._level -= 1
        self.last = now
        self.requests["taken"] += 1
        return super()._answer(method, body)


async def serve() -> None:
    """Serves until standard input ends, then prints what came."""
    limited = Limited()
    server = await asyncio.start_server(limited.serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    seconds = limited.last - (limited.first or 0.0)
    print(
        json.dumps(
            {"taken": limited.requests["taken"], "refused": limited.refused, "seconds": seconds}
        ),
        flush=True,
    )


def measure(figures: Figures, rows: int, *, told: bool) -> None:
    """One push of people who are all new."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bench_rate", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    with scratch_folder() as folder:
        config = SYNC_TOML.format(url=url)
        if told:
            config = config.replace(f'url = "{url}"', f'url = "{url}"\nrate = {RATE}')
        (folder / "sync.toml").write_text(config, "utf-8")
        write_people(folder / "hr.csv", rows)
        scimsync(folder, "push")
    said, _ = server.communicate()
    seen: Counter[str] = Counter(json.loads(said))
    which = "told by rate" if told else "found by itself"
    figures.show(
        f"share of the limit that is used, {which}",
        seen["taken"] / (RATE * seen["seconds"]),
        at_least=0.98,
    )
    figures.show(
        f"share of answers 429, {which}",
        seen["refused"] / (seen["taken"] + seen["refused"]),
        at_most=0.01,
    )


def main() -> None:
    """Prints the figures."""
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
        return
    rows, figures = rows_wanted(ACCOUNTS, __doc__)
    for told in (False, True):
        measure(figures, rows, told=told)
    figures.end()


if __name__ == "__main__":
    main()
