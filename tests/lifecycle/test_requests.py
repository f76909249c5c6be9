"""How few requests it takes: one for a person who changed, one for a group and each chunk of its
members."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scimsync.scim.discovery import CONFIG, REQUESTS
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_RULE,
    OFTEN,
    groups,
    team,
    with_teams,
    write_teams,
)
from tests.office import MANAGER, USER, Office, Pauses, Row, counts, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.lying import running_lying_server
from tests.servers.wire import Wire

BOSS = "00009"
CASES: dict[str, tuple[list[Row], list[Row]]] = {
    "comes back": (people(3)[1:], [person(1, manager=BOSS), *people(3)[1:]]),
    "moves": (people(3), [person(1, dept="Sales", manager=BOSS), *people(3)[1:]]),
}
"""The people before and after something happens to one of them, who at the same time gets a manager
who is new, too."""


@pytest.mark.parametrize("case", CASES)
def test_who_gets_a_new_manager_and_something_else_is_changed_once(
    office: Office, faulty: FaultyServer, case: str
) -> None:
    before, after = CASES[case]
    office.configure(user=USER + MANAGER, guard=OFTEN)
    office.hire(people(3))
    office.push()
    office.hire(before)
    office.push()
    faulty.forget()

    office.hire([*after, person(9)])
    outcome = office.push()

    assert outcome.exit_code == 0
    assert sorted(one.method for one in faulty.written()) == ["PATCH", "POST"]
    (boss,) = (
        user["id"] for user in faulty.users.values() if user["userName"] == "person9@example.com"
    )
    assert (
        str(
            [user for user in faulty.users.values() if user["userName"] != "person9@example.com"]
        ).count(boss)
        == 1
    )
    assert office.plan() == []


def test_members_travel_in_chunks_of_what_a_target_takes(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(620))
    write_teams(office, [team("A", *range(1, 511))])
    office.push()
    assert [_size(body) for method, _, body in wire.written() if method == "PATCH"] == [500, 10]
    wire.seen.clear()

    write_teams(office, [team("A", *range(501, 621))])
    outcome = office.push()

    assert [_size(body) for _, _, body in wire.written()] == [500, 110]
    assert sum(counts(outcome).values()) == 2
    assert groups(office) == {"Team A": {f"{number:05}" for number in range(501, 621)}}
    assert office.plan() == []


def _size(body: Mapping[str, Any]) -> int:
    """How many members a PATCH is about."""
    return sum(len(one.get("value", [one])) for one in body["Operations"])


PEOPLE = 20_000
MOVERS = 10


def staff(members: int, movers: int = 0) -> list[Row]:
    """`PEOPLE` people, of whom the first `members` are in IT; `movers` of them leave it, as many
    others come."""
    moved = {*range(1, movers // 2 + 1), *range(members + 1, members + movers // 2 + 1)}
    return [
        person(number, dept="IT" if (number <= members) != (number in moved) else "Sales")
        for number in range(1, PEOPLE + 1)
    ]


def change_large_group(office: Office, faulty: FaultyServer, members: int) -> int:
    """Pushes ten changes in a group of `members`, everybody having an account; returns the most
    memory it took, in bytes.

    The state is made as a push would have left it; what is pushed is only the change.
    """
    office.configure(
        user='userName = "email | lower"',
        target='actions = { create = false }\ndialect = "rfc"',
        more=BY_RULE,
        guard=OFTEN,
    )
    office.hire(staff(members))
    none = {"totalResults": 0, "Resources": []}
    faulty.fail("GET", where=lambda seen: seen.path == "/Groups", status=200, body=none)
    assert (office.push().exit_code, office.links()) == (0, {})
    columns = "(target, kind, key, remote_id, status, document, unique_name, in_doubt, failures)"
    office.sql(
        f"insert into link {columns} select 'wiki', 'user', key, 'id-' || key, 'active',"
        " json_object('userName', lower(data ->> 'email')), lower(data ->> 'email'), 0, 0 from"
        " record"
    )
    group = """'{"displayName": "Administrators"}', 'administrators'"""
    office.sql(
        f"insert into link {columns} values ('wiki', 'group', 'admins', 'id-admins', 'active',"
        f" {group}, 0, 0)"
    )
    office.sql("update membership set acknowledged = 1, due = 0")
    assert office.sql("select count(*) from membership where wanted") == [(members,)]
    assert office.plan() == []
    faulty.forget()
    faulty.fail("PATCH", status=204)

    office.hire(staff(members, MOVERS))
    tracemalloc.start()
    outcome = office.push()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (outcome.exit_code, counts(outcome)) == (0, {"remove_members": 1})
    assert [(str(one), _size(one.body or {})) for one in faulty.seen] == [
        ("PATCH /Groups/id-admins", MOVERS)
    ]
    return most


def test_ten_changes_in_a_large_group_are_one_request_and_cost_no_more_than_in_a_small_one(
    office: Office, faulty: FaultyServer
) -> None:
    small = change_large_group(office, faulty, 50)
    for left in office.folder.glob("*scimsync*"):
        left.unlink()
    for left in office.folder.glob("*.duckdb"):
        left.unlink()

    large = change_large_group(office, faulty, PEOPLE - 50)

    assert large < 1.2 * small


def test_the_first_push_to_a_target_costs_three_requests_more(
    real_office: Office, wire: Wire
) -> None:
    real_office.hire(people(4))
    assert real_office.push().exit_code == 0
    asked = [path for method, path, _ in wire.seen if method == "GET"]
    assert len(wire.seen) == REQUESTS + 1 + 4
    assert asked == [CONFIG, "/ResourceTypes", "/Schemas", "/Users?startIndex=1&count=100"]
    wire.seen.clear()

    real_office.hire(people(5))
    assert real_office.push().exit_code == 0
    assert [method for method, _, _ in wire.seen] == ["GET", "GET", "POST"]


FIRST = {"GET /Users": 1, "GET /Groups": 1, "POST /Users": 400, "POST /Groups": 20} | {
    "PATCH /Groups/": 20,
    "GET /Groups/": 1,
}
CHANGES = {"GET /Users": 7, "PATCH /Users/": 160, "POST /Users": 40, "PATCH /Groups/": 20} | {
    "GET /Users/": 2 + 20,
    "GET /Groups/": 1,
}
AGAIN = {"PATCH /Users/": 20, "PATCH /Groups/": 20}
"""One request for each change and each group; pages of 60 accounts, in which joiners are looked
up. The first use of each shape of a request is read back, once for all times. Each of 20 leavers is
read first, as ids that are no UUIDs may be someone else's now."""


