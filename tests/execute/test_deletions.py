"""Each account is looked at before it is deleted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import USER, Office, counts, people
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
LATER = 'leave = { action = "deactivate", delete_after = "30d" }'
AT_ONCE = 'leave = { action = "delete" }'
BOSS = {
    "userName": "boss@example.com",
    "displayName": "The Boss",
    "name": {"givenName": "The", "familyName": "Boss"},
}


def let_the_fifth_leave(office: Office, target: str, user: str = USER) -> None:
    """Push a leaver. Where the account is deleted later, that is due, and seen once."""
    office.configure(target=f"concurrency = 1\n{target}", user=user)
    office.hire(people(5))
    assert office.push().exit_code == 0
    office.hire(people(4))
    if target == LATER:
        assert counts(office.push()) == {"deactivate": 1}
        assert counts(office.push(later=31 * DAY)) == {}


def test_an_account_is_read_once_before_it_is_deleted(office: Office, faulty: FaultyServer) -> None:
    let_the_fifth_leave(office, LATER)
    faulty.forget()

    assert counts(office.push(later=DAY)) == {"delete": 1}

    about_it = [seen.method for seen in faulty.seen if seen.path == "/Users/id-00005"]
    assert about_it[:2] == ["GET", "DELETE"]


@pytest.mark.parametrize("target", [LATER, AT_ONCE])
def test_an_account_that_was_given_to_another_person_is_not_deleted(
    office: Office, faulty: FaultyServer, target: str
) -> None:
    let_the_fifth_leave(office, target)
    faulty.users["id-00005"] |= {**BOSS, "externalId": "boss", "active": True}
    faulty.forget()
    office.now += DAY

    ran = office.run("push")

    assert ran.code == 1, ran.err
    assert "to userName 'boss@example.com' now; nothing was sent to it [SYNC-0390]" in ran.err
    assert faulty.written() == []
    assert faulty.users["id-00005"]["active"] is True


def test_the_account_of_another_person_is_known_by_its_names_too(
    office: Office, faulty: FaultyServer
) -> None:
    without = USER.replace('externalId = "id"', "")
    assert without != USER
    let_the_fifth_leave(office, AT_ONCE, without)
    (ident,) = (one["id"] for one in faulty.users.values() if "5" in one["userName"])
    faulty.users[ident] |= BOSS
    faulty.forget()

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 4
    assert "[SYNC-0397]" in outcome.targets["wiki"].refused[0]
    assert faulty.written() == []


def test_an_account_that_was_reactivated_is_not_deleted_and_its_leaver_is_seen(
    office: Office, faulty: FaultyServer
) -> None:
    let_the_fifth_leave(office, LATER)
    faulty.users["id-00005"]["active"] = True
    faulty.forget()

    outcome = office.push(later=DAY)

    assert outcome.exit_code == 4
    assert "was reactivated: it is not deleted [SYNC-0397]" in outcome.targets["wiki"].refused[0]
    assert faulty.written() == []
    assert "00005" in office.run("status").out
    assert office.links()["00005"].may_have_access_since is not None
    assert office.push(later=DAY).exit_code == 4

    faulty.users["id-00005"]["active"] = False
    assert counts(office.push(later=DAY)) == {"delete": 1}
    assert "id-00005" not in faulty.users


def test_an_account_that_shows_to_be_protected_is_not_deleted(
    office: Office, faulty: FaultyServer
) -> None:
    let_the_fifth_leave(office, f"protect = ['title eq \"Root\"']\n{AT_ONCE}")
    faulty.users["id-00005"]["title"] = "Root"
    faulty.forget()

    outcome = office.push()

    assert outcome.exit_code == 4
    assert "[SYNC-0361]" in outcome.targets["wiki"].refused[0]
    assert faulty.written() == []


@pytest.mark.parametrize("status", [403, 405, 500])
def test_the_deletion_of_an_account_that_cannot_be_read_waits(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    let_the_fifth_leave(office, LATER)
    fault = faulty.fail(
        "GET", status=status, times=99, where=lambda seen: seen.path == "/Users/id-00005"
    )
    faulty.forget()

    assert office.push(later=DAY).exit_code == 4
    assert faulty.written() == []

    fault.times = 0
    assert counts(office.push(later=DAY)) == {"delete": 1}


def test_an_account_that_is_gone_already_needs_no_deletion(
    office: Office, faulty: FaultyServer
) -> None:
    let_the_fifth_leave(office, LATER)
    del faulty.users["id-00005"]
    faulty.forget()

    assert counts(office.push(later=DAY)) == {"delete": 1}
    assert faulty.written() == []
