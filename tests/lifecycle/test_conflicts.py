"""What two who want one thing are told, and whoever might be one of several; and that nothing is
sent for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.error_text import text_of
from tests.lifecycle.test_groups import (
    BY_DEPARTMENT,
    OFTEN,
    groups,
    settled,
    team,
    with_teams,
    write_teams,
)
from tests.office import SOURCE, Office, counts, fetch, people, person
from tests.servers.faulty import FaultyServer
from tests.servers.wire import Wire


@dataclass(frozen=True)
class Conflict:
    """Things happen at the target and in the office; then one key is told one sentence.

    `written` is how many writing requests that push makes all the same, for others or to find out.
    """

    happens: Callable[[Office, FaultyServer], None]
    key: str
    says: str
    written: int = 0


def a_new_one_wants_a_name_that_is_held(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1), person(2), person(3, email="person2@example.com")])


def one_changes_to_a_name_that_is_held(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1, email="PERSON2@example.com"), person(2)])


def a_new_one_wants_the_name_of_a_leaver(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    office.hire([person(1), person(3, email="person2@example.com")])


def two_new_ones_want_one_name(office: Office, faulty: FaultyServer) -> None:
    office.hire(
        [*people(2), person(3, email="new@example.com"), person(4, email="New@example.com")]
    )


def two_change_to_one_name(office: Office, faulty: FaultyServer) -> None:
    office.hire([person(1, email="new@example.com"), person(2, email="new@example.com")])


def two_accounts_have_one_external_id(office: Office, faulty: FaultyServer) -> None:
    faulty.add(userName="a@example.com", externalId="00003")
    faulty.add(userName="b@example.com", externalId="00003")
    office.hire(people(3))


def two_match_one_account(office: Office, faulty: FaultyServer) -> None:
    faulty.add(userName="person3@example.com")
    office.hire([*people(3), person(4, email="person3@example.com")])


def somebody_has_the_account_that_matches(office: Office, faulty: FaultyServer) -> None:
    faulty.users["id-00001"]["externalId"] = "00003"
    office.hire(people(3))


def a_stranger_has_the_name(office: Office, faulty: FaultyServer) -> None:
    faulty.add(userName="stranger@example.com")
    office.hire([person(1, email="stranger@example.com"), person(2)])


def two_sources_have_one_key(office: Office, faulty: FaultyServer) -> None:
    agency = '[sources.agency]\ntype = "file"\npath = "agency.csv"\nkey = "id"\n'
    office.configure(source=SOURCE + agency, target='source = ["hr", "agency"]', guard=OFTEN)
    office.hire([person(1, dept="Sales"), person(2)])
    office.hire([person(1, dept="Law")], "agency.csv")


CONFLICTS = [
    Conflict(
        a_new_one_wants_a_name_that_is_held,
        "00003",
        "userName person2@example.com is taken by the account of 00002",
    ),
    Conflict(
        one_changes_to_a_name_that_is_held,
        "00001",
        "userName person2@example.com is taken by the account of 00002",
    ),
    Conflict(
        a_new_one_wants_the_name_of_a_leaver,
        "00003",
        "same userName person2@example.com as the account of 00002, which left, and the names"
        " differ; if they are the same person: scimsync rekey 00002 00003",
    ),
    Conflict(
        two_new_ones_want_one_name,
        "00004",
        "userName new@example.com is also wanted by 00003",
        written=1,
    ),
    Conflict(
        two_change_to_one_name,
        "00002",
        "userName new@example.com is also wanted by 00001",
        written=1,
    ),
    Conflict(
        two_accounts_have_one_external_id,
        "00003",
        "ambiguous: 2 accounts match by externalId: id-00003, id-1",
        written=0,
    ),
    Conflict(
        two_match_one_account,
        "00004",
        "the account that matches by userName (id-1) belongs to 00003",
        written=1,
    ),
    Conflict(
        somebody_has_the_account_that_matches,
        "00003",
        "the account that matches by externalId (id-00001) belongs to 00001",
    ),
    Conflict(
        a_stranger_has_the_name,
        "00001",
        "userName: PATCH /Users/id-00001: 409 uniqueness: stranger@example.com exists",
        written=3,
    ),
    Conflict(two_sources_have_one_key, "00001", "the sources hr, agency each have a record"),
]


@pytest.mark.parametrize("conflict", CONFLICTS, ids=lambda conflict: conflict.happens.__name__)
def test_a_conflict_is_told_to_the_one_who_came_second(
    office: Office, faulty: FaultyServer, conflict: Conflict
) -> None:
    office.configure(guard=OFTEN)
    office.hire(people(2))
    office.push()
    conflict.happens(office, faulty)
    faulty.forget()

    ran = office.run("push", "--json")

    assert ran.code == 4
    problems = {one["key"]: text_of(one["detail"]) for one in ran.document["problems"]}
    failed = {one.key: text_of(one.detail) for one in office.journal() if one.status == "failed"}
    assert failed == {conflict.key: conflict.says}
    assert problems in ({conflict.key: f"wiki: {conflict.says}"}, {})
    assert len(faulty.written()) == conflict.written
    assert conflict.says in office.run("explain", conflict.key).out.replace("\n", " ")


# Groups


@pytest.mark.parametrize("by", ["externalId", "displayName"])
def test_a_group_that_may_be_one_of_two_is_left_alone(
    real_office: Office, wire: Wire, by: str
) -> None:
    office = real_office
    made = []
    for name in ("Team A", "Team A") if by == "displayName" else ("One", "Two"):
        external = {} if by == "displayName" else {"externalId": "A"}
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            **external,
        }
        made.append(fetch(f"{office.url}/Groups", office.token, body)["id"])
    with_teams(office)
    office.hire(people(1))
    write_teams(office, [team("A", 1)])
    wire.seen.clear()

    outcome = office.push()

    assert outcome.exit_code == 4
    (problem,) = outcome.problems
    assert problem.key == "teams:A"
    assert problem.detail.startswith(f"wiki: ambiguous: 2 groups match by {by}: ")
    ids = text_of(problem.detail).rpartition(": ")[2]
    assert sorted(ids.split(", ")) == sorted(made)
    assert [(method, path) for method, path, _ in wire.written()] == [("POST", "/Users")]


def test_a_group_that_two_tables_ask_for_belongs_to_the_first(
    real_office: Office, wire: Wire
) -> None:
    office = real_office
    again = BY_DEPARTMENT.replace("groups.departments", "groups.divisions")
    office.configure(more=BY_DEPARTMENT, guard=OFTEN)
    office.hire(people(2))
    office.push()
    wire.seen.clear()
    office.configure(more=BY_DEPARTMENT + again, guard=OFTEN)

    outcome = office.push()

    assert outcome.exit_code == 4
    (problem,) = outcome.problems
    assert problem.key == "divisions:IT"
    taken = "wiki: displayName Department IT is taken by the group departments:IT"
    assert text_of(problem.detail) == taken
    assert wire.written() == []
    assert groups(office) == {"Department IT": {"00001", "00002"}}


def test_teams_exchange_their_names(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(3))
    write_teams(office, [team("A", 1), team("B", 2), team("C", 3)])
    office.push()
    wire.seen.clear()

    write_teams(
        office,
        [team("A", 1, name="Team B"), team("B", 2, name="Team C"), team("C", 3, name="Team A")],
    )
    outcome = office.push(identity_changes="100%")  # a column moves by one row

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 3})
    assert len(wire.written()) == 4  # one of them has a temporary name meanwhile
    assert groups(office) == {"Team B": {"00001"}, "Team C": {"00002"}, "Team A": {"00003"}}


def test_group_names_pass_from_one_to_the_next_in_any_number(
    office: Office, faulty: FaultyServer
) -> None:
    with_teams(office)
    teams_at(faulty, number=600)
    office.hire(people(1))
    write_teams(office, [team(f"{number:04}") for number in range(600)])
    assert counts(office.push()) == {"create": 601}

    write_teams(
        office, [team(f"{number:04}", name=f"Team {number - 1:04}") for number in range(600)]
    )
    outcome = office.push(identity_changes="100%")  # a column moves by one row

    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 600})


def teams_at(faulty: FaultyServer, number: int) -> None:
    """The faulty server knows no groups: these are its answers to those who ask for some."""
    faulty.fail(
        "GET",
        where=lambda seen: seen.path == "/Groups",
        times=100,
        status=200,
        body={"totalResults": 0},
    )
    for one in range(number):
        faulty.fail(
            "POST",
            where=lambda seen: seen.path == "/Groups",
            status=201,
            body={"id": f"group-{one}"},
        )
    faulty.fail(
        "PATCH", where=lambda seen: seen.path.startswith("/Groups"), times=number, status=204
    )


@pytest.mark.parametrize("what", ["a team under another key", "a table under another name"])
def test_a_group_takes_the_name_of_one_that_goes(
    real_office: Office, wire: Wire, what: str
) -> None:
    office = real_office
    with_teams(office)
    office.hire(people(2))
    write_teams(office, [team("A", 1), team("B", 2)])
    office.push()

    if what == "a team under another key":
        write_teams(office, [team("A", 1), team("C", 2, name="Team B")])
    else:
        text = (office.folder / "sync.toml").read_text()
        office.write("sync.toml", text.replace("groups.teams]", "groups.squads]"))
    outcome = office.push()

    assert (outcome.exit_code, outcome.problems) == (0, ())
    assert groups(office) == {"Team A": {"00001"}, "Team B": {"00002"}}
    assert settled(office, wire)


def test_who_lost_a_conflict_gets_what_the_other_gives_up(real_office: Office, wire: Wire) -> None:
    office = real_office
    with_teams(office)
    office.hire([person(1), person(2, email="person1@example.com")])
    write_teams(office, [team("A", 1), team("B", 2, name="Team A")])
    assert office.push().exit_code == 4

    office.hire([person(1, email="new@example.com"), person(2, email="person1@example.com")])
    write_teams(office, [team("A", 1, name="Another"), team("B", 2, name="Team A")])
    outcome = office.push(later=timedelta(days=1))

    assert outcome.exit_code == 0
    assert {name: user["externalId"] for name, user in office.accounts().items()} == {
        "new@example.com": "00001",
        "person1@example.com": "00002",
    }
    assert groups(office) == {"Another": {"00001"}, "Team A": {"00002"}}
    assert settled(office, wire)
