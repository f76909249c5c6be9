"""Pushes that a guard or a saved plan stops where groups are concerned: what they say, and that
nothing is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_RULE,
    BY_TEAM,
    OFTEN,
    groups,
    settled,
    team,
    with_teams,
    write_teams,
)
from tests.office import USER, Office, people, person
from tests.servers.wire import Wire


def dissolve_team(office: Office) -> None:
    write_teams(office, [team("B", 1, 2)])


def empty_team(office: Office) -> None:
    write_teams(office, [team("A"), team("B", 1, 2)])


@pytest.mark.parametrize("shrink", [dissolve_team, empty_team])
def test_a_large_group_that_would_lose_everybody_stops_the_push(
    real_office: Office, wire: Wire, shrink: Callable[[Office], None]
) -> None:
    office = real_office
    with_teams(office, guard='min_records = "0%"')
    office.hire(people(12))
    write_teams(office, [team("A", *range(1, 13)), team("B", 1, 2)])
    office.push()
    wire.seen.clear()

    shrink(office)
    ran = office.run("push")

    assert ran.code == 3
    said = " ".join(ran.err.split())
    assert (
        'guard.max_removals: 12 of 12 members of group "teams:A" at "wiki" would be removed (limit'
        " 10%, here 5); nothing was sent [SYNC-0502] first: 00001, 00002, 00003, 00004, 00005 and"
        " 7 more allow this once: scimsync push --allow-removals 12" in said
    )
    assert wire.written() == []
    assert groups(office)["Team A"] == {row["id"] for row in people(12)}
    assert office.run("push", "--allow-removals", "12").code == 0
    assert groups(office).get("Team A", set()) == set()
    assert settled(office, wire)


def test_a_rule_that_suddenly_holds_for_nobody_stops_the_push(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    office.configure(user=f'{USER}roles = "access"\n', more=BY_RULE)
    office.hire(people(20))
    office.push()
    wire.seen.clear()

    office.configure(
        user=f'{USER}roles = "access"\n', more=BY_RULE.replace("dept == 'IT'", "dept == 'it'")
    )
    ran = office.run("push")

    assert ran.code == 3
    said = " ".join(ran.err.split())
    assert '20 of 20 accounts at "wiki" would be changed (limit 50%, here 10)' in said
    assert '20 of 20 members of group "admins" at "wiki" would be removed (limit 10%' in said
    assert wire.written() == []
    assert office.run("push", "--allow-updates", "20").code == 3
    assert wire.written() == []
    assert office.run("push", "--allow-updates", "20", "--allow-removals", "20").code == 0
    assert groups(office) == {"Administrators": set()}


def test_five_may_always_leave_a_group(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office, guard="")
    office.hire(people(12))
    write_teams(office, [team("A", *range(1, 13))])
    office.push()

    write_teams(office, [team("A", *range(6, 13))])

    assert office.run("push").code == 0
    assert len(groups(office)["Team A"]) == 7


# Saved plans


def team_without_somebody(office: Office) -> None:
    write_teams(office, [team("A", 1, name="Team Uno")])


def mover(office: Office) -> None:
    office.hire([person(1, dept="Sales"), *people(3)[1:]])


def rule(office: Office) -> None:
    text = (office.folder / "sync.toml").read_text()
    office.write("sync.toml", text.replace("'Department '", "'Division '"))


@pytest.mark.parametrize("move", [team_without_somebody, mover, rule])
def test_a_saved_plan_of_groups_is_carried_out_as_it_was_read_or_not_at_all(
    real_office: Office, wire: Wire, move: Callable[[Office], None]
) -> None:
    office = real_office
    with_teams(office, groups=BY_DEPARTMENT + BY_TEAM, guard=OFTEN)
    office.hire(people(3))
    write_teams(office, [team("A", 1)])
    office.push()
    write_teams(office, [team("A", 1, 2, name="Team Uno")])
    assert office.run("plan", "--out", "tonight.plan").code == 0
    wire.seen.clear()

    unmoved = {
        name: (office.folder / name).read_text() for name in ("hr.csv", "teams.csv", "sync.toml")
    }
    move(office)
    stopped = office.run("push", "tonight.plan")

    assert stopped.code == 3
    assert "tonight.plan is out of date: sources, state or configuration have changed" in " ".join(
        stopped.err.split()
    )
    assert wire.written() == []

    for name, text in unmoved.items():
        office.write(name, text)
    assert office.run("push", "tonight.plan").code == 0
    assert [method for method, _, _ in wire.written()] == ["PATCH", "PATCH"]
    assert groups(office) == {
        "Department IT": {"00001", "00002", "00003"},
        "Team Uno": {"00001", "00002"},
    }
    assert office.run("push", "tonight.plan").code == 3
