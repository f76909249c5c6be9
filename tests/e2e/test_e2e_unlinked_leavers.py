"""Who left before scimsync knew the accounts loses access too: a lost state, a first deployment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.office import USER, Office, Row, counts, people, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
SCOPE = "scope = \"dept != 'left'\""


def left(number: int, **more: str) -> Row:
    """The row of somebody who left."""
    return person(number, dept="left", **more)


def add(faulty: FaultyServer, number: int, **more: Any) -> dict[str, Any]:
    """An account that was there before, with its key as externalId."""
    given = {
        "userName": f"person{number}@example.com",
        "externalId": f"{number:05}",
        "active": True,
        "name": {"givenName": f"Given{number}", "familyName": f"Family{number}"},
    }
    account = {**given, **more}
    return faulty.add(**{name: value for name, value in account.items() if value is not None})


def test_a_lost_state_does_not_keep_the_access_of_who_left(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    for number in range(1, 11):
        add(faulty, number)
    office.hire([*people(9), left(10)])

    ran = office.run("push")

    assert ran.code == 0
    assert ran.out.startswith("wiki: 9 adopt, 1 deactivate (18 requests")
    assert [user["active"] for user in faulty.users.values()] == [True] * 9 + [False]
    assert office.links()["00010"].status == "inactive"
    operation = office.run("journal", "--json", "-k", "00010").document["operations"][0]
    assert operation["reason"] == (
        "out of scope: dept != 'left'; an account with the same externalId exists"
    )
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.both_databases
def test_who_left_is_looked_up_once_for_each_version_of_the_record(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    office.hire([*people(9), left(10)])
    assert counts(office.push()) == {"create": 9}
    assert "00010" not in office.links()
    assert office.push(later=DAY).targets["wiki"].requests == 0
    office.sql("DELETE FROM target")  # everybody is compared again
    assert office.push(later=DAY).targets["wiki"].requests == 0

    add(faulty, 10)
    office.hire([*people(9), left(10, family="Other")])

    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    assert not faulty.named("person10@example.com")["active"]


def test_a_refresh_looks_up_again_who_left(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=SCOPE)
    office.hire([*people(9), left(10)])
    office.push()
    add(faulty, 10)
    faulty.forget()

    ran = office.run("push", "--refresh")

    assert ran.code == 0
    assert [str(seen) for seen in faulty.seen] == [
        "GET /Users",
        "GET /Users/id-00010",  # the id may be someone else's now
        "PATCH /Users/id-00010",
        "GET /Users/id-00010",  # the first deactivation at this target is read back
    ]
    assert not faulty.named("person10@example.com")["active"]


def test_many_who_left_are_looked_up_in_one_list(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=SCOPE, guard="max_removals = 7")
    office.hire([*people(20), *(left(number) for number in range(21, 321))])
    for number in range(1, 321, 40):
        add(faulty, number)

    outcome = office.push()

    assert counts(outcome) == {"adopt": 1, "deactivate": 7, "create": 19}
    assert [str(seen) for seen in faulty.seen].count("GET /Users") == 1


def test_an_account_of_somebody_in_scope_is_not_taken_from_them(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    add(faulty, 2, externalId=None)
    rows = [left(1, email="person2@example.com"), person(2)]
    office.hire(rows)

    assert counts(office.push()) == {"adopt": 1}
    assert faulty.named("person2@example.com")["active"]
    assert office.push(later=DAY).targets["wiki"].requests == 0


@pytest.mark.parametrize("options", [[], ["-k", "00001"]])
def test_an_account_is_not_taken_from_somebody_who_cannot_adopt_it(
    office: Office, faulty: FaultyServer, options: list[str]
) -> None:
    office.configure(user=USER + 'title = "dept + 1"\n', target=SCOPE)
    add(faulty, 2, externalId=None)
    office.hire([left(1, email="person2@example.com"), person(2, dept="IT")])

    ran = office.run("push", *options)

    assert ran.code == (0 if options else 4)
    assert faulty.named("person2@example.com")["active"]
    assert faulty.written() == []


def test_two_rows_of_who_left_deactivate_one_account_once(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    add(faulty, 2, externalId=None)
    office.hire([left(1, email="person2@example.com"), left(2), person(3)])

    assert counts(office.push()) == {"deactivate": 1, "create": 1}
    assert not faulty.named("person2@example.com")["active"]
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_a_guard_counts_those_who_left_before(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=SCOPE)
    for number in range(1, 31):
        add(faulty, number)
    office.hire([*people(20), *(left(number) for number in range(21, 31))])

    ran = office.run("push")

    assert ran.code == 3
    assert (
        'guard.max_removals: 10 of 30 accounts at "wiki" would be deactivated or deleted' in ran.err
    )
    assert faulty.written() == []
    assert counts(office.push(removals=10)) == {"adopt": 20, "deactivate": 10}


@pytest.mark.both_databases
def test_an_ambiguous_leaver_is_seen_in_every_run(office: Office, faulty: FaultyServer) -> None:
    faulty.quirks.unique_names = False
    office.configure(target=SCOPE)
    for name in ("a", "b"):
        add(faulty, 1, externalId=None, title=name)
    office.hire([left(1), person(2)])

    ran = office.run("push")

    assert ran.code == 4
    assert "00001: wiki: ambiguous: 2 accounts match by userName" in ran.err
    assert "wiki: 1 leaver may still have access: 00001 [SYNC-0372]" in ran.err
    assert office.run("push").code == 4

    first, *_ = faulty.users
    del faulty.users[first]
    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    assert office.push(later=DAY).exit_code == 0


@pytest.mark.both_databases
@pytest.mark.parametrize("row", [left(10), person(10)], ids=["out of scope", "in scope"])
def test_an_ambiguous_user_whose_row_goes_is_seen_until_no_active_account_matches(
    office: Office, faulty: FaultyServer, row: Row
) -> None:
    office.configure(target=SCOPE)
    add(faulty, 10, externalId="00010")
    add(faulty, 10, externalId="00010", userName="other@example.com")
    office.hire([*people(9), row])
    assert office.push().exit_code == 4
    office.hire(people(9))

    for _ in range(2):
        outcome = office.push(later=DAY)
        assert (outcome.exit_code, outcome.targets["wiki"].access_to_remove.count) == (4, 1)
    assert "1 leaver may still have access [SYNC-0372]\n" in office.run("status").out

    faulty.named("other@example.com")["active"] = False
    faulty.named("other@example.com")["externalId"] = "x"
    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    assert not faulty.named("person10@example.com")["active"]
    assert office.push(later=DAY).exit_code == 0


def test_who_was_only_in_a_file_that_a_guard_refused_is_not_looked_up(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    office.hire(people(20))
    office.push()
    add(faulty, 30)
    add(faulty, 30, userName="other@example.com")
    office.hire([person(30)])
    assert office.push(later=DAY).exit_code == 3
    office.hire([*[left(number) for number in range(1, 21)], person(30)])
    assert office.push(later=DAY).exit_code == 3
    assert office.links()["00030"].status == "pending"
    faulty.forget()
    office.hire(people(20))

    assert office.push(later=DAY).exit_code == 0
    assert "00030" not in office.links()
    assert faulty.named("person30@example.com")["active"]


def test_a_refused_deactivation_of_who_left_before_is_tried_again(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=SCOPE)
    add(faulty, 1)
    fault = faulty.fail("PATCH", status=403, times=99)
    office.hire([left(1), person(2)])
    assert office.push().exit_code == 4
    assert "may still have access since" in office.run("explain", "00001").out

    fault.times = 0
    outcome = office.push(later=DAY)
    assert (counts(outcome), outcome.exit_code) == ({"deactivate": 1}, 0)
    assert not faulty.named("person1@example.com")["active"]


def test_filters_that_find_nothing_prove_nothing(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=SCOPE)
    office.hire(people(5))
    office.push()
    add(faulty, 6)
    nothing = {"totalResults": 0, "Resources": []}
    faulty.fail("GET", where=lambda seen: "filter" in seen.query, status=200, body=nothing, times=9)
    office.hire([*people(5), left(6)])

    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    assert not faulty.named("person6@example.com")["active"]


def test_who_left_before_is_deactivated_and_never_deleted_by_delete_after(
    office: Office, faulty: FaultyServer
) -> None:
    leave = 'leave = { action = "deactivate", delete_after = "30d" }'
    office.configure(target=f"{SCOPE}\n{leave}")
    add(faulty, 1)
    office.hire([left(1), person(2)])
    assert counts(office.push()) == {"create": 1, "deactivate": 1}
    office.hire([left(1, family="Other"), person(2)])

    assert counts(office.push(later=31 * DAY)) == {}
    assert counts(office.push(later=31 * DAY)) == {}
    assert not faulty.named("person1@example.com")["active"]


@pytest.mark.parametrize(
    ("leave", "active", "expected"),
    [
        ('leave = { action = "deactivate" }', False, {}),
        ('leave = { action = "delete" }', True, {"delete": 1}),
        ('leave = { action = "delete" }', False, {"delete": 1}),
        ('leave = { action = "keep" }', True, {}),
        ("actions = { remove = false }", True, {}),
    ],
)
def test_the_policy_for_leavers_applies_to_who_left_before(
    office: Office, faulty: FaultyServer, leave: str, active: bool, expected: dict[str, int]
) -> None:
    office.configure(target=f"{SCOPE}\n{leave}", guard="max_removals = 1")
    add(faulty, 1, active=active)
    office.hire([left(1)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == (expected, 0)
    assert office.push(later=DAY).targets["wiki"].requests == 0


def test_who_comes_back_gets_the_account_again(office: Office, faulty: FaultyServer) -> None:
    office.configure(target=SCOPE)
    add(faulty, 1)
    office.hire([left(1), left(2), person(3)])
    office.push()

    office.hire(people(3))

    assert counts(office.push(later=DAY)) == {"reactivate": 1, "create": 1}
    assert all(user["active"] for user in faulty.users.values())


def test_a_record_without_a_value_to_match_by_is_reported_once(
    office: Office, faulty: FaultyServer
) -> None:
    user = USER.replace('externalId = "id"\n', "")
    office.configure(user=user, target=SCOPE)
    office.hire([left(1, email=""), person(2)])

    ran = office.run("push")

    said = (
        "wiki: 1 user out of scope cannot be looked up: their records have no value for externalId"
        " or userName [SYNC-0373]"
    )
    assert (ran.code, ran.err.count(said)) == (0, 1)
    assert "SYNC-0373" not in office.run("push").err


def test_a_record_whose_match_expression_fails_is_seen_in_every_run(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace('"id"', '"id + 1"'), target=SCOPE)
    office.hire([left(1)])

    ran = office.run("push")

    assert ran.code == 4, ran.err
    assert "may still have access: 00001 [SYNC-0372]" in ran.err
    assert office.run("push").code == 4
