"""Accounts and groups that came to be, or were adopted, without anybody saying so: they are found,
and are nobody else's."""

from __future__ import annotations

import pytest

from tests.execute.story import (
    DELETE,
    FIND_USER,
    LIST_USERS,
    NO_GUARD,
    POST_USER,
    SOON,
    UNSEEN_GROUP,
    UNSEEN_USER,
    Proxied,
    Script,
    change,
    names,
    one_of,
    pushed_until,
    requests,
)
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_TEAM, groups, team, with_teams, write_teams
from tests.office import ENTERPRISE, USER, Office, people, person
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.both_databases


@pytest.mark.parametrize("look_up", [["500"] * 5, ["web page"] * 5, ["lost"] * 5])
def test_an_account_that_nobody_found_is_found_when_its_person_has_left_meanwhile(
    proxied: Proxied, script: Script, look_up: list[str]
) -> None:
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    # looked for by two attributes before
    script.plan = {POST_USER: ["late 500"], FIND_USER: ["", "", *look_up], LIST_USERS: ["500"] * 5}
    office.hire([person(1), person(2)])
    assert office.push().exit_code == 4
    script.plan = {}
    assert len(names(office, "Users")) == 2

    office.hire([person(1)])
    assert office.push(later=SOON).exit_code == 0

    assert len(names(office, "Users")) == 1
    assert office.links()["00002"].status == "deleted"
    assert office.push(later=SOON).targets["wiki"].requests == 0


def a_group_is_made_unseen(office: Office, script: Script) -> None:
    """The group of person 2's department comes to be, and no answer and no look-up says so."""
    office.hire([person(1), person(2)])
    office.push()
    script.plan = dict(UNSEEN_GROUP)
    office.hire([person(1), person(2, dept="Law")])
    assert office.push().exit_code == 4
    assert names(office) == ["Department IT", "Department Law"]


