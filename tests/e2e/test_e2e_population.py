"""Several sources form one population: `source = ["staff", "contractors"]`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.office import ENTERPRISE, MANAGER, USER, Office, Row, counts, fetch, people, person
from tests.servers.faulty import FaultyServer, running_faulty_server

HOUR = timedelta(hours=1)
SOURCES = """
[sources.staff]
type = "file"
path = "staff.csv"
key = "id"

[sources.contractors]
type = "file"
path = "contractors.csv"
key = "id"
"""
BOTH = 'source = ["staff", "contractors"]\n'
STAFF = people(10)
CONTRACTORS = [person(number) for number in range(101, 111)]


@pytest.fixture
def population(office: Office) -> Office:
    """Ten employees and ten contractors with accounts."""
    office.configure(source=SOURCES, target=BOTH, user=USER + MANAGER)
    write(office)
    assert counts(office.push()) == {"create": 20}
    return office


@pytest.fixture
def other() -> Iterator[FaultyServer]:
    with running_faulty_server() as server:
        yield server


def write(office: Office, staff: list[Row] = STAFF, contractors: list[Row] = CONTRACTORS) -> None:
    office.hire(staff, "staff.csv")
    office.hire(contractors, "contractors.csv")


def active(faulty: FaultyServer) -> set[str]:
    users: list[Any] = list(faulty.users.values())
    return {user["externalId"] for user in users if user["active"]}


def test_a_key_of_two_sources_changes_nothing(population: Office, faulty: FaultyServer) -> None:
    """Neither wins, whatever the order; that is told, and others go on."""
    write(population, [person(101, dept="Staff"), *STAFF[:9], person(10, dept="Moved")])

    plan, push = population.run("plan", "--json"), population.run("push", "--json")

    (problem,) = plan.document["problems"]
    assert (problem["key"], "staff, contractors each have a record" in problem["detail"]) == (
        "00101",
        True,
    )
    assert push.code == 4
    assert push.document["targets"]["wiki"]["counts"] == {"update": 1}
    (user,) = [one for one in faulty.users.values() if one["externalId"] == "00101"]
    assert (user["active"], user[ENTERPRISE]["department"]) == (True, "IT")
    assert "each have a record" in population.run("explain", "00101").out

    write(population, [person(101, dept="Staff"), *STAFF], CONTRACTORS[1:])
    assert population.run("push").code == 0
    (user,) = [one for one in faulty.users.values() if one["externalId"] == "00101"]
    assert user[ENTERPRISE]["department"] == "Staff"


def test_a_key_mistyped_as_one_of_another_source_costs_nobody_an_account(
    population: Office, faulty: FaultyServer
) -> None:
    before = dict(faulty.users)
    last = CONTRACTORS[-1]
    write(population, contractors=[*CONTRACTORS[:-1], {**last, "id": "00010"}])

    for _ in range(2):
        plan, ran = population.run("plan"), population.run("push")

        assert (plan.code, ran.code) == (4, 4)
        assert "staff, contractors each have a record" in ran.err
        assert f"{last['id']}: wiki: contractors has a row that cannot be used" in ran.err
        assert faulty.users == before

    write(population, contractors=CONTRACTORS[:-1])
    assert population.run("push").code == 0
    assert last["id"] not in active(faulty)


def test_a_key_of_two_sources_lets_others_leave(population: Office, faulty: FaultyServer) -> None:
    write(population, [person(101), *STAFF], CONTRACTORS[:-1])

    population.run("push")

    assert CONTRACTORS[-1]["id"] not in active(faulty)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, 1),
        ("", 3),
        ("id,email\n", 3),
        ("number,email\n1,a@example.com\n", 2),
        ("id,email,given,family,dept,manager\n00101,person101@example.com,A,B,IT,\n", 3),
    ],
    ids=["missing", "empty", "no rows", "no key", "most rows lost"],
)
def test_a_source_that_fails_makes_no_leavers(
    population: Office,
    faulty: FaultyServer,
    other: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    code: int,
) -> None:
    """The target of both waits, also with the changes of the source that can be read; one that
    needs only that goes on."""
    monkeypatch.setenv("OTHER_TOKEN", other.token)
    population.configure(
        source=SOURCES,
        target=BOTH,
        user=USER + MANAGER,
        more=f"""
[targets.other]
url = "{other.url}"
auth = {{ type = "bearer", token = "env:OTHER_TOKEN" }}
source = "staff"

