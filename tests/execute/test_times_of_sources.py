"""The journal tells when a source first said what an operation follows from, and what confirms
that it is done."""

from __future__ import annotations

import os
from datetime import datetime, timedelta

import pytest

from scimsync.model.ids import Kind
from scimsync.model.operations import Confirmation, JournaledOperation
from tests.execute.story import DELETE, NO_GUARD, SOON
from tests.office import MONDAY, Office, Row, people, person
from tests.servers.faulty import FaultyServer

pytestmark = pytest.mark.both_databases

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def write(office: Office, rows: list[Row], at: datetime) -> None:
    """HR writes the file at a time."""
    office.hire(rows)
    os.utime(office.folder / "hr.csv", (at.timestamp(), at.timestamp()))


def last(office: Office, key: str = "00003", run: int | None = None) -> JournaledOperation:
    (found,) = (one for one in office.journal(run) if one.key == key and one.kind is Kind.USER)
    return found


def times(operation: JournaledOperation) -> tuple[datetime | None, datetime | None]:
    return operation.source_read_at, operation.source_modified_at


def test_an_operation_tells_when_its_source_was_read_and_written(office: Office) -> None:
    office.configure(guard=NO_GUARD)
    write(office, people(4), MONDAY - HOUR)
    office.push()
    assert times(last(office)) == (MONDAY, MONDAY - HOUR)

    write(office, people(2), MONDAY + HOUR)
    office.push(later=DAY)
    assert times(last(office)) == (MONDAY + DAY, MONDAY + HOUR)
    assert times(last(office, "00004")) == (MONDAY + DAY, MONDAY + HOUR)


def test_what_a_guard_stopped_counts_from_the_first_reading(office: Office) -> None:
    office.configure(guard="max_removals = 1\n" + 'min_records = "0%"')
    write(office, people(4), MONDAY)
    office.push()
    write(office, people(2), MONDAY + HOUR)
    assert office.push(later=DAY).exit_code == 3
    assert times(last(office)) == (MONDAY + DAY, MONDAY + HOUR)

    write(office, people(2), MONDAY + DAY)  # the same again
    assert office.push(later=DAY).exit_code == 3
    assert office.push(later=DAY, removals=2).exit_code == 0
    assert times(last(office)) == (MONDAY + DAY, MONDAY + HOUR)


def test_what_hr_took_back_counts_anew(office: Office) -> None:
    office.configure(guard="max_removals = 1\n" + 'min_records = "0%"')
    write(office, people(4), MONDAY)
    office.push()
    write(office, people(2), MONDAY + HOUR)
    assert office.push(later=DAY).exit_code == 3
    write(office, people(4), MONDAY + DAY)
    assert office.push(later=DAY).exit_code == 0

    write(office, people(3), MONDAY + 10 * DAY)
    office.push(later=10 * DAY)
    assert times(last(office, "00004")) == (MONDAY + 12 * DAY, MONDAY + 10 * DAY)


def test_an_operation_that_follows_from_no_change_of_a_record_tells_no_time(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.configure(guard=NO_GUARD, target="scope = \"id != '00003'\"")
    office.push(later=HOUR)
    assert last(office).action == "deactivate"
    assert times(last(office)) == (None, None)

    office.hire([person(1), person(2, dept="Law")])
    faulty.fail("PATCH", status=500, times=50)
    office.push(later=HOUR)
    assert last(office, "00002").status == "failed"
    office.push(later=SOON)
    assert times(last(office, "00002")) == (None, None)  # the first try has the time


def test_a_first_deactivation_is_confirmed_by_a_read_and_a_later_one_by_its_status(
    office: Office,
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    created = last(office)
    assert (created.http_status, created.confirmed_by) == (201, Confirmation.RESPONSE)
    for number, confirmation in ((2, Confirmation.READ), (1, Confirmation.STATUS)):
        office.hire(people(number))
        office.push(later=DAY)
        gone = last(office, f"{number + 1:05}")
        assert (gone.http_status, gone.confirmed_by, gone.confirmed_at) == (
            204,
            confirmation,
            gone.done_at,
        )


def test_a_first_deletion_is_confirmed_by_a_read_and_a_later_one_by_its_status(
    office: Office,
) -> None:
    office.configure(guard=NO_GUARD, target=DELETE)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push(later=DAY)
    assert (last(office).http_status, last(office).confirmed_by) == (204, Confirmation.READ)
    office.hire(people(1))
    office.push(later=DAY)
    assert last(office, "00002").confirmed_by is Confirmation.STATUS


def test_what_a_later_read_shows_confirms_the_request_without_an_answer(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    faulty.fail("PATCH", status=500, times=50)
    faulty.fail("GET", status=500, times=50)
    run = office.push(later=DAY).run
    assert last(office).status == "failed"
    assert last(office).confirmed_by is None
    faulty.faults.clear()
    faulty.users["id-00003"]["active"] = False  # it had arrived

    office.push(later=SOON)
    confirmed = last(office, run=run)
    assert (confirmed.confirmed_by, confirmed.confirmed_at) == (Confirmation.READ, office.now)
