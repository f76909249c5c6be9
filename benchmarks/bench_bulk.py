"""What bulk requests save: the requests and the time of a push that creates 10,000 accounts, and of
one that changes them all, beside the same push with single requests.

Run: python -m benchmarks.bench_bulk [--rows N]. The server does next to nothing and is a process of
its own, so that the time is that of the client; a real network adds a round trip to each request.
In two rows every 30th bulk request is carried out without an answer: each of its accounts is looked
up. The last rows are of a server that takes changes by PUT only, beside single PATCH requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common import (
    SYNC_TOML,
    Figures,
    rows_wanted,
    scimsync,
    scratch_folder,
    write_people,
)
from benchmarks.server import running_server

ACCOUNTS = 10_000
LOST = 30
PUT_PART = 5
"""The part of the accounts that is changed by PUT: each is read first."""

GUARD = '\n[guard]\nmax_updates = "100%"\n'

WAYS: Mapping[str, str] = {"single requests": "bulk = false", "bulk requests": "bulk = true"}
"""The ways to send, and the line of the target that chooses each; the first is compared with."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The requests of a push that change something, and the seconds in which they were sent."""

    requests: int
    seconds: float


def push(folder: Path, rows: int, action: str) -> Sent:
    """Push, and make sure that everybody got `action`."""
    target = json.loads(scimsync(folder, "push", "--json").out)["targets"]["wiki"]
    if target["counts"] != {action: rows} or target["failed"]:
        raise SystemExit(f"not all {rows:,} were sent: {target}")
    return Sent(target["requests"], target["seconds"])


def create_and_change(
    folder: Path, rows: int, line: str, lose: int = 0, *, put: bool = False
) -> tuple[Sent, Sent]:
    """Create everybody, and then change everybody."""
    for left in folder.glob("*"):
        left.unlink()
    with running_server(lose, put=put) as server:
        config = SYNC_TOML.format(url=server.url).replace("\nscope =", f"\n{line}\nscope =")
        (folder / "sync.toml").write_text(config + GUARD, "utf-8")
        write_people(folder / "hr.csv", rows)
        created = push(folder, rows, "create")
        write_people(folder / "hr.csv", rows, moved=rows)
        return created, push(folder, rows, "update")


def show(figures: Figures, way: str, what: str, sent: Sent, single: Sent) -> None:
    """Print the requests and the time, as shares of those of single requests."""
    share = sent.requests / single.requests
    figures.show(f"{way}, {what}", share, "of the requests", at_most=0.1)
    figures.show(f"{way}, {what}", sent.seconds / single.seconds, "of the time", at_most=1)


def main() -> None:
    """Print the figures."""
    rows, figures = rows_wanted(ACCOUNTS, __doc__)
    (first, line), *others = WAYS.items()
    with scratch_folder() as folder:
        created, changed = create_and_change(folder, rows, line)
        figures.show(f"{first}, creations", created.requests, f"for {rows:,} accounts")
        figures.show(f"{first}, creations", rows / created.seconds, "accounts/s")
        for way, line in others:
            bulk_created, bulk_changed = create_and_change(folder, rows, line)
            show(figures, way, "creations", bulk_created, created)
            show(figures, way, "changes", bulk_changed, changed)
        bulk_created, bulk_changed = create_and_change(folder, rows, "bulk = true", LOST)
        for what, sent, single in (
            ("creations", bulk_created, created),
            ("changes", bulk_changed, changed),
        ):
            share = sent.requests / single.requests
            figures.show(f"1 in {LOST} lost, {what}", share, "of the requests", at_most=0.1)
        for way, line in WAYS.items():
            _, put_changed = create_and_change(folder, rows // PUT_PART, line, put=True)
            share = put_changed.requests * PUT_PART / changed.requests
            figures.show(f"PUT, {way}, changes", share, "of the requests")
            figures.show(
                f"PUT, {way}, changes",
                put_changed.seconds * PUT_PART / changed.seconds,
                "of the time",
            )
    figures.end()


if __name__ == "__main__":
    main()
