"""What a wrong clock did by the date is corrected, and a clock that is behind gives no access."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import MONDAY, Office, Row, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
ENDS = [
    "end == '' or end | date >= today",
    "end == '' or end | date(tz='Europe/Vienna') >= now",
    "end == '' or end | datetime(tz='Europe/Vienna') >= now",
]
STARTS = "start == '' or start | date(tz='Europe/Vienna') <= now"


def staff(**one: str) -> list[Row]:
    """Five people, the first of whom has `one`."""
    return [
        person(number, start="", end="", status="") | (one if number == 1 else {})
        for number in range(1, 6)
    ]


def pushed(office: Office, at: timedelta, *options: str) -> tuple[int, list[str]]:
    """Exit code and codes of messages of a push at a time."""
    office.now = MONDAY + at
    ran = office.run("push", *options)
    return ran.code, [f"SYNC-{part[:4]}" for part in ran.err.split("SYNC-")[1:]]


def access(faulty: FaultyServer, number: int = 1) -> bool | None:
    user = faulty.users.get(f"id-{number:05}")
    return None if user is None else user["active"]


@pytest.mark.parametrize("scope", ENDS)
def test_who_lost_access_by_a_clock_ahead_gets_it_back(
    office: Office, faulty: FaultyServer, scope: str
) -> None:
    office.configure(target=f'scope = "{scope}"')
    office.hire(staff(end="2026-04-01"))
    office.push()
    assert pushed(office, 60 * DAY) == (0, ["SYNC-0420"])
    assert not access(faulty)

    assert pushed(office, DAY) == (4, ["SYNC-0420", "SYNC-0434"])
    assert not access(faulty)
    assert pushed(office, DAY) == (0, [])
    assert access(faulty)
    faulty.forget()
    assert pushed(office, DAY) == (0, [])
    assert faulty.seen == []


def test_who_got_access_by_a_clock_ahead_loses_it(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=f'scope = "{STARTS}"')
    office.hire(staff(start="2026-04-01"))
    office.push()
    pushed(office, 60 * DAY)
    assert len(faulty.users) == 5

    assert pushed(office, DAY)[0] == 4
    assert pushed(office, DAY) == (0, [])

    assert [user["active"] for user in faulty.users.values()].count(False) == 1


@pytest.mark.parametrize("scope", ENDS)
def test_a_push_of_one_user_by_a_clock_ahead_is_corrected(
    office: Office, faulty: FaultyServer, scope: str
) -> None:
    office.configure(target=f'scope = "{scope}"')
    office.hire(staff(end="2026-04-01"))
    office.push()
    pushed(office, 60 * DAY, "-k", "00001")
    assert not access(faulty)

    assert pushed(office, DAY)[0] == 4
    assert pushed(office, DAY) == (0, [])

    assert access(faulty)


def test_a_target_that_refuses_a_token_does_not_end_the_correction(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=f'scope = "{ENDS[1]}"')
    office.hire(staff(end="2026-04-01"))
    office.push()
    pushed(office, 60 * DAY)
    pushed(office, DAY)
    token, office.token = office.token, "wrong"
    assert pushed(office, DAY)[0] == 1
    office.token = token

    assert pushed(office, 2 * DAY) == (0, [])

    assert access(faulty)


@pytest.mark.parametrize("scope", ENDS)
@pytest.mark.parametrize("days", [35, 400])
def test_a_clock_behind_gives_no_leaver_access(
    office: Office, faulty: FaultyServer, scope: str, days: int
) -> None:
    office.date = lambda _: MONDAY + 40 * DAY
    office.configure(target=f'scope = "{scope}"')
    office.hire(staff(end="2026-03-10"))
    office.push()
    pushed(office, 40 * DAY)
    assert not access(faulty)

    assert pushed(office, (40 - days) * DAY) == (4, ["SYNC-0420", "SYNC-0434"])
    assert pushed(office, (40 - days) * DAY) == (4, ["SYNC-0434"])  # by the Date of the target
    assert pushed(office, (40 - days) * DAY, "-k", "00001")[0] == 4
    assert not access(faulty)
    assert pushed(office, 40 * DAY)[0] == 0
    assert pushed(office, 41 * DAY) == (0, [])
    assert not access(faulty)


def test_a_clock_behind_takes_no_access_while_the_target_contradicts_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.date = lambda _: MONDAY + 40 * DAY
    office.configure(target=f'scope = "{STARTS}"')
    office.hire(staff(start="2026-03-10"))
    office.push()
    pushed(office, 40 * DAY)
    assert len(faulty.users) == 5

    for _ in range(3):
        assert pushed(office, 5 * DAY)[0] == 4

    assert all(user["active"] for user in faulty.users.values())
    assert pushed(office, 41 * DAY)[0] == 0
    assert all(user["active"] for user in faulty.users.values())


def test_a_clock_behind_delays_only_those_who_gain_access(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=f"scope = \"status != 'left' and ({ENDS[0]})\"")
    office.hire(staff())
    office.push()
    pushed(office, 40 * DAY)
    office.hire([*staff(status="left"), person(6, start="", end="2026-03-10", status="")])

    assert pushed(office, 5 * DAY) == (4, ["SYNC-0420", "SYNC-0434", "SYNC-0435"])

    assert not access(faulty)
    assert access(faulty, 6) is None
    assert pushed(office, 41 * DAY)[0] == 0
    assert (len(faulty.users), pushed(office, 42 * DAY)) == (5, (0, []))


def test_a_clock_behind_does_not_matter_without_dates(office: Office, faulty: FaultyServer) -> None:
    office.configure(target="scope = \"status != 'left'\"")
    office.hire(staff(status="left"))
    office.push()
    office.hire(staff())

    assert pushed(office, -40 * DAY) == (0, ["SYNC-0420"])

    assert len(faulty.users) == 5
