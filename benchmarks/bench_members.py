"""What ten changes in a group of 100,000 members cost: one PATCH, and memory that does not follow
the size of the group.

Run: python -m benchmarks.bench_members [--rows N]. The state is as if all had been pushed; then ten
people move away.
"""

from __future__ import annotations

from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bench_plan import expect, ingest, link
from benchmarks.common import SYNC_TOML, rows_wanted, scimsync, scratch_folder, write_people
from benchmarks.server import running_server

MOVED = 10
GROUP = """
[targets.wiki.groups.everybody]
displayName = { value = "Everybody" }
members = "department != 'Moved'"
"""
_GROUP = """
insert into link (target, kind, key, remote_id, status, document, unique_name, in_doubt, failures)
values ('wiki', 'group', 'everybody', 'id-everybody', 'active',
  '{"displayName":"Everybody"}', 'everybody', 0, 0)
"""
_MEMBERS = """
insert into membership
  (target, group_key, member_kind, member_key, wanted, revoked, acknowledged, due)
select 'wiki', 'everybody', 'user', key, 1, 0, 1, 0 from record
"""


def fill(folder: Path, group: bool) -> None:
    """Reads hr.csv, and makes the state say that all accounts, and with `group` all memberships,
    are there."""
    from sqlalchemy import text

    from scimsync.builtin import load
    from scimsync.state.store import open_state

    ingest(folder)
    link(folder, make_links=True)
    config = load(folder / "sync.toml")
    with (
        closing(open_state(config.state_url, config.base_dir, create=True)) as store,
        store.write() as connection,
    ):
        if group:
            connection.execute(text(_GROUP))
            connection.execute(text(_MEMBERS))


def changes(folder: Path, rows: int, group: bool) -> tuple[float, int]:
    """The memory of a push for which ten people have moved, in MB, and the number of its
    requests."""
    with running_server() as server:
        (folder / "sync.toml").write_text(
            SYNC_TOML.format(url=server.url) + (GROUP if group else ""), "utf-8"
        )
        write_people(folder / "hr.csv", rows)
        with get_context("spawn").Pool(1) as pool:  # a process of its own: this one stays small
            pool.apply(fill, (folder, group))
        write_people(folder / "hr.csv", rows, moved=MOVED)
        pushed = scimsync(folder, "push")
    expect("methods", set(server.requests), {"PATCH"})
    return pushed.peak_mb, server.requests["PATCH"]


def main() -> None:
    """Prints the figures."""
    rows, figures = rows_wanted(100_000, __doc__)
    with scratch_folder() as folder:
        without, people = changes(folder, rows, group=False)
        with_group, requests = changes(folder, rows, group=True)
    expect("requests for people", people, MOVED)
    figures.show(
        "push, 10 of a group's members changed: requests for the group",
        requests - people,
        at_most=1,
    )
    figures.show("push, memory", with_group / without, "of a push without the group", at_most=1.1)
    figures.end()


if __name__ == "__main__":
    main()
