"""Creations of which nobody knows whether they had their effect: what is there is found again, and is there once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx2
import pytest

from scimsync.execute import preparing
from scimsync.execute.channel import Channel
from tests.lifecycle.readback import read_all
from tests.office import ENTERPRISE, MANAGER, USER, Office, counts, people, person
from tests.servers.proxy import HELD, Proxy, running_proxy

pytestmark = pytest.mark.usefixtures("pauses")

SOON = timedelta(minutes=6)
"""The pause after a first failure is over then."""
NO_GUARD = 'max_removals = 1000\nmin_records = "0%"\n'
GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "'Department ' ~ value"
"""
POST_GROUP, FIND_GROUP = "POST /[^?]*/Groups$", "GET /.*/Groups\\?filter"
POST_USER, FIND_USER = "POST /[^?]*/Users$", "GET /.*/Users\\?filter"


class Script:
    """Spoils the answers to requests whose line fits a pattern, each pattern's in the order given, and no others."""

    def __init__(self) -> None:
        self.plan: dict[str, list[str]] = {}

    def __call__(self, line: str, _body: bytes) -> str:
        for pattern, ways in self.plan.items():
            if ways and re.search(pattern, line):
                how, *self.plan[pattern] = ways
                return how
        return ""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def proxied(
    real_server: tuple[str, str], tmp_path: Path, new_state: Callable[[], str | None], script: Script
) -> Iterator[tuple[Office, Proxy]]:
    """An office whose target, a tenant of a real server, stands behind a proxy."""
    url, token = real_server
    with running_proxy(url, script) as proxy:
        office = Office(tmp_path, f"{proxy.url}/{secrets.token_hex(8)}/v2", token, state=new_state())
        office.configure(user=USER + MANAGER, guard=NO_GUARD, more=GROUPS)
        yield office, proxy


def names(office: Office, collection: str = "Groups") -> list[str]:
    attribute = "displayName" if collection == "Groups" else "userName"
    return sorted(one[attribute] for one in read_all(office.url, office.token, collection))


def test_a_group_without_an_answer_is_not_made_again_when_its_people_are_planned_again(
    proxied: tuple[Office, Proxy], script: Script
) -> None:
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
    proxied: tuple[Office, Proxy], script: Script, look_up: list[str]
) -> None:
    office, _ = proxied
    office.configure(target='leave = { action = "delete" }', guard=NO_GUARD)
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
    proxied: tuple[Office, Proxy], script: Script, answers: list[str]
) -> None:
    office, _ = proxied
    office.hire([person(1)])
    office.push()
    script.plan = {"PATCH .*/Users/": answers}
    office.hire([person(1, dept="Sales")])
    assert office.push().exit_code == 4

    office.hire([person(1)])
    assert office.push(later=SOON).exit_code == 0

    (user,) = read_all(office.url, office.token, "Users")
    assert user[ENTERPRISE]["department"] == "IT"
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("answers", [["late 500"] * 5, ["lost"] * 5])
def test_a_deletion_that_had_its_effect_without_an_answer_is_seen_when_its_person_is_back(
    proxied: tuple[Office, Proxy], script: Script, answers: list[str]
) -> None:
    office, _ = proxied
    office.configure(target='leave = { action = "delete" }', guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    script.plan = {"DELETE .*/Users/": answers}
    office.hire(people(1))
    assert office.push().exit_code == 4

    office.hire(people(2))
    assert office.push(later=SOON).exit_code == 0

    assert names(office, "Users") == ["person1@example.com", "person2@example.com"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


@pytest.mark.parametrize("post", [POST_USER, POST_GROUP])
def test_a_creation_that_arrives_after_its_connection_broke_is_not_sent_again(
    proxied: tuple[Office, Proxy], script: Script, monkeypatch: pytest.MonkeyPatch, post: str
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
    script.plan = {POST_GROUP: ["late 500"], FIND_GROUP: ["", *["500"] * 5]}
    office.hire([person(1), person(2, dept="Law")])
    assert office.push().exit_code == 4
    assert names(office) == ["Department IT", "Department Law"]


def test_a_group_that_nobody_found_is_found_when_nobody_needs_it_any_more(proxied: tuple[Office, Proxy], script: Script) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT"]
    assert office.push(later=SOON).targets["wiki"].requests == 0


def test_a_group_with_members_is_nobodys_that_was_made_unseen(proxied: tuple[Office, Proxy], script: Script) -> None:
    office, _ = proxied
    a_group_is_made_unseen(office, script)
    (law,) = (one for one in read_all(office.url, office.token, "Groups") if one["displayName"] == "Department Law")
    member = read_all(office.url, office.token, "Users")[0]["id"]
    add = [{"op": "add", "path": "members", "value": [{"value": member}]}]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": add}
    headers = {"Authorization": f"Bearer {office.token}"}
    assert httpx2.patch(f"{office.url}/Groups/{law['id']}", json=body, headers=headers).is_success

    office.hire([person(1), person(2)])
    assert office.push(later=SOON).exit_code == 0

    assert names(office) == ["Department IT", "Department Law"]


def test_two_whose_swap_of_names_ended_without_an_answer_swap_back(proxied: tuple[Office, Proxy], script: Script) -> None:
    office, _ = proxied
    one, two = people(2)
    office.hire([one, two])
    office.push()
    script.plan = {"PATCH .*/Users/": ["", "", *["late 500"] * 5]}  # one steps aside, two moves, one moves
    office.hire([one | {"email": two["email"]}, two | {"email": one["email"]}])
    assert office.push().exit_code == 4

    office.hire([one, two])
    assert office.push(later=SOON).exit_code == 0

    held = {user["externalId"]: user["userName"] for user in read_all(office.url, office.token, "Users")}
    assert held == {row["id"]: row["email"].lower() for row in (one, two)}
    assert office.push(later=SOON).targets["wiki"].requests == 0
