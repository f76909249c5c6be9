"""Targets whose groups never show their members, which a filter finds."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, person
from tests.servers.faulty import Reply, Seen, error_reply
from tests.servers.lying import Lie, LyingServer, running_lying_server

GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
PROFILES = {True: 'profile = "aws-iam-identity-center"', False: 'profile = "bitwarden"'}
"""Products whose groups hide their members, by whether a filter finds them."""


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as one:
        yield one


def hide_members(server: LyingServer, seen: Seen, chance: Random) -> Reply:
    text = seen.query.get("filter", "").replace("members eq", "members.value eq")
    query = {**seen.query, "filter": text} if text else seen.query
    reply = deepcopy(server.honest(replace(seen, query=query)))
    assert isinstance(reply.body, dict)
    for group in reply.body.get("Resources", [reply.body]):
        group.pop("members", None)
    return reply


def refuse_known_members(server: LyingServer, seen: Seen, chance: Random) -> Reply:
    """Answer with 400 to an addition of somebody who is a member already."""
    group = server.groups[seen.path.rpartition("/")[2]]
    held = {one["value"] for one in group.get("members", [])}
    text = str(seen.body)
    if any(f"'{one}'" in text for one in held):
        return error_reply(400, "is a member already")
    return server.honest(seen)


@pytest.mark.parametrize("has_filter", [True, False])
def test_a_member_who_is_there_already_is_found_by_a_filter(
    tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch, has_filter: bool
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=GROUPS, guard=NO_GUARD, target=PROFILES[has_filter])
    office.hire([person(1), person(2)])
    assert office.push().exit_code == 0
    server.groups["IT-0"]["members"].append({"value": "id-00003"})

    def choose(seen: Seen, chance: Random) -> Lie | None:
        if seen.path.startswith("/Groups") and seen.method == "GET":
            return hide_members
        return refuse_known_members if str(seen).startswith("PATCH /Groups/") else None

    server.choose = choose
    office.hire([person(1), person(2), person(3), person(4)])

    outcome = office.push()

    assert outcome.exit_code == (0 if has_filter else 4)

    held = [one["value"] for one in server.groups["IT-0"]["members"]]
    assert sorted(held) == [f"id-{number:05}" for number in range(1, 5)]


def test_a_refresh_fills_a_group_that_was_deleted_and_keeps_hidden_members_as_acknowledged(
    tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=GROUPS, guard=NO_GUARD, target=PROFILES[False])
    office.hire([person(1), person(2)])
    assert office.push().exit_code == 0
    server.choose = lambda seen, _: (
        hide_members if seen.path.startswith("/Groups") and seen.method == "GET" else None
    )
    server.groups["IT-0"]["members"].pop()

    assert office.push(refresh=True).exit_code == 0
    assert len(server.groups["IT-0"]["members"]) == 1

    del server.groups["IT-0"]
    assert office.push(refresh=True).exit_code == 0
    (group,) = server.groups.values()
    assert len(group["members"]) == 2
