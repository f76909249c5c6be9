"""What failed in an earlier run is reported until it is settled, also within the pause."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import Office, people, person
from tests.servers.faulty import Fault, FaultyServer

MINUTE = timedelta(minutes=1)
WAITS = (
    "wiki: 1 user or group that failed earlier is tried again in 4 min [SYNC-0398]\n"
    "  for details: scimsync status; to retry users now: scimsync retry\n"
)


@pytest.fixture
def pushed(office: Office) -> Office:
    office.hire(people(4))
    office.push()
    return office


def refuse_changes(faulty: FaultyServer) -> Fault:
    return faulty.fail(where=lambda seen: seen.method != "GET", status=403, times=99)


@pytest.mark.parametrize("row", [person(5), person(4, given="Noor")], ids=["creation", "update"])
def test_a_push_within_the_pause_reports_what_waits(
    pushed: Office, faulty: FaultyServer, row: dict[str, str]
) -> None:
    fault = refuse_changes(faulty)
    pushed.hire([*people(3), row] if row["id"] == "00004" else [*people(4), row])
    first = pushed.run("push")
    assert (first.code, "SYNC-0398" in first.err) == (4, False), first.err

    pushed.now += MINUTE
    pause = pushed.run("push")
    assert pause.code == 4
    assert pause.err.endswith(WAITS)
    assert pause.out.startswith("wiki: no changes (0 requests")
    document = pushed.run("push", "--json").document
    assert (document["outcome"], document["targets"]["wiki"]["waiting"]) == ("failed", 1)

    faulty.faults.remove(fault)
    pushed.now += 5 * MINUTE
    settled = pushed.run("push")
    assert settled.code == 0, settled.err
    assert "SYNC-0398" not in settled.err


def test_what_is_no_longer_asked_for_does_not_wait(pushed: Office, faulty: FaultyServer) -> None:
    refuse_changes(faulty)
    pushed.hire([*people(3), person(4, given="Noor")])
    assert pushed.run("push").code == 4

    pushed.hire(people(4))
    pushed.now += MINUTE
    settled = pushed.run("push")

    assert settled.code == 0, settled.err
    assert "SYNC-0398" not in settled.err


def test_a_failure_of_this_run_is_not_counted_again(pushed: Office, faulty: FaultyServer) -> None:
    refuse_changes(faulty)
    pushed.hire([*people(3), person(4, given="Noor")])
    pushed.run("push")
    pushed.now += 6 * MINUTE

    again = pushed.run("push")

    assert "1 failed" in again.out
    assert "SYNC-0398" not in again.err
