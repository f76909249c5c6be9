"""What somebody or something is refused again and again is left alone for a while."""

from __future__ import annotations

from datetime import timedelta

from tests.execute.story import NO_GUARD, REFUSAL
from tests.office import MANAGER, USER, Office, people, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)


def test_a_reference_that_is_refused_is_left_alone_for_a_while(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER, guard=NO_GUARD)
    office.hire([person(1), person(2)])
    office.push()
    faulty.fail("PATCH", times=1000, status=400, body=REFUSAL)
    office.hire([person(1), person(2, manager="00001")])
    faulty.forget()
    office.push(later=DAY)
    first = len(faulty.written())
    faulty.forget()
    office.push(later=timedelta(minutes=1))  # the pause is five minutes at least
    second = len(faulty.written())

    # once with `replace`, once with `add`, two other shapes of managers, and by PUT
    assert (first, second) == (5, 0)


def test_a_deletion_that_is_refused_is_left_alone_for_a_while(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "1d" }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("DELETE", times=1000, status=400, body=REFUSAL)
    office.push_twice(later=2 * DAY)
    faulty.forget()
    office.push(later=timedelta(minutes=1))

    assert [str(one) for one in faulty.written()] == []
