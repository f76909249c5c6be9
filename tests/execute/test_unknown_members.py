"""Records that newly name keys which no record has: such keys take nothing away from others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lifecycle.test_groups import BY_TEAM, TEAMS, groups, team, with_teams, write_teams
from tests.office import ENTERPRISE, MANAGER, SOURCE, USER, Office, people, person

DAY = timedelta(days=1)


def named(key: str, *members: str, parts: str = "") -> dict[str, str]:
    """A team that names keys."""
    return team(key, parts=parts) | {"member_ids": ";".join(members)}


def users(*numbers: int) -> set[str]:
    return {f"{number:05}" for number in numbers}


@pytest.mark.both_databases
def test_misspelled_keys_empty_no_group(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(6))
    write_teams(office, [team("T1", 1, 2, 3), team("T2", 4, 5)])
    office.push()
    write_teams(office, [named("T1", "1", "2", "3"), named("T2", "4", "5", "00006")])

    planned = office.run("plan")
    ran = office.run("push")

    said = (
        "the record newly names 3 members that no record has: 1, 2, 3; 3 members would be removed"
        " and stay until that is corrected [SYNC-0356]"
    )
    assert said in planned.err
    assert said in ran.err
    assert ran.code == 4
    assert groups(office) == {"Team T1": users(1, 2, 3), "Team T2": users(4, 5, 6)}
    for _ in range(2):
        office.now += DAY
        assert said in office.run("push").err
    assert office.push().targets["wiki"].requests == 0

    write_teams(office, [team("T1", 1, 2), team("T2", 4, 6)])
    assert office.push(later=DAY).exit_code == 0
    assert groups(office) == {"Team T1": users(1, 2), "Team T2": users(4, 6)}
    assert office.plan() == []


def test_a_misspelled_subgroup_takes_no_subgroup_out(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [named("T1", "00001", "00002", parts="T2"), named("T2")])
    office.push()
    write_teams(office, [named("T1", "00001", parts="t2"), named("T2")])

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 4
    assert groups(office)["Team T1"] == {"00001", "Team T2"}


def test_an_unknown_key_takes_nobody_out_until_it_has_a_record(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("T1", 1, 2)])
    office.push()
    write_teams(office, [team("T1", 1, 3)])
    assert office.push(later=DAY).exit_code == 4
    assert groups(office)["Team T1"] == users(1, 2)
    office.hire(people(3))

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 0
    assert groups(office)["Team T1"] == users(1, 3)


def test_a_leaver_leaves_a_group_that_names_unknown_keys(real_office: Office) -> None:
    office = real_office
    with_teams(office, target='leave = { action = "deactivate", revoke = ["memberships"] }')
    office.hire(people(4))
    write_teams(office, [team("T1", 1, 2, 3)])
    office.push()
    write_teams(office, [named("T1", "00001", "2", "00003")])
    office.hire([person(1), person(2), person(4)])

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 4
    assert groups(office)["Team T1"] == users(1, 2)


def test_unknown_keys_that_replace_nobody_wait_quietly(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("T1", 1), team("T2", 1, 2)])
    office.push()
    write_teams(office, [team("T1", 1, 3), team("T2", 1), team("T3", 2, 3)])

    assert office.push(later=DAY).exit_code == 0

    assert groups(office) == {"Team T1": users(1), "Team T2": users(1), "Team T3": users(2)}
    office.hire(people(3))
    office.push(later=DAY)
    assert groups(office) == {"Team T1": users(1, 3), "Team T2": users(1), "Team T3": users(2, 3)}


def test_keys_of_another_source_are_known(real_office: Office) -> None:
    office = real_office
    contractors = SOURCE.replace("sources.hr", "sources.contractors").replace("hr.csv", "con.csv")
    other = (
        f'[targets.crm]\nurl = "{office.url}"\nsource = "contractors"\nauth = {{ type = "bearer"'
    )
    other += f', token = "env:WIKI_TOKEN" }}\n[targets.crm.user]\n{USER}'
    with_teams(office)
    office.configure(
        source=SOURCE + contractors + TEAMS, target='source = "hr"', more=BY_TEAM + other
    )
    office.hire(people(2))
    office.hire([person(7)], "con.csv")
    write_teams(office, [team("T1", 1, 2)])
    assert office.push().exit_code == 0
    write_teams(office, [team("T1", 1, 7)])

    assert office.run("push", "-t", "wiki").code == 0
    assert groups(office)["Team T1"] == users(1)


@pytest.mark.both_databases
def test_a_key_that_moved_means_the_key_that_the_user_has_now(real_office: Office) -> None:
    office = real_office
    office.configure(
        user=USER + MANAGER, source=SOURCE + TEAMS, target='source = "hr"', more=BY_TEAM
    )
    office.hire([person(1), person(2, manager="00001"), person(3)])
    write_teams(office, [team("T1", 1, 2)])
    office.push()
    moved = person(1, id="E9")
    office.hire([moved, person(2, manager="00001"), person(3)])
    office.push(later=DAY)
    boss = manager(office, 2)
    assert boss == office.accounts()["person1@example.com"]["id"]
    write_teams(office, [team("T1", 1, 2, 3)])
    office.hire([moved, person(2, manager="00001", dept="HR"), person(3, manager="00001")])

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 0
    assert groups(office)["Team T1"] == {"E9", "00002", "00003"}
    assert manager(office, 2) == manager(office, 3) == boss
    assert office.plan() == []


def manager(office: Office, number: int) -> str | None:
    """The id of the manager of a user."""
    user = office.accounts()[f"person{number}@example.com"]
    found: str | None = user[ENTERPRISE].get("manager", {}).get("value")
    return found


@pytest.mark.both_databases
def test_a_reference_to_an_unknown_key_keeps_the_old_value(real_office: Office) -> None:
    office = real_office
    office.configure(user=USER + MANAGER)
    office.hire([person(1), person(2, manager="00001"), person(3)])
    office.push()
    boss = manager(office, 2)
    office.hire([person(1), person(2, manager="1", dept="HR"), person(3, manager="1")])

    planned = office.run("plan")
    ran = office.run("push")

    said = "stays as it is: no record has the key 1 [SYNC-0357]"
    assert said in planned.err
    assert said in ran.err
    assert ran.code == 4
    assert office.accounts()["person2@example.com"][ENTERPRISE]["department"] == "HR"
    assert (manager(office, 2), manager(office, 3)) == (boss, None)
    office.now += DAY
    assert office.run("push").code == 4
    assert office.push().targets["wiki"].requests == 0

    office.hire([person(1), person(2, dept="HR"), person(3, manager="00001")])
    assert office.push(later=DAY).exit_code == 0
    assert (manager(office, 2), manager(office, 3)) == (None, boss)
    assert office.plan() == []


def test_a_limit_applies_to_the_members_of_all_groups_together(real_office: Office) -> None:
    office = real_office
    with_teams(office, guard="")
    office.hire(people(41))
    write_teams(office, [team(f"T{n}", *range(n, n + 4)) for n in range(1, 41, 4)])
    office.push()
    write_teams(office, [team(f"T{n}", 41) for n in range(1, 41, 4)])

    ran = office.run("push")

    assert ran.code == 3
    assert (
        'guard.max_removals: 40 of 40 members of all groups at "wiki" would be removed (limit 10%,'
        " here 20); nothing was sent [SYNC-0515]"
    ) in ran.err
    assert groups(office)["Team T1"] == users(1, 2, 3, 4)
    assert office.run("push", "--allow-removals", "40").code == 0
    assert groups(office)["Team T1"] == users(41)


def test_a_group_keeps_a_user_whose_row_cannot_be_used(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(4))
    write_teams(office, [team("T1", 1, 2, 3)])
    office.push()
    office.hire([*people(1), person(2) | {"id": ""}, person(3), person(4)])
    write_teams(office, [team("T1", 1, 4)])  # 00003 has left the team in any case

    for _ in range(2):
        office.now += DAY
        ran = office.run("push")
        assert ran.code == 4
        assert "a row that cannot be used may be of 00002: until it is corrected" in ran.err
        assert groups(office) == {"Team T1": users(1, 2, 4)}

    office.hire(people(4))
    assert office.push(later=DAY).exit_code == 0
    assert groups(office) == {"Team T1": users(1, 4)}
    assert office.push(later=DAY).targets["wiki"].requests == 0
