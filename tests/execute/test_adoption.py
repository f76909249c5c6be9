"""Accounts that exist already: found, adopted with the fewest changes, never stolen, never made
twice."""

from __future__ import annotations

import pytest

from scimsync.model.operations import Action
from tests.office import ENTERPRISE, USER, Office, bare, counts, people, person, resource
from tests.servers.faulty import FaultyServer, Quirks, running_faulty_server


def existing(faulty: FaultyServer, number: int, **more: object) -> str:
    """An account that holds just what the file says of person `number`, but for `more`; its id."""
    made: str = faulty.add(**(resource(person(number)) | more))["id"]
    return made


def test_an_account_that_is_right_is_adopted_without_a_write(
    office: Office, faulty: FaultyServer
) -> None:
    existing(faulty, 1)
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    assert faulty.written() == []
    assert office.links()["00001"].remote_id == "id-00001"


def test_only_what_differs_is_changed_in_an_adopted_account(
    office: Office, faulty: FaultyServer
) -> None:
    emails = [
        {"type": "home", "value": "ann@home.example.com"},
        {"type": "work", "value": "old@example.com", "primary": True},
    ]
    existing(faulty, 1, externalId="old", displayName="Old", title="Prophet", emails=emails)
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    (patch,) = faulty.written()
    assert patch.body is not None
    assert sorted(one["path"] for one in patch.body["Operations"]) == [
        "displayName",
        'emails[type eq "work"].value',
        "externalId",
    ]
    (user,) = faulty.users.values()
    assert (user["title"], user["displayName"], user["emails"][0]) == (
        "Prophet",
        "Given1 Family1",
        emails[0],
    )


def test_external_id_finds_before_user_name_does(office: Office, faulty: FaultyServer) -> None:
    by_id = existing(faulty, 1, userName="married@example.com")
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    assert faulty.users[by_id]["userName"] == "person1@example.com"


def test_user_names_are_found_in_any_case(office: Office, faulty: FaultyServer) -> None:
    found = faulty.add(userName="PERSON1@Example.com")["id"]
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    assert bare(faulty.users[found]) == bare(resource(person(1)))


@pytest.mark.parametrize(
    ("held", "wanted"),
    [("strauss@example.com", "strauß@example.com"), ("ﬁona@example.com", "fiona@example.com")],
)
def test_names_that_only_case_folding_makes_one_are_two_accounts(
    office: Office, faulty: FaultyServer, held: str, wanted: str
) -> None:
    other = faulty.add(userName=held, displayName="Somebody Else")["id"]
    office.hire([person(1, email=wanted), person(2, email=held)])

    ran = office.run("push")

    assert ran.code == 0, ran.err
    assert ran.out.startswith("wiki: 1 create, 1 adopt (")
    assert {key: link.remote_id for key, link in office.links().items()} == {
        "00001": "id-00001",
        "00002": other,
    }
    assert faulty.users["id-00001"]["userName"] == wanted


def test_an_account_that_is_switched_off_is_switched_on_when_adopted(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(user=USER.replace("active = true\n", ""))
    found = existing(faulty, 1, active=False)
    office.hire(people(1))

    assert counts(office.push()) == {"adopt": 1}

    assert faulty.users[found]["active"] is True


@pytest.mark.parametrize("active", ["False", 0, None, "inactive"])
@pytest.mark.parametrize("mapped", [True, False])
def test_an_account_that_is_off_in_other_words_is_switched_on_when_adopted(
    office: Office, faulty: FaultyServer, active: object, mapped: bool
) -> None:
    if not mapped:
        office.configure(user=USER.replace("active = true\n", ""))
    found = existing(faulty, 1, active=active)
    office.hire(people(1))

    ran = office.run("push")

    assert (ran.code, ran.out.startswith("wiki: 1 adopt (")) == (0, True), ran.err
    assert faulty.users[found]["active"] is True
    assert office.push().targets["wiki"].requests == 0


def test_more_than_one_match_is_ambiguous_and_names_the_accounts(
    office: Office, faulty: FaultyServer
) -> None:
    first, second = (
        faulty.add(userName=name, externalId="00001")["id"]
        for name in ("a@example.com", "b@example.com")
    )
    office.hire(people(2))

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 4)
    (failed,) = (entry for entry in office.journal() if entry.status == "failed")
    assert (failed.key, first in (failed.detail or ""), second in (failed.detail or "")) == (
        "00001",
        True,
        True,
    )
    del faulty.users[second]
    assert counts(office.push()) == {"adopt": 1}


