"""Who leaves loses access, whatever else of the record a target refuses; and gets nothing new."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.execute.story import NO_GUARD, PATCH_GROUP, REFUSAL, SOON, Proxied, Script, one_of
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_TEAM,
    groups,
    team,
    with_teams,
    write_teams,
)
from tests.office import USER, Office, counts, people, person
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)
LOOSE = 'min_records = "0%"'
BY_MAPPING = USER.replace("active = true", "active = \"dept != 'away'\"")
REVOKED = USER + 'title = "dept"\n'


def sets(path: str) -> Callable[[Seen], bool]:
    """Requests that say something of `path`."""
    return lambda seen: any(
        path == one.get("path") or ("path" not in one and path in one["value"])
        for one in (seen.body or {}).get("Operations", ())
    )


def refuse(faulty: FaultyServer, path: str, times: int = 1000) -> None:
    """The target takes no change of this attribute, whatever the shape of the request."""
    faulty.fail("PATCH", where=sets(path), times=times, status=400, body=REFUSAL)
    faulty.fail("PUT", times=times, status=400, body=REFUSAL)


def test_a_leaver_whose_new_name_is_taken_is_switched_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=BY_MAPPING, guard=NO_GUARD)
    office.hire(people(3))
    office.push()
    office.hire([person(1), person(2), person(3, dept="away", email="person2@example.com")])

    (planned,) = office.plan()
    assert planned["action"] == "deactivate"
    assert "userName person2@example.com is taken by the account of 00002" in planned["reason"]
    outcome = office.push()

    assert (outcome.exit_code, counts(outcome), outcome.targets["wiki"].failed) == (
        4,
        {"deactivate": 1},
        1,
    )
    assert faulty.users["id-00003"]["active"] is False
    assert faulty.users["id-00003"]["userName"] == "person3@example.com"
    assert "taken by the account of 00002" in (office.links()["00003"].last_error or "")

    office.hire(
        [
            person(1),
            person(2, email="person9@example.com"),
            person(3, dept="away", email="person2@example.com"),
        ]
    )
    assert office.push(later=DAY).exit_code == 0
    assert faulty.users["id-00003"]["userName"] == "person2@example.com"
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_leaver_takes_a_name_that_comes_free_after_access_has_ended(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=BY_MAPPING)
    office.hire(people(2))
    office.push()
    faulty.forget()
    office.hire(
        [
            person(1, email="person9@example.com"),
            person(2, dept="away", email="person1@example.com"),
        ]
    )

    outcome = office.push()

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 2, "deactivate": 1})
    assert [seen.path for seen in faulty.written()] == [
        "/Users/id-00002",
        "/Users/id-00001",
        "/Users/id-00002",
    ]
    assert (faulty.users["id-00002"]["userName"], faulty.users["id-00002"]["active"]) == (
        "person1@example.com",
        False,
    )
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_leaver_of_whose_record_the_target_refuses_something_is_switched_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=BY_MAPPING)
    office.hire(people(2))
    office.push()
    refuse(faulty, "displayName")
    office.hire([person(1), person(2, dept="away", family="Other")])

    outcome = office.push()

    assert (outcome.exit_code, counts(outcome), outcome.targets["wiki"].failed) == (
        4,
        {"deactivate": 1},
        1,
    )
    assert faulty.users["id-00002"]["active"] is False
    assert faulty.users["id-00002"]["displayName"] == "Given2 Family2"

    faulty.faults.clear()
    assert office.push(later=DAY).exit_code == 0
    assert faulty.users["id-00002"]["displayName"] == "Given2 Other"
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_leaver_whose_rights_cannot_be_taken_is_switched_off_and_loses_them_later(
    office: Office, faulty: FaultyServer
) -> None:
    leave = 'leave = { action = "deactivate", delete_after = "30d", revoke = ["title"] }'
    office.configure(user=REVOKED, target=leave, guard=LOOSE)
    office.hire(people(2))
    office.push()
    refuse(faulty, "title")
    office.hire(people(1))

    outcome = office.push(later=DAY)

    assert (outcome.exit_code, outcome.targets["wiki"].failed) == (4, 1)
    assert faulty.users["id-00002"]["active"] is False
    assert faulty.users["id-00002"]["title"] == "IT"
    due = office.links()["00002"].delete_after

    faulty.faults.clear()
    assert counts(office.push(later=DAY)) == {"update": 1}
    assert "title" not in faulty.users["id-00002"]
    assert faulty.users["id-00002"]["active"] is False
    assert office.links()["00002"].delete_after == due
    assert office.push(later=DAY).targets["wiki"].requests == 0
    assert counts(office.push_twice(later=30 * DAY)) == {"delete": 1}


def test_the_time_until_deletion_counts_from_the_last_leaving(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='leave = { action = "deactivate", delete_after = "30d" }', guard=LOOSE)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    refuse(faulty, "active")
    office.hire(people(2))
    assert office.push(later=20 * DAY).exit_code == 4  # back, and not switched on
    faulty.faults.clear()
    office.hire(people(1))
    office.push(later=DAY)

    assert counts(office.push(later=28 * DAY)) == {}
    assert counts(office.push_twice(later=2 * DAY)) == {"delete": 1}


def test_the_time_until_deletion_counts_from_the_last_leaving_of_a_bad_record(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "30d" }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    office.hire([person(1), person(2, email="")])
    assert office.push(later=20 * DAY).exit_code == 4  # back, and his record is bad
    office.hire(people(1))
    office.push(later=DAY)

    assert counts(office.push(later=10 * DAY)) == {}
    assert "id-00002" in faulty.users


def test_what_a_guard_refused_of_a_return_leaves_the_time_until_deletion(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        target='leave = { action = "deactivate", delete_after = "30d" }', guard="max_updates = 0"
    )
    office.hire(people(20))
    office.push()
    office.hire(people(18))
    office.push()
    due = office.links()["00019"].delete_after
    office.hire([person(number, family="Other") for number in range(1, 21)])
    assert office.push(later=DAY).exit_code == 3
    office.hire(people(18))
    office.push(later=DAY)
    assert office.links()["00019"].delete_after == due


def test_a_leaver_comes_into_no_group_that_refused_before(proxied: Proxied, script: Script) -> None:
    office, _ = proxied
    office.configure(guard=NO_GUARD, more=BY_DEPARTMENT)
    office.hire([*people(2), person(3, dept="Law")])
    office.push()
    office.hire([person(1), person(2, dept="Law"), person(3, dept="Law")])
    script.plan = {PATCH_GROUP: ["400"] * 10}
    assert office.push().exit_code == 4
    script.plan = {}
    office.hire([person(1), person(3, dept="Law")])

    assert office.push(later=DAY).exit_code == 0

    assert one_of(office, "Users", externalId="00002")["active"] is False
    law = one_of(office, "Groups", displayName="Department Law")
    assert [one["value"] for one in law["members"]] == [
        one_of(office, "Users", externalId="00003")["id"]
    ]
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.parametrize("kind", ["each", "source"])
@pytest.mark.parametrize("how", ["500", "503", "429"])
def test_a_leaver_comes_into_no_group_that_did_not_answer(
    proxied: Proxied, script: Script, kind: str, how: str
) -> None:
    office, _ = proxied
    with_teams(office, groups=BY_TEAM if kind == "source" else BY_DEPARTMENT)
    office.hire([person(1), person(2, dept="Law")])
    write_teams(office, [team("A", 1)])
    office.push()
    name = "Team A" if kind == "source" else "Department IT"
    office.hire(people(2))
    write_teams(office, [team("A", 1, 2)])
    script.plan = {PATCH_GROUP: [how] * 20}
    office.push()
    script.plan = {}
    office.hire(people(1))

    office.push(later=SOON)
    office.push(later=DAY)

    assert groups(office)[name] == {"00001"}


def test_an_account_that_is_to_be_there_switched_off_is_made_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=BY_MAPPING)
    office.hire(people(2))
    office.push()
    del faulty.users["id-00002"]
    office.hire([person(1), person(2, dept="away")])

    assert office.push().exit_code == 0

    _, account = faulty.users.values()
    assert (account["externalId"], account["active"]) == ("00002", False)
    assert office.plan() == []


def test_an_empty_list_does_not_prove_that_a_leaver_is_gone(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    users = dict(faulty.users)
    faulty.users.clear()
    office.hire(people(4))

    outcome = office.push()

    assert outcome.exit_code == 4
    assert "the list is empty, although 5 are known" in outcome.targets["wiki"].refused[0]

    faulty.users.update(users)
    assert office.push(later=DAY).exit_code == 0
    assert not faulty.users["id-00005"]["active"]


def test_who_failed_where_nobody_is_made_is_looked_for_no_longer(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="actions = { create = false }")
    faulty.fail("GET", times=4, status=400)  # two filters, the list, and what it declares
    office.hire(people(1))
    assert office.push().exit_code == 4

    assert office.push(later=DAY).targets["wiki"].requests > 0

    assert office.push(later=DAY).targets["wiki"].requests == 0
    assert office.links() == {}


def test_a_leaver_who_failed_is_no_trouble_once_nobody_is_removed(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=LOOSE)
    office.hire(people(2))
    office.push()
    refuse(faulty, "active")
    office.hire(people(1))
    assert office.push().exit_code == 4
    office.configure(guard=LOOSE, target="actions = { remove = false }")

    assert office.push(later=DAY).exit_code == 0

    assert office.links()["00002"].failures == 0
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_what_a_leaver_loses_is_taken_although_the_switching_off_had_no_answer(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=REVOKED, target='leave = { action = "deactivate", revoke = ["title"] }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    refuse(faulty, "title", times=1)
    faulty.fail("PATCH", where=sets("active"), times=10, status=500, effect=True)
    office.hire(people(1))
    assert office.push(later=DAY).exit_code == 4
    assert faulty.users["id-00002"]["active"] is False
    faulty.faults.clear()

    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_what_a_leaver_loses_is_taken_although_others_switched_the_account_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=REVOKED, target='leave = { action = "deactivate", revoke = ["title"] }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", times=5, status=500)
    office.hire([person(1), person(2, family="Other")])
    assert office.push(later=DAY).exit_code == 4
    faulty.faults.clear()
    faulty.users["id-00002"]["active"] = False
    office.hire(people(1))

    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_who_may_not_be_changed_is_only_switched_off(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=BY_MAPPING, target="actions = { update = false }", guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    office.hire([person(1), person(2, dept="away", family="Other")])
    office.push(later=DAY)

    assert faulty.users["id-00002"]["active"] is False
    assert faulty.users["id-00002"]["displayName"] == "Given2 Family2"


def test_who_cannot_be_read_is_switched_off_by_the_mapping_too(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=BY_MAPPING, guard=NO_GUARD)
    office.hire(people(2))
    office.push()
    faulty.fail("PATCH", times=5, status=500)
    office.hire([person(1), person(2, family="Other")])
    assert office.push().exit_code == 4
    faulty.faults.clear()
    faulty.fail("GET", where=lambda seen: seen.path == "/Users/id-00002", status=500, times=1000)
    office.hire([person(1), person(2, family="Other", dept="away")])
    office.push(later=SOON)

    assert faulty.users["id-00002"]["active"] is False


def test_what_somebody_loses_by_name_is_tried_again_where_leavers_are_kept(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=REVOKED, target='leave = { action = "keep", revoke = ["title"] }', guard=NO_GUARD
    )
    office.hire(people(2))
    office.push()
    refuse(faulty, "title", times=1)
    office.run("deprovision", "00002")
    assert faulty.users["id-00002"]["active"] is False
    office.push(later=DAY)
    office.push(later=DAY)

    assert "title" not in faulty.users["id-00002"]


def test_attributes_of_settings_are_found_in_any_case(office: Office, faulty: FaultyServer) -> None:
    office.configure(
        user=REVOKED,
        target="""scope = "dept != 'away'"\nmatch = ["EXTERNALID", "username"]\n"""
        'leave = { revoke = ["Title"] }',
        guard=NO_GUARD,
    )
    first, second = (
        faulty.add(userName=f"person{number}@example.com", title="IT", active=True)["id"]
        for number in (1, 2)
    )
    office.hire([person(1), person(2, dept="away")])

    outcome = office.push()

    assert counts(outcome) == {"adopt": 1, "deactivate": 1}
    assert faulty.users[second]["active"] is False

    office.hire([person(1, dept="away"), person(2, dept="away")])
    office.push()

    assert faulty.users[first]["active"] is False
    assert "title" not in faulty.users[first]


def test_a_misspelt_attribute_to_match_by_stops_a_push(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='match = ["externalId", "userNmae"]')
    office.hire(people(1))

    ran = office.run("push")

    assert ran.code == 2
    assert "sync.toml: targets.wiki.match: userNmae is not mapped" in ran.err
    assert 'did you mean "userName"?' in ran.err
    assert faulty.seen == []