def in_departments(*numbers: int, moved: int = 0) -> list[Row]:
    """People in 20 departments, of whom the first `moved` are in the next one."""
    return [person(one, dept=f"Dept {(one + (one <= moved)) % 20}") for one in numbers]


def test_a_target_that_does_not_lie_gets_no_further_request_to_prove_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_lying_server(unique_names=True) as server:
        monkeypatch.setenv("WIKI_TOKEN", server.token)
        office = Office(tmp_path, server.url, server.token, time=Pauses().source)
        office.configure(more=BY_DEPARTMENT, guard='max_removals = "100%"')

        def requests(rows: list[Row]) -> dict[str, int]:
            server.forget()
            office.hire(rows)
            assert office.push().exit_code == 0
            return dict(
                Counter(
                    f"{one.method} /{one.path.split('/')[1]}{'/' * (one.path.count('/') - 1)}"
                    for one in server.seen
                )
            )

        before = in_departments(*range(1, 401))
        after = in_departments(*range(1, 381), *range(401, 441), moved=140)
        moved = in_departments(*range(1, 381), *range(401, 441), moved=160)
        assert requests(before) == FIRST
        assert requests(before) == {}
        assert requests(after) == CHANGES
        assert requests(after) == {}
        assert requests(moved) == AGAIN
