"""Accounts refer to those that are there, and to no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.execute.story import DELETE, NO_GUARD
from tests.execute.test_holds import a_run_at_work
from tests.office import ENTERPRISE, MANAGER, USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
WITH_MANAGER = USER + MANAGER


def manager(faulty: FaultyServer, key: str) -> Any:
    """What the account of `key` holds of its manager."""
    return faulty.users[f"id-{key}"].get(ENTERPRISE, {}).get("manager")


def test_nobody_keeps_a_manager_whose_account_was_deleted_by_name(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=WITH_MANAGER, target='leave = { action = "delete" }', guard=NO_GUARD)
    office.hire([person(1), person(2, manager="00001"), person(3, manager="00001")])
    office.push()
    assert manager(faulty, "00002") == {"value": "id-00001"}

    office.run("deprovision", "00001")
    assert counts(office.push(later=DAY)) == {"update": 2}

    assert (manager(faulty, "00002"), manager(faulty, "00003")) == (None, None)
    assert office.push(later=DAY).targets["wiki"].requests == 0

    office.run("deprovision", "00001", "--lift")
    office.push(later=DAY)
    assert manager(faulty, "00003") == {
        "value": next(one for one, held in faulty.users.items() if held["externalId"] == "00001")
    }


def test_a_longer_time_until_deletion_takes_no_manager_away(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=WITH_MANAGER,
        target='leave = { action = "deactivate", delete_after = "1d" }',
        guard=NO_GUARD,
    )
    office.hire([person(1), person(2, manager="00001")])
    office.push()
    office.hire([person(2, manager="00001")])
    office.push()
    office.configure(
        user=WITH_MANAGER,
        target='leave = { action = "deactivate", delete_after = "30d" }',
        guard=NO_GUARD,
    )

    assert office.push(later=2 * DAY).targets["wiki"].requests == 0
    assert manager(faulty, "00002") == {"value": "id-00001"}
    assert counts(office.push_twice(later=29 * DAY)) == {"delete": 1, "update": 1}


def test_an_order_by_name_takes_references_along_where_nobody_else_is_removed(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=WITH_MANAGER, target=f"actions = {{ remove = false }}\n{DELETE}", guard=NO_GUARD
    )
    office.hire([person(1), person(2, manager="00001")])
    office.push()
    with a_run_at_work(office):
        assert office.run("deprovision", "00001").code == 5

    assert counts(office.push(later=DAY)) == {"delete": 1, "update": 1}
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_an_adoption_switches_nobody_off_where_nobody_is_removed(
    office: Office, faulty: FaultyServer
) -> None:
    by_mapping = USER.replace("active = true", "active = \"dept != 'away'\"")
    office.configure(user=by_mapping, target="actions = { remove = false }", guard=NO_GUARD)
    faulty.add(userName="person2@example.com", externalId="00002", active=True)
    office.hire([person(1), person(2, dept="away")])

    office.push()

    assert faulty.named("person2@example.com")["active"] is True
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_where_nobody_is_switched_off_the_others_changes_are_made(
    office: Office, faulty: FaultyServer
) -> None:
    by_mapping = USER.replace("active = true", "active = \"dept != 'away'\"")
    office.configure(user=by_mapping, target="actions = { remove = false }", guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire([person(1), person(2, dept="away", family="Other")])

    assert counts(office.push(later=DAY)) == {"update": 1}

    assert (faulty.users["id-00002"]["active"], faulty.users["id-00002"]["displayName"]) == (
        True,
        "Given2 Other",
    )
    assert office.push(later=DAY).targets["wiki"].requests == 0
