"""Applications that lack any two parts of SCIM, at the first push and the next day."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import pytest

from tests.interop.site import USER
from tests.office import SOURCE, Office, Pauses, Ran, Row, person
from tests.servers.partial import Lack, PartialServer, running_partial_server

TARGET = """
[targets.{name}]
url = "{url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
extends = "all"
[targets.{name}.groups.departments]
each = "dept"
displayName = "value"
"""

FIRST_DAY = [person(number, dept="Sales" if number < 4 else "IT") for number in range(1, 10)]
NEXT_DAY = [
    person(1, family="Married", email="married@example.com", dept="IT"),
    *FIRST_DAY[1:8],
    person(10, dept="Sales"),
]
LEAVER = FIRST_DAY[8]


@pytest.mark.parametrize("lack", list(Lack)[:-1])
def test_applications_that_lack_this_and_one_thing_more_work(
    lack: Lack, tmp_path: Path, pauses: Pauses
) -> None:
    """One push is for all of them, since that is what takes the least time."""
    pairs = [pair for pair in combinations(Lack, 2) if pair[0] is lack]
    with ExitStack() as stack:
        servers = {
            f"target{number}": stack.enter_context(running_partial_server(pair))
            for number, pair in enumerate(pairs)
        }
        office = Office(tmp_path, "", next(iter(servers.values())).token, time=pauses.source)
        targets = [TARGET.format(name=name, url=one.url) for name, one in servers.items()]
        guard = '[guard]\nmax_updates = "100%"\n'
        office.write("sync.toml", f"{SOURCE}{guard}[mappings.all]\n{USER}{''.join(targets)}")

        office.hire(FIRST_DAY)
        assert_works(office.run("push", "--json"), servers, FIRST_DAY, [])

        office.hire(NEXT_DAY)
        assert_works(office.run("push", "--json"), servers, NEXT_DAY, [LEAVER])


def assert_works(
    ran: Ran, servers: Mapping[str, PartialServer], rows: list[Row], left: list[Row]
) -> None:
    """Check that all is as it can be, and that what the servers cannot do has failed."""
    failed = {}
    for name, server in servers.items():
        both = " and ".join(sorted(server.lacks))
        assert wrong(server, rows, left) == [], f"{both}: {ran.err}"
        no_groups, no_active = Lack.GROUPS in server.lacks, Lack.ACTIVE in server.lacks
        failed[name] = 2 * no_groups + len(left) * no_active
    targets = ran.document["targets"]
    assert {name: targets[name]["failed"] for name in servers} == failed, ran.err
    assert ran.code == (4 if any(failed.values()) else 0)


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
