"""Groups at a real server: where they come from, who is in them, how few requests that takes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scimsync.errors import ConfigError
from tests.lifecycle.readback import read_all
from tests.office import SOURCE, USER, Office, Row, counts, people, person
from tests.servers.wire import Wire

LISTS = '[sources.hr]\ntype = "file"\npath = "hr.csv"\nkey = "id"\nlists = { rights = ";" }\n'
TEAMS = (
    '[sources.teams]\ntype = "file"\npath = "teams.csv"\nkey = "team_id"\nlists = { member_ids ='
    ' ";", parts = ";" }\n'
)
BY_DEPARTMENT = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "'Department ' ~ value"
"""
BY_RULE = """
[access]
Admin = "dept == 'IT'"
[targets.wiki.groups.admins]
displayName = { value = "Administrators" }
members = "'Admin' in access"
"""
BY_TEAM = """
[targets.wiki.groups.teams]
source = "teams"
externalId = "team_id"
displayName = "name"
members = "member_ids"
subgroups = "parts"
"""
OFTEN = 'max_removals = 1000\nmax_updates = 1000\nmin_records = "0%"\n'


def with_teams(
    office: Office, *, target: str = "", groups: str = BY_TEAM, guard: str = OFTEN
) -> None:
    """Teams in a file of their own."""
    source = f"{SOURCE}{TEAMS}"
    office.configure(source=source, target=f'source = "hr"\n{target}', more=groups, guard=guard)


def write_teams(office: Office, teams: Iterable[Mapping[str, str]]) -> None:
    with (office.folder / "teams.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["team_id", "name", "member_ids", "parts"])
        writer.writeheader()
        writer.writerows(teams)


def team(key: str, *members: int, name: str | None = None, parts: str = "") -> dict[str, str]:
    ids = ";".join(f"{one:05}" for one in members)
    return {"team_id": key, "name": name or f"Team {key}", "member_ids": ids, "parts": parts}


def groups(office: Office) -> dict[str, set[str]]:
    """displayName -> keys of users and names of groups in it, read without scimsync."""
    users = {
        one["id"]: str(one.get("externalId", one["userName"]))
        for one in read_all(office.url, office.token, "Users")
    }
    found = read_all(office.url, office.token, "Groups")
    names = users | {one["id"]: one["displayName"] for one in found}
    return {
        one["displayName"]: {names[member["value"]] for member in one.get("members", [])}
        for one in found
    }


def ids(office: Office) -> dict[str, str]:
    return {one["displayName"]: one["id"] for one in read_all(office.url, office.token, "Groups")}


def settled(office: Office, wire: Wire) -> bool:
    wire.seen.clear()
    return office.plan() == [] and counts(office.push()) == {} and wire.written() == []


def test_one_group_for_each_value(real_office: Office, wire: Wire) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire([person(1), person(2, dept="Sales"), person(3, dept="Sales"), person(4, dept="")])
    office.push()
    assert groups(office) == {"Department IT": {"00001"}, "Department Sales": {"00002", "00003"}}
    assert settled(office, wire)

    wire.seen.clear()
    office.hire([person(1), person(2, dept="IT"), person(3, dept="Law"), person(4, dept="")])
    outcome = office.push()

    assert groups(office) == {"Department IT": {"00001", "00002"}, "Department Law": {"00003"}}
    assert counts(outcome) == {"create": 1, "update": 2, "delete": 1, "add_members": 2}
    assert len(wire.written()) == 6
    assert settled(office, wire)


@pytest.mark.parametrize(
    ("leave", "left"),
    [("delete", None), ("empty", set()), ("keep", set())],
    ids=["deleted", "emptied", "kept"],
)
def test_a_group_that_lost_its_last_reason(
    real_office: Office, wire: Wire, leave: str, left: set[str] | None
) -> None:
    office = real_office
    office.configure(more=f'{BY_DEPARTMENT}leave = {{ action = "{leave}" }}\n', guard=OFTEN)
    office.hire([*people(2), person(3, dept="Press")])
    office.push()

    office.hire([*people(2), person(3)])
    office.push()

    assert groups(office).get("Department Press") == left
    assert groups(office)["Department IT"] == {"00001", "00002", "00003"}
    assert settled(office, wire)


def test_a_table_that_leaves_sync_toml_takes_its_groups_with_it(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT + BY_RULE, guard=OFTEN)
    office.hire(people(3))
    office.push()

    office.configure(more=BY_RULE, guard=OFTEN)
    office.push()

    assert groups(office) == {"Administrators": {"00001", "00002", "00003"}}
    assert settled(office, wire)


@pytest.mark.parametrize(
    ("leave", "left"),
    [("empty", set()), ("keep", {"00001", "00002", "00003"})],
    ids=["emptied", "kept"],
)
def test_what_a_table_said_of_its_groups_holds_when_it_is_gone(
    real_office: Office, wire: Wire, leave: str, left: set[str]
) -> None:
    office = real_office
    office.configure(
        more=f'{BY_DEPARTMENT}leave = {{ action = "{leave}" }}\n{BY_RULE}', guard=OFTEN
    )
    office.hire(people(3))
    office.push()

    office.configure(more=BY_RULE, guard=OFTEN)
    office.push()
    assert groups(office)["Department IT"] == left
    assert settled(office, wire)

    office.configure(user=f'{USER}title = "dept"\n', more=BY_RULE, guard=OFTEN)
    office.push()
    assert groups(office)["Department IT"] == left
    assert settled(office, wire)


@pytest.mark.parametrize(
    ("leave", "left"),
    [("delete", None), ("empty", set()), ("keep", {"00001", "00002"})],
    ids=["deleted", "emptied", "kept"],
)
def test_groups_of_a_table_that_has_another_source(
    real_office: Office, wire: Wire, leave: str, left: set[str] | None
) -> None:
    office = real_office
    ending = f'{BY_TEAM}leave = {{ action = "{leave}" }}\n'
    with_teams(office, groups=ending)
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2)])
    office.push()
    write_teams(office, [team("B", 1)])
    (office.folder / "teams.csv").rename(office.folder / "others.csv")
    source = SOURCE + TEAMS.replace("teams", "others")
    office.configure(
        source=source,
        target='source = "hr"',
        more=ending.replace('"teams"', '"others"'),
        guard=OFTEN,
    )

    office.push()

    assert groups(office).get("Team A") == left
    assert groups(office)["Team B"] == {"00001"}
    assert settled(office, wire)


