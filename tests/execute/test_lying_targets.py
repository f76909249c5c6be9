"""Targets whose answers do not prove what they seem to: nobody wrongly keeps or loses access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.office import USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, Seen

DAY = timedelta(days=1)
ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400"}
WITH_ROLE = USER + '\nroles = "[dept]"\ntitle = "given"\n'


def to(user_id: str, method: str) -> dict[str, Any]:
    """A fault of requests about one account."""
    return {"method": method, "where": lambda seen: seen.path == f"/Users/{user_id}", "times": 99}


def sets(seen: Seen, path: str) -> bool:
    """Whether a PATCH changes the attribute."""
    operations = (seen.body or {}).get("Operations", [])
    return any((one.get("path") or "").startswith(path) for one in operations)


@pytest.mark.parametrize("body", [b"", {"error": "no route"}, {**ERROR, "status": "404"}])
@pytest.mark.parametrize("leave", ["deactivate", "delete"])
def test_a_404_to_everything_ticks_no_leaver_off(
    office: Office, faulty: FaultyServer, body: Any, leave: str
) -> None:
    office.configure(target=f'leave = {{ action = "{leave}" }}')
    office.hire(people(5))
    office.push()
    faulty.fail(status=404, body=body, times=99)
    office.hire(people(4))

    assert office.push().exit_code == 4

    faulty.faults.clear()
    assert office.push(later=DAY).exit_code == 0
    assert not faulty.users.get("id-00005", {"active": False})["active"]


def test_a_leaver_whose_account_has_a_new_id_is_deactivated(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    for user in list(faulty.users.values()):
        del faulty.users[user["id"]]
        faulty.users[f"new-{user['id']}"] = {**user, "id": f"new-{user['id']}"}
    office.hire([*people(3), person(4, dept="Sales")])

    assert office.push().exit_code == 0

    assert not faulty.users["new-id-00005"]["active"]
    assert len(faulty.users) == 5
    assert office.links()["00005"].remote_id == "new-id-00005"


@pytest.mark.parametrize("status", [405, 501, 400, 403, 500])
def test_a_refused_deletion_becomes_a_deactivation_and_stays_due(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(5))
    office.push()
    fault = faulty.fail("DELETE", status=status, times=99)
    office.hire(people(4))

    outcome = office.push()

    assert outcome.exit_code == 4
    assert (
        "the account is deactivated, and its deletion stays due"
        in (outcome.targets["wiki"].refused[0])
    )
    assert not faulty.users["id-00005"]["active"]

    fault.times = 0
    assert counts(office.push(later=DAY)) == {"delete": 1}
    assert "id-00005" not in faulty.users


def test_a_refused_patch_is_split_and_takes_access_away_first(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=WITH_ROLE)
    office.hire(people(3))
    office.push()
    faulty.fail("PATCH", where=lambda seen: sets(seen, "title"), status=400, times=99)
    office.hire([*people(2), person(3, dept="Sales", given="Longer", family="Name")])
    faulty.forget()

    outcome = office.push()

    account = faulty.users["id-00003"]
    assert account["roles"] == [{"value": "Sales"}]
    assert account["name"] == {"givenName": "Longer", "familyName": "Name"}
    assert account["title"] == "Given3"
    assert outcome.exit_code == 4
    assert "title: PATCH /Users/id-00003: 400" in outcome.targets["wiki"].refused[0]
    _, first, *others = faulty.written()
    assert sets(first, "roles")
    assert not any(sets(seen, "roles") for seen in others)


def test_a_403_for_one_account_holds_up_nobody_else(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(6))
    office.push()
    faulty.fail(status=403, **to("id-00001", "PATCH"))
    office.hire([person(1, dept="Sales"), *people(5)[1:], person(7)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1, "deactivate": 1}, 4)


def test_a_success_that_shows_the_opposite_is_none(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(5))
    office.push()
    lie = {**faulty.users["id-00005"], "active": True}
    faulty.fail(status=200, body=lie, **to("id-00005", "PATCH"))
    office.hire(people(4))

    outcome = office.push()

    assert outcome.exit_code == 4
    assert office.links()["00005"].status == "active"
    faulty.faults.clear()
    assert counts(office.push(later=DAY)) == {"deactivate": 1}


def test_an_error_with_a_status_of_success_is_an_error(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail(status=200, body={**ERROR, "detail": "not today"}, **to("id-00005", "PATCH"))
    office.hire(people(4))

    outcome = office.push()

    assert outcome.exit_code == 4
    assert "not today" in outcome.targets["wiki"].refused[0]
    assert office.links()["00005"].status == "active"


@pytest.mark.parametrize("done", [True, False])
def test_a_202_is_settled_by_reading(office: Office, faulty: FaultyServer, done: bool) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail(status=202, effect=done, **to("id-00005", "PATCH"))
    office.hire(people(4))

    assert office.push().exit_code == (0 if done else 4)
    assert office.links()["00005"].status == ("inactive" if done else "active")


@pytest.mark.parametrize("whole", [True, False])
def test_an_ignored_filter_and_a_short_list_make_nobody_twice(
    office: Office, faulty: FaultyServer, whole: bool
) -> None:
    office.hire(people(3))
    faulty.add(userName="person3@example.com", active=True)
    everybody = {
        "totalResults": 1 if whole else 5,
        "Resources": [{"id": "id-1", "userName": "person3@example.com", "active": True}],
    }
    faulty.fail("GET", status=200, body=everybody, times=99)

    outcome = office.push()

    assert len(faulty.users) == (3 if whole else 1)
    assert outcome.exit_code == (0 if whole else 4)


def test_a_role_is_taken_away_although_the_new_user_name_is_taken(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=WITH_ROLE)
    office.hire(people(3))
    office.push()
    office.hire([person(1), person(2), person(3, dept="Sales", email="person2@example.com")])

    outcome = office.push()

    assert outcome.exit_code == 4
    failed = [entry for entry in office.journal() if entry.status == "failed"]
    why = "userName person2@example.com is taken by the account of 00002 [SYNC-0341]"
    assert [(operation.key, operation.detail) for operation in failed] == [("00003", why)]
    assert faulty.users["id-00003"]["roles"] == [{"value": "Sales"}]
    assert faulty.users["id-00003"]["userName"] == "person3@example.com"
