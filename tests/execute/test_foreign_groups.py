"""Groups of others that have the name of one that scimsync created and somebody deleted."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, person
from tests.servers.faulty import Seen
from tests.servers.lying import INSTEAD, Lie, LyingServer, running_lying_server

GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as one:
        yield one


@pytest.fixture
def company(tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Three users in a group."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=GROUPS, guard=NO_GUARD)
    office.hire([person(1), person(2), person(3)])
    assert office.push().exit_code == 0
    return office


def members(server: LyingServer, group: str) -> list[str]:
    return sorted(one["value"] for one in server.groups[group].get("members", []))


def foreign(server: LyingServer, **more: object) -> None:
    """Somebody deletes a group, and others create one of the same name."""
    server.groups.clear()
    server.groups["other"] = {"id": "other", "displayName": "IT", "members": [], **more}


CONTRADICTIONS: list[dict[str, object]] = [
    {"externalId": "other-idp-77"},
    {"members": [{"value": "root"}]},
    {"members": [{"value": "id-00001"}, {"value": "id-00009"}]},
]


@pytest.mark.parametrize("more", CONTRADICTIONS)
@pytest.mark.parametrize("refresh", [False, True])
def test_a_group_of_others_is_not_taken_for_one_that_was_deleted(
    company: Office, server: LyingServer, more: dict[str, object], refresh: bool
) -> None:
    foreign(server, **more)
    before = deepcopy(server.groups)
    company.hire([person(1), person(2), person(3), person(4)])

    for _ in range(2):
        outcome = company.push(refresh=refresh)
        assert outcome.exit_code == 4
        said = [one.detail or "" for one in company.journal() if one.status == "failed"]
        assert {"to take it over, set adopt = true in" in one for one in said} == {True}

    assert server.groups == before
    assert company.links()["departments:IT"].remote_id is None


def test_a_group_of_others_is_adopted_where_the_table_says_so(
    company: Office, server: LyingServer
) -> None:
    company.configure(more=f"{GROUPS}adopt = true\n", guard=NO_GUARD)
    company.push()
    foreign(server, members=[{"value": "root"}])
    company.hire([person(1), person(2), person(3), person(4)])

    assert company.push().exit_code == 0

    assert members(server, "other") == [*(f"id-0000{number}" for number in range(1, 5)), "root"]
    assert company.links()["departments:IT"].adopted


def test_a_group_of_others_is_not_deleted_in_place_of_one_that_was_deleted(
    company: Office, server: LyingServer
) -> None:
    foreign(server, members=[{"value": "root"}])
    company.hire([person(1, dept="Law"), person(2, dept="Law"), person(3, dept="Law")])

    assert company.push().exit_code == 0

    assert members(server, "other") == ["root"]
    assert company.push().targets["wiki"].requests == 0


def test_a_reconciliation_reports_a_deleted_group_although_others_have_one_of_its_name(
    company: Office, server: LyingServer
) -> None:
    foreign(server, members=[{"value": "root"}])

    found = company.run("reconcile", "--json").document["targets"]["wiki"]["findings"]

    assert [one["drift"] for one in found] == ["vanished"]


def test_an_empty_group_of_others_is_not_taken_for_one_whose_creation_had_no_response(
    tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=GROUPS, guard=NO_GUARD)
    office.hire([person(1)])

    def lose(seen: Seen, chance: Random) -> Lie | None:
        if str(seen) != "POST /Groups":
            return None
        foreign(server, externalId="other-idp-77")
        return INSTEAD["500"]

    server.choose = lose
    assert office.push().exit_code == 4
    server.choose = lambda seen, chance: None

    assert office.push(later=timedelta(days=1)).exit_code == 4

    assert members(server, "other") == []


def test_a_push_says_why_a_group_failed_that_it_planned_again(
    company: Office, server: LyingServer
) -> None:
    foreign(server, externalId="other-idp-77")
    company.hire([person(1), person(2), person(3), person(4)])

    first, second = company.run("push"), company.run("push")

    for ran in (first, second):
        assert ran.code == 4
        assert ran.err.count("to take it over, set adopt = true in") == 1