[targets.other.user]
userName = "email"
""",
    )
    write(population, [*STAFF, person(11)])
    contractors = population.folder / "contractors.csv"
    contractors.unlink()
    if text is not None:
        population.write("contractors.csv", text)

    push = population.run("push", "--json")

    assert push.code == code
    assert push.document["targets"]["wiki"]["counts"] == {}
    assert len(active(faulty)) == 20
    assert len(other.users) == 11

    write(population, [*STAFF, person(11)])
    assert population.run("push").code == 0
    assert len(active(faulty)) == 21
    assert len(other.users) == 11


def test_a_reference_into_another_source(population: Office, faulty: FaultyServer) -> None:
    contractors = [*CONTRACTORS[:9], person(110, manager="00001")]
    write(population, [*STAFF[:9], person(10, manager="00101")], contractors)

    assert counts(population.push(later=HOUR)) == {"update": 2}

    ids = {user["externalId"]: user["id"] for user in faulty.users.values()}
    managers = {
        user["externalId"]: user[ENTERPRISE]["manager"]["value"]
        for user in faulty.users.values()
        if "manager" in user[ENTERPRISE]
    }
    assert managers == {"00110": ids["00001"], "00010": ids["00101"]}
    assert "references" not in population.run("plan").err


def test_guards_count_the_whole_population(population: Office, faulty: FaultyServer) -> None:
    """10% of 20 accounts allow five at least: two of the one and four of the other are more."""
    population.configure(
        source=SOURCES, target=BOTH, user=USER + MANAGER, guard='min_records = "50%"'
    )
    write(population, STAFF[2:], CONTRACTORS[4:])

    stopped = population.run("push")

    assert stopped.code == 3
    assert "6 of 20 accounts" in stopped.err
    assert len(active(faulty)) == 20
    write(population, STAFF[2:], CONTRACTORS[3:])
    assert population.run("push").code == 0
    assert len(active(faulty)) == 15


def test_a_key_moves_to_another_source_in_one_run(population: Office, faulty: FaultyServer) -> None:
    hired = person(101, dept="Hired")
    write(population, [*STAFF, hired], CONTRACTORS[1:])

    assert [(one["key"], one["action"]) for one in population.plan()] == [("00101", "update")]
    assert counts(population.push(later=HOUR)) == {"update": 1}
    assert len(active(faulty)) == 20

    write(population)
    assert counts(population.push(later=HOUR)) == {"update": 1}


def test_a_contractor_is_hired_under_another_key(population: Office, faulty: FaultyServer) -> None:
    """It is the same person by userName and name: the account moves."""
    before = {user["userName"]: user["id"] for user in faulty.users.values()}
    write(population, [*STAFF, person(101, id="E-101")], CONTRACTORS[1:])

    (planned,) = population.plan()
    assert (planned["key"], planned["action"]) == ("E-101", "move")
    population.push(later=HOUR)

    assert {user["userName"]: user["id"] for user in faulty.users.values()} == before
    assert "E-101" in active(faulty)
    assert len(active(faulty)) == 20
    assert not population.plan()


def test_columns_that_one_source_lacks(office: Office, faulty: FaultyServer) -> None:
    office.write(
        "staff.csv",
        "employee_id,email,status\nE1,ann@example.com,active\nE2,bob@example.com,left\n",
    )
    office.write(
        "contractors.csv",
        "contractor_id,email,agency\nC1,cy@example.com,Temp & Co\nC2,di@example.com,\n",
    )
    office.configure(
        source=SOURCES.replace('"id"', '"employee_id"', 1).replace('"id"', '"contractor_id"'),
        target=BOTH + "scope = \"status == 'active' or agency != ''\"\n",
        user="""
externalId = "employee_id or contractor_id"
userName = "email"
userType = "'Employee' if employee_id else 'Contractor'"
nickName = "agency"
""",
    )
    push = office.run("push")

    assert push.code == 0, push.err
    assert {
        user["externalId"]: (user["userType"], user.get("nickName"))
        for user in faulty.users.values()
    } == {"E1": ("Employee", None), "C1": ("Contractor", "Temp & Co")}
    shown = office.run("explain", "C1").out
    assert "contractors" in shown
    assert "staff" not in shown


@pytest.mark.parametrize("command", ["plan", "push", "check"])
def test_a_column_that_no_source_has_is_an_error(office: Office, command: str) -> None:
    office.configure(source=SOURCES, target=BOTH, user=USER.replace('"dept"', '"detp"'))
    write(office)

    ran = office.run(command)

    assert ran.code == 2
    said = ran.out + ran.err
    assert 'no column "detp" in sources staff, contractors' in said
    assert "found in contractors: id, email" in said
    assert 'did you mean "dept"?' in said


def test_status_shows_both_sources(population: Office) -> None:
    status, checked = population.run("status"), population.run("check")

    assert (status.code, checked.code) == (0, 0)
    for said in (status.out, checked.out):
        assert "staff" in said
        assert "contractors" in said


def test_groups_from_one_source_of_a_population(real_office: Office) -> None:
    """By value and by rule over a column that only contractors have, and from their records."""
    office = real_office
    office.hire([person(1), person(2)], "staff.csv")
    rows = [person(101, agency="Temp"), person(102, agency="Temp"), person(103, agency="")]
    office.hire(rows, "contractors.csv")
    office.configure(
        source=SOURCES,
        target=BOTH,
        more="""
[targets.wiki.groups.agencies]
each = "agency"
displayName = "'Agency ' ~ value"

[targets.wiki.groups.outside]
displayName = { value = "Contractors" }
members = "agency != ''"

[targets.wiki.groups.desks]
source = "contractors"
displayName = "'Desk of ' ~ given"
members = "id"
""",
    )
    office.push()

    users = {one["id"]: one["externalId"] for one in office.accounts().values()}
    groups = fetch(f"{office.url}/Groups?count=100", office.token)["Resources"]
    members = {
        group["displayName"]: {users[one["value"]] for one in group.get("members", ())}
        for group in groups
    }
    assert members == {
        "Agency Temp": {"00101", "00102"},
        "Contractors": {"00101", "00102"},
        "Desk of Given101": {"00101"},
        "Desk of Given102": {"00102"},
        "Desk of Given103": {"00103"},
    }
    assert not office.plan()
