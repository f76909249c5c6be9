"""Targets whose answers to a change of members show other members than were sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, Pauses, Row, people, person
from tests.servers.faulty import Reply, Seen
from tests.servers.lying import INSTEAD, Lie, LyingServer, running_lying_server

DAY = timedelta(days=1)
DEPARTMENTS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""
MOVED = [*people(3), person(4, dept="Sales"), person(5, dept="Sales")]
JOINED = [*people(4), person(5, dept="Sales"), person(6)]


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as one:
        yield one


@pytest.fixture
def office(tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A company with four people in IT and one in Sales, whose groups are pushed."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token, time=Pauses().source)
    office.configure(more=DEPARTMENTS, guard=NO_GUARD, target='dialect = "rfc"')
    office.hire([*people(4), person(5, dept="Sales")])
    assert office.push().exit_code == 0
    return office


def it_members(server: LyingServer) -> list[str]:
    return sorted(one["value"] for one in server.groups["IT-0"].get("members", []))


def about_it(**lies: Lie) -> Callable[[Seen, Random], Lie | None]:
    """Lies about the group IT, by method."""
    return lambda seen, chance: lies.get(seen.method) if seen.path == "/Groups/IT-0" else None


def unchanged(server: LyingServer, seen: Seen, chance: Random) -> Reply:
    """Change nothing, and show it."""
    return Reply(200, deepcopy(server.groups["IT-0"]))


def stale(server: LyingServer, seen: Seen, chance: Random) -> Reply:
    """Make the change, and show the group as it was before."""
    before = deepcopy(server.groups["IT-0"])
    server.honest(seen)
    return Reply(200, before)


def cut(server: LyingServer, seen: Seen, chance: Random) -> Reply:
    """Make the change, and show only the first two members."""
    server.honest(seen)
    group = deepcopy(server.groups["IT-0"])
    group["members"] = group["members"][:2]
    return Reply(200, group)


@pytest.mark.parametrize("rows", [MOVED, JOINED])
@pytest.mark.parametrize("readable", [True, False])
def test_a_change_of_members_whose_answer_shows_the_opposite_stays_due(
    office: Office, server: LyingServer, rows: list[Row], readable: bool
) -> None:
    server.choose = about_it(PATCH=unchanged, **({} if readable else {"GET": INSTEAD["403"]}))
    office.hire(rows)

    outcome = office.push()

    assert outcome.exit_code == 4
    assert "/Groups/IT-0" in outcome.targets["wiki"].refused[0]
    assert it_members(server) == [f"id-{number:05}" for number in range(1, 5)]

    server.choose = lambda seen, chance: None
    assert office.push(later=DAY).exit_code == 0
    expected = [row["id"] for row in rows if row["dept"] == "IT"]
    assert it_members(server) == [f"id-{key}" for key in expected]


@pytest.mark.parametrize("rows", [MOVED, JOINED])
def test_an_answer_that_shows_the_group_as_it_was_is_settled_by_reading(
    office: Office, server: LyingServer, rows: list[Row]
) -> None:
    server.choose = about_it(PATCH=stale)
    office.hire(rows)

    assert office.push().exit_code == 0
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.parametrize("reads_are_cut", [True, False])
def test_a_list_that_is_cut_does_not_show_that_a_new_member_is_missing(
    office: Office, server: LyingServer, reads_are_cut: bool
) -> None:
    server.choose = about_it(PATCH=cut, **({"GET": cut} if reads_are_cut else {}))
    office.hire(JOINED)

    assert office.push().exit_code == 0

    assert "id-00006" in it_members(server)
    assert office.push(later=DAY).targets["wiki"].requests == 0
