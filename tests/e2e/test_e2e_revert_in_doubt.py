"""A revert undoes a creation whose response was lost, or says that its outcome is not known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import Office, people
from tests.servers.faulty import FaultyServer


@pytest.fixture
def in_doubt(office: Office, faulty: FaultyServer) -> Office:
    """An office whose run 2 created 00003, and 00004 without knowing it."""
    office.hire(people(2))
    office.push()
    office.hire(people(4))
    faulty.fail(
        "POST",
        times=1,
        effect=True,
        hang_up=True,
        where=lambda seen: (seen.body or {}).get("externalId") == "00004",
    )
    faulty.fail("GET", times=100, status=500, where=lambda _: "id-00004" in faulty.users)
    assert office.run("push").code == 4
    assert faulty.users["id-00004"]["active"]
    faulty.faults.clear()
    office.now += timedelta(days=1)
    return office


def test_a_creation_without_a_response_is_named(in_doubt: Office, faulty: FaultyServer) -> None:
    ran = in_doubt.run("revert", "2", "--yes")

    assert ran.code == 4
    assert "00004: wiki: the outcome of its last request is not known yet: push first" in ran.err
    assert not faulty.users["id-00003"]["active"]


def test_an_account_that_a_later_push_found_is_named(
    in_doubt: Office, faulty: FaultyServer
) -> None:
    assert in_doubt.push().exit_code == 0

    ran = in_doubt.run("revert", "2", "--yes")

    assert ran.code == 4
    assert "00004: wiki: the key has another account now: id-00004, since run 3" in ran.err
    assert not faulty.users["id-00003"]["active"]
