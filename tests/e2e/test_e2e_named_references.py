"""Managers by e-mail address or by name: `ref(manager, by="email")`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.office import ENTERPRISE, USER, Office, Row, person
from tests.servers.faulty import FaultyServer

HOUR = timedelta(hours=1)


def managed(by: str = "email") -> str:
    """The mapping with a manager who is found by an expression."""
    return f'{USER}\n"{ENTERPRISE}:manager.value" = "ref(manager, by=\\"{by}\\")"\n'


def managers(faulty: FaultyServer) -> dict[str, str | None]:
    """externalId -> externalId of the manager, None for no manager."""
    by_id = {user["id"]: user["externalId"] for user in faulty.users.values()}
    found: dict[str, str | None] = {}
    for user in faulty.users.values():
        value: Any = user.get(ENTERPRISE, {}).get("manager")
        held = value.get("value") if isinstance(value, dict) else value
        found[user["externalId"]] = by_id.get(held)
    return found


@pytest.mark.parametrize(
    ("by", "manager"),
    [
        ("email", "person1@example.com"),
        ("email", " PERSON1@example.com "),  # case and white space do not matter
        ("col['email']", "person1@example.com"),
        ("given ~ ' ' ~ family", "given1  FAMILY1"),
        ("family ~ ', ' ~ given", "Family1, Given1"),
        ("id | int", "1"),  # a number
    ],
)
def test_a_manager_is_found(office: Office, faulty: FaultyServer, by: str, manager: str) -> None:
    office.hire([person(1), person(2, manager=manager), person(3, manager="")])
    office.configure(user=managed(by))

    push = office.run("push")

    assert (push.code, "[SYNC" in push.err) == (0, False), push.err
    assert managers(faulty) == {"00001": None, "00002": "00001", "00003": None}
    assert office.plan() == []
    assert not office.push().targets["wiki"].requests


@pytest.mark.both_databases
def test_the_manager_is_renamed(office: Office, faulty: FaultyServer) -> None:
    """Who refers to a name follows it when it changes hands, without a change of their own."""
    boss, other = person(1, email="boss@example.com"), person(2)
    member = person(3, manager="boss@example.com")
    office.hire([boss, other, member])
    office.configure(user=managed(), guard="max_updates = 100")
    office.push()
    assert managers(faulty)["00003"] == "00001"

    # nobody has the name: the reference is left out
    boss["email"] = "new.name@example.com"
    office.hire([boss, other, member])
    assert [one["key"] for one in office.plan()] == ["00001", "00003"]
    office.push(later=HOUR)
    assert managers(faulty)["00003"] is None

    # the new name is given as well
    member["manager"] = "new.name@example.com"
    office.hire([boss, other, member])
    office.push(later=HOUR)
    assert managers(faulty)["00003"] == "00001"

    # another person takes the name over in one step
    boss["email"], other["email"] = "gone@example.com", "new.name@example.com"
    office.hire([boss, other, member])
    assert {one["key"] for one in office.plan()} == {"00001", "00002", "00003"}
    office.push(later=HOUR)
    assert managers(faulty)["00003"] == "00002"
    assert not office.plan()


def test_a_manager_arrives_later(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(2, manager="person1@example.com"), person(3)])
    office.configure(user=managed())
    office.push()

    office.hire([person(1), person(2, manager="person1@example.com"), person(3)])
    office.push(later=HOUR)

    assert managers(faulty)["00002"] == "00001"


def test_a_manager_who_left_stays_the_manager(office: Office, faulty: FaultyServer) -> None:
    """As a reference by key, which keeps what it refers to until the account is deleted."""
    office.hire([person(1), person(2, manager="person1@example.com"), *map(person, range(3, 9))])
    office.configure(user=managed())
    office.push()

    office.hire([person(2, manager="person1@example.com"), *map(person, range(3, 9))])
    office.push(later=HOUR)

    assert managers(faulty)["00002"] == "00001"
    assert not office.plan()


def test_an_ambiguous_name_fails_that_person(office: Office, faulty: FaultyServer) -> None:
    pat = {"given": "Pat", "family": "Lee"}
    rows = [person(1, **pat), person(2, manager="Pat Lee"), person(3)]
    office.hire(rows)
    office.configure(user=managed("given ~ ' ' ~ family"))
    office.push()
    assert managers(faulty)["00002"] == "00001"

    namesake = person(4, **pat)
    office.hire([*rows, namesake])
    plan, push = office.run("plan", "--json"), office.run("push", "--json")

    why = "ambiguous reference: 2 records have given ~ ' ' ~ family=pat lee: 00001, 00004"
    (problem,) = plan.document["problems"]
    assert (problem["key"], why in problem["detail"]) == ("00002", True)
    assert "[SYNC-0293]" in problem["detail"]
    assert push.code == 4
    assert push.document["targets"]["wiki"]["counts"] == {"create": 1}
    assert managers(faulty)["00002"] == "00001"  # as it was

    namesake["given"] = "Patricia"
    office.hire([*rows, namesake])
    assert office.run("push").code == 0
    assert not office.plan()


def test_names_of_nobody_are_told(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1), person(2, manager="x@example.com"), person(3, manager="y@example.com")])
    office.configure(user=managed())

    plan, checked = office.run("plan"), office.run("check", "--json")

    text = (
        "manager.value: 2 of 2 references match no record in source hr; no record has"
        " that email, and these are left out"
    )
    assert plan.code == 0
    assert text in plan.err
    assert text in [one["message"] for one in checked.document["findings"]]
    office.push()
    assert managers(faulty) == {"00001": None, "00002": None, "00003": None}


def test_explain_shows_whom_a_name_means(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1), person(2, manager="person1@example.com")])
    office.configure(user=managed())
    office.push()
    (boss,) = [one["id"] for one in faulty.users.values() if one["externalId"] == "00001"]

    said = office.run("explain", "00002")

    assert said.code == 0
    assert boss in said.out
    assert "email=" not in said.out


def test_the_expression_is_changed(office: Office, faulty: FaultyServer) -> None:
    """Names are worked out for records that were read before they had any."""
    rows = [person(1), person(2, manager="person1@example.com"), person(3, manager="Family1")]
    office.hire(rows)
    office.configure()
    office.push()
    office.configure(user=managed())
    office.push(later=HOUR)
    assert managers(faulty) == {"00001": None, "00002": "00001", "00003": None}

    office.configure(user=managed("family"))
    assert {one["key"] for one in office.plan()} == {"00002", "00003"}
    office.push(later=HOUR)

    assert managers(faulty) == {"00001": None, "00002": None, "00003": "00001"}


def test_a_plan_before_the_first_push_resolves_names(office: Office) -> None:
    office.hire([person(1), person(2, manager="person1@example.com")])
    office.configure(user=managed())

    (_, second) = office.plan()

    (change,) = [one for one in second["changes"] if one["path"].endswith("manager.value")]
    assert change["after"] == "(id of 00001)"


def test_a_refused_file_does_not_change_names(office: Office, faulty: FaultyServer) -> None:
    """What a guard stops has no effect on who has a name."""
    rows = [person(1), person(2, manager="person1@example.com"), *map(person, range(3, 13))]
    office.hire(rows)
    office.configure(user=managed(), guard="max_updates = 0")
    office.push()

    changed = [dict(row) for row in rows]
    changed[0]["email"] = "other@example.com"
    office.hire(changed)
    assert office.run("push").code == 3
    office.hire(rows)
    assert office.run("push").code == 0
    assert managers(faulty)["00002"] == "00001"
    assert not office.plan()


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("ref(manager, by=email)", "by is an expression over the columns of the other record"),
        ("ref(manager, by=\\\"'x'\\\")", "must depend on columns of the other record"),
        ("ref(manager, by='today')", "must depend on columns of the other record"),
        ("ref(manager, by='access')", "must depend on columns of the other record"),
        ("ref(manager, by='ref(email)')", "cannot use lookup or ref"),
        ("ref(manager, to='email')", "ref is a function of one key"),
        ("ref(manager, by='mail')", 'no column "mail" in source hr'),
    ],
)
def test_what_by_cannot_be(office: Office, expression: str, what: str) -> None:
    office.hire([person(1)])
    office.configure(user=f'{USER}\n"{ENTERPRISE}:manager.value" = "{expression}"\n')

    plan = office.run("plan")

    assert plan.code == 2
    assert what in plan.err


def two_sources(rows: list[Row], others: list[Row], office: Office) -> None:
    office.hire(rows)
    office.hire(others, "contractors.csv")


def test_names_across_sources(office: Office, faulty: FaultyServer) -> None:
    """A contractor refers to a manager of the staff, also after that one's key changes."""
    office.configure(
        user=managed(),
        source="""
[sources.hr]
type = "file"
path = "hr.csv"
key = "id"

[sources.contractors]
type = "file"
path = "contractors.csv"
key = "id"
""",
        target='source = ["hr", "contractors"]',
    )
    boss = "person1@example.com"
    others = [person(number) for number in range(103, 110)]
    contractors = [person(101, manager=boss), person(102), *others]
    two_sources([person(1), person(2)], contractors, office)
    office.push()
    assert managers(faulty)["00101"] == "00001"

    # hired under another key: the person, and with it the name, moves to the other source
    hired = person(3) | {name: contractors[1][name] for name in ("email", "given", "family")}
    contractors = [person(101, manager="person102@example.com"), *others]
    two_sources([person(1), person(2), hired], contractors, office)
    office.push(later=HOUR)
    assert managers(faulty)["00101"] == "00003"

    # both have the address: ambiguous, although they are in two sources
    contractors[0]["manager"] = boss
    two_sources([person(1), person(2), hired], [*contractors, person(102, email=boss)], office)
    push = office.run("push", "--json")
    assert push.code == 4
    details = [one["detail"] for one in push.document["problems"] if one["key"] == "00101"]
    assert "email=person1@example.com: 00001, 00102" in details[0]


def test_a_key_that_is_changed_by_hand(office: Office, faulty: FaultyServer) -> None:
    """The name moves with the record, and is not ambiguous then."""
    rows = [person(1), person(2, manager="person1@example.com"), *map(person, range(3, 8))]
    office.hire(rows)
    office.configure(user=managed())
    office.push()

    assert office.run("rekey", "00001", "E-1").code == 0
    office.hire([person(1, id="E-1"), *rows[1:]])
    push = office.run("push")

    assert push.code == 0, push.err
    assert managers(faulty)["00002"] == "E-1"
    assert not office.plan()
