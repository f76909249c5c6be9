"""Requests of which nobody knows whether they had their effect: what is there is found again, and is there once."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from scimsync.execute import preparing
from scimsync.execute.channel import Channel
from scimsync.scim.errors import TransportFailure
from scimsync.scim.messages import Answer, Request
from tests.execute.story import (
    DELETE,
    DELETE_USER,
    FIND_GROUP,
    FIND_USER,
    NO_GUARD,
    PATCH_USER,
    POST_GROUP,
    POST_USER,
    SOON,
    UNSEEN_GROUP,
    UNSEEN_USER,
    Proxied,
    Script,
    add_group,
    change,
    names,
    one_of,
    pushed_until,
    requests,
)
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_TEAM, groups, team, with_teams, write_teams
from tests.office import ENTERPRISE, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, Seen
from tests.servers.proxy import HELD, NOBODY

pytestmark = pytest.mark.usefixtures("pauses")


def test_a_group_without_an_answer_is_not_made_again_when_its_people_are_planned_again(proxied: Proxied, script: Script) -> None:
    office, proxy = proxied
    script.plan = {POST_GROUP: ["reset", "lost"], FIND_GROUP: ["", "", *["500"] * 5]}
    office.hire([person(1, manager="00002"), person(2, manager="00001")])  # one gets the manager in a second turn

    assert office.push().exit_code == 4
    assert names(office) == ["Department IT"]
    assert len([line for line in proxy.requests if re.search(POST_GROUP, line)]) == 2

    assert office.push(later=SOON).exit_code == 0
    assert names(office) == ["Department IT"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("look_up", [["500"] * 5, ["web page"] * 5, ["lost"] * 5])
def test_an_account_that_nobody_found_is_found_when_its_person_has_left_meanwhile(
    proxied: Proxied, script: Script, look_up: list[str]
) -> None:
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = {POST_USER: ["late 500"], FIND_USER: ["", "", *look_up]}  # looked for by two attributes before
    office.hire([person(1), person(2)])
    assert office.push().exit_code == 4
    assert len(names(office, "Users")) == 2

    office.hire([person(1)])
    assert office.push(later=SOON).exit_code == 0

    assert len(names(office, "Users")) == 1
    assert office.links()["00002"].status == "deleted"
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("answers", [["late 500"] * 5, ["lost"] * 5, ["web page"] * 5])
def test_a_change_that_had_its_effect_without_an_answer_is_undone_when_it_is_not_wanted_any_more(
    proxied: Proxied, script: Script, answers: list[str]
) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = {PATCH_USER: answers}
    office.hire([person(1, dept="Sales")])
    assert office.push().exit_code == 4

    office.hire([person(1)])
    assert office.push(later=SOON).exit_code == 0

    (user,) = read_all(office.url, office.token, "Users")
    assert user[ENTERPRISE]["department"] == "IT"
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("answers", [["late 500"] * 5, ["lost"] * 5])
def test_a_deletion_that_had_its_effect_without_an_answer_is_seen_when_its_person_is_back(
    proxied: Proxied, script: Script, answers: list[str]
) -> None:
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {DELETE_USER: answers}
    office.hire(people(1))
    assert office.push().exit_code == 4

    office.hire(people(2))
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["person1@example.com", "person2@example.com"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("post", [POST_USER, POST_GROUP])
def test_a_creation_that_arrives_after_its_connection_broke_is_not_sent_again(
    proxied: Proxied, script: Script, monkeypatch: pytest.MonkeyPatch, post: str
) -> None:
    office, proxy = proxied

    async def sleep(seconds: float) -> None:
        await proxy.let_go()

    monkeypatch.setattr(preparing, "Channel", partial(Channel, sleep=sleep))
    script.plan = {post: [HELD]}
    office.hire(people(1))

    outcome = office.push()

    assert (outcome.exit_code, counts(outcome)["create"]) == (0, 2)
    assert (names(office, "Users"), names(office)) == (["person1@example.com"], ["Department IT"])
    assert len([line for line in proxy.requests if re.search(post, line)]) == 1
    assert office.push().targets["wiki"].requests == 0


def a_group_is_made_unseen(office: Office, script: Script) -> None:
    """The group of person 2's department comes to be, and no answer and no look-up says so."""
    office.hire([person(1), person(2)])
    office.push()
    script.plan = dict(UNSEEN_GROUP)
    office.hire([person(1), person(2, dept="Law")])
    assert office.push().exit_code == 4
    assert names(office) == ["Department IT", "Department Law"]


