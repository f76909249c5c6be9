"""Keys that take over from others: who keeps an account when a key leaves and another arrives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    BY_TEAM,
    TEAMS,
    groups,
    team,
    write_teams,
)
from tests.office import ENTERPRISE, MANAGER, SOURCE, USER, Office, Row, counts, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

DAY = timedelta(days=1)


def rekeyed(number: int, key: str, **more: str) -> Row:
    """The row of a person under another key."""
    return person(number, id=key, **more)


@pytest.mark.both_databases
def test_an_account_moves_to_the_key_that_takes_over(real_office: Office) -> None:
    office = real_office
    office.configure(user=USER + MANAGER, more=BY_DEPARTMENT)
    office.hire([person(1), person(2, manager="00001"), person(3)])
    office.push()
    before = office.accounts()["person1@example.com"]
    groups = read_all(office.url, office.token, "Groups")
    office.hire([rekeyed(1, "E9"), person(2, manager="E9"), person(3)])

    planned = office.run("plan")
    outcome = office.push()

    assert "moved from 00001: same userName person1@example.com, same name" in planned.out
    assert (outcome.exit_code, counts(outcome)) == (0, {"move": 1})
    assert outcome.targets["wiki"].requests == 2  # the first update of a target is read back
    after = office.accounts()["person1@example.com"]
    assert (after["id"], after["externalId"], after["active"]) == (before["id"], "E9", True)
    assert read_all(office.url, office.token, "Groups") == groups
    assert office.plan() == []
    assert "moved from 00001" in office.run("journal", "-k", "E9").out
    assert office.push().targets["wiki"].requests == 0


@pytest.mark.parametrize("gone", [timedelta(days=29), timedelta(days=31)])
def test_an_account_moves_within_thirty_days(office: Office, gone: timedelta) -> None:
    office.configure(guard='min_records = "0%"')
    office.hire(people(3))
    office.push()
    office.hire([person(2), person(3)])
    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    office.hire([rekeyed(1, "E9"), person(2), person(3)])

    outcome = office.push(later=gone)

    if gone.days < 30:
        assert (counts(outcome), outcome.exit_code) == ({"reactivate": 1}, 0)
        assert office.accounts()["person1@example.com"]["externalId"] == "E9"
    else:
        assert (counts(outcome), outcome.exit_code) == ({}, 4)
        assert "which left more than 30 days ago" in outcome.problems[0].detail


def test_an_account_found_by_another_attribute_moves_within_thirty_days_too(
    office: Office,
) -> None:
    user = USER.replace("email | lower", "login", 1)
    match = 'match = ["userName", \'emails[type eq "work"].value\']\n'
    office.configure(user=user, target=match, guard='min_records = "0%"')
    office.hire([person(1, login="a"), person(2, login="b"), person(3, login="c")])
    office.push()
    office.hire([person(2, login="b"), person(3, login="c")])
    assert counts(office.push(later=DAY)) == {"deactivate": 1}
    office.hire([rekeyed(1, "E9", login="z"), person(2, login="b"), person(3, login="c")])

    outcome = office.push(later=29 * DAY)

    assert (counts(outcome), outcome.exit_code) == ({"reactivate": 1}, 0)
    assert office.accounts()["z"]["externalId"] == "E9"
    assert len(office.accounts()) == 3


def test_an_account_moves_back_with_its_key(office: Office) -> None:
    """A file with new keys was wrong, and the right one comes the day after."""
    office.hire(people(5))
    office.push()
    office.hire([person(1, id="90001"), *people(5)[1:]])
    assert office.push().exit_code == 0

    office.hire(people(5))
    outcome = office.push(later=timedelta(days=1))

    assert (outcome.exit_code, counts(outcome)) == (0, {"move": 1})
    assert office.links()["00001"].remote_id == "id-00001"
    assert office.plan() == []


def test_a_new_key_with_the_user_name_of_another_person_is_held_back(office: Office) -> None:
    office.hire(people(3))
    office.push()
    office.hire([rekeyed(1, "E9", given="Zoe", family="Other"), person(2), person(3)])

    ran = office.run("push")

    assert ran.code == 4
    assert (
        "E9: wiki: same userName person1@example.com as the account of 00001, which left, and the"
        " names differ; if they are the same person: scimsync rekey 00001 E9 [SYNC-0380]"
    ) in ran.err.replace("\n", " ")
    assert office.accounts()["person1@example.com"]["active"] is False
    assert office.run("push").code == 4
    assert len(office.accounts()) == 3


def test_without_names_to_compare_nothing_is_sent_about_either_key(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user='userName = "email | lower"\nexternalId = "id"\nactive = true')
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.hire([rekeyed(1, "E9"), person(2), person(3)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({}, 4)
    assert {problem.key for problem in outcome.problems} == {"00001", "E9"}
    assert faulty.written() == []


CASES: dict[str, tuple[list[Row], dict[str, int], int]] = {
    "a key without its zeros": ([rekeyed(1, "1", email="new@example.com")], {"update": 1}, 0),
    "the other key is still there": ([person(1), rekeyed(1, "E9")], {}, 4),
    "two keys for one": ([rekeyed(1, "E9"), rekeyed(1, "E10")], {}, 4),
    "a contractor shares the mailbox": (
        [rekeyed(1, "E9"), rekeyed(1, "E10", given="Zoe")],
        {"move": 1},
        4,
    ),
    "another case of the e-mail": ([rekeyed(1, "E9", email="PERSON1@example.com")], {"move": 1}, 0),
    "the old key is out of scope": ([person(1, dept="left"), rekeyed(1, "E9")], {"move": 1}, 0),
    "marriage": ([person(1, family="New", email="new@example.com")], {"update": 1}, 0),
    "another person": (
        [person(1, given="Zoe", family="Other", email="zoe@example.com")],
        {},
        4,
    ),
    "another person who left": (
        [person(1, given="Zoe", family="Other", email="zoe@example.com", dept="left")],
        {"deactivate": 1},
        0,
    ),
}
"""What becomes of the row of person 1: what is sent, and the exit code."""


@pytest.mark.parametrize("case", CASES)
def test_who_keeps_the_account(office: Office, case: str) -> None:
    rows, expected, code = CASES[case]
    office.configure(target="scope = \"dept != 'left'\"")
    office.hire(people(3))
    office.push()
    office.hire([*rows, person(2), person(3)])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == (expected, code)
    assert len(office.accounts()) == 3


ZOE = {"given": "Zoe", "family": "Other"}

PERHAPS_CREATED: dict[str, tuple[int, list[Row], bool, dict[str, int], int]] = {
    "the same person": (3, [rekeyed(4, "E4")], True, {"move": 1}, 0),
    "nothing was created": (3, [rekeyed(4, "E4")], False, {"create": 1}, 0),
    "the only user": (0, [rekeyed(4, "E4")], True, {"move": 1}, 0),
    "the old key is out of scope": (
        3,
        [person(4, dept="left"), rekeyed(4, "E4")],
        True,
        {"move": 1},
        0,
    ),
    "a key without its zeros": (
        3,
        [rekeyed(4, "4", email="new@example.com")],
        True,
        {"update": 1},
        0,
    ),
    "the other key is still there": (3, [person(4), rekeyed(4, "E4")], True, {"adopt": 1}, 4),
    "another person": (3, [rekeyed(4, "E4", **ZOE)], True, {"deactivate": 1}, 4),
    "two keys for one": (3, [rekeyed(4, "E4"), rekeyed(4, "E5")], True, {}, 4),
}
"""Others with an account, the rows after a creation without a response, whether it took effect,
what is sent, and the exit code."""


@pytest.mark.parametrize("case", PERHAPS_CREATED)
def test_who_gets_an_account_that_may_have_been_created(
    office: Office, faulty: FaultyServer, case: str
) -> None:
    others, rows, took_effect, expected, code = PERHAPS_CREATED[case]
    office.configure(target="scope = \"dept != 'left'\"")
    if others:
        office.hire(people(others))
        office.push()
    office.hire([*people(others), person(4)])
    faulty.forget()
    faulty.fail("POST", times=1, effect=took_effect, hang_up=True)
    faulty.fail("GET", times=100, status=500, where=lambda _: bool(faulty.written()))
    assert office.push().exit_code == 4
    faulty.faults.clear()
    office.hire([*people(others), *rows])

    office.now += DAY
    planned = office.plan()
    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == (expected, code)
    assert sorted(one["action"] for one in planned) == sorted(expected)
    assert len(office.accounts()) == others + 1
    if code == 0:
        account = office.accounts()[rows[-1]["email"].lower()]
        assert (account["externalId"], account["active"]) == (rows[-1]["id"], True)
        assert office.plan() == []


def test_two_people_who_swap_their_keys_are_held_back(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(3))
    office.push()
    faulty.forget()
    office.hire([rekeyed(1, "00002"), rekeyed(2, "00001"), person(3)])

    ran = office.run("push")

    assert ran.code == 4
    assert (
        "00001: wiki: the record belongs to another person: userName person1@example.com became"
        " person2@example.com, and no name is the same; if it is the same person: scimsync rekey"
        " 00001 00001 [SYNC-0382]"
    ) in ran.err
    assert faulty.written() == []
    assert office.run("push").code == 4


TWO = """
[targets.crm]
url = "{url}"
auth = {{ type = "bearer", token = "env:WIKI_TOKEN" }}
[targets.crm.user]
userName = "id"
title = "dept"
active = true
"""
"""A second target that knows no names and no e-mail."""


@pytest.fixture
def two(office: Office) -> Iterator[tuple[Office, FaultyServer]]:
    """A company with a second target, at a server of its own."""
    with running_faulty_server() as second:
        office.configure(more=TWO.format(url=second.url))
        office.hire(people(3))
        assert office.push().exit_code == 0
        second.forget()
        yield office, second


def test_an_account_moves_at_a_target_that_could_not_tell(
    two: tuple[Office, FaultyServer],
) -> None:
    office, second = two
    office.hire([rekeyed(1, "E9"), person(2), person(3)])

    outcome = office.push()

    assert outcome.exit_code == 0
    assert [request.method for request in second.written()] == ["PATCH"]
    assert "moved from" in office.run("explain", "E9").out


def test_another_person_is_held_back_at_a_target_that_could_not_tell(
    two: tuple[Office, FaultyServer],
) -> None:
    office, second = two
    other = person(1, given="Zoe", family="Other", email="zoe@example.com", dept="HR")
    office.hire([other, person(2), person(3)])

    codes = [office.push().exit_code, office.push().exit_code, office.run("push", "-t", "crm").code]

    assert codes == [4, 4, 4]
    assert second.written() == []
    assert office.run("rekey", "00001", "00001").code == 0
    assert office.push().exit_code == 0
    assert [request.method for request in second.written()] == ["PATCH"]


def test_a_user_who_returns_under_the_old_key_gets_the_account_back(office: Office) -> None:
    office.configure(guard='min_records = "0%"')
    office.hire(people(3))
    office.push()
    office.hire([person(2), person(3)])
    office.push(later=DAY)
    office.hire(people(3))

    outcome = office.push(later=400 * DAY)

    assert (counts(outcome), outcome.exit_code) == ({"reactivate": 1}, 0)
    assert office.accounts()["person1@example.com"]["externalId"] == "00001"


def with_teams_and_managers(office: Office) -> None:
    office.configure(
        user=USER + MANAGER, source=SOURCE + TEAMS, target='source = "hr"', more=BY_TEAM
    )


def managers(office: Office) -> dict[str, str | None]:
    """Key -> userName of the manager."""
    accounts = office.accounts()
    names = {user["id"]: name for name, user in accounts.items()}
    found = {user["externalId"]: user.get(ENTERPRISE, {}) for user in accounts.values()}
    return {key: names.get(more.get("manager", {}).get("value")) for key, more in found.items()}


@pytest.mark.both_databases
def test_a_key_of_another_person_gets_no_groups_and_no_references(real_office: Office) -> None:
    office = real_office
    zoe = person(2, email="zoe@example.com", given="Zoe", family="Zorn")
    with_teams_and_managers(office)
    write_teams(office, [team("T1", 4), team("T2", 2, 3), team("T3", 2, 3)])
    office.hire([person(1), person(2), person(3, manager="00002"), person(4, manager="00001")])
    office.push()
    write_teams(office, [team("T1", 2, 4), team("T2", 2, 3), team("T3", 3)])
    office.hire([person(1, manager="00002"), zoe, person(3, manager="00002", dept="HR"), person(4)])

    planned = office.run("plan")
    ran = office.run("push")

    for said in (planned.out + planned.err, ran.out + ran.err):
        assert "not added to the group teams:T1" in said
        assert "00001: wiki: " in said
        assert "manager.value does not refer to 00002" in said
    assert ran.code == 4
    assert groups(office) == {
        "Team T1": {"00004"},
        "Team T2": {"00002", "00003"},
        "Team T3": {"00003"},
    }
    assert managers(office) == {
        "00001": None,
        "00002": None,
        "00003": "person2@example.com",
        "00004": None,
    }
    office.now += DAY
    assert office.run("push").code == 4
    assert office.push().targets["wiki"].requests == 0

    assert office.run("forget", "00002").code == 0
    assert office.push(later=DAY).exit_code == 0
    assert managers(office)["00001"] == managers(office)["00003"] == "zoe@example.com"
    assert groups(office)["Team T1"] == {"00002", "00004"}
    assert groups(office)["Team T2"] == {"00002", "00003"}
    assert office.plan() == []


def test_a_push_of_one_user_adds_no_reference_to_a_key_of_another_person(office: Office) -> None:
    with_teams_and_managers(office)
    write_teams(office, [team("T1", 3)])
    office.hire(people(3))
    office.push()
    zoe = person(2, email="zoe@example.com", given="Zoe", family="Zorn")
    office.hire([person(1, manager="00002"), zoe, person(3)])

    ran = office.run("push", "-k", "00001")

    assert ran.code == 4
    assert "manager.value does not refer to 00002" in ran.err
    assert managers(office)["00001"] is None
