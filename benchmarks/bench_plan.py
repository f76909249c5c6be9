"""What the nightly run costs when little or nothing changed, in passes of `csv.reader` over the
same file.

Run: python -m benchmarks.bench_plan [--rows N]. 1,000,000 people of 12 columns, all with accounts.
Whole processes are measured, the start of Python included; only the first ingest is timed inside of
one.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from benchmarks.common import (
    SYNC_TOML,
    Figures,
    best,
    csv_pass,
    fastest,
    rows_wanted,
    scimsync,
    scratch_folder,
    write_people,
)
from benchmarks.server import running_server

NOWHERE = "http://127.0.0.1:9/v2"
CHANGED = 137

_LINKS = """
insert into link (target, kind, key, remote_id, status, document, unique_name, in_doubt, failures)
select 'wiki', 'user', key, 'id-' || key, 'active', json_object(
  'externalId', data ->> 'employee_id', 'userName', data ->> 'email',
  'name.givenName', data ->> 'given', 'name.familyName', data ->> 'family',
  'displayName', (data ->> 'given') || ' ' || (data ->> 'family'),
  'title', data ->> 'title', 'active', json('true'),
  'emails[type eq "work"].value', data ->> 'email',
  'phoneNumbers[type eq "work"].value', data ->> 'phone',
  'addresses[type eq "work"].locality', data ->> 'location',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', data ->> 'department'
), data ->> 'email', 0, 0 from record
"""
"""Accounts as a million requests would have left them behind: what the mapping of `SYNC_TOML` makes
of each record."""


def ingest(folder: Path) -> float:
    """Reads hr.csv into a new state; the seconds that it took."""
    from time import perf_counter

    from scimsync.builtin import load
    from scimsync.run.compile import compile_config
    from scimsync.snapshot.ingest import SourceLimits
    from scimsync.snapshot.ingest import ingest as read_source
    from scimsync.state.store import open_state

    for left in (*folder.glob("scimsync.db*"), *folder.glob("*.index.duckdb")):
        left.unlink()
    config = load(folder / "sync.toml")
    source = compile_config(config, secrets=False).sources["hr"]
    with closing(open_state(config.state_url, config.base_dir, create=True)) as store:
        limits = SourceLimits([config.guard.min_records], [config.guard.max_emptied])
        start = perf_counter()
        read_source(store, source.spec, source.used, source.index, limits, datetime.now(UTC))
        return perf_counter() - start


def link(folder: Path, make_links: bool) -> None:
    """Makes the state say that everything in it has been pushed to the target of sync.toml;
    `make_links` makes the accounts."""
    from sqlalchemy import text

    from scimsync.builtin import load
    from scimsync.model.target_memory import TargetState
    from scimsync.run.compile import compile_config
    from scimsync.state import record_rows, target_states
    from scimsync.state.store import open_state

    config = load(folder / "sync.toml")
    wiki = compile_config(config, secrets=False).targets["wiki"]
    with (
        closing(open_state(config.state_url, config.base_dir, create=True)) as store,
        store.write() as connection,
    ):
        if make_links:
            connection.execute(text(_LINKS))
        digest = wiki.digest(datetime.now().astimezone().date())
        target_states.put_targets(
            connection, [TargetState("wiki", digest, record_rows.head_seq(connection, ["hr"]))]
        )


def expect(what: str, found: object, wanted: object) -> None:
    """Ends the benchmark where it does not measure what it says."""
    if found != wanted:
        sys.exit(f"{what}: {found}, not {wanted}")


def operations(folder: Path) -> int:
    """How many operations a plan holds now."""
    counts = json.loads(scimsync(folder, "plan", "--offline", "--json").out)["targets"]["wiki"][
        "counts"
    ]
    return sum(counts.values())


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(1_000_000, __doc__)
    with scratch_folder() as folder:
        hr = folder / "hr.csv"
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=NOWHERE), "utf-8")
        write_people(hr, rows)
        floor = best(lambda: csv_pass(hr))
        # processes of their own: this one stays small
        with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            first = best(lambda: pool.apply(ingest, (folder,)))
            pool.apply(link, (folder, True))
        figures.show("first ingest", first / floor, "csv passes", at_most=15)

        expect("operations where nothing changed", operations(folder), 0)
        unchanged = fastest(lambda: scimsync(folder, "plan", "--offline"))
        figures.show("plan, the same file", unchanged.seconds / floor, "csv passes", at_most=0.75)
        figures.show("plan, the same file, memory", unchanged.peak_mb, "MB", at_most=600)

        write_people(hr, rows, backwards=True)
        expect("operations where rows changed their places", operations(folder), 0)
        floor = best(lambda: csv_pass(hr))
        moved = fastest(lambda: scimsync(folder, "plan", "--offline"))
        figures.show("plan, rows in another order", moved.seconds / floor, "csv passes", at_most=1)
        figures.show("plan, rows in another order, memory", moved.peak_mb, "MB", at_most=600)

        write_people(hr, rows, moved=CHANGED)
        some = fastest(lambda: scimsync(folder, "plan", "--offline"))
        figures.show(f"plan, {CHANGED} people changed", some.seconds / floor, "csv passes")
        figures.show(f"plan, {CHANGED} people changed, memory", some.peak_mb, "MB", at_most=600)
        expect("operations of changed people", operations(folder), CHANGED)
        push(folder, figures)
    figures.end()


def push(folder: Path, figures: Figures) -> None:
    """Pushes the changes to a server that counts the requests."""
    with running_server() as server:
        (folder / "sync.toml").write_text(SYNC_TOML.format(url=server.url), "utf-8")
        with get_context("spawn").Pool(1) as pool:  # a new URL is another target, but for this
            pool.apply(link, (folder, False))
        pushed = scimsync(folder, "push")
    expect("requests for changed people", dict(server.requests), {"PATCH": CHANGED})
    figures.show(
        f"push, {CHANGED} people changed: requests for each",
        server.requests.total() / CHANGED,
        at_most=1,
    )
    figures.show("push, memory", pushed.peak_mb, "MB", at_most=600)


if __name__ == "__main__":
    main()