@pytest.mark.parametrize("kinds", list(permutations(("each", "rule", "source"), 2)), ids="-".join)
def test_a_table_of_another_kind_leaves_no_groups_behind(
    real_office: Office, wire: Wire, kinds: tuple[str, str]
) -> None:
    office = real_office
    tables = {
        "each": BY_DEPARTMENT.replace("departments", "teams"),
        "rule": BY_RULE.replace("groups.admins", "groups.teams"),
        "source": BY_TEAM,
    }
    with_teams(office, groups=tables[kinds[0]])
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2, 9, parts="B"), team("B", 1)])
    office.push()
    with_teams(office, groups=tables[kinds[1]])
    office.push()

    both = {"00001", "00002"}
    wanted: dict[str, dict[str, set[str]]] = {
        "each": {"Department IT": both},
        "rule": {"Administrators": both},
        "source": {"Team A": both | {"Team B"}, "Team B": {"00001"}},
    }
    assert groups(office) == wanted[kinds[1]]
    assert settled(office, wire)


def test_a_mover_loses_what_a_rule_gave_everywhere_in_one_push(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    more = (
        BY_RULE
        + f"""
[targets.vault]
url = "{office.url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
scope = "'Admin' in access"
match = ["userName"]
[targets.vault.user]
userName = "'vault-' ~ id"
active = true
"""
    )
    office.configure(user=f'{USER}roles = "access"\n', more=more)
    office.hire([person(1), person(2)])
    office.push()
    assert office.accounts()["person2@example.com"]["roles"] == [{"value": "Admin"}]
    assert office.accounts()["vault-00002"]["active"]

    office.hire([person(1), person(2, dept="Sales")])
    office.push()

    assert "roles" not in office.accounts()["person2@example.com"]
    assert not office.accounts()["vault-00002"]["active"]
    assert groups(office)["Administrators"] == {"00001"}


def test_groups_from_a_source_of_their_own_with_groups_in_them(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(4))
    write_teams(office, [team("A", 1, 2, parts="B;C"), team("B", 3), team("C")])
    office.push()
    assert groups(office) == {
        "Team A": {"00001", "00002", "Team B", "Team C"},
        "Team B": {"00003"},
        "Team C": set(),
    }
    assert settled(office, wire)

    write_teams(office, [team("A", 2, 4), team("B", 3)])
    office.push()

    assert groups(office) == {"Team A": {"00002", "00004"}, "Team B": {"00003"}}
    assert settled(office, wire)


def test_a_group_that_is_renamed_stays_the_same(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2)])
    office.push()
    before = ids(office)["Team A"]
    wire.seen.clear()

    write_teams(office, [team("A", 1, 2, name="The A team")])
    assert counts(office.push()) == {"update": 1}

    assert ids(office) == {"The A team": before}
    assert len(wire.written()) == 1
    assert groups(office) == {"The A team": {"00001", "00002"}}


