"""Targets that carry a change out and go on showing what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, people, person
from tests.servers.lagging import LaggingServer, running_lagging_server

DAY = timedelta(days=1)
LONG = 1000.0
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400"}


@pytest.fixture
def server() -> Iterator[LaggingServer]:
    with running_lagging_server() as one:
        yield one


@pytest.fixture
def company(tmp_path: Path, server: LaggingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Five users at the target."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token, time=server.pauses.source)
    office.configure(guard=NO_GUARD)
    office.hire(people(5))
    assert office.push().exit_code == 0
    return office


@pytest.mark.parametrize("way", ["old everywhere", "old, then unreadable", "an error as body"])
@pytest.mark.parametrize("what", ["leaves", "returns", "is renamed"])
def test_a_change_that_is_not_shown_is_read_before_its_row_turns_back(
    company: Office, server: LaggingServer, what: str, way: str
) -> None:
    usual, other = people(5), people(4)
    if what == "returns":
        usual, other = other, usual
        company.hire(usual)
        assert company.push(later=DAY).exit_code == 0
    if what == "is renamed":
        other = [*people(4), person(5, email="other@example.com")]
    before = dict(server.users["id-00005"])
    if way == "an error as body":
        server.fail("PATCH", status=200, body=ERROR, effect=True, times=99)
    else:
        server.fall_behind(LONG)
        server.shows_old = True
        server.unreadable = way == "old, then unreadable"
    company.hire(other)
    company.push(later=DAY)
    assert server.users["id-00005"] != before

    server.catch_up()
    company.hire(usual)
    assert company.push(later=DAY).exit_code == 0

    assert server.users["id-00005"] == before
    server.forget()
    assert company.push(later=DAY).exit_code == 0
    assert server.seen == []


def test_a_deactivation_in_place_of_a_refused_deletion_is_read_before_its_row_returns(
    company: Office, server: LaggingServer
) -> None:
    company.configure(guard=NO_GUARD, target='leave = { action = "delete" }')
    server.fail("DELETE", status=405, times=99)
    server.fall_behind(LONG)
    server.shows_old = True
    company.hire(people(4))
    assert company.push(later=DAY).exit_code == 4
    assert not server.users["id-00005"]["active"]

    server.catch_up()
    company.hire(people(5))
    assert company.push(later=DAY).exit_code == 0

    assert server.users["id-00005"]["active"]