def test_a_group_that_nobody_found_is_found_when_nobody_needs_it_any_more(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


def test_a_group_with_members_is_nobodys_that_was_made_unseen(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)
    law = one_of(office, "Groups", displayName="Department Law")
    change(office, "Groups", law["id"], members=[{"value": read_all(office.url, office.token, "Users")[0]["id"]}])

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT", "Department Law"]


def test_two_whose_swap_of_names_ended_without_an_answer_swap_back(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    one, two = people(2)
    office.hire([one, two])
    office.push()
    script.plan = {PATCH_USER: ["", "", *["late 500"] * 5]}  # one steps aside, two moves, one moves
    office.hire([one | {"email": two["email"]}, two | {"email": one["email"]}])
    assert office.push().exit_code == 4

    office.hire([one, two])
    assert office.push(later=SOON).exit_code == 0

    held = {user["externalId"]: user["userName"] for user in read_all(office.url, office.token, "Users")}
    assert held == {row["id"]: row["email"].lower() for row in (one, two)}
    assert office.push(later=SOON).targets["wiki"].requests == 0


# Refused after a try that may have had its effect


@pytest.mark.parametrize("then", [["429"] * 4, ["400"], ["401"], ["409"], ["412"]], ids=lambda then: then[0])
def test_a_change_whose_first_try_had_its_effect_is_undone_although_the_next_was_refused(
    proxied: Proxied, script: Script, then: list[str]
) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = {PATCH_USER: ["lost", *then]}
    office.hire([person(1, dept="Sales")])
    office.push()
    script.plan = {}

    office.hire([person(1)])
    assert office.push(later=SOON).exit_code == 0

    (user,) = read_all(office.url, office.token, "Users")
    assert user[ENTERPRISE]["department"] == "IT"


def test_a_change_whose_first_try_had_its_effect_is_undone_although_no_connection_came_to_be_then(
    proxied: Proxied, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = {PATCH_USER: ["lost"]}
    office.hire([person(1, dept="Sales")])
    sent, tries = Channel._sent, []

    async def refused_from_the_second_on(self: Channel, request: Request) -> Answer:
        if request.method == "PATCH":
            tries.append(request)
            if len(tries) > 1:
                raise TransportFailure("connection refused", may_have_had_effect=False)
        return await sent(self, request)

    with monkeypatch.context() as patched:
        patched.setattr(Channel, "_sent", refused_from_the_second_on)
        assert office.push().exit_code == 1

    office.hire([person(1)])
    office.push(later=SOON, insistent=True)

    (user,) = read_all(office.url, office.token, "Users")
    assert user[ENTERPRISE]["department"] == "IT"


def test_a_deletion_whose_first_try_had_its_effect_is_seen_although_the_next_was_refused(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {DELETE_USER: ["lost", *["429"] * 4]}
    office.hire(people(1))
    assert office.push().exit_code in (1, 4)
    script.plan = {}

    office.hire(people(2))
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["person1@example.com", "person2@example.com"]


def test_an_adoption_whose_first_try_had_its_effect_is_a_leavers_account(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    faulty.add(userName="person2@example.com", active=False)
    faulty.fail("PATCH", effect=True, hang_up=True)
    faulty.fail("PATCH", status=429, times=4)
    office.hire(people(2))
    assert office.push().exit_code == 4
    assert faulty.named("person2@example.com")["active"] is True

    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert [user["userName"] for user in faulty.users.values()] == ["person1@example.com"]


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


def test_an_account_that_was_made_unseen_is_found_by_its_old_name(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(user=USER.replace('externalId = "id"\n', ""), target='match = ["userName"]', guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = {POST_USER: ["late 500"], FIND_USER: ["", *["500"] * 5]}
    office.hire(people(2))
    assert office.push().exit_code == 4

    office.hire([person(1), person(2, email="new@example.com")])
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["new@example.com", "person1@example.com"]


@pytest.mark.parametrize(
    "written", [{"userName": "person2@example.com"}, {"externalId": None}], ids=["in lower case", "without externalId"]
)
def test_an_account_that_the_target_writes_its_own_way_is_found(
    proxied: Proxied, script: Script, written: dict[str, str | None]
) -> None:
    office, _ = proxied
    office.configure(user=USER.replace('userName = "email | lower"', 'userName = "email"'), target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire(people(2))
    assert office.push().exit_code == 4
    change(office, "Users", one_of(office, "Users", externalId="00002")["id"], **written)

    office.hire(people(1))
    assert office.push(later=SOON).exit_code == 0

    assert [name.lower() for name in names(office, "Users")] == ["person1@example.com"]


def test_who_takes_the_name_of_an_account_that_was_made_unseen_does_not_get_the_account(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = dict(UNSEEN_USER)
    office.hire([person(1), person(5)])
    assert office.push().exit_code == 4
    made = one_of(office, "Users", externalId="00005")["id"]

    office.hire([person(1), person(3, email="Person5@example.com"), person(5, email="new@example.com")])
    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users", externalId="00005")["id"] == made
    assert one_of(office, "Users", externalId="00003")["userName"] == "person5@example.com"
    assert requests(office) == 0


def test_an_account_that_was_made_unseen_is_linked_where_nothing_may_be_changed(proxied: Proxied, script: Script) -> None:
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


def test_an_account_of_the_same_name_that_others_made_stays(office: Office, faulty: FaultyServer) -> None:
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


def test_an_account_whose_id_nobody_told_is_found_when_its_person_has_left(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    faulty.fail("POST", status=201, effect=True)
    look_ups = faulty.fail("GET", where=lambda _seen: len(faulty.users) == 2, status=500, times=5)
    office.hire(people(2))
    assert office.push().exit_code == 4
    assert (len(faulty.users), look_ups.times) == (2, 0)

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


def test_an_account_that_is_adopted_after_all_is_switched_on(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER.replace("active = true\n", ""), guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    made_meanwhile(faulty)
    office.hire(people(2))

    assert office.push().exit_code == 0

    assert faulty.named("person2@example.com")["active"] is True


def test_an_account_that_was_adopted_after_all_and_unseen_is_a_leavers(office: Office, faulty: FaultyServer) -> None:
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
    untouched = {ident for ident, user in faulty.users.items() if user["displayName"] == "Made by hand"}
    assert len(untouched) == 2

    office.hire(people(1))
    office.push(later=SOON)

    assert faulty.users.keys() >= untouched


# What is read in doubt


def test_what_others_wrote_stays_when_an_account_is_read_in_doubt(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(user=USER + 'title = "title"\nnickName = "nick"\n', guard=NO_GUARD)
    office.hire([person(1, title="", nick="")])
    office.push()
    change(office, "Users", one_of(office, "Users")["id"], title="Set by hand", nickName="Hand")
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1, title="", nick="", dept="Sales")])
    assert office.push().exit_code == 4

    assert office.push(later=SOON).exit_code == 0

    user = one_of(office, "Users")
    assert (user["title"], user["nickName"], user[ENTERPRISE]["department"]) == ("Set by hand", "Hand", "Sales")


def test_a_value_that_was_sent_unseen_goes_when_it_is_not_wanted_any_more(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(user=USER + 'title = "title"\n', guard=NO_GUARD)
    office.hire([person(1, title="")])
    office.push()
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1, title="Boss")])
    assert office.push().exit_code == 4

    office.hire([person(1, title="")])
    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users").get("title") is None
    assert requests(office) == 0


def test_a_doubt_ends_where_leavers_stay(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(target="actions = { remove = false }", guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {PATCH_USER: ["lost"] * 5}
    office.hire([person(1), person(2, dept="Sales")])
    assert office.push().exit_code == 4

    office.hire(people(1))
    office.push(later=SOON)

    assert [requests(office), requests(office)] == [0, 0]


def test_who_came_back_unseen_and_left_again_has_the_whole_time_again(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='leave = { action = "deactivate", delete_after = "30d" }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("PATCH", effect=True, hang_up=True, times=5)
    office.hire(people(2))
    assert office.push(later=timedelta(days=29)).exit_code == 4
    assert faulty.users["id-00002"]["active"] is True

    office.hire(people(1))
    office.push(later=timedelta(days=2))
    assert faulty.users["id-00002"]["active"] is False
    office.push(later=timedelta(days=29))
    assert "id-00002" in faulty.users
    office.push(later=timedelta(days=2))
    assert "id-00002" not in faulty.users


def test_who_came_back_unseen_and_left_again_is_switched_off_where_nobody_tells(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    faulty.fail("PATCH", effect=True, hang_up=True, times=5)
    office.hire(people(2))
    assert office.push().exit_code == 4
    silent: dict[str, Any] = {name: value for name, value in faulty.users["id-00002"].items() if name != "active"}
    faulty.fail("GET", where=lambda seen: seen.path == "/Users/id-00002", status=200, body=silent, times=100)

    office.hire(people(1))
    office.push(later=SOON)

    assert faulty.users["id-00002"]["active"] is False
    assert requests(office) == 0


# Names


def test_who_stepped_aside_in_vain_gets_his_name_back(office: Office, faulty: FaultyServer) -> None:
    one, two = people(2)
    office.configure(guard=NO_GUARD)
    office.hire([one, two])
    office.push()
    faulty.fail("PATCH", where=lambda seen: seen.path == "/Users/id-00002", status=400, times=1000)
    office.hire([one | {"email": two["email"]}, two | {"email": one["email"]}])

    assert [office.push(later=timedelta(days=1)).exit_code for _ in range(3)] == [4, 4, 4]
    assert faulty.users["id-00001"]["userName"] == "person1@example.com"

    faulty.faults.clear()
    assert office.push(later=timedelta(days=1)).exit_code == 0
    assert faulty.users["id-00001"]["userName"] == "person2@example.com"
    assert requests(office) == 0


def test_a_target_where_an_account_is_and_is_not_fails(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", where=lambda seen: seen.path == "/Users/id-00002", status=404, times=1000)
    office.hire([person(1), person(2, dept="Sales")])

    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 1)
    faulty.faults.clear()
    assert office.push(later=SOON).exit_code == 0
    assert faulty.users["id-00002"][ENTERPRISE]["department"] == "Sales"


@pytest.mark.parametrize("post", [POST_USER, POST_GROUP])
def test_a_503_of_a_proxy_is_no_answer_of_the_service(proxied: Proxied, script: Script, post: str) -> None:
    office, _ = proxied
    script.plan = {post: ["late 503"]}
    office.hire([person(1)])

    assert office.push().exit_code == 0

    assert (names(office), names(office, "Users")) == (["Department IT"], ["person1@example.com"])


# What is sent once


@pytest.mark.parametrize(
    ("mapped", "attribute"),
    [("title = { expr = \"given ~ ' the first'\", once = true }", "title"), ("nickName = { generate = 8 }", "nickName")],
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


def test_who_was_switched_off_by_hand_while_a_change_was_in_doubt_stays_off(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(user=USER.replace("active = true\n", ""), guard=NO_GUARD)
    office.hire([person(1)])
    office.push()
    script.plan = {PATCH_USER: ["late 500"] * 5}
    office.hire([person(1, dept="Sales")])
    assert office.push().exit_code == 4
    change(office, "Users", one_of(office, "Users")["id"], active=False)

    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users")["active"] is False


# A router that does not find the service


def test_the_404_of_a_router_does_not_say_that_an_account_is_gone(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    script.plan = {PATCH_USER: [NOBODY]}
    office.hire(people(1))
    assert office.push().exit_code == 4

    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users", externalId="00002")["active"] is False


def test_the_404_of_a_router_does_not_say_that_there_is_no_group(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.hire(people(1))
    office.push()
    add_group(office, "Department Law", [])
    script.plan = {FIND_GROUP: [NOBODY]}
    office.hire([person(1), person(2, dept="Law")])

    office.push()
    office.push(later=SOON)

    assert groups(office) == {"Department IT": {"00001"}, "Department Law": {"00002"}}


# Creations that come to nothing


def test_a_limiter_that_says_503_with_a_page_is_waited_for(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(guard=NO_GUARD)
    script.plan = {POST_USER: ["late 503"] * 4}
    office.hire(people(6))

    assert office.push().exit_code == 0

    assert len(names(office, "Users")) == 6


def test_newcomers_whom_the_service_cannot_take_hold_nobody_up(office: Office, faulty: FaultyServer) -> None:
    office.configure(target="concurrency = 1", guard=NO_GUARD)
    office.hire([person(10)])
    office.push()
    cursed = [person(number, given="Cursed") for number in range(1, 8)]
    faulty.fail("POST", where=lambda seen: "Cursed" in str(seen.body), status=500, times=1000)

    office.hire([*cursed, person(10, dept="Law"), person(50)])
    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 7)
    assert {user["userName"] for user in faulty.users.values()} == {"person10@example.com", "person50@example.com"}