def test_a_member_without_an_account_waits_and_follows(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office, target="scope = \"dept != 'Away'\"")
    office.hire([person(1), person(2, dept="Away")])
    write_teams(office, [team("A", 1, 2, 3)])
    office.push()
    assert groups(office) == {"Team A": {"00001"}}
    assert settled(office, wire)

    office.hire([person(1), person(2), person(3)])
    outcome = office.push()

    assert counts(outcome) == {"create": 2, "add_members": 1}
    assert groups(office) == {"Team A": {"00001", "00002", "00003"}}


@pytest.mark.parametrize("revoke", [True, False], ids=["taken", "kept"])
def test_memberships_of_leavers(real_office: Office, wire: Wire, revoke: bool) -> None:
    office = real_office
    leave = 'leave = { action = "deactivate", revoke = ["memberships"] }' if revoke else ""
    with_teams(office, target=leave, groups=BY_TEAM + BY_RULE)
    office.hire(people(3))
    write_teams(office, [team("A", 1, 2)])
    office.push()

    office.hire([person(1), person(3)])
    office.push()

    gone = set() if revoke else {"00002"}
    assert groups(office) == {
        "Team A": {"00001"} | gone,
        "Administrators": {"00001", "00003"} | gone,
    }
    assert settled(office, wire)

    office.hire(people(3))
    office.push()
    assert groups(office) == {
        "Team A": {"00001", "00002"},
        "Administrators": {"00001", "00002", "00003"},
    }


@pytest.mark.parametrize("revoke", [True, False], ids=["taken", "kept"])
def test_a_group_that_names_leavers_takes_in_those_who_stay(
    real_office: Office, wire: Wire, revoke: bool
) -> None:
    office = real_office
    leave = 'leave = { action = "deactivate", revoke = ["memberships"] }' if revoke else ""
    with_teams(office, target=leave)
    office.hire(people(3))
    write_teams(office, [team("A", 1), team("B", 1)])
    office.push()
    office.hire(people(1))
    # 2 is named in the push in which he leaves
    write_teams(office, [team("A", 1, 2), team("B", 1)])
    office.push()
    write_teams(office, [team("A", 1, 2), team("B", 1, 3)])  # 3 after that
    office.push()
    assert groups(office) == {"Team A": {"00001"}, "Team B": {"00001"}}
    assert settled(office, wire)

    office.hire(people(3))
    # and both in the push in which they are back
    write_teams(office, [team("A", 1, 2, 3), team("B", 1, 2, 3)])
    office.push()
    assert groups(office) == {
        "Team A": {"00001", "00002", "00003"},
        "Team B": {"00001", "00002", "00003"},
    }
    assert settled(office, wire)


def test_what_leavers_lost_stays_lost_when_nobody_is_to_lose_it_any_more(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    with_teams(office, target='leave = { action = "deactivate", revoke = ["memberships"] }')
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2)])
    office.push()
    office.hire(people(1))
    office.push()

    with_teams(office)
    office.push()

    assert groups(office) == {"Team A": {"00001"}}
    assert settled(office, wire)
    office.hire(people(2))
    office.push()
    assert groups(office) == {"Team A": {"00001", "00002"}}


def test_a_group_that_is_there_already_is_adopted_with_its_members(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    office.hire(people(2))
    office.push()
    before = {one["externalId"]: one["id"] for one in read_all(office.url, office.token, "Users")}
    office.configure(more=f"{BY_DEPARTMENT}adopt = true\n")
    office.push()
    members = ids(office)["Department IT"]
    with (office.folder / "scimsync.db").open("r+b"):
        (office.folder / "scimsync.db").unlink()
    wire.seen.clear()

    outcome = office.push()

    assert counts(outcome)["adopt"] == 3
    assert ids(office) == {"Department IT": members}
    assert {
        one["externalId"]: one["id"] for one in read_all(office.url, office.token, "Users")
    } == before
    assert groups(office) == {"Department IT": {"00001", "00002"}}


def test_two_groups_that_want_one_name(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("A", 1), team("B", 2, name="Team A")])

    outcome = office.push()

    assert outcome.exit_code == 4
    assert [(one.key, one.detail) for one in outcome.problems] == [
        ("teams:B", "wiki: displayName Team A is also wanted by teams:A [SYNC-0341]")
    ]
    assert groups(office) == {"Team A": {"00001"}}


def test_two_groups_at_the_target_with_one_name_are_ambiguous(
    real_office: Office, wire: Wire
) -> None:
    import httpx2

    office = real_office
    schema = "urn:ietf:params:scim:schemas:core:2.0:Group"
    for _ in range(2):
        body = {"schemas": [schema], "displayName": "Department IT"}
        answer = httpx2.post(
            f"{office.url}/Groups", json=body, headers={"Authorization": f"Bearer {office.token}"}
        )
        assert answer.status_code == 201
    office.configure(more=BY_DEPARTMENT)
    office.hire(people(1))
    wire.seen.clear()

    outcome = office.push()

    assert [one.detail.split(":")[1].strip() for one in outcome.problems] == ["ambiguous"]
    assert "2 groups match by displayName" in outcome.problems[0].detail
    assert counts(outcome) == {"create": 1}


