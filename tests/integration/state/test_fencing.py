"""A run that lost its leases to another process writes nothing about what that one holds now."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.office import Office, counts, people
from tests.security_events import audit_table, in_file, short
from tests.servers.faulty import FaultyServer

EXIT_LEASE = 5
TABLES = ("source", "record", "replaced_record", "target", "link", "reference", "operation")


@pytest.fixture(params=["sqlite", "postgresql"])
def state_kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@contextmanager
def suspended_push(office: Office, faulty: FaultyServer, method: str) -> Iterator[None]:
    """Run a push in another process, whose leases expire while it waits for a response.

    The process gets the response at the end of the block and has to notice.
    """
    respond = threading.Event()
    faulty.holding.clear()
    faulty.fail(method, until=respond, effect=True)
    process = office.start("push")
    try:
        assert faulty.holding.wait(30)
        office.sql("UPDATE lease SET expires_at = '2026-01-01 00:00:00.000000'")
        yield
        respond.set()
        _, errors = process.communicate(timeout=60)
    finally:
        respond.set()
        _end(process)
    assert process.returncode == EXIT_LEASE, errors.decode()
    assert b"the lease went to another run" in errors


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def contents(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of the tables that runs share."""
    return {table: sorted(office.sql(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def test_a_plan_is_not_stored_after_another_run_took_the_leases(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    office.push()
    office.hire(people(4))
    with suspended_push(office, faulty, "GET"):
        office.hire(people(6))
        assert counts(office.push(later=timedelta(hours=1))) == {"create": 3}
        stored = contents(office)
        faulty.forget()

    assert contents(office) == stored
    assert faulty.written() == []
    assert counts(office.push(later=timedelta(hours=1))) == {}
    assert len(faulty.users) == 6


def test_outcomes_of_the_new_holder_stay_as_they_are(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    with suspended_push(office, faulty, "POST"):
        assert office.push(later=timedelta(hours=1)).exit_code == 0
        new_run = office.journal()
        links = office.links()
        faulty.forget()

    assert faulty.written() == []
    (last,) = office.sql("SELECT max(id) FROM run")
    assert office.journal(last[0]) == new_run
    for key, link in office.links().items():
        assert (link.document, link.remote_id) == (links[key].document, links[key].remote_id)
    # what the first process sent after all may have changed its resource: it is read again
    assert [key for key, link in office.links().items() if link.in_doubt] == ["00001"]
    assert office.push(later=timedelta(hours=1)).exit_code == 0
    assert len(faulty.users) == 1


def test_an_operation_of_both_processes_is_one_event(office: Office, faulty: FaultyServer) -> None:
    """The new holder reads what the old one sent, and the old one gets its response then."""
    office.configure(more=audit_table(office.folder, 'file = "events.ndjson"'))
    office.hire(people(1))
    with suspended_push(office, faulty, "POST"):
        assert office.push(later=timedelta(hours=1)).exit_code == 0

    office.now += timedelta(hours=1)
    assert office.run("push").code == 0
    tokens = in_file(office.folder / "events.ndjson")
    assert [(key, list(events)) for key, events in short(tokens)] == [("00001", ["create:notice"])]
