"""Groups that existed before scimsync: taken over only where sync.toml says so, never deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execute.story import add_group, delete
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_RULE,
    OFTEN,
    groups,
    ids,
    team,
    with_teams,
    write_teams,
)
from tests.office import Office, Pauses, counts, fetch, people, person
from tests.servers.lying import running_lying_server

ADOPT = "adopt = true\n"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def foreign_users(office: Office, count: int) -> list[str]:
    """Accounts that are not of scimsync; returns their ids."""
    return [
        fetch(
            f"{office.url}/Users",
            office.token,
            {"schemas": [USER], "userName": f"foreign{number}@example.com"},
        )["id"]
        for number in range(count)
    ]


def test_a_group_that_was_there_before_is_not_taken_over(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_RULE, guard=OFTEN)
    foreign = foreign_users(office, 50)
    group = add_group(office, "administrators", foreign)
    office.hire(people(2))

    for _ in range(2):
        ran = office.run("push")

        assert ran.code == 4, ran.err
        assert (
            f"admins: wiki: a group with the same displayName exists ({group}); to take it over,"
            " set adopt = true in [targets.wiki.groups.admins] [SYNC-0360]"
        ) in ran.err
    (held,) = read_all(office.url, office.token, "Groups")
    assert [member["value"] for member in held["members"]] == foreign


def test_no_second_group_of_one_name_is_made_whatever_match_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_lying_server(unique_names=False) as server:
        monkeypatch.setenv("WIKI_TOKEN", server.token)
        office = Office(tmp_path, server.url, server.token, time=Pauses().source)
        table = BY_RULE + 'externalId = { value = "admins" }\nmatch = ["externalId"]\n' + ADOPT
        office.configure(more=table, guard=OFTEN)
        server.groups["g1"] = {"id": "g1", "displayName": "administrators"}
        office.hire(people(2))

        ran = office.run("push")

        assert ran.code == 4, ran.err
        assert (
            "admins: wiki: a group with the same displayName exists (g1); to take it over, add"
            " displayName to match in [targets.wiki.groups.admins] [SYNC-0360]"
        ) in ran.err
        assert list(server.groups) == ["g1"]


def test_an_adopted_group_is_never_deleted_and_keeps_foreign_members(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_RULE + ADOPT, guard=OFTEN)
    foreign = {f"foreign{number}@example.com" for number in range(50)}
    add_group(office, "Administrators", foreign_users(office, 50))
    office.hire(people(2))

    assert office.run("push").code == 0
    assert groups(office) == {"Administrators": foreign | {"00001", "00002"}}

    office.hire([person(1), person(2, dept="Law")])
    assert office.run("push").code == 0
    assert groups(office) == {"Administrators": foreign | {"00001"}}

    office.configure(guard=OFTEN)  # the table is gone
    assert office.run("push").code == 0
    assert groups(office) == {"Administrators": foreign}
    assert office.push().targets["wiki"].requests == 0


def test_a_group_that_was_adopted_before_the_setting_went_stays_ours(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_RULE + ADOPT, guard=OFTEN)
    add_group(office, "Administrators", [])
    office.hire(people(1))
    office.push()

    office.configure(more=BY_RULE, guard=OFTEN)
    office.hire(people(2))

    assert counts(office.push()) == {"create": 1, "add_members": 1}
    assert groups(office) == {"Administrators": {"00001", "00002"}}


def test_a_group_of_ours_is_made_again_without_the_setting(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire(people(2))
    office.push()
    delete(office, "Groups", ids(office)["Department IT"])
    office.hire(people(3))

    assert office.push().exit_code == 0
    assert groups(office) == {"Department IT": {"00001", "00002", "00003"}}

    office.hire([person(number, dept="Law") for number in (1, 2, 3)])
    assert office.push().exit_code == 0
    office.hire(people(3))
    assert office.push().exit_code == 0
    assert groups(office) == {"Department IT": {"00001", "00002", "00003"}}


def test_two_values_that_differ_in_case_are_one_group_with_one_owner(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire([person(1, dept="Sales"), person(2, dept="SALES")])

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert (
        "departments:Sales: wiki: displayName Department Sales is also wanted by departments:SALES"
        " [SYNC-0341]"
    ) in ran.err
    assert groups(office) == {"Department SALES": {"00002"}}


@pytest.mark.parametrize("adopt", ["", ADOPT])
def test_two_tables_of_one_display_name_have_one_owner(real_office: Office, adopt: str) -> None:
    office = real_office
    second = BY_RULE.replace("[access]", "").replace("Admin = \"dept == 'IT'\"", "")
    office.configure(
        more=f"{BY_RULE}{adopt}{second}{adopt}".replace("groups.admins", "groups.first", 1),
        guard=OFTEN,
    )
    if adopt:
        add_group(office, "Administrators", foreign_users(office, 1))
    office.hire(people(2))

    ran = office.run("push")

    assert ran.code == 4, ran.err
    why = (
        f"the group that matches by displayName ({ids(office)['Administrators']}) belongs to admins"
        " [SYNC-0343]"
        if adopt
        else "displayName Administrators is also wanted by admins [SYNC-0341]"
    )
    assert f"first: wiki: {why}" in ran.err
    assert len(ids(office)) == 1


def test_a_lost_state_takes_over_no_group(real_office: Office) -> None:
    office = real_office
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire(people(2))
    office.push()
    before = groups(office)
    Path(office.folder / "scimsync.db").unlink()

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert "set adopt = true in [targets.wiki.groups.departments] [SYNC-0360]" in ran.err
    assert groups(office) == before
    office.configure(more=BY_DEPARTMENT + ADOPT, guard=OFTEN)
    assert office.run("push").code == 0
    assert groups(office) == before


def test_a_subgroup_that_is_not_taken_over_waits(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    add_group(office, "Team b", [])
    office.hire([person(1, rights="")])
    write_teams(office, [team("a", 1, parts="b"), team("b", 1)])

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert "set adopt = true in [targets.wiki.groups.teams] [SYNC-0360]" in ran.err
    assert groups(office) == {"Team a": {"00001"}, "Team b": set()}
