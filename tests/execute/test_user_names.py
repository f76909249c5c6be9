"""A userName is freed before it is taken: by chains, swaps and rings of people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.execute.story import SOON
from tests.office import Office, counts, people, person
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.both_databases


def holders(office: Office) -> dict[str, str]:
    """userName -> key."""
    return {name: user["externalId"] for name, user in office.accounts().items()}


def renamed(count: int, names: dict[int, int]) -> list[dict[str, str]]:
    """`count` people, of whom some have the e-mail of another number."""
    return [
        person(number, email=f"Person{names.get(number, number)}@example.com")
        for number in range(1, count + 1)
    ]


CASES = {
    "two swap": ({1: 2, 2: 1}, 1),
    "a ring of four and a swap": ({1: 2, 2: 3, 3: 4, 4: 1, 5: 6, 6: 5}, 2),
    "a chain": ({1: 2, 2: 3, 3: 4, 4: 99}, 0),
    "a chain the other way": ({4: 3, 3: 2, 2: 1, 1: 99}, 0),
}
"""Number of a person -> whose userName they get; and how many have to step aside under a temporary
name."""


@pytest.mark.parametrize("case", CASES)
def test_people_take_each_others_user_names_with_the_fewest_requests(
    office: Office, faulty: FaultyServer, case: str
) -> None:
    names, aside = CASES[case]
    office.hire(people(20))
    office.push()
    faulty.forget()
    office.hire(renamed(20, names))

    outcome = office.push(identity_changes=6)

    assert (counts(outcome), outcome.exit_code) == ({"update": len(names)}, 0)
    assert holders(office) == {row["email"].lower(): row["id"] for row in renamed(20, names)}
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)
    assert len(faulty.written()) == len(names) + aside


@pytest.mark.parametrize("case", ["two swap", "a ring of four and a swap"])
def test_who_steps_aside_gives_up_the_e_mail_address_too(
    office: Office, faulty: FaultyServer, case: str
) -> None:
    faulty.quirks.unique_emails = True
    names, aside = CASES[case]
    office.hire(people(20))
    office.push()
    faulty.forget()
    office.hire(renamed(20, names))

    ran = office.run("push", "--allow-identity-changes", "6")

    assert (ran.code, "SYNC-" in ran.err) == (0, False)
    assert len(faulty.written()) == len(names) + aside
    assert holders(office) == {row["email"].lower(): row["id"] for row in renamed(20, names)}
    for user in faulty.users.values():
        assert [one["value"] for one in user["emails"]] == [user["userName"]]


def test_people_swap_user_names_at_a_real_server(real_office: Office) -> None:
    real_office.hire(people(6))
    real_office.push()
    real_office.hire(renamed(6, {1: 2, 2: 3, 3: 1}))

    assert counts(real_office.push(identity_changes=3)) == {"update": 3}

    assert holders(real_office) == {
        row["email"].lower(): row["id"] for row in renamed(6, {1: 2, 2: 3, 3: 1})
    }
    assert real_office.plan() == []


def test_somebody_new_takes_a_user_name_that_is_freed_in_the_same_push(office: Office) -> None:
    office.hire(people(2))
    office.push()
    office.hire(
        [person(1, email="new@example.com"), person(2), person(3, email="person1@example.com")]
    )

    outcome = office.push()

    assert outcome.exit_code == 0
    assert holders(office)["person1@example.com"] == "00003"


def test_the_user_name_of_a_deleted_account_goes_to_another_person_in_the_next_push(
    office: Office,
) -> None:
    office.configure(target='leave = { action = "delete" }', guard='min_records = "0%"')
    office.hire(people(2))
    office.push()
    office.hire([person(2), person(3, email="person1@example.com")])

    first, second = office.push(), office.push()

    assert (counts(first), first.exit_code) == ({"delete": 1}, 4)
    assert (counts(second), second.exit_code) == ({"create": 1}, 0)
    assert holders(office)["person1@example.com"] == "00003"


def test_a_leaver_keeps_the_user_name_and_the_new_one_is_told(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard='min_records = "0%"')
    office.hire(people(2))
    office.push()
    office.hire([person(2), person(3, email="person1@example.com")])

    outcome = office.push()

    assert (counts(outcome), outcome.exit_code) == ({"deactivate": 1}, 4)
    assert [(problem.key, "00001" in problem.detail) for problem in outcome.problems] == [
        ("00003", True)
    ]
    assert faulty.users["id-00001"]["active"] is False


def test_a_name_that_somebody_may_have_got_is_given_to_nobody_else(
    office: Office, faulty: FaultyServer
) -> None:
    """Two swap names: the first steps aside, the second gets the first one's name unseen."""
    faulty.quirks.unique_names = False
    office.hire(people(3))
    office.push()
    office.hire(renamed(3, {1: 2, 2: 1}))
    faulty.fail("PATCH", where=_of("id-00002"), effect=True, status=500, times=9)

    outcome = office.push(identity_changes=3)

    assert outcome.exit_code == 4
    assert faulty.users["id-00002"]["userName"] == "person1@example.com"
    assert faulty.users["id-00001"]["userName"].startswith("moving-")
    (refused,) = (one for one in outcome.targets["wiki"].refused if "00001" in one)
    assert "until then, its userName is moving-" in refused

    faulty.faults.clear()
    assert office.push(later=SOON, identity_changes=3).exit_code == 0
    assert holders(office) == {row["email"].lower(): row["id"] for row in renamed(3, {1: 2, 2: 1})}


