"""Requests of which nobody knows whether they had their effect: what is there is found again, and
is there once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.targets.sender import LazySender
from scimsync.transport.request_errors import NoResponse
from scimsync.transport.retry_policy import TimeSource
from tests.execute.story import (
    DELETE,
    DELETE_USER,
    FIND_GROUP,
    NO_GUARD,
    PATCH_USER,
    POST_GROUP,
    POST_USER,
    SOON,
    Proxied,
    Script,
    add_group,
    names,
    one_of,
    requests,
)
from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_DEPARTMENT, groups
from tests.office import ENTERPRISE, MANAGER, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.proxy import HELD, NO_SERVICE

pytestmark = pytest.mark.both_databases


def test_a_group_without_an_answer_is_not_made_again_when_its_people_are_planned_again(
    proxied: Proxied, script: Script
) -> None:
    office, proxy = proxied
    script.plan = {
        POST_GROUP: ["reset", "lost"],
        FIND_GROUP: ["", "", *["500"] * 30],
        "GET .*/Groups\\?startIndex": ["", "", "", *["500"] * 30],
    }
    # one gets the manager in a second turn
    office.hire([person(1, manager="00002"), person(2, manager="00001")])

    assert office.push().exit_code == 4
    script.plan = {}
    assert names(office) == ["Department IT"]
    assert len([line for line in proxy.requests if re.search(POST_GROUP, line)]) == 2

    assert office.push(later=SOON).exit_code == 0
    assert names(office) == ["Department IT"]
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


@pytest.mark.parametrize(("answers", "code"), [(["late 500"] * 5, 0), (["lost"] * 5, 4)])
def test_a_deletion_that_had_its_effect_without_an_answer_is_seen_when_its_person_is_back(
    proxied: Proxied, script: Script, answers: list[str], code: int
) -> None:
    office, _ = proxied
    office.configure(target=DELETE, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {DELETE_USER: answers}
    office.hire(people(1))
    assert office.push().exit_code == code

    office.hire(people(2))
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["person1@example.com", "person2@example.com"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("post", [POST_USER, POST_GROUP])
def test_a_creation_that_arrives_after_its_connection_broke_is_not_sent_again(
    proxied: Proxied, script: Script, post: str
) -> None:
    office, proxy = proxied

    async def sleep(seconds: float) -> None:
        await proxy.let_go()

    office.time = TimeSource(sleep)
    script.plan = {post: [HELD]}
    office.hire(people(1))

    outcome = office.push()

    assert (outcome.exit_code, counts(outcome)["create"]) == (0, 2)
    assert (names(office, "Users"), names(office)) == (["person1@example.com"], ["Department IT"])
    assert len([line for line in proxy.requests if re.search(post, line)]) == 1
    assert office.push().targets["wiki"].requests == 0


def test_two_whose_swap_of_names_ended_without_an_answer_swap_back(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    one, two = people(2)
    office.hire([one, two])
    office.push()
    script.plan = {PATCH_USER: ["", "", *["late 500"] * 5]}  # one steps aside, two moves, one moves
    office.hire([one | {"email": two["email"]}, two | {"email": one["email"]}])
    assert office.push().exit_code == 4

    office.hire([one, two])
    assert office.push(later=SOON).exit_code == 0

    held = {
        user["externalId"]: user["userName"] for user in read_all(office.url, office.token, "Users")
    }
    assert held == {row["id"]: row["email"].lower() for row in (one, two)}
    assert office.push(later=SOON).targets["wiki"].requests == 0


# Refused after a try that may have had its effect


@pytest.mark.parametrize(
    "then", [["429"] * 4, ["400"], ["401"], ["409"], ["412"]], ids=lambda then: then[0]
)
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
    sent, tries = LazySender.send, []

    async def refused_from_the_second_on(self: LazySender, request: ScimRequest) -> ScimResponse:
        if request.method == "PATCH":
            tries.append(request)
            if len(tries) > 1:
                raise NoResponse("connection refused", may_have_had_effect=False)
        return await sent(self, request)

    with monkeypatch.context() as patched:
        patched.setattr(LazySender, "send", refused_from_the_second_on)
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


def test_an_adoption_whose_first_try_had_its_effect_is_a_leavers_account(
    office: Office, faulty: FaultyServer
) -> None:
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


def test_a_target_where_an_account_is_and_is_not_fails(
    office: Office, faulty: FaultyServer
) -> None:
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
def test_a_503_of_a_proxy_is_no_answer_of_the_service(
    proxied: Proxied, script: Script, post: str
) -> None:
    office, _ = proxied
    script.plan = {post: ["late 503"]}
    office.hire([person(1)])

    assert office.push().exit_code == 0

    assert (names(office), names(office, "Users")) == (["Department IT"], ["person1@example.com"])


# A router that does not find the service


def test_the_404_of_a_router_does_not_say_that_an_account_is_gone(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.hire(people(2))
    office.push()
    script.plan = {PATCH_USER: [NO_SERVICE]}
    office.hire(people(1))
    assert office.push().exit_code == 4

    assert office.push(later=SOON).exit_code == 0

    assert one_of(office, "Users", externalId="00002")["active"] is False


def test_the_404_of_a_router_does_not_say_that_there_is_no_group(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(user=USER + MANAGER, guard=NO_GUARD, more=f"{BY_DEPARTMENT}adopt = true\n")
    office.hire(people(1))
    office.push()
    add_group(office, "Department Law", [])
    script.plan = {FIND_GROUP: [NO_SERVICE]}
    office.hire([person(1), person(2, dept="Law")])

    office.push()
    office.push(later=SOON)

    assert groups(office) == {"Department IT": {"00001"}, "Department Law": {"00002"}}


# Creations that come to nothing


def test_a_limiter_that_says_503_with_a_page_is_waited_for(
    proxied: Proxied, script: Script
) -> None:
    office, _ = proxied
    office.configure(guard=NO_GUARD)
    script.plan = {POST_USER: ["late 503"] * 4}
    office.hire(people(6))

    assert office.push().exit_code == 0

    assert len(names(office, "Users")) == 6


def test_newcomers_whom_the_service_cannot_take_hold_nobody_up(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="concurrency = 1", guard=NO_GUARD)
    office.hire([person(10)])
    office.push()
    cursed = [person(number, given="Cursed") for number in range(1, 8)]
    faulty.fail("POST", where=lambda seen: "Cursed" in str(seen.body), status=500, times=1000)

    office.hire([*cursed, person(10, dept="Law"), person(50)])
    outcome = office.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 7)
    assert {user["userName"] for user in faulty.users.values()} == {
        "person10@example.com",
        "person50@example.com",
    }
