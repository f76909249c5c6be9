"""Groups that get the name of another one, at a target where no two groups have the same name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, counts, person
from tests.servers.faulty import Seen
from tests.servers.lying import INSTEAD, Lie, LyingServer, running_lying_server

GROUP = """
[targets.wiki.groups.NAME]
displayName = { value = "Admins" }
members = "dept == 'IT'"
"""
OLD, NEW = GROUP.replace("NAME", "admins"), GROUP.replace("NAME", "administrators")
DAY = timedelta(days=1)


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=True) as one:
        yield one


@pytest.fixture
def company(tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Two users, and the table of a group. A second passes with each request."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=OLD, guard=NO_GUARD)
    office.hire([person(1), person(2)])
    refuse(office, server, None)
    return office


def refuse(office: Office, server: LyingServer, refused: str | None) -> None:
    def choose(seen: Seen, chance: Random) -> Lie | None:
        office.now += timedelta(seconds=1)
        is_refused = refused is not None and str(seen).startswith(refused)
        return INSTEAD["403"] if is_refused else None

    server.choose = choose


def members(server: LyingServer) -> list[str]:
    (group,) = server.groups.values()
    return sorted(one["value"] for one in group.get("members", []))


def test_a_group_whose_table_is_renamed_has_its_members_after_one_push(
    company: Office, server: LyingServer
) -> None:
    company.push()
    company.configure(more=NEW, guard=NO_GUARD)

    outcome = company.push()

    assert outcome.exit_code == 0
    assert counts(outcome) == {"create": 1, "delete": 1, "add_members": 1}
    assert members(server) == ["id-00001", "id-00002"]
    assert company.push().targets["wiki"].requests == 0


def test_a_group_waits_as_long_as_the_one_with_its_name_is_not_deleted(
    company: Office, server: LyingServer
) -> None:
    company.push()
    company.configure(more=NEW, guard=NO_GUARD)
    refuse(company, server, "DELETE /Groups")

    outcome = company.push()

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 2)
    refuse(company, server, None)
    assert company.push(later=DAY).exit_code == 0
    assert members(server) == ["id-00001", "id-00002"]


def test_a_group_that_is_created_before_its_pause_is_over_gets_its_members(
    company: Office, server: LyingServer
) -> None:
    refuse(company, server, "POST /Groups")
    assert company.push().exit_code == 4
    refuse(company, server, None)

    outcome = company.push()

    assert (outcome.exit_code, counts(outcome)) == (0, {"create": 1, "add_members": 1})
    assert members(server) == ["id-00001", "id-00002"]
