"""Users whose condition depends on the time are planned again when it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.office import Office, counts, person
from tests.servers.faulty import FaultyServer

VIENNA = "tz='Europe/Vienna'"


def test_who_starts_on_monday_in_vienna(office: Office, faulty: FaultyServer) -> None:
    """The file does not change, and the machine is in another time zone."""
    office.now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    office.hire(
        [
            person(1, start="2026-01-01", end=""),
            person(2, start="2026-11-30", end=""),
            person(3, start="2026-12-07", end=""),
            person(4, start="2026-01-01", end="2026-12-01"),
        ]
    )
    office.configure(
        target='scope = """start | date(tz=\'Europe/Vienna\') <= now and'
        " (end == '' or end | date(tz='Europe/Vienna') >= now)\"\"\""
    )
    assert counts(office.push()) == {"create": 2}
    requests = office.push(later=timedelta(days=1)).targets["wiki"].requests
    assert requests == 0
    (changes_at,) = office.sql("SELECT changes_at FROM target")[0]
    assert str(changes_at).startswith("2026-11-29 23:00:00")

    office.now = datetime(2026, 11, 29, 22, 59, tzinfo=UTC)
    assert counts(office.push()) == {}
    office.now = datetime(2026, 11, 29, 23, 0, tzinfo=UTC)
    assert [one["key"] for one in office.plan()] == ["00002"]
    assert counts(office.push()) == {"create": 1}

    # another record changes: what the others wait for stays
    office.hire(
        [
            person(1, start="2026-01-01", end="", dept="HR"),
            person(2, start="2026-11-30", end=""),
            person(3, start="2026-12-07", end=""),
            person(4, start="2026-01-01", end="2026-12-01"),
        ]
    )
    assert counts(office.push(later=timedelta(hours=1))) == {"update": 1}
    office.now = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
    assert counts(office.push()) == {}
    office.now = datetime(2026, 12, 1, 23, 0, tzinfo=UTC)
    assert counts(office.push()) == {"deactivate": 1}
    office.now = datetime(2026, 12, 6, 23, 0, tzinfo=UTC)
    assert counts(office.push()) == {"create": 1}
    (changes_at,) = office.sql("SELECT changes_at FROM target")[0]
    assert str(changes_at).startswith("2026-12-07 23:00:00")
    assert sorted(user["active"] for user in faulty.users.values()) == [False, True, True, True]


def test_a_guard_does_not_lose_the_time(office: Office) -> None:
    office.now = datetime(2026, 11, 29, 12, tzinfo=UTC)
    office.hire([person(number, end="2026-11-29 18:00") for number in range(1, 13)])
    office.configure(target=f'scope = "end | datetime({VIENNA}) > now"')
    assert counts(office.push()) == {"create": 12}

    office.now = datetime(2026, 11, 29, 17, tzinfo=UTC)
    assert office.run("push").code == 3
    stopped = office.push(later=timedelta(minutes=1))
    assert stopped.outcome == "stopped"

    assert counts(office.push(removals=12)) == {"deactivate": 12}
