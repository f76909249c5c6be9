"""Groups and their members when answers are lost, pushes die, or others change the target."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.execute.story import (
    DELETE_GROUP,
    NO_GUARD,
    PATCH_GROUP,
    PATCH_USER,
    SOON,
    UNSEEN_GROUP,
    Proxied,
    Script,
    delete,
    names,
    one_of,
    pushed_until,
    requests,
)
from tests.lifecycle.test_groups import groups, team, with_teams, write_teams
from tests.office import Office, people, person

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)


def with_team(office: Office, *members: int, employed: int = 2) -> None:
    """A target with Team a."""
    with_teams(office)
    office.hire([person(number, rights="") for number in range(1, employed + 1)])
    write_teams(office, [team("z"), team("a", *members)])
    assert office.push().exit_code == 0


def test_a_member_who_was_put_in_unseen_is_taken_out_although_the_next_try_was_refused(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    with_team(office, 1)
    script.plan = {PATCH_GROUP: ["lost", *["429"] * 4]}
    write_teams(office, [team("z"), team("a", 1, 2)])
    assert office.push().exit_code in (1, 4)
    script.plan = {}

    write_teams(office, [team("z"), team("a", 1)])
    assert office.push(later=SOON).exit_code == 0

    assert groups(office) == {"Team a": {"00001"}, "Team z": set()}


def test_a_change_of_a_group_that_failed_is_tried_again_although_its_members_went_well(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    with_team(office, 1)
    script.plan = {PATCH_GROUP: ["500"] * 5}
    write_teams(office, [team("z"), team("a", 1, 2, name="Renamed")])
    assert office.push().exit_code == 4

    assert office.push(later=DAY).exit_code == 0

    assert groups(office) == {"Renamed": {"00001", "00002"}, "Team z": set()}
    assert requests(office) == 0


def test_a_name_that_was_taken_is_tried_again_although_the_members_went_well(
    proxied: Proxied,
) -> None:
    office, _ = proxied
    with_team(office, 1)
    write_teams(office, [team("z"), team("a", 1, 2, name="Team z")])
    assert office.push().exit_code == 4
    assert [office.push(later=DAY).exit_code for _ in range(2)] == [4, 4]

    write_teams(office, [team("z", name="Team c"), team("a", 1, 2, name="Team z")])
    office.push(later=DAY)
    office.push(later=DAY)

    assert groups(office) == {"Team z": {"00001", "00002"}, "Team c": set()}


def test_a_rename_and_new_members_of_a_push_that_died_are_undone(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    with_team(office, 1)
    write_teams(office, [team("z"), team("a", 1, 2, name="Renamed")])
    pushed_until(office, monkeypatch, lambda entry: entry.action == "update")
    assert names(office) == ["Renamed", "Team z"]

    write_teams(office, [team("z"), team("a", 1)])
    assert office.push(later=SOON).exit_code == 0

    assert groups(office) == {"Team a": {"00001"}, "Team z": set()}
    assert requests(office) == 0


def test_a_subgroup_that_comes_back_is_in_its_group_again(proxied: Proxied) -> None:
    office, _ = proxied
    with_teams(office)
    office.hire([person(1, rights="")])
    write_teams(office, [team("a", parts="b"), team("b", 1)])
    office.push()
    write_teams(office, [team("a", parts="b")])
    office.push()
    assert names(office) == ["Team a"]

    write_teams(office, [team("a", parts="b"), team("b", 1)])
    assert office.push(later=SOON).exit_code == 0

    assert [
        member["value"] for member in one_of(office, "Groups", displayName="Team a")["members"]
    ][-1] == (one_of(office, "Groups", displayName="Team b")["id"])
    assert requests(office) == 0


def test_a_subgroup_that_others_deleted_is_in_its_group_again(proxied: Proxied) -> None:
    office, _ = proxied
    with_teams(office)
    office.hire([person(1, rights="")])
    write_teams(office, [team("a", parts="b"), team("b", 1)])
    office.push()
    delete(office, "Groups", one_of(office, "Groups", displayName="Team b")["id"])

    write_teams(office, [team("a", parts="b"), team("b", 1, name="Bees")])
    assert office.push().exit_code == 0
    office.push(later=SOON)

    held = {member["value"] for member in one_of(office, "Groups", displayName="Team a")["members"]}
    assert one_of(office, "Groups", displayName="Bees")["id"] in held
    assert requests(office) == 0


def test_a_group_that_was_deleted_unseen_comes_to_rest(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    with_team(office, 1)
    script.plan = {DELETE_GROUP: ["lost"] * 5}
    write_teams(office, [team("z")])
    assert office.push().exit_code == 4

    office.push(later=SOON)

    assert [requests(office), requests(office, DAY), requests(office, DAY)] == [0, 0, 0]
    assert names(office) == ["Team z"]


def test_a_group_that_was_made_unseen_goes_with_its_table(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    script.plan = dict(UNSEEN_GROUP)
    office.hire([person(1), person(2, dept="Law")])
    assert office.push().exit_code == 4
    office.configure(guard=NO_GUARD)

    office.push(later=SOON)
    office.push(later=SOON)

    assert names(office) == []
    assert requests(office) == 0


def test_a_leaver_whose_account_is_gone_holds_no_group(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.hire([person(1), person(2, dept="Law")])
    office.push()
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1), person(2, dept="Law", given="X")])
    assert office.push().exit_code == 4
    delete(office, "Users", one_of(office, "Users", externalId="00002")["id"])

    office.hire([person(1)])
    office.push(later=SOON)
    office.push(later=SOON)

    assert names(office) == ["Department IT"]


@pytest.mark.parametrize("status", ["400", "404"])
def test_one_member_whom_the_service_refuses_keeps_nobody_out(
    proxied: Proxied, status: str
) -> None:
    office, proxy = proxied
    with_team(office, employed=5)
    refused = str(one_of(office, "Users", externalId="00003")["id"]).encode()
    proxy.choose = lambda line, body: (
        status if line.startswith(("PATCH", "PUT")) and refused in body else ""
    )

    write_teams(office, [team("z"), team("a", 1, 2, 3, 4, 5)])
    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 1)
    assert groups(office)["Team a"] == {"00001", "00002", "00004", "00005"}
    proxy.choose = lambda _line, _body: ""
    assert office.push(later=DAY).exit_code == 0
    assert len(groups(office)["Team a"]) == 5


def test_a_group_that_was_missing_for_a_moment_keeps_its_members(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    with_team(office, 1, employed=3)
    document = office.links()["teams:a"].document
    script.plan = {PATCH_GROUP: ["404"], "GET .*/Groups/[^?]": ["404"]}
    write_teams(office, [team("z"), team("a", 1, 2, 3)])

    assert office.push().exit_code == 4
    assert office.links()["teams:a"].document == document

    assert office.push(later=DAY).exit_code == 0
    assert groups(office) == {"Team a": {"00001", "00002", "00003"}, "Team z": set()}
    assert office.push(later=DAY).targets["wiki"].requests == 0
