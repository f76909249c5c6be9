"""A leaver who may still have access is seen in each run, until the target confirms the removal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SEEN = (
    "wiki: 1 leaver may still have access: 00005 [SYNC-0372]\n"
    "  for details: scimsync status; to retry now: scimsync retry\n"
)


def marked(office: Office) -> list[str]:
    """The leavers who may still have access, as `status --json` has them."""
    document = office.run("status", "--json").document["targets"]["wiki"]["may_have_access"]
    keys = [one["key"] for one in document["first"]]
    assert document["count"] == len(keys)
    return keys


@pytest.mark.both_databases
def test_a_leaver_is_seen_in_every_run_until_the_removal_is_confirmed(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail(status=404, times=99)
    office.hire(people(4))
    first = office.run("push")
    assert first.code == 4
    assert SEEN in first.err

    office.now += MINUTE
    pause = office.run("push")
    assert pause.code == 4
    assert pause.out.startswith("wiki: no changes (0 requests")
    assert pause.err.endswith(SEEN)
    assert office.run("push", "--json").document["targets"]["wiki"]["may_have_access"] == 1
    assert marked(office) == ["00005"]
    status = office.run("status").out
    assert "1 leaver may still have access [SYNC-0372]\n    00005  since 2026-03-02" in status
    assert "may still have access since 2026-03-02" in office.run("explain", "00005").out
    assert office.run("retry").code == 4

    faulty.faults.clear()
    settled = office.run("retry")
    assert settled.code == 0
    assert "may still have access" not in settled.err
    assert not faulty.users["id-00005"]["active"]
    assert marked(office) == []
    assert office.run("push").code == 0


def test_an_alert_and_a_metric_say_that_a_leaver_may_have_access(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail("PATCH", status=403, times=99)
    office.hire(people(4))

    assert office.run("push", "--metrics-file", "scimsync.prom").code == 4

    assert 'may_have_access{target="wiki"} 1.0' in (office.folder / "scimsync.prom").read_text()
    (alert,) = office.run("status", "--json").document["troubles"]
    assert (alert["event"], alert["text"]) == ("access", "1 leaver may still have access.")

    faulty.faults.clear()
    office.run("retry")
    assert office.run("status", "--json").document["troubles"] == []


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("", {"status": 403}),
        ("", {"status": 500}),
        ('leave = { action = "delete" }', {"status": 405}),
    ],
)
def test_a_refused_removal_marks_the_leaver(
    office: Office, faulty: FaultyServer, target: str, fault: dict[str, Any]
) -> None:
    office.configure(target=target)
    office.hire(people(5))
    office.push()
    faulty.fail(where=lambda seen: seen.method in ("PATCH", "PUT", "DELETE"), times=99, **fault)
    office.hire(people(4))

    assert office.push().exit_code == 4

    assert marked(office) == ["00005"]
    assert office.push(later=MINUTE).exit_code == 4


def test_a_deletion_that_stays_due_of_an_inactive_account_marks_no_leaver(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(5))
    office.push()
    faulty.fail("DELETE", status=405, times=99)
    office.hire(people(4))

    assert office.push().exit_code == 4

    assert not faulty.users["id-00005"]["active"]
    assert marked(office) == []
    again = office.push(later=MINUTE)
    assert (again.exit_code, again.targets["wiki"].waiting.count) == (4, 1)


def test_who_comes_back_is_no_leaver(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail("PATCH", status=403, times=99)
    office.hire(people(4))
    assert office.push().exit_code == 4

    office.hire([*people(4), person(5, email="person1@example.com")])
    assert office.push(later=MINUTE).exit_code == 4  # the userName is taken
    assert marked(office) == []


@pytest.mark.parametrize("target", ["actions = { remove = false }", 'leave = { action = "keep" }'])
def test_an_account_that_may_stay_marks_no_leaver(
    office: Office, faulty: FaultyServer, target: str
) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail("PATCH", status=403, times=99)
    office.hire(people(4))
    assert office.push().exit_code == 4
    office.configure(target=target)

    assert office.push(later=DAY).exit_code == 0
    assert marked(office) == []


def test_a_guard_that_stops_a_removal_marks_nobody(office: Office) -> None:
    office.hire(people(20))
    office.push()
    office.hire(people(10))

    assert office.push().exit_code == 3

    assert marked(office) == []