def test_a_joiner_does_not_get_a_name_that_somebody_may_have_got_in_an_earlier_run(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.quirks.unique_names = False
    office.hire(people(2))
    office.push()
    office.hire([person(1, email="new@example.com"), person(2)])
    faulty.fail("PATCH", effect=True, status=500, times=9)
    office.push()
    faulty.faults.clear()
    office.hire(
        [person(1, email="newer@example.com"), person(2), person(3, email="new@example.com")]
    )
    faulty.fail("GET", where=lambda seen: seen.path == "/Users/id-00001", status=403, times=9)

    outcome = office.push(later=SOON)

    assert outcome.exit_code == 4
    (why,) = (one.detail for one in outcome.problems if one.key == "00003")
    assert "userName new@example.com may have been given to the account of 00001" in why
    assert [one["userName"] for one in faulty.users.values()] == [
        "new@example.com",
        "person2@example.com",
    ]

    faulty.faults.clear()
    assert office.push(later=2 * SOON).exit_code == 0
    assert holders(office) == {
        "newer@example.com": "00001",
        "person2@example.com": "00002",
        "new@example.com": "00003",
    }


def test_names_of_accounts_that_were_not_made_after_all_are_free(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(2))
    faulty.fail("POST", times=99)
    assert office.push().exit_code != 0
    faulty.faults.clear()
    office.hire(renamed(2, {1: 2, 2: 1}))

    assert office.push(later=2 * SOON).exit_code == 0
    assert holders(office) == {row["email"].lower(): row["id"] for row in renamed(2, {1: 2, 2: 1})}


@pytest.mark.parametrize("arrival", ["a new account", "an account that is adopted"])
def test_an_arrival_waits_until_its_name_is_given_up(
    office: Office, faulty: FaultyServer, arrival: str
) -> None:
    faulty.quirks.unique_names = False
    office.hire(people(2))
    office.push()
    if arrival == "an account that is adopted":
        faulty.add(externalId="00003", userName="old@example.com")
    rows = [person(1, email="new@example.com"), person(2), person(3, email="person1@example.com")]
    office.hire(rows)
    faulty.fail(where=_of("id-00001"), status=403, times=99)

    outcome = office.push()

    assert outcome.exit_code == 4
    assert sum(one["userName"] == "person1@example.com" for one in faulty.users.values()) == 1
    (why,) = (one.detail for one in office.journal() if one.key == "00003")
    assert why == "userName person1@example.com still belongs to 00001 [SYNC-0348]"
    faulty.faults.clear()
    assert office.push(later=SOON).exit_code == 0
    assert holders(office) == {row["email"].lower(): row["id"] for row in rows}


def test_a_chain_whose_end_is_refused_ends(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(20))
    office.push()
    faulty.forget()
    office.hire(renamed(20, {1: 2, 2: 3, 3: 99}))
    faulty.fail(where=_of("id-00003"), status=403, times=99)

    outcome = office.push(identity_changes=4)

    assert (outcome.exit_code, counts(outcome)) == (4, {})
    assert {one.path for one in faulty.written()} == {"/Users/id-00003"}


def _of(resource_id: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.path == f"/Users/{resource_id}" and seen.writes


@pytest.mark.parametrize("refresh", [False, True])
@pytest.mark.parametrize("gone", [1, 2, 3])
@pytest.mark.parametrize("case", ["two swap", "a ring of four and a swap"])
def test_people_take_each_others_user_names_although_an_account_was_deleted_by_hand(
    office: Office, faulty: FaultyServer, case: str, gone: int, refresh: bool
) -> None:
    names, _ = CASES[case]
    office.hire(people(20))
    office.push()
    del faulty.users[f"id-{gone:05}"]
    office.hire(renamed(20, names))

    outcome = office.push(identity_changes=6, refresh=refresh)

    assert outcome.exit_code == 0
    wanted = {row["email"].lower(): row["id"] for row in renamed(20, names)}
    if gone not in names and not refresh:  # no request is about this account
        del wanted[person(gone)["email"].lower()]
    assert holders(office) == wanted
    assert (office.plan(), office.push().targets["wiki"].requests) == ([], 0)
