"""`scimsync state`: export, import and prune; what happens when the database fails."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from scimsync.errors import StateError
from tests.office import Office, Pauses, counts, people, person
from tests.servers.faulty import FaultyServer, Seen
from tests.servers.postgresql import Server


def in_postgresql(office: Office, server: Server, folder: Path) -> Office:
    """The same company with its state in PostgreSQL."""
    folder.mkdir()
    other = Office(folder, office.url, office.token, office.now, server.create("template_state"))
    other.configure()
    return other


def test_from_sqlite_to_postgresql_and_back(
    office: Office, faulty: FaultyServer, postgresql: Server, tmp_path: Path
) -> None:
    office.hire(people(30))
    faulty.fail("POST", status=400)
    office.push()
    faulty.forget()
    before = office.links()

    assert office.run("state", "export", "state.ndjson").code == 0
    assert stat.S_IMODE((office.folder / "state.ndjson").stat().st_mode) == 0o600
    other = in_postgresql(office, postgresql, tmp_path / "other")
    other.hire(people(30))
    ran = other.run("state", "import", str(office.folder / "state.ndjson"))

    assert ran.code == 0, ran.err
    assert other.links() == before
    assert (other.push().targets["wiki"].requests, faulty.seen) == (0, [])
    other.hire(people(31))
    assert counts(other.push(later=timedelta(minutes=6))) == {"create": 2}
    assert other.run("state", "export", "back.ndjson").code == 0
    third = Office(tmp_path / "third", office.url, office.token, other.now)
    third.folder.mkdir()
    third.configure()
    third.hire(people(31))
    assert third.run("state", "import", str(other.folder / "back.ndjson")).code == 0
    assert third.links() == other.links()
    faulty.forget()
    assert (third.push().targets["wiki"].requests, faulty.seen) == (0, [])


@pytest.mark.parametrize("spoil", ["cut", "foreign", "older", "row", "nothing", "more"])
def test_an_import_is_all_or_nothing(
    office: Office, faulty: FaultyServer, spoil: str, tmp_path: Path
) -> None:
    office.hire(people(5))
    office.push()
    office.run("state", "export", "state.ndjson")
    lines = (office.folder / "state.ndjson").read_text().splitlines(keepends=True)
    if spoil == "cut":
        lines = lines[:-3]
    elif spoil == "foreign":
        lines = ["id,name\n", "1,x\n"]
    elif spoil == "older":
        lines[0] = lines[0].replace('"tables":"', '"tables":"9')
    elif spoil == "row":
        lines[2] = '["link", {"no": "such"}]\n'
    elif spoil == "nothing":
        lines[2] = '["link", null]\n'
    else:
        lines.append(lines[1])
    other = Office(tmp_path / "other", office.url, office.token)
    other.folder.mkdir()
    other.configure()
    other.write("state.ndjson", "".join(lines))

    ran = other.run("state", "import", "state.ndjson")

    assert ran.code == 2
    assert "state.ndjson" in ran.err
    assert "Traceback" not in ran.err
    other.hire(people(5))
    assert other.links() == {}


def test_an_import_into_a_state_that_is_in_use_is_refused(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    office.push()
    office.run("state", "export", "state.ndjson")

    ran = office.run("state", "import", "state.ndjson")

    assert (ran.code, "the state is not empty" in ran.err) == (1, True), ran.err


def test_prune_deletes_old_runs_and_nothing_else(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(10))
    office.push()
    office.hire([person(1, dept="Sales"), *people(10)[1:]])
    office.push(later=timedelta(days=100))
    office.push(later=timedelta(days=1))
    links = office.links()

    ran = office.run("state", "prune", "--keep", "90d", "--json")

    assert ran.document == {"runs": 1, "operations": 10}
    assert office.links() == links
    assert [row[0] for row in office.sql("SELECT id FROM run ORDER BY id")] == [2, 3]
    assert office.push().targets["wiki"].requests == 0
    assert office.run("state", "prune", "--keep", "never").code == 2
    assert office.run("state", "upgrade").code == 0


def test_prune_keeps_what_recovery_needs(
    office: Office, faulty: FaultyServer, pauses: Pauses
) -> None:
    office.hire(people(10))
    office.push()
    faulty.fail("PATCH", status=500, times=100)
    office.hire([person(1, dept="Sales"), *people(10)[1:]])
    office.push()
    office.now += timedelta(days=100)
    office.run("push", "-t", "wiki", "-k", "00002")  # the last run stays

    ran = office.run("state", "prune", "--keep", "90d", "--json")

    assert ran.document == {"runs": 0, "operations": 9}
    assert office.sql("SELECT action FROM operation WHERE key = '00001' ORDER BY id") == [
        ("create",),
        ("update",),
    ]


def test_a_full_disk_is_reported_and_nothing_is_sent_without_its_journal(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.forget()
    office.hire([*people(5), *({**row, "family": "x" * 3000} for row in people(2000)[5:])])

    def full(connection: object, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count = {pages + 5}")  # type: ignore[attr-defined]

    event.listen(Engine, "connect", full)
    try:
        ran = office.run("push")
    finally:
        event.remove(Engine, "connect", full)

    assert ran.code == 1
    assert "the disk is full" in ran.err
    assert "Traceback" not in ran.err
    assert faulty.written() == []
    assert office.push().exit_code == 0
    assert len(faulty.users) == 2000


def test_a_lost_connection_is_reported_and_the_next_push_creates_nothing_twice(
    office: Office, faulty: FaultyServer, postgresql: Server, tmp_path: Path
) -> None:
    import psycopg

    other = in_postgresql(office, postgresql, tmp_path / "other")
    other.configure(target="concurrency = 2")
    other.hire(people(300))
    database = (other.state or "").rpartition("/")[2]

    def cut(seen: Seen) -> bool:
        if len(faulty.users) == 70:
            with psycopg.connect(postgresql.url("postgres"), autocommit=True) as server:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [database],
                )
        return False

    faulty.fail("POST", where=cut)
    with pytest.raises(StateError, match="state database cannot be reached"):
        other.push()
    there = len(faulty.users)
    assert 70 <= there < 300
    (sent,) = other.sql("SELECT count(*) FROM operation WHERE sent_at IS NOT NULL")[0]
    assert sent >= there
    faulty.faults.clear()

    assert other.push(later=timedelta(minutes=3)).exit_code == 0

    assert len(faulty.users) == 300
    assert len([one for one in faulty.seen if one.method == "POST"]) <= 300 + 4
    assert other.push().targets["wiki"].requests == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://scimsync:s3cr3t@127.0.0.1:9/x", "cannot be reached"),
        ("postgresql://scimsync:s3cr3t@127.0.0.1:{port}/nowhere", "does not exist"),
        (
            "postgresql://scimsync:s3cr3t@127.0.0.1:{port}/foreign",
            "this database belongs to another program",
        ),
    ],
)
def test_an_unusable_database_is_reported(
    office: Office, postgresql: Server, url: str, said: str
) -> None:
    import psycopg

    if url.endswith("foreign"):
        made = postgresql.create()
        with psycopg.connect(made) as connection:
            connection.execute("CREATE TABLE invoice (id integer)")
        url = url.replace("foreign", made.rpartition("/")[2])
    office.state = url.format(port=postgresql.port)
    office.configure()
    office.hire(people(1))

    ran = office.run("push")

    assert (ran.code, said in ran.err) == (1, True), ran.err
    assert "s3cr3t" not in ran.out + ran.err
    assert "Traceback" not in ran.err
