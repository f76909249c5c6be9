"""Groups that exist already are found without members, and read with them to be adopted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from scimsync.model.accounts import Account
from scimsync.model.ids import Document, Key, Kind
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.paging import ListPaging
from scimsync.targets.account_finder import AccountFinder
from scimsync.targets.matching import Matcher
from scimsync.targets.resource_reader import ResourceReader

IT, HR = Key("it"), Key("hr")
MEMBERS = [{"value": "u1"}, {"value": "u2"}]


class Target:
    """Has groups of these names, by id; `failures` are the statuses of the answers to reads."""

    def __init__(self, **groups: str) -> None:
        self.groups = groups
        self.failures: dict[str, int] = {}
        self.reads: list[str] = []

    async def send(self, request: ScimRequest) -> ScimResponse:
        query = dict(request.query)
        remote_id = request.path.removeprefix("/Groups").lstrip("/")
        if remote_id:
            self.reads.append(remote_id)
            if remote_id in self.failures:
                raise ErrorResponse(self.failures[remote_id], detail="no")
            return ScimResponse(200, self.group(remote_id) | {"members": MEMBERS})
        assert query["excludedAttributes"] == "members"
        found = [self.group(one) for one in self.groups if self.groups[one] in query["filter"]]
        return ScimResponse(200, {"totalResults": len(found), "Resources": found})

    def group(self, remote_id: str) -> dict[str, Any]:
        return {"id": remote_id, "displayName": self.groups[remote_id]}


def find(target: Target) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
    reader = ResourceReader(target, DIALECTS["rfc"], ListPaging())
    matcher = Matcher(reader, Kind.GROUP, ("displayName",), lambda: 2)
    finder = AccountFinder(lambda _: matcher, lambda _: None)
    wanted: dict[Key, Document] = {IT: {"displayName": "IT"}, HR: {"displayName": "HR"}}
    return asyncio.run(finder.find(wanted, dict.fromkeys(wanted, ("displayName",))))


def test_a_group_to_adopt_is_read_with_its_members() -> None:
    target = Target(g1="IT")

    accounts, refused = find(target)

    assert refused == {}
    assert {key: found[0].members for key, found in accounts.items()} == {IT: ("u1", "u2")}
    assert target.reads == ["g1"]


def test_groups_among_which_none_can_be_chosen_are_not_read() -> None:
    target = Target(g1="IT", g2="IT")

    accounts, _ = find(target)

    assert [one.remote_id for one in accounts[IT]] == ["g1", "g2"]
    assert target.reads == []


def test_a_group_that_only_a_search_shows_is_neither_adopted_nor_created() -> None:
    target = Target(g1="IT")
    target.failures = {"g1": 404}

    assert find(target) == (
        {},
        {IT: "the group g1 is found by displayName, but not by its id"},
    )


def test_a_group_whose_members_cannot_be_read_holds_up_no_other() -> None:
    target = Target(g1="IT", g2="HR")
    target.failures = {"g1": 400}

    accounts, refused = find(target)

    assert list(accounts) == [HR]
    assert refused == {IT: "400: no"}


def test_a_refused_token_concerns_all_groups() -> None:
    target = Target(g1="IT", g2="HR")
    target.failures = {"g1": 401}

    with pytest.raises(ErrorResponse, match="401"):
        find(target)
