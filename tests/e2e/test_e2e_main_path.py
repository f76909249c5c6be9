"""What the main path promises, against a real server: each person once, then only what changed, and
never more."""

from __future__ import annotations

import pytest

from tests.office import Office, bare, counts, people, person, resource
from tests.servers.wire import watched

pytestmark = pytest.mark.both_databases


def test_two_thousand_people_then_nothing_then_only_what_changed(real_office: Office) -> None:
    office = real_office
    rows = people(2000)
    with watched(office.url) as wire:
        office.configure(url=wire.url)
        office.hire(rows)

        assert counts(office.push()) == {"create": 2000}
        created = wire.written()
        assert {(method, path) for method, path, _ in created} == {("POST", "/Bulk")}
        operations = [one for _, _, body in created for one in body["Operations"]]
        assert {(one["method"], one["path"]) for one in operations} == {("POST", "/Users")}
        assert sorted(one["data"]["userName"] for one in operations) == sorted(
            row["email"].lower() for row in rows
        )

        wire.seen.clear()
        outcome = office.push()
        assert (counts(outcome), outcome.targets["wiki"].requests, wire.seen) == ({}, 0, [])

        changed = [row | {"dept": "Sales", "family": row["family"] + "-Meyer"} for row in rows[:25]]
        new = [person(number) for number in range(2001, 2006)]
        office.hire([*changed, *rows[25:-5], *new])
        assert counts(office.push()) == {"create": 5, "update": 25, "deactivate": 5}
        methods = [method for method, _, _ in wire.written()]
        assert (methods.count("POST"), methods.count("PATCH"), len(methods)) == (5, 30, 35)

        wire.seen.clear()
        assert counts(office.push()) == {}
        assert wire.seen == []
    held = {name: bare(user) for name, user in office.accounts().items()}
    wanted = [
        *(resource(row) for row in [*changed, *rows[25:-5], *new]),
        *(resource(row, active=False) for row in rows[-5:]),
    ]
    assert held == {one["userName"]: one | {"schemas": sorted(one["schemas"])} for one in wanted}