def test_too_many_who_would_be_taken_out_of_a_group_stop_the_push(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    with_teams(office, guard="")
    office.hire(people(60))
    write_teams(office, [team("A", *range(1, 61))])
    office.push()
    wire.seen.clear()
    write_teams(office, [team("A", *range(1, 53))])

    ran = office.run("push")

    assert ran.code == 3
    assert (
        'guard.max_removals: 8 of 60 members of group "teams:A" at "wiki" would be removed (limit'
        " 10%, here 6)" in ran.err
    )
    assert "first: 00053, 00054" in ran.err
    assert "scimsync push --allow-removals 8" in ran.err
    assert wire.written() == []
    assert office.run("push", "--allow-removals", "8").code == 0
    assert len(wire.written()) == 1
    assert len(groups(office)["Team A"]) == 52


def test_a_first_push_of_forty_thousand_memberships(real_office: Office, wire: Wire) -> None:
    office = real_office
    each = '\n[targets.wiki.groups.rights]\neach = "rights"\ndisplayName = "value"\n'
    office.configure(source=LISTS, more=each)
    rights = ";".join(f"right-{number:03}" for number in range(200))
    office.hire(row | {"rights": rights} for row in people(200))

    outcome = office.push()

    assert counts(outcome) == {"create": 400, "add_members": 200}
    assert len(wire.written()) <= 600
    assert {name: len(members) for name, members in groups(office).items()} == {
        f"right-{n:03}": 200 for n in range(200)
    }
    assert settled(office, wire)


def test_deprovisioned_people_lose_their_memberships_where_leavers_do(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    office.configure(
        target='leave = { action = "deactivate", revoke = ["memberships"] }', more=BY_DEPARTMENT
    )
    office.hire(people(3))
    office.push()

    assert office.run("deprovision", "00002").code == 0

    assert not office.accounts()["person2@example.com"]["active"]
    assert groups(office) == {"Department IT": {"00001", "00003"}}
    office.hire([person(1), person(2, dept="Sales"), person(3)])
    office.push(later=timedelta(days=1))
    assert not office.accounts()["person2@example.com"]["active"]
    assert office.run("deprovision", "00002", "--lift").code == 0
    office.push()
    assert office.accounts()["person2@example.com"]["active"]
    assert groups(office) == {"Department IT": {"00001", "00003"}, "Department Sales": {"00002"}}


def test_rows_in_any_order_give_the_same_plan(real_office: Office, wire: Wire) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT + BY_RULE)
    rows = [
        person(1, manager="00003"),
        person(2, dept="Sales"),
        person(3, email="Person2@example.com"),
        person(4),
    ]
    plans = set()
    for order in permutations(rows):
        office.hire(order)
        plans.add(office.run("plan", "--json", "--offline").out)

    assert len(plans) == 1


def test_an_unknown_source_of_groups_is_told(office: Office) -> None:
    office.configure(more=BY_TEAM)
    office.hire(people(1))

    with pytest.raises(ConfigError, match="teams"):
        office.push()


departments = st.sampled_from(["IT", "Sales", "Law", ""])


@st.composite
def days(draw: st.DrawFn) -> list[Row]:
    """Some people of eight, with any department and rights."""
    numbers = draw(st.lists(st.integers(1, 8), unique=True, min_size=1))
    return [
        person(
            number,
            dept=draw(departments),
            rights=";".join(draw(st.lists(st.sampled_from("abc"), unique=True))),
        )
        for number in numbers
    ]


@settings(max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
@given(story=st.lists(days(), min_size=2, max_size=4))
def test_one_big_step_or_many_small_ones_end_in_the_same_state(
    real_server: tuple[str, str], tmp_path_factory: pytest.TempPathFactory, story: list[list[Row]]
) -> None:
    import secrets

    url, token = real_server
    rights = '\n[targets.wiki.groups.rights]\neach = "rights"\ndisplayName = "\'Right \' ~ value"\n'
    ends: list[Any] = []
    for steps in (story, story[-1:]):
        office = Office(tmp_path_factory.mktemp("story"), f"{url}/{secrets.token_hex(8)}/v2", token)
        leave = 'leave = { action = "delete" }'
        office.configure(
            source=LISTS, more=BY_DEPARTMENT + BY_RULE + rights, target=leave, guard=OFTEN
        )
        for day in steps:
            office.hire(day)
            assert office.push().exit_code == 0
            assert office.plan() == []
        accounts = {name: one["displayName"] for name, one in office.accounts().items()}
        held = {
            name: members
            for name, members in groups(office).items()
            if members or name == "Administrators"
        }
        ends.append((accounts, held))

    assert ends[0] == ends[1]
