"""From hiring to deletion: what becomes of somebody's account when the record changes, goes, and
comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.office import MANAGER, USER, Office, Row, actions, bare, counts, people, person, resource
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
LOOSE = 'min_records = "0%"'


def leavers_wait(office: Office, days: int = 30) -> None:
    office.configure(
        target=f'leave = {{ action = "deactivate", delete_after = "{days}d" }}', guard=LOOSE
    )


def settled(office: Office) -> bool:
    """Nothing is left to do."""
    return office.plan() == [] and office.push().targets["wiki"].requests == 0


# Leaving


def test_who_is_no_longer_in_the_source_is_deactivated(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard=LOOSE)
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.hire(people(2))

    (planned,) = office.plan()
    assert (planned["action"], planned["key"], planned["reason"]) == (
        "deactivate",
        "00003",
        "no longer in the source",
    )
    assert counts(office.push()) == {"deactivate": 1}

    (patch,) = faulty.written()
    assert patch.body is not None
    assert patch.body["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    assert bare(faulty.users["id-00003"]) == bare(resource(person(3), active=False))
    assert settled(office)


def test_who_is_out_of_scope_is_deactivated_and_back_in_scope_reactivated(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="scope = \"dept == 'IT'\"")
    office.hire([*people(2), person(3, dept="Sales")])
    assert counts(office.push()) == {"create": 2}
    office.hire([person(1), person(2, dept="Sales"), person(3, dept="Sales")])

    (planned,) = office.plan()
    assert "out of scope" in planned["reason"]
    assert "dept == 'IT'" in planned["reason"]
    assert counts(office.push()) == {"deactivate": 1}
    assert faulty.users["id-00002"]["active"] is False

    office.hire([*people(2), person(3, dept="Sales")])
    assert counts(office.push()) == {"reactivate": 1}
    assert bare(faulty.users["id-00002"]) == bare(resource(person(2)))
    assert settled(office)


def test_who_becomes_inactive_by_the_mapping_keeps_the_account(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace("active = true", "active = \"dept != 'away'\""))
    office.hire(people(2))
    office.push()
    office.hire([person(1), person(2, dept="away")])

    assert counts(office.push()) == {"deactivate": 1}
    assert bare(faulty.users["id-00002"]) == bare(resource(person(2, dept="away"), active=False))
    assert settled(office)
    office.hire(people(2))
    assert counts(office.push()) == {"reactivate": 1}


def test_an_account_is_deleted_when_its_time_has_passed_and_not_before(
    office: Office, faulty: FaultyServer
) -> None:
    leavers_wait(office)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push()

    assert counts(office.push(later=29 * DAY)) == {}
    assert len(faulty.users) == 3
    faulty.forget()
    assert counts(office.push_twice(later=DAY)) == {"delete": 1}

    assert [str(one) for one in faulty.seen] == [
        "GET /Users",
        "GET /Users/id-00003",
        "DELETE /Users/id-00003",
        "GET /Users/id-00003",  # the first deletion at a target is looked after
    ]
    assert sorted(faulty.users) == ["id-00001", "id-00002"]
    office.now += 90 * DAY
    assert settled(office)


def test_who_comes_back_in_time_gets_the_same_account_with_what_changed_meanwhile(
    office: Office, faulty: FaultyServer
) -> None:
    leavers_wait(office)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push()
    faulty.forget()
    office.hire([*people(2), person(3, family="Married")])

    assert counts(office.push(later=29 * DAY)) == {"reactivate": 1}

    assert [str(one) for one in faulty.seen] == [
        "PATCH /Users/id-00003",
        "GET /Users/id-00003",  # the first update at a target is read back
    ]
    assert bare(faulty.users["id-00003"]) == bare(resource(person(3, family="Married")))
    office.now += 90 * DAY
    assert settled(office)
    assert len(faulty.users) == 3


def test_who_comes_back_too_late_gets_a_new_account(office: Office, faulty: FaultyServer) -> None:
    leavers_wait(office)
    office.hire(people(3))
    office.push()
    office.hire(people(2))
    office.push()
    office.push_twice(later=31 * DAY)
    office.hire(people(3))

    (planned,) = office.plan()
    assert (planned["action"], planned["reason"]) == (
        "create",
        "came back; the account was deleted",
    )
    assert counts(office.push()) == {"create": 1}
    assert settled(office)


def test_who_leaves_again_gets_a_date_anew(office: Office, faulty: FaultyServer) -> None:
    leavers_wait(office)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    office.hire(people(2))
    office.push(later=20 * DAY)
    office.hire(people(1))
    office.push(later=DAY)

    assert counts(office.push(later=29 * DAY)) == {}
    assert counts(office.push_twice(later=DAY)) == {"delete": 1}


def test_leave_delete_deletes_at_once(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='leave = { action = "delete" }', guard=LOOSE)
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.hire(people(2))

    assert counts(office.push()) == {"delete": 1}
    assert [str(one) for one in faulty.seen] == [
        "GET /Users/id-00003",
        "DELETE /Users/id-00003",
        "GET /Users/id-00003",  # the first deletion at a target is looked after
    ]
    assert settled(office)
    office.hire(people(3))
    assert counts(office.push()) == {"create": 1}


def test_leave_keep_does_nothing_until_the_person_changes(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target='leave = { action = "keep" }', guard=LOOSE)
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.hire(people(2))

    assert (office.plan(), counts(office.push()), faulty.seen) == ([], {}, [])
    office.hire([*people(2), person(3, dept="Sales")])
    assert counts(office.push()) == {"update": 1}


def test_leavers_come_first(office: Office, faulty: FaultyServer) -> None:
    leavers_wait(office)
    office.hire(people(30))
    office.push()
    office.hire(people(28))
    office.push()
    office.push(later=31 * DAY)
    faulty.forget()
    office.hire([person(1, dept="Sales"), *people(27)[1:], person(99)])

    assert counts(office.push(later=DAY)) == {
        "create": 1,
        "update": 1,
        "deactivate": 1,
        "delete": 2,
    }

    methods = [(one.method, one.path) for one in faulty.written()]
    assert methods[0] == ("PATCH", "/Users/id-00028")
    assert sorted(methods[1:3]) == [("DELETE", "/Users/id-00029"), ("DELETE", "/Users/id-00030")]
    assert methods[3:] == [("PATCH", "/Users/id-00001"), ("POST", "/Users")]


@pytest.mark.parametrize(
    "leave",
    [
        '{ action = "deactivate" }',
        '{ action = "keep" }',
        '{ action = "deactivate", delete_after = "90d" }',
    ],
)
def test_nobody_is_deleted_once_sync_toml_says_no_longer_so(
    office: Office, faulty: FaultyServer, leave: str
) -> None:
    leavers_wait(office)
    office.hire(people(2))
    office.push()
    office.hire(people(1))
    office.push()
    office.configure(target=f"leave = {leave}", guard=LOOSE)

    office.push(later=40 * DAY)

    assert len(faulty.users) == 2


# Switches


@pytest.mark.parametrize(
    ("switched_off", "happens"),
    [
        ("create", {"update": 1, "deactivate": 1}),
        ("update", {"create": 1, "deactivate": 1}),
        ("remove", {"create": 1, "update": 1}),
    ],
)
def test_a_kind_of_action_that_is_switched_off_happens_once_it_is_on(
    office: Office, switched_off: str, happens: dict[str, int]
) -> None:
    office.configure(guard=LOOSE)
    office.hire(people(3))
    office.push()
    office.configure(target=f"actions = {{ {switched_off} = false }}", guard=LOOSE)
    office.hire([person(1, dept="Sales"), person(2), person(4)])

    assert counts(office.push()) == happens
    assert (office.plan(), counts(office.push())) == ([], {})

    office.configure(guard=LOOSE)
    missing = {"create": "create", "update": "update", "remove": "deactivate"}[switched_off]
    assert counts(office.push()) == {missing: 1}
    assert settled(office)


# Values that are sent once


def test_once_and_generated_values_are_sent_at_creation_only(
    office: Office, faulty: FaultyServer
) -> None:
    user = USER + 'nickName = { expr = "given", once = true }\npassword = { generate = 16 }\n'
    office.configure(user=user, target="concurrency = 1")
    office.hire(people(2))
    office.push()
    created = [one.body or {} for one in faulty.written()]
    assert [(one["nickName"], len(one["password"])) for one in created] == [
        ("Given1", 16),
        ("Given2", 16),
    ]
    faulty.users["id-00001"]["nickName"] = "Annie"
    faulty.forget()
    office.hire([person(1, given="Anna"), person(2)])

    assert counts(office.push()) == {"update": 1}

    (patch,) = faulty.written()
    assert patch.body is not None
    assert sorted(one["path"] for one in patch.body["Operations"]) == [
        "displayName",
        "name.givenName",
    ]
    assert faulty.users["id-00001"]["nickName"] == "Annie"


def test_what_is_empty_is_absent_and_what_was_not_set_is_not_removed(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + 'title = "title"\n', guard='max_updates = "100%"')
    office.hire([person(1) | {"title": ""}, person(2) | {"title": "CEO"}])
    office.push()
    assert ["title" in user for user in faulty.users.values()].count(True) == 1
    faulty.users["id-00001"]["title"] = "Prophet"
    faulty.forget()
    office.hire([person(1, dept="Sales") | {"title": ""}, person(2) | {"title": ""}])

    assert counts(office.push()) == {"update": 2}

    assert faulty.users["id-00001"]["title"] == "Prophet"
    assert "title" not in faulty.users["id-00002"]


def test_an_attribute_taken_out_of_the_mapping_is_removed_where_it_was_set(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + 'title = "dept"\n', guard='max_updates = "100%"')
    office.hire(people(2))
    office.push()
    office.configure(guard='max_updates = "100%"')

    office.push()

    assert [user.get("title") for user in faulty.users.values()] == [None, None]
    assert settled(office)


def test_values_in_another_order_are_no_change(office: Office, faulty: FaultyServer) -> None:
    source = '[sources.hr]\ntype = "file"\npath = "hr.csv"\nkey = "id"\nlists = { roles = ";" }\n'
    office.configure(user=USER + 'roles = "roles"\n', source=source)
    office.hire([person(1) | {"roles": "Admin;Viewer"}])
    office.push()
    assert faulty.users["id-00001"]["roles"] == [{"value": "Admin"}, {"value": "Viewer"}]
    office.hire([person(1) | {"roles": "Viewer;Admin"}])

    assert settled(office)


# References


def managers(faulty: FaultyServer) -> dict[str, str | None]:
    """externalId -> externalId of the manager."""
    found: dict[str, str | None] = {}
    for user in faulty.users.values():
        for name, value in user.items():
            if name.startswith("urn:"):
                remote_id = value.get("manager", {}).get("value")
                found[user["externalId"]] = (
                    None if remote_id is None else faulty.users[remote_id]["externalId"]
                )
    return found


def wanted(rows: list[Row]) -> dict[str, str | None]:
    return {row["id"]: row["manager"] or None for row in rows}


COMPANIES: dict[str, list[Row]] = {
    "managers first": [person(1), person(2, manager="00001"), person(3, manager="00002")],
    "managers last": [person(1, manager="00002"), person(2, manager="00003"), person(3)],
    "a manager of themselves": [person(1, manager="00001"), person(2, manager="00001")],
    "a ring": [person(1, manager="00003"), person(2, manager="00001"), person(3, manager="00002")],
    "a ring and its staff": [
        person(1, manager="00002"),
        person(2, manager="00001"),
        *(person(n, manager="00002") for n in range(3, 50)),
    ],
}


@pytest.mark.parametrize("company", COMPANIES)
def test_everybody_gets_the_manager_whatever_the_order(
    office: Office, faulty: FaultyServer, company: str
) -> None:
    rows = COMPANIES[company]
    office.configure(user=USER + MANAGER)
    office.hire(rows)

    outcome = office.push()

    assert outcome.exit_code == 0
    assert managers(faulty) == wanted(rows)
    posts = [one for one in faulty.written() if one.method == "POST"]
    assert len(posts) == len(rows)
    assert settled(office)


def test_a_manager_is_created_before_those_who_refer_to_them(
    office: Office, faulty: FaultyServer
) -> None:
    rows = COMPANIES["managers last"]
    office.configure(user=USER + MANAGER)
    office.hire(rows)

    office.push()

    assert [(str(one), (one.body or {})["externalId"]) for one in faulty.written()] == [
        ("POST /Users", key) for key in ("00003", "00002", "00001")
    ]


def test_a_reference_to_nobody_is_left_out_until_there_is_somebody(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER, guard='max_updates = "100%"')
    staff = [person(number, manager="00009") for number in (1, 2)]
    office.hire(staff)
    assert counts(office.push()) == {"create": 2}
    assert managers(faulty) == {"00001": None, "00002": None}
    assert settled(office)
    faulty.forget()
    office.hire([*staff, person(9)])

    assert actions(office.plan()) == {"00001": "update", "00002": "update", "00009": "create"}
    assert counts(office.push()) == {"create": 1, "update": 2}

    assert managers(faulty) == {"00001": "00009", "00002": "00009", "00009": None}
    assert len(faulty.written()) == 3
    assert settled(office)


def test_the_plan_shows_who_refers_to_somebody_who_is_adopted(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER)
    office.hire([person(2, manager="00001")])
    office.push()
    faulty.add(userName="person1@example.com")
    office.hire([person(1), person(2, manager="00001")])

    assert actions(office.plan()) == {"00001": "adopt", "00002": "update"}


def test_who_refers_to_a_manager_out_of_scope_gets_one_when_that_changes(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER, target="scope = \"dept == 'IT'\"")
    office.hire([person(1, dept="Board"), person(2, manager="00001")])
    office.push()
    assert managers(faulty) == {"00002": None}
    office.hire([person(1), person(2, manager="00001")])

    assert counts(office.push()) == {"create": 1, "update": 1}
    assert managers(faulty) == {"00001": None, "00002": "00001"}


def test_a_managers_account_made_again_is_referred_to_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER)
    rows = [person(1), *(person(number, manager="00001") for number in range(2, 12))]
    office.hire(rows)
    office.push()
    del faulty.users["id-00001"]
    rows[0] = person(1, dept="Board")
    office.hire(rows)

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1, "update": 10}, 0)
    assert {key: manager for key, manager in managers(faulty).items() if key != "00001"} == {
        row["id"]: "00001" for row in rows[1:]
    }
    assert settled(office)


def test_a_manager_whose_creation_fails_is_left_out_and_comes_later(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER)
    faulty.fail(
        "POST", where=lambda seen: (seen.body or {}).get("externalId") == "00001", status=400
    )
    office.hire([person(1), person(2, manager="00001")])
    outcome = office.push()
    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 4)
    assert managers(faulty) == {"00002": None}

    office.push(later=timedelta(minutes=6))

    assert managers(faulty) == {"00001": None, "00002": "00001"}
    assert settled(office)


def test_another_manager_is_one_change(office: Office, faulty: FaultyServer) -> None:
    office.configure(user=USER + MANAGER)
    office.hire([person(1), person(2), person(3, manager="00001")])
    office.push()
    faulty.forget()
    office.hire([person(1), person(2), person(3, manager="00002")])

    assert counts(office.push()) == {"update": 1}
    assert managers(faulty)["00003"] == "00002"
    office.hire([person(1), person(2), person(3)])
    assert counts(office.push()) == {"update": 1}
    assert managers(faulty)["00003"] is None
    assert len(faulty.written()) == 2
    assert settled(office)


def test_a_reference_that_is_sent_once_is_the_managers_id(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(
        user=USER + MANAGER.replace('"ref(manager)"', '{ expr = "ref(manager)", once = true }')
    )
    office.hire([person(1), person(2, manager="00001")])

    office.push()

    assert managers(faulty) == {"00001": None, "00002": "00001"}


def test_a_managers_account_that_is_deleted_leaves_nothing_to_be_done(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER + MANAGER, target='leave = { action = "delete" }', guard=LOOSE)
    office.hire([person(1), person(2, manager="00001")])
    office.push()
    office.hire([person(2, manager="00001")])
    office.push()
    office.sql("UPDATE target SET cursor = 0")

    assert office.plan() == []


def test_a_failure_that_is_over_costs_nothing_more(office: Office) -> None:
    office.configure(user=USER + MANAGER)
    office.hire([person(1), person(2, manager="00001")])
    office.push()
    office.configure(user=USER + MANAGER + 'title = "dept | int / 0"\n')
    assert office.push().exit_code == 4
    office.configure(user=USER + MANAGER)
    assert office.push().exit_code == 0

    assert office.sql("SELECT count(*) FROM reference WHERE remote_id IS NULL") == [(0,)]
