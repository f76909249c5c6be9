"""A target that accepts a value and shows another one: that is told, and nothing is sent again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.office import USER, Office, people, person
from tests.servers.faulty import FaultyServer, Reply, Seen


@pytest.fixture
def cuts(faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> FaultyServer:
    """The server shows the first six characters of displayName, and passwords."""
    honest = faulty.answer

    def answer(seen: Seen) -> Reply:
        reply = honest(seen)
        if seen.writes and reply.status in (200, 201, 204) and seen.method != "DELETE":
            user = next(
                one
                for one in faulty.users.values()
                if one["externalId"] == (seen.body or {}).get("externalId")
                or seen.path.endswith(one["id"])
            )
            reply = Reply(reply.status if reply.status == 201 else 200, _cut(user))
        return reply

    monkeypatch.setattr(faulty, "answer", answer)
    return faulty


def _cut(user: dict[str, Any]) -> dict[str, Any]:
    return {**user, "displayName": user["displayName"][:6], "password": "shown-in-clear"}


def test_another_value_is_told_until_the_target_agrees(office: Office, cuts: FaultyServer) -> None:
    office.configure(user=USER + 'password = "email ~ dept"\n')
    office.hire([*people(2), person(3, given="A", family="B")])

    assert office.push().exit_code == 0
    assert office.push().targets["wiki"].requests == 0
    assert office.plan() == []

    told = office.run("explain", "00001").out
    assert '"Given1 Family1" → "Given1"' in told
    assert "the target shows other values" not in office.run("explain", "00003").out
    (link,) = (office.run("explain", "00001", "--json").document["targets"]["wiki"]["link"],)
    assert link["shown_otherwise"] == [
        {"path": "displayName", "sent": "Given1 Family1", "shown": "Given1"}
    ]
    status = office.run("status", "--json").document["targets"]["wiki"]
    assert status["shown_otherwise"] == [
        {"kind": "user", "path": "displayName", "count": 2, "key": "00001"}
    ]
    checked = office.run("check")
    assert checked.code == 0
    assert "shows 1 attribute differently from what earlier pushes sent [SYNC-0388]" in checked.out
    assert 'displayName of 2 accounts: of 00001, sent "Given1 Family1", shown "Given1"' in (
        " ".join(checked.out.split())
    )
    assert b"shown-in-clear" not in (office.folder / "scimsync.db").read_bytes()

    office.hire([person(1, given="G", family="F"), person(2, dept="Law"), person(3)])
    assert office.push(updates=3).exit_code == 0

    assert "other values" not in office.run("explain", "00001").out
    assert '"Given2 Family2" → "Given2"' in office.run("explain", "00002").out


def test_an_account_that_is_created_active_against_the_request_is_deactivated(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some targets take no `active` from a creation."""
    post = faulty._post
    monkeypatch.setattr(faulty, "_post", lambda body: post({**body, "active": True}))
    office.configure(user=USER.replace("active = true", "active = \"dept == 'IT'\""))
    office.hire([person(1), person(2, dept="Law")])

    outcome = office.push()

    assert outcome.exit_code == 0
    assert {name: user["active"] for name, user in faulty.users.items()} == {
        "id-00001": True,
        "id-00002": False,
    }
    assert office.push().targets["wiki"].requests == 0
