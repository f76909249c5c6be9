"""Applications that lack any two parts of SCIM, at the first push and the next day."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from tests.interop.site import USER
from tests.office import Office, Pauses, Ran, Row, person
from tests.servers.partial import Lack, PartialServer, running_partial_server

GROUPS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"\n'
NO_GUARD = 'max_updates = "100%"'

FIRST_DAY = [person(number, dept="Sales" if number < 4 else "IT") for number in range(1, 10)]
NEXT_DAY = [
    person(1, family="Married", email="married@example.com", dept="IT"),
    *FIRST_DAY[1:8],
    person(10, dept="Sales"),
]
LEAVER = FIRST_DAY[8]

PAIRS = list(combinations(Lack, 2))


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_an_application_that_lacks_two_things_works(
    pair: tuple[Lack, Lack], tmp_path: Path, pauses: Pauses
) -> None:
    with running_partial_server(pair) as server:
        office = Office(tmp_path, server.url, server.token, time=pauses.source)
        office.configure(user=USER, more=GROUPS, guard=NO_GUARD)

        office.hire(FIRST_DAY)
        first = office.run("push")

        assert wrong(server, FIRST_DAY, []) == [], first.err
        assert_says_so(first, pair, leavers=False)

        office.hire(NEXT_DAY)
        second = office.run("push")

        assert wrong(server, NEXT_DAY, [LEAVER]) == [], second.err
        assert_says_so(second, pair, leavers=True)


def assert_says_so(ran: Ran, pair: tuple[Lack, Lack], *, leavers: bool) -> None:
    """Check that exit code 4 means what the server cannot do, and that 0 means all."""
    impossible = Lack.GROUPS in pair or (leavers and Lack.ACTIVE in pair)
    assert ran.code == (4 if impossible else 0), ran.err


def wrong(server: PartialServer, rows: list[Row], left: list[Row]) -> list[str]:
    """Return how the application differs from what it can hold."""
    lacks = server.lacks
    active = {row["email"].lower(): row for row in rows}
    inactive = {row["email"].lower(): row for row in left}
    found = []
    accounts = {user["userName"]: user for user in server.users.values()}
    if len(accounts) != len(server.users):
        found.append("two accounts have one name")
    for name in accounts.keys() ^ (active | inactive).keys():
        found.append(f"account {name}")
    for name, row in (active | inactive).items():
        user = accounts.get(name, {})
        wanted = {
            "name": {"givenName": row["given"], "familyName": row["family"]},
            "emails": [{"type": "work", "value": name}],
            "externalId": None if Lack.EXTERNAL_ID in lacks else row["id"],
            "active": None if Lack.ACTIVE in lacks else name in active,
        }
        for attribute, value in wanted.items():
            if user.get(attribute) != value:
                found.append(f"{name}: {attribute} {user.get(attribute)} instead of {value}")
    if Lack.GROUPS not in lacks:
        groups = {
            dept: {name for name, row in active.items() if row["dept"] == dept}
            for dept in ("IT", "Sales")
        }
        for name, members in server.members().items():
            if members - inactive.keys() != groups.pop(name, set()):
                found.append(f"group {name}: {members}")
        found += [f"no group {name}" for name in groups]
    return found
