"""Accounts and groups that were deleted at the target and created again, under another id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import MANAGER, USER, Office, counts, person
from tests.servers.faulty import Seen
from tests.servers.lying import Lie, LyingServer, running_lying_server

pytestmark = pytest.mark.both_databases

GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
TEAMS = """
[targets.wiki.groups.teams]
source = "teams"
externalId = "team_id"
displayName = "name"
members = "member_ids"
subgroups = "parts"
"""
TEAMS_SOURCE = """
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"
[sources.teams]
type = "file"
path = "teams.csv"
key = "team_id"
lists = { member_ids = ";", parts = ";" }
"""


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as one:
        yield one


@pytest.fixture
def company(
    tmp_path: Path,
    server: LyingServer,
    monkeypatch: pytest.MonkeyPatch,
    new_state: Callable[[], str | None],
) -> Office:
    """Three users in a group. A second passes with each request."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token, state=new_state())
    office.configure(user=USER + MANAGER, more=GROUPS, guard=NO_GUARD)
    office.hire([person(1), person(2), person(3)])

    def tick(seen: Seen, chance: Random) -> Lie | None:
        office.now += timedelta(seconds=1)
        return None

    server.choose = tick
    assert office.push().exit_code == 0
    return office


def again(server: LyingServer, kind: str, old: str, **other: object) -> None:
    """Somebody deletes a resource, and creates it again."""
    held = server.users if kind == "Users" else server.groups
    resource = held.pop(old)
    for group in server.groups.values():
        group["members"] = [one for one in group.get("members", []) if one["value"] != old]
    held[f"new-{old}"] = {**resource, "id": f"new-{old}", **other}


def members(server: LyingServer, group: str) -> list[str]:
    return sorted(one["value"] for one in server.groups[group].get("members", []))


def test_an_account_with_a_new_id_is_in_its_groups_again(
    company: Office, server: LyingServer
) -> None:
    again(server, "Users", "id-00001")
    company.hire([person(1, given="Ann"), person(2), person(3)])

    outcome = company.push()

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 1, "add_members": 1})
    assert members(server, "IT-0") == ["id-00002", "id-00003", "new-id-00001"]
    assert company.push().targets["wiki"].requests == 0


def test_a_manager_with_a_new_id_is_referred_to_by_it(company: Office, server: LyingServer) -> None:
    company.hire([person(1), person(2, manager="00001"), person(3)])
    company.push()
    again(server, "Users", "id-00001")
    company.hire([person(1, given="Ann"), person(2, manager="00001"), person(3)])

    assert company.push().exit_code == 0

    (manager,) = (
        value["manager"]["value"]
        for name, value in server.users["id-00002"].items()
        if "enterprise" in name
    )
    assert manager == "new-id-00001"


def test_a_group_with_a_new_id_gets_all_its_members_in_the_same_run(
    company: Office, server: LyingServer
) -> None:
    again(server, "Groups", "IT-0", members=[])
    company.hire([person(1), person(2), person(3), person(4)])

    outcome = company.push()

    assert (outcome.exit_code, counts(outcome)) == (0, {"create": 1, "add_members": 1})
    assert members(server, "new-IT-0") == [f"id-0000{number}" for number in range(1, 5)]
    assert company.push().targets["wiki"].requests == 0


def test_who_leaves_a_group_with_a_new_id_is_taken_out_of_it(
    company: Office, server: LyingServer
) -> None:
    """All ids of the target changed: the group has its members under their new ids."""
    for number in range(1, 4):
        again(server, "Users", f"id-0000{number}")
    kept = [{"value": f"new-id-0000{number}"} for number in range(1, 4)]
    again(server, "Groups", "IT-0", members=kept)
    company.push(refresh=True)
    company.hire([person(1, dept="Law"), person(2), person(3)])

    assert company.push().exit_code == 0

    assert members(server, "new-IT-0") == ["new-id-00002", "new-id-00003"]


@pytest.mark.parametrize("first", ["push", "plan"])
def test_a_refresh_fills_a_group_that_was_created_again_without_members(
    company: Office, server: LyingServer, first: str
) -> None:
    again(server, "Groups", "IT-0", members=[])
    if first == "plan":
        ran = company.run("plan", "--refresh")
        assert "3 to add" in ran.out

    outcome = company.push(refresh=True)

    assert (outcome.exit_code, counts(outcome)) == (0, {"add_members": 1})
    assert members(server, "new-IT-0") == ["id-00001", "id-00002", "id-00003"]


def test_a_refresh_keeps_the_members_that_a_group_with_a_new_id_shows(
    company: Office, server: LyingServer
) -> None:
    again(server, "Groups", "IT-0", members=[{"value": "id-00002"}])

    company.push(refresh=True)

    (operation,) = (one for one in company.journal() if one.action == "add_members")
    assert [change.after for change in operation.changes] == ["00001", "00003"]
    assert members(server, "new-IT-0") == ["id-00001", "id-00002", "id-00003"]


def test_a_push_that_a_guard_stops_keeps_memberships_in_doubt(
    company: Office, server: LyingServer
) -> None:
    again(server, "Groups", "IT-0", members=[])
    company.configure(more=GROUPS, guard='max_updates = "0%"', user=USER + MANAGER)
    company.hire([person(1, given="A"), person(2, given="B"), person(3, given="C")])
    assert company.push(refresh=True).exit_code == 3

    company.configure(more=GROUPS, guard=NO_GUARD, user=USER + MANAGER)
    company.hire([person(1), person(2), person(3)])
    assert company.push().exit_code == 0

    assert members(server, "new-IT-0") == ["id-00001", "id-00002", "id-00003"]


def test_a_subgroup_with_a_new_id_is_in_its_group_again(
    tmp_path: Path,
    server: LyingServer,
    monkeypatch: pytest.MonkeyPatch,
    new_state: Callable[[], str | None],
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token, state=new_state())
    office.configure(source=TEAMS_SOURCE, target='source = "hr"', more=TEAMS, guard=NO_GUARD)
    office.hire([person(1)])
    head = "team_id,name,member_ids,parts\n"
    office.write("teams.csv", f"{head}a,All,,b\nb,Part,00001,\n")
    assert office.push().exit_code == 0
    again(server, "Groups", "Part-0", members=[])
    office.write("teams.csv", f"{head}a,All,,b\nb,A part,00001,\n")

    assert office.push().exit_code == 0

    assert members(server, "All-0") == ["new-Part-0"]
    assert members(server, "new-Part-0") == ["id-00001"]
    assert office.push().targets["wiki"].requests == 0


@pytest.mark.parametrize(
    ("command", "action", "external_id"),
    [
        (["push"], "delete", "00009"),
        (["push"], "deactivate", None),
        (["push", "--refresh"], "delete", "00009"),
        (["reconcile", "--fix"], "deactivate", "00009"),
    ],
)
def test_the_account_of_a_successor_is_not_that_of_the_leaver(
    company: Office, server: LyingServer, command: list[str], action: str, external_id: str | None
) -> None:
    company.configure(guard=NO_GUARD, target=f'leave = {{ action = "{action}" }}')
    name = {"givenName": "Zoe", "familyName": "Zed"}
    again(server, "Users", "id-00001", externalId=external_id, name=name, displayName="Zoe Zed")
    successor = dict(server.users["new-id-00001"])
    company.hire([person(2), person(3)])

    company.run(*command)
    company.run("push")

    assert server.users["new-id-00001"] == successor