def test_an_account_that_is_linked_to_somebody_is_not_stolen(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(1))
    office.push()
    faulty.forget()
    office.hire([person(1), person(2, email="person1@example.com")])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({}, 4)
    assert [problem.key for problem in outcome.problems] == ["00002"]
    assert "00001" in outcome.problems[0].detail
    assert faulty.written() == []


def test_of_two_who_match_one_account_only_one_adopts_it(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.add(userName="person1@example.com")
    office.hire([person(1), person(2, email="PERSON1@example.com")])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"adopt": 1}, 4)
    assert [link.remote_id for link in office.links().values() if link.remote_id] == list(
        faulty.users
    )


def test_of_two_new_people_with_one_user_name_the_first_gets_it(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire([person(1), person(2, email="PERSON1@example.com")])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"create": 1}, 4)
    assert [problem.key for problem in outcome.problems] == ["00002"]
    assert "00001" in outcome.problems[0].detail
    assert [user["externalId"] for user in faulty.users.values()] == ["00001"]


def test_the_one_who_failed_gets_the_name_once_it_is_free(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire([person(1), person(2, email="person1@example.com")])
    office.push()
    office.hire([person(1, email="new@example.com"), person(2, email="person1@example.com")])

    office.push()
    office.push()

    assert {name: user["externalId"] for name, user in office.accounts().items()} == {
        "new@example.com": "00001",
        "person1@example.com": "00002",
    }
    assert office.plan() == []


def test_many_people_cost_one_paged_read(office: Office, faulty: FaultyServer) -> None:
    for number in range(1, 251):
        existing(faulty, number)
    office.hire(people(500))

    assert counts(office.push()) == {"create": 250, "adopt": 250}

    reads = [one for one in faulty.seen if not one.writes]
    assert [(str(one), one.query["startIndex"], one.query["count"]) for one in reads] == [
        ("GET /Users", start, "100") for start in ("1", "101", "201")
    ]
    assert [str(one) for one in faulty.written()] == ["POST /Users"] * 250


def test_few_people_are_looked_up_at_a_large_target(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    for number in range(100, 800):
        faulty.add(userName=f"other{number}@example.com")
    faulty.forget()
    office.hire(people(5))

    assert counts(office.push()) == {"create": 4}

    reads = [one for one in faulty.seen if not one.writes]
    assert len(reads) <= 1 + 4 * 2
    assert len([one for one in reads if "filter" not in one.query]) <= 1


def test_people_with_an_account_are_never_looked_up(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='dialect = "rfc"')
    office.hire(people(30))
    office.push()
    faulty.forget()
    office.hire([*(person(number, dept="Sales") for number in range(1, 11)), *people(30)[10:]])

    assert counts(office.push()) == {"update": 10}

    assert {one.method for one in faulty.seen} == {"PATCH"}


# Answers that are not what the RFC says

QUIRKS = {
    "numbers for ids": Quirks(numeric_ids=True),
    "other case": Quirks(other_case=True),
    "no body on POST": Quirks(mute_post=True),
    "neither body nor Location on POST": Quirks(mute_post=True, location=False),
    "small pages": Quirks(max_page=3),
    "all of it": Quirks(
        numeric_ids=True, other_case=True, mute_post=True, location=False, max_page=2
    ),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_what_can_be_understood_is(office: Office, quirk: str) -> None:
    with running_faulty_server(quirks=QUIRKS[quirk]) as server:
        existing(server, 1, displayName="Old")
        existing(server, 2)
        office.configure(url=server.url, guard='min_records = "0%"')
        office.hire(people(8))

        first = office.push()
        quiet = office.push()
        office.hire([person(1, dept="Sales"), *people(7)[1:]])
        last = office.push()

        assert (counts(first), first.exit_code) == ({"create": 6, "adopt": 2}, 0)
        assert (quiet.targets["wiki"].requests, office.plan()) == (0, [])
        assert counts(last) == {"update": 1, "deactivate": 1}
        wanted = [
            resource(person(1, dept="Sales")),
            *(resource(person(number)) for number in range(2, 8)),
        ]
        wanted.append(resource(person(8), active=False))
        assert {one["userName"]: bare(one) for one in server.users.values()} == {
            one["userName"]: bare(one) for one in wanted
        }


def test_unmapped_attributes_are_never_touched(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    user = faulty.users["id-00001"]
    user["title"] = "Prophet"
    user[ENTERPRISE]["costCenter"] = "42"
    office.hire([person(1, dept="", family="Other")])

    assert counts(office.push()) == {Action.UPDATE: 1}

    user = faulty.users["id-00001"]
    assert (user["title"], user["displayName"], user[ENTERPRISE]) == (
        "Prophet",
        "Given1 Other",
        {"costCenter": "42"},
    )
