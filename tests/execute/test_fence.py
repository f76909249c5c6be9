"""A run whose lease went to another one sends nothing more, whatever it slept through; a clock that
jumps ends no run."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from scimsync.errors import LeaseHeld
from tests.office import Office, counts, people
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.both_databases


def test_a_process_that_wakes_up_after_its_lease_went_to_another_sends_nothing_more(
    office: Office, faulty: FaultyServer
) -> None:
    slept = [0.0]
    office.steady = lambda: slept[0]
    office.configure(target="concurrency = 1")
    office.hire(people(100))

    def fall_asleep(seen: Seen) -> bool:
        if seen.method == "POST" and len(faulty.users) == 4 and not slept[0]:
            office.sql("UPDATE lease SET holder = 'another process 1 x'")
            slept[0] = 180.0
        return False

    faulty.fail("POST", where=fall_asleep)
    outcome = office.push()

    assert outcome.exit_code == 5
    assert len(faulty.users) == 5
    office.sql("UPDATE lease SET holder = ''")
    faulty.faults.clear()
    assert office.push(later=timedelta(minutes=10)).exit_code == 0
    assert len(faulty.users) == 100


def test_a_process_that_slept_and_still_has_its_lease_goes_on(
    office: Office, faulty: FaultyServer
) -> None:
    slept = [0.0]
    office.steady = lambda: slept[0]
    office.hire(people(40))

    def fall_asleep(seen: Seen) -> bool:
        slept[0] += 100.0
        return False

    faulty.fail("POST", where=fall_asleep)

    assert counts(office.push()) == {"create": 40}


@pytest.mark.parametrize(
    "jump", [timedelta(days=400), timedelta(days=-400)], ids=["forward", "back"]
)
def test_a_clock_that_jumps_ends_no_push(
    office: Office, faulty: FaultyServer, jump: timedelta
) -> None:
    office.hire(people(80))

    def set_clock(seen: Seen) -> bool:
        if len(faulty.users) == 20:
            office.now += jump
        return False

    faulty.fail("POST", where=set_clock)

    assert counts(office.push()) == {"create": 80}
    faulty.faults.clear()
    office.hire(people(81))
    assert counts(office.push()) == {"create": 1}


def test_a_clock_that_is_set_forward_lets_no_two_runs_work_at_once(
    office: Office, faulty: FaultyServer
) -> None:
    """As many services do, this one lets two accounts have one userName."""
    faulty.quirks = replace(faulty.quirks, unique_names=False)
    office.configure(target="concurrency = 1")
    office.hire(people(40))
    answer = threading.Event()
    faulty.fail("POST", where=lambda _: len(faulty.users) >= 10, until=answer)
    first = threading.Thread(target=office.push)
    first.start()
    assert faulty.holding.wait(30)
    office.now += timedelta(minutes=10)  # by this clock, the lease of the first run has expired
    try:
        with suppress(LeaseHeld):
            office.push()
    finally:
        answer.set()
        first.join()

    names = [user["userName"] for user in faulty.users.values()]
    assert sorted(names) == sorted(set(names))
