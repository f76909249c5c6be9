"""Targets that answer with 202 and carry requests out later, or never (RFC 9967)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.execute.story import NO_GUARD
from tests.office import Office, Pauses, person
from tests.servers.faulty import Reply, Seen
from tests.servers.lying import LyingServer, running_lying_server

HOUR = timedelta(hours=1)
ACCEPTED_S = 2.0
GROUPS = """
[targets.wiki.groups.departments]
each = "dept"
displayName = "value"
"""


class SlowServer(Pauses):
    """A server that accepts writes, and carries them out at once (`after` = 0), when scimsync waits
    for it (1), or not by itself (None).

    `wanted` are the writes that it treats so.
    """

    def __init__(self, server: LyingServer, after: int | None) -> None:
        super().__init__()
        self.server = server
        self.after = after
        self.wanted: Callable[[Seen], bool] = lambda seen: seen.writes
        self.accepted: list[Seen] = []
        self.done = 0
        server.choose = lambda seen, chance: self.accept if self.wanted(seen) else None

    def accept(self, server: LyingServer, seen: Seen, chance: Random) -> Reply:
        self.accepted.append(seen)
        if self.after == 0:
            self.carry_out()
        headers = {"Set-Txn": f"txn-{len(self.accepted)}", "Location": "/Events/77"}
        return Reply(202, None, headers)

    def carry_out(self) -> None:
        for seen in self.accepted[self.done :]:
            self.server.honest(seen)
        self.done = len(self.accepted)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if seconds == ACCEPTED_S and self.after:
            self.carry_out()


@pytest.fixture
def server() -> Iterator[LyingServer]:
    with running_lying_server(unique_names=False) as one:
        yield one


@pytest.fixture
def hired(tmp_path: Path, server: LyingServer, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A company with two departments, as groups, and three users at the target."""
    monkeypatch.setenv("WIKI_TOKEN", server.token)
    office = Office(tmp_path, server.url, server.token)
    office.configure(more=GROUPS, guard=NO_GUARD)
    office.hire([person(1), person(2), person(3, dept="Sales")])
    assert office.push().exit_code == 0
    return office


def slow(office: Office, server: LyingServer, after: int | None) -> SlowServer:
    one = SlowServer(server, after)
    office.time = one.source
    return one


def details(office: Office, status: str) -> list[str]:
    """What the journal says of the operations of the last push."""
    entries = list(office.journal())
    return [str(one.detail) for one in entries if one.status == status and "202" in str(one.detail)]


@pytest.mark.parametrize("after", [0, 1])
def test_a_creation_that_was_accepted_is_found(
    hired: Office, server: LyingServer, after: int
) -> None:
    target = slow(hired, server, after)
    target.wanted = lambda seen: seen.method == "POST"
    hired.hire([person(1), person(2), person(3, dept="Sales"), person(4)])

    assert hired.push().exit_code == 0

    assert hired.links()["00004"].remote_id == "id-00004"
    assert target.count(ACCEPTED_S) == after
    assert details(hired, "applied") == [
        "found after: POST /Users: 202, which promises nothing yet (Set-Txn: txn-1)"
    ]


def test_a_creation_that_is_not_found_yet_is_found_by_the_next_push(
    hired: Office, server: LyingServer
) -> None:
    target = slow(hired, server, None)
    target.wanted = lambda seen: seen.method == "POST"
    hired.hire([person(1), person(2), person(3, dept="Sales"), person(4)])

    assert hired.push().exit_code == 4

    assert len(target.accepted) == 1
    (why,) = details(hired, "failed")
    assert why == "POST /Users: 202, which promises nothing yet (Set-Txn: txn-1) [SYNC-0430]"

    target.carry_out()
    assert hired.push(later=HOUR).exit_code == 0
    assert len(target.accepted) == 1
    assert [one["externalId"] for one in server.users.values()].count("00004") == 1


@pytest.mark.parametrize("after", [0, 1])
def test_a_removal_that_was_accepted_is_read(
    hired: Office, server: LyingServer, after: int
) -> None:
    target = slow(hired, server, after)
    target.wanted = lambda seen: seen.method == "PATCH"
    hired.hire([person(1), person(3, dept="Sales")])

    assert hired.push().exit_code == 0

    assert hired.links()["00002"].status == "inactive"
    assert server.users["id-00002"]["active"] is False
    assert details(hired, "applied") == [
        "shown by the account after: PATCH /Users/id-00002: 202, which promises nothing yet"
        " (Set-Txn: txn-1)"
    ]


@pytest.mark.parametrize("after", [0, 1])
def test_members_whose_change_was_accepted_are_read(
    hired: Office, server: LyingServer, after: int
) -> None:
    target = slow(hired, server, after)
    target.wanted = lambda seen: str(seen).startswith("PATCH /Groups/")
    hired.hire([person(1), person(2, dept="Sales"), person(3, dept="Sales")])

    assert hired.push().exit_code == 0

    shown = [line.partition(" after: ")[0] for line in details(hired, "applied")]
    assert shown == ["shown by the group"] * 2
    assert [one["value"] for one in server.groups["IT-0"]["members"]] == ["id-00001"]


def test_members_of_whom_nothing_was_done_are_changed_by_the_next_push(
    hired: Office, server: LyingServer
) -> None:
    target = slow(hired, server, None)
    target.wanted = lambda seen: str(seen).startswith("PATCH /Groups/")
    hired.hire([person(1), person(2, dept="Sales"), person(3, dept="Sales")])

    assert hired.push().exit_code == 4

    failed = details(hired, "failed")
    assert len(failed) == 2
    assert all(why.endswith(") [SYNC-0430]") for why in failed)

    target.wanted = lambda seen: False
    assert hired.push(later=HOUR).exit_code == 0
    assert [one["value"] for one in server.groups["IT-0"]["members"]] == ["id-00001"]


def test_a_deletion_that_was_accepted_is_read(hired: Office, server: LyingServer) -> None:
    hired.configure(more=GROUPS, guard=NO_GUARD, target='leave = { action = "delete" }')
    target = slow(hired, server, 1)
    target.wanted = lambda seen: seen.method == "DELETE"
    hired.hire([person(1), person(3, dept="Sales")])

    outcomes = [hired.push(), hired.push(later=HOUR)]

    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    assert "id-00002" not in server.users
    assert len(target.accepted) == 1


def test_a_leaver_of_whom_nothing_was_done_may_still_have_access(
    hired: Office, server: LyingServer
) -> None:
    target = slow(hired, server, None)
    target.wanted = lambda seen: seen.method == "PATCH"
    hired.hire([person(1), person(3, dept="Sales")])

    assert hired.push().exit_code == 4

    assert hired.links()["00002"].status == "active"
    assert hired.links()["00002"].may_have_access_since is not None
    (failed,) = details(hired, "failed")
    assert "Set-Txn: txn-" in failed
    assert failed.endswith("[SYNC-0430]")

    target.wanted = lambda seen: False
    assert hired.push(later=HOUR).exit_code == 0
    assert hired.links()["00002"].status == "inactive"
