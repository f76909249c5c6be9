"""`rekey` and `forget`: what keys are settled by hand do at the next push."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.lifecycle.readback import read_all
from tests.lifecycle.test_groups import BY_DEPARTMENT, groups, team, with_teams, write_teams
from tests.office import MANAGER, USER, Office, Row, counts, people, person
from tests.servers.faulty import FaultyServer

DAY = timedelta(days=1)
OTHER = {"given": "Zoe", "family": "Other"}


def with_key(number: int, key: str, **more: str) -> Row:
    """The row of a person under another key."""
    return person(number, id=key, **more)


@pytest.mark.both_databases
def test_rekey_gives_the_account_to_a_key_that_was_held_back(real_office: Office) -> None:
    office = real_office
    office.configure(user=USER + MANAGER, more=BY_DEPARTMENT)
    office.hire([person(1), person(2, manager="00001"), person(3)])
    office.push()
    before = office.accounts()["person1@example.com"]
    office.hire([with_key(1, "E9", **OTHER), person(2, manager="E9"), person(3)])
    assert office.run("push").code == 4

    ran = office.run("rekey", "00001", "E9")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "00001: now E9; accounts moved at wiki; the next push sends what differs\n"
    assert "moved from 00001 by hand" in office.run("journal", "-k", "E9").out
    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"reactivate": 1})
    after = office.accounts()["person1@example.com"]
    assert (after["id"], after["externalId"], after["active"]) == (before["id"], "E9", True)
    assert len(read_all(office.url, office.token, "Groups")[0]["members"]) == 3
    assert office.plan() == []
    assert office.push().targets["wiki"].requests == 0


def test_rekey_from_a_file_settles_new_keys_for_everybody(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(12))
    office.push()
    faulty.forget()
    office.hire([with_key(number, f"HB-{number}") for number in range(1, 13)])
    assert office.run("push").code == 3
    office.write("keys.csv", "old,new\n" + "".join(f"{n:05},HB-{n}\n" for n in range(1, 13)))

    ran = office.run("rekey", "--from", "keys.csv")

    assert (ran.code, ran.out) == (0, "12 users moved; the next push sends what differs\n")
    assert faulty.written() == []
    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"move": 12})
    assert len(faulty.written()) == 12
    accounts = office.accounts().values()
    assert {one["externalId"] for one in accounts} == {f"HB-{n}" for n in range(1, 13)}
    assert office.push().targets["wiki"].requests == 0


def test_rekey_swaps_keys(office: Office) -> None:
    office.hire(people(3))
    office.push()
    office.hire([with_key(1, "00002"), with_key(2, "00001"), person(3)])
    assert office.push().exit_code == 4
    office.write("keys.csv", "00001;00002\n00002;00001\n")

    assert office.run("rekey", "--from", "keys.csv").code == 0

    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"move": 2})
    assert office.accounts()["person1@example.com"]["externalId"] == "00002"


def test_rekey_to_a_key_that_was_deprovisioned_removes_access(office: Office) -> None:
    office.hire(people(3))
    office.push()
    office.hire([with_key(1, "E9", **OTHER), *people(3)[1:]])
    assert office.run("push").code == 4
    assert office.run("deprovision", "E9").code == 0

    assert office.run("rekey", "00001", "E9").code == 0

    assert office.push().exit_code == 0
    assert office.accounts()["person1@example.com"]["active"] is False


FILES = {
    "unknown": ("X,Y\n", 'unknown key "X": no source record and no linked account [SYNC-0385]'),
    "taken": ("00001,00002\n", "00002 has an account of its own at wiki [SYNC-0385]"),
    "twice": ("00001,A\n00001,B\n", "00001 is named twice as an old key [SYNC-0385]"),
    "two for one": ("00001,A\n00002,A\n", "A is named twice as a new key [SYNC-0385]"),
    "same": ("00001,00001\n", "00001: both keys are the same [SYNC-0385]"),
    "one column": ("00001\n", "keys.csv, line 1: expected an old and a new key [SYNC-0387]"),
    "empty": ("old,new\n", "keys.csv: no keys found [SYNC-0387]"),
}
"""What is in the file, and the message."""


@pytest.mark.parametrize("case", FILES)
def test_rekey_refuses_what_is_impossible_as_a_whole(office: Office, case: str) -> None:
    text, message = FILES[case]
    office.hire(people(3))
    office.push()
    office.write("keys.csv", text + ("" if case in ("one column", "empty") else "00003,C\n"))

    ran = office.run("rekey", "--from", "keys.csv")

    assert ran.code == 2
    assert message in ran.err
    assert office.plan() == []


@pytest.mark.both_databases
def test_rekey_of_a_key_to_itself_confirms_the_person_once(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(3))
    office.push()
    renamed = person(1, email="zoe@example.com", **OTHER)
    office.hire([renamed, person(2), person(3)])
    assert office.run("rekey", "00001", "00001").code == 2
    assert office.run("push").code == 4

    ran = office.run("rekey", "00001", "00001")

    assert (ran.code, ran.out) == (
        0,
        "00001: the same person as before; the next push sends what differs\n",
    )
    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"update": 1})
    assert office.accounts()["zoe@example.com"]["externalId"] == "00001"
    office.hire(people(3))
    assert office.push().exit_code == 4


@pytest.mark.both_databases
def test_forget_gives_a_key_another_account(office: Office) -> None:
    office.hire(people(3))
    office.push()
    office.hire([person(1, email="zoe@example.com", **OTHER), person(2), person(3)])
    assert office.run("push").code == 4

    ran = office.run("forget", "00001")

    assert ran.code == 0
    assert ran.out == (
        '00001: the accounts at wiki belong to "00001 (forgotten 2026-03-02)" now; the next push'
        " removes their access as leave says, and gives 00001 new ones\n"
    )
    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"create": 1, "deactivate": 1})
    accounts = office.accounts()
    assert accounts["person1@example.com"]["active"] is False
    assert accounts["zoe@example.com"]["externalId"] == "00001"
    assert office.plan() == []


@pytest.mark.parametrize("setting", ['leave = { action = "keep" }', "actions = { remove = false }"])
def test_a_forgotten_account_stays_deprovisioned(
    office: Office, faulty: FaultyServer, setting: str
) -> None:
    office.configure(target=setting)
    office.hire(people(3))
    office.push()
    faulty.fail("PATCH", times=100, status=503)
    faulty.fail("PUT", times=100, status=503)
    assert office.run("deprovision", "00001", "--yes").code == 4
    faulty.faults.clear()

    assert office.run("forget", "00001").code == 0

    status = office.run("status").out
    assert "1 leaver may still have access [SYNC-0372]\n    00001 (forgotten 2026-03-02)" in status
    office.hire([person(1, email="zoe@example.com", **OTHER), *people(3)[1:]])
    assert office.push(later=DAY).exit_code == 0
    accounts = office.accounts()
    assert accounts["person1@example.com"]["active"] is False
    assert accounts["zoe@example.com"]["active"] is True


def test_what_was_forgotten_does_not_come_back(office: Office) -> None:
    office.hire(people(3))
    office.push()
    assert office.run("forget", "00001").code == 0

    outcome = office.push()

    assert outcome.exit_code == 4
    assert office.accounts()["person1@example.com"]["active"] is False


def test_only_linked_keys_can_be_forgotten(office: Office) -> None:
    office.hire(people(3))
    office.push()

    ran = office.run("forget", "X")

    assert (ran.code, ran.err) == (
        2,
        "X has no account to forget [SYNC-0386]\n",
    )


NAMED_BY = {
    "the old key": [("00001", "00001")],
    "the new key": [("00001", "00001"), ("E9", "E9")],
    "the new key before it exists": [("00001", "00001"), ("E9", "00001"), ("E9", "E9")],
    "the new key of an account that never was in it": [("00002", "00001"), ("E9", "E9")],
}
"""Day by day: the key that a team names, and the key of the person in hr.csv."""


@pytest.mark.both_databases
@pytest.mark.parametrize("case", NAMED_BY)
def test_rekey_keeps_the_person_in_teams_that_name_either_key(
    real_office: Office, case: str
) -> None:
    office = real_office
    with_teams(office)
    days = NAMED_BY[case]
    for named, key in [*days, (days[-1][0], "E9")]:
        write_teams(office, [team("T1", 3) | {"member_ids": f"{named};00003"}])
        names = OTHER if key == "E9" else {}
        office.hire([with_key(1, key, **names), person(2), person(3)])
        office.push(later=DAY)

    assert office.run("rekey", "00001", "E9").code == 0

    assert office.push(later=DAY).exit_code == 0
    assert groups(office)["Team T1"] == {"E9", "00003"}
    assert office.plan() == []


@pytest.mark.both_databases
def test_rekey_of_swapped_keys_swaps_their_memberships(real_office: Office) -> None:
    office = real_office
    with_teams(office)
    write_teams(office, [team("T1", 1), team("T2", 2)])
    office.hire(people(2))
    office.push()
    office.hire([with_key(1, "00002"), with_key(2, "00001")])
    office.write("keys.csv", "old,new\n00001,00002\n00002,00001\n")

    assert office.run("rekey", "--from", "keys.csv").code == 0

    office.push(later=DAY)
    accounts = office.accounts()
    assert accounts["person1@example.com"]["externalId"] == "00002"
    assert groups(office) == {"Team T1": {"00002"}, "Team T2": {"00001"}}


@pytest.mark.both_databases
@pytest.mark.parametrize("is_stopped", [False, True], ids=["held", "stopped by a guard"])
def test_forget_leaves_memberships_to_the_new_person_of_the_key(
    real_office: Office, *, is_stopped: bool
) -> None:
    office = real_office
    with_teams(office, guard="max_identity_changes = 0" if is_stopped else "")
    write_teams(office, [team("T1", 1, 3)])
    office.hire(people(3))
    office.push()
    write_teams(office, [team("T1", 1, 2, 3)])
    office.hire([person(1, email="zoe@example.com", **OTHER), person(2), person(3)])
    assert office.run("push").code == (3 if is_stopped else 4)

    assert office.run("forget", "00001").code == 0

    assert office.push(later=DAY).exit_code == 0
    (team_1,) = read_all(office.url, office.token, "Groups")
    zoe = office.accounts()["zoe@example.com"]["id"]
    members = {one["value"] for one in team_1["members"]}
    ids = {name: user["id"] for name, user in office.accounts().items()}
    assert members == {zoe, ids["person2@example.com"], ids["person3@example.com"]}
    assert office.plan() == []


@pytest.mark.parametrize("in_doubt", ["E3", "00002"])
def test_rekey_waits_until_the_outcome_of_a_request_is_known(
    office: Office, faulty: FaultyServer, in_doubt: str
) -> None:
    office.hire(people(2))
    office.push()
    office.hire(
        [*people(2), person(3, id="E3")]
        if in_doubt == "E3"
        else [person(1), person(2, family="New")]
    )
    for method in ("POST", "PATCH"):
        faulty.fail(method, times=100, effect=True, hang_up=True)
    changed = lambda _: "New" in str(faulty.users) or "id-E3" in faulty.users  # noqa: E731
    faulty.fail("GET", times=100, status=500, where=changed)
    assert office.run("push").code == 4
    faulty.faults.clear()

    ran = office.run("rekey", "00002", "E3")

    assert (ran.code, ran.err) == (
        2,
        f"{in_doubt}: the outcome of its last request at wiki is not known yet: push first"
        " [SYNC-0385]\n  nothing was changed\n",
    )
    office.push(later=DAY)
    assert "push first" not in office.run("rekey", "00002", "E3").err
