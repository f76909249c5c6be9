"""A wrong clock, here or at the target, deletes no account before its time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.office import MONDAY, Office, people
from tests.servers.faulty import FaultyServer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LEAVE = 'leave = { action = "deactivate", delete_after = "30d" }'
FIRST_SIGHT = (
    "wiki: 1 deletion is due; a second run, at least an hour later, confirms it [SYNC-0421]"
)


def shown(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def a_leaver(office: Office, at: datetime) -> None:
    """Somebody leaves in a push at a time."""
    office.configure(target=LEAVE)
    office.hire(people(5))
    assert office.run("push").code == 0
    office.hire(people(4))
    office.now = at
    assert office.run("push").code == 0


def pushed(office: Office, at: datetime) -> tuple[int, list[str]]:
    """Exit code and warnings of a push at a time."""
    office.now = at
    ran = office.run("push")
    return ran.code, [line for line in ran.err.splitlines() if "SYNC-" in line]


def test_a_deletion_needs_two_runs_an_hour_apart(office: Office, faulty: FaultyServer) -> None:
    a_leaver(office, MONDAY)
    due = MONDAY + 30 * DAY

    assert pushed(office, due - HOUR) == (0, [])
    assert pushed(office, due) == (0, [FIRST_SIGHT])
    assert pushed(office, due + HOUR / 2) == (0, [])
    assert "id-00005" in faulty.users
    assert pushed(office, due + HOUR) == (0, [])
    assert "id-00005" not in faulty.users


@pytest.mark.parametrize("target_agrees", [True, False])
def test_a_leaver_of_a_clock_years_behind_has_the_whole_time(
    office: Office, faulty: FaultyServer, target_agrees: bool
) -> None:
    if not target_agrees:
        office.date = lambda _: max(office.now, MONDAY)
    past = datetime(2016, 1, 1, tzinfo=MONDAY.tzinfo)
    a_leaver(office, past)
    assert not faulty.users["id-00005"]["active"]

    code, warnings = pushed(office, MONDAY + DAY)

    assert (code, warnings) == (
        0,
        [
            f"the clock says {shown(MONDAY + DAY)}, 3714 days after the last run; if the clock is"
            " right, ignore this; this run deletes no account that is due"
            " [SYNC-0420]"
        ],
    )
    for day in range(2, 31):
        assert pushed(office, MONDAY + day * DAY) == (0, [])
    assert "id-00005" in faulty.users
    assert pushed(office, MONDAY + 31 * DAY) == (0, [FIRST_SIGHT])
    assert pushed(office, MONDAY + 32 * DAY) == (0, [])
    assert "id-00005" not in faulty.users


def test_a_leaver_of_the_first_push_by_a_wrong_clock_has_the_whole_time(
    office: Office, faulty: FaultyServer
) -> None:
    past = datetime(2016, 1, 1, tzinfo=MONDAY.tzinfo)
    office.date = lambda _: max(office.now, MONDAY)
    office.now = past
    a_leaver(office, past + HOUR)

    for hours in range(1, 5):
        assert pushed(office, MONDAY + hours * HOUR)[0] == 0

    assert "id-00005" in faulty.users
    assert office.links()["00005"].left_at == MONDAY + HOUR


def test_a_clock_31_days_ahead_deletes_nobody(office: Office, faulty: FaultyServer) -> None:
    a_leaver(office, MONDAY)

    code, warnings = pushed(office, MONDAY + 31 * DAY)

    assert (code, len(warnings)) == (0, 2)
    assert warnings[0].endswith("[SYNC-0420]")
    ahead = f"the clock says {shown(MONDAY + 31 * DAY)}, 31 days after the last run"
    assert warnings[1] == (
        f"wiki: 1 deletion is due; none is deleted in this run: {ahead} [SYNC-0421]"
    )
    code, warnings = pushed(office, MONDAY + HOUR)
    assert (code, len(warnings)) == (0, 1)
    assert "and the last run was at" in warnings[0]
    assert pushed(office, MONDAY + 29 * DAY) == (0, [])
    assert "id-00005" in faulty.users


@pytest.mark.parametrize("ahead", [True, False])
def test_a_deletion_needs_a_date_of_the_target_that_agrees(
    office: Office, faulty: FaultyServer, ahead: bool
) -> None:
    a_leaver(office, MONDAY)
    due = MONDAY + 30 * DAY
    pushed(office, due)
    faulty.forget()
    office.date = lambda _: office.now + 2 * DAY if ahead else None

    code, warnings = pushed(office, due + HOUR)

    dates = f"the clock says {shown(due + HOUR)}, and the Date header of the target"
    why = (
        f"{dates} {shown(due + HOUR + 2 * DAY)}"
        if ahead
        else ("its responses have no Date header to compare the clock with")
    )
    said = f"wiki: 1 deletion is due; none is deleted in this run: {why} [SYNC-0421]"
    assert (code, warnings) == (0, [said])
    assert [str(seen) for seen in faulty.seen] == ["GET /Users"]
    office.date = None
    assert pushed(office, due + 2 * HOUR) == (0, [])
    assert "id-00005" not in faulty.users


def test_leave_delete_does_not_wait_for_a_second_run(office: Office, faulty: FaultyServer) -> None:
    office.date = lambda _: None
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(5))
    office.push()
    office.hire(people(4))

    assert pushed(office, MONDAY) == (0, [])

    assert "id-00005" not in faulty.users