def test_a_group_that_nobody_found_is_found_when_nobody_needs_it_any_more(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


def test_a_group_with_members_is_nobodys_that_was_made_unseen(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)
    law = one_of(office, "Groups", displayName="Department Law")
    change(
        office,
        "Groups",
        law["id"],
        members=[{"value": read_all(office.url, office.token, "Users")[0]["id"]}],
    )

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT", "Department Law"]


# Accounts and groups that were made unseen


@pytest.mark.parametrize("killed", [False, True])
def test_a_group_that_was_made_unseen_is_found_by_its_old_name(
    proxied: Proxied, script: Script, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    office, _ = proxied
    with_teams(office, groups=BY_TEAM.replace('externalId = "team_id"\n', ""))
    office.hire([person(1, rights="")])
    write_teams(office, [team("z")])
    assert office.push().exit_code == 0
    write_teams(office, [team("z"), team("a", 1)])
    if killed:
        pushed_until(office, monkeypatch, lambda entry: entry.action == "create")
    else:
        script.plan = dict(UNSEEN_GROUP)
        assert office.push().exit_code == 4
    assert names(office) == ["Team a", "Team z"]

    write_teams(office, [team("z"), team("a", 1, name="Renamed")])
    assert office.push(later=SOON).exit_code == 0

    assert groups(office) == {"Renamed": {"00001"}, "Team z": set()}


def test_an_account_that_was_made_unseen_is_found_by_its_old_name(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(
        user=USER.replace('externalId = "id"\n', ""), target='match = ["userName"]', guard=NO_GUARD
    )
    office.hire([person(1)])
    office.push()
    script.plan = {POST_USER: ["late 500"], FIND_USER: ["", *["500"] * 5], LIST_USERS: ["500"] * 5}
    office.hire(people(2))
    assert office.push().exit_code == 4

    office.hire([person(1), person(2, email="new@example.com")])
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["new@example.com", "person1@example.com"]


@pytest.mark.parametrize(
    "written",
    [{"userName": "person2@example.com"}, {"externalId": None}],
    ids=["in lower case", "without externalId"],
)
def test_an_account_that_the_target_writes_its_own_way_is_found(
    proxied: Proxied, script: Script, written: dict[str, str | None]
) -> None:
    office, _ = proxied
    office.configure(
        user=USER.replace('userName = "email | lower"', 'userName = "email"'),
        target=DELETE,
        guard=NO_GUARD,
    )
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire(people(2))
    assert office.push().exit_code == 4
    change(office, "Users", one_of(office, "Users", externalId="00002")["id"], **written)

    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert [name.lower() for name in names(office, "Users")] == ["person1@example.com"]


def test_who_takes_the_name_of_an_account_that_was_made_unseen_does_not_get_the_account(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire([person(1), person(5)])
    assert office.push().exit_code == 4
    made = one_of(office, "Users", externalId="00005")["id"]

    office.hire(
        [person(1), person(3, email="Person5@example.com"), person(5, email="new@example.com")]
    )
    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users", externalId="00005")["id"] == made
    assert one_of(office, "Users", externalId="00003")["userName"] == "person5@example.com"
    assert requests(office) == 0


def test_an_account_that_was_made_unseen_is_linked_where_nothing_may_be_changed(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(target="actions = { update = false }", guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire(people(2))
    assert office.push().exit_code == 4

    assert office.push(later=SOON).exit_code == 0

    assert office.links()["00002"].remote_id == one_of(office, "Users", externalId="00002")["id"]
    assert requests(office) == 0


def test_an_account_of_the_same_name_that_others_made_stays(
    office: Office, faulty: FaultyServer
) -> None:
    """The POST never arrived."""
    user = USER.replace('externalId = "id"\n', "")
    office.configure(user=user, target=f'match = ["userName"]\n{DELETE}', guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    faulty.fail("POST", hang_up=True, times=5)
    office.hire(people(2))
    assert office.push().exit_code == 4
    faulty.add(userName="person2@example.com", active=True, displayName="Made by hand")

    office.hire(people(1))
    office.push(later=SOON)

    assert len(faulty.users) == 2


def test_an_account_whose_id_nobody_told_is_found_when_its_person_has_left(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    faulty.fail("POST", status=201, effect=True)
    faulty.fail("GET", where=lambda _seen: len(faulty.users) == 2, status=500, times=99)
    office.hire(people(2))
    assert office.push().exit_code == 4
    assert len(faulty.users) == 2
    faulty.faults.clear()

    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert len(faulty.users) == 1


def test_an_account_that_was_half_made_is_completed(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1)])
    office.push()

    def half(seen: Seen) -> bool:
        if seen.method == "POST" and len(faulty.users) == 1:
            faulty.add(userName="person2@example.com", externalId="00002", active=False)
        return seen.method == "POST"

    faulty.fail("POST", where=half)
    office.hire(people(2))
    assert office.push().exit_code == 0

    user = faulty.named("person2@example.com")
    assert (user["active"], user[ENTERPRISE]["department"]) == (True, "IT")
    assert requests(office) == 0


# Accounts that others made between plan and POST


def made_meanwhile(faulty: FaultyServer) -> None:
    def make(seen: Seen) -> bool:
        if seen.method == "POST" and len(faulty.users) == 1:
            faulty.add(userName="person2@example.com", active=False)
        return False

    faulty.fail("POST", where=make)


def test_an_account_that_is_adopted_after_all_is_switched_on(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace("active = true\n", ""), guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    made_meanwhile(faulty)
    office.hire(people(2))

    assert office.push().exit_code == 0

    assert faulty.named("person2@example.com")["active"] is True


def test_an_account_that_was_adopted_after_all_and_unseen_is_a_leavers(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    made_meanwhile(faulty)
    faulty.fail("PATCH", effect=True, hang_up=True, times=5)
    office.hire(people(2))
    assert office.push().exit_code == 4
    faulty.faults.clear()

    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert [user["userName"] for user in faulty.users.values()] == ["person1@example.com"]


def test_accounts_whose_adoption_was_never_sent_stay_as_they_are(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.configure(target=f"{DELETE}\nconcurrency = 1", guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    for number in (2, 3, 4):
        faulty.add(userName=f"person{number}@example.com", active=True, displayName="Made by hand")
    office.hire(people(4))  # the wrong file
    pushed_until(office, monkeypatch, lambda _entry: True)
    untouched = {
        ident for ident, user in faulty.users.items() if user["displayName"] == "Made by hand"
    }
    assert len(untouched) == 2

    office.hire(people(1))
    office.push(later=SOON)

    assert faulty.users.keys() >= untouched


# What is sent once


@pytest.mark.parametrize(
    ("mapped", "attribute"),
    [
        ("title = { expr = \"given ~ ' the first'\", once = true }", "title"),
        ("nickName = { generate = 8 }", "nickName"),
    ],
)
def test_what_is_sent_once_stays_at_an_account_that_was_made_unseen(
    proxied: Proxied, script: Script, mapped: str, attribute: str
) -> None:
    office, _ = proxied
    office.configure(user=f"{USER}{mapped}\n", guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire(people(2))
    assert office.push().exit_code == 4
    made = one_of(office, "Users", externalId="00002")[attribute]

    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users", externalId="00002")[attribute] == made
