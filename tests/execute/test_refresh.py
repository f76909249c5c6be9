"""`push --refresh` after a state or a target was restored from a backup."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta

import pytest

from tests.execute.story import change, delete, one_of
from tests.office import Office, counts, people, person
from tests.servers.faulty import FaultyServer

HOUR = timedelta(hours=1)
GROUPS = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"'


def day_two(office: Office) -> None:
    """Two come, one leaves, one moves."""
    office.hire([person(1, dept="Sales"), *people(19)[1:], *people(22)[20:]])


@pytest.mark.parametrize("number", [20, 3])
def test_a_refresh_without_differences_reads_and_sends_nothing(
    office: Office, faulty: FaultyServer, number: int
) -> None:
    office.hire(people(number))
    office.push()
    faulty.forget()

    ran = office.run("push", "--refresh")

    assert (ran.code, faulty.written()) == (0, [])
    assert [str(seen) for seen in faulty.seen] == ["GET /Users"]
    faulty.forget()
    assert office.run("push").code == 0
    assert faulty.seen == []


@pytest.mark.sqlite
def test_a_state_of_yesterday_learns_what_the_target_holds(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(20))
    office.push()
    state = office.folder / "scimsync.db"
    backup = state.read_bytes()
    day_two(office)
    office.push(later=HOUR)
    today = deepcopy(faulty.users)
    office.hire([person(1, dept="Sales"), *people(18)[1:], *people(22)[20:]])
    for file in office.folder.glob("scimsync.db*"):
        file.unlink()
    state.write_bytes(backup)

    ran = office.run("plan")

    hint = (
        "hr: the state is older than hr.index.duckdb; if it was restored from a backup: scimsync"
        " push --refresh [SYNC-0427]"
    )
    assert (ran.code, hint in ran.err.splitlines()) == (0, True)
    faulty.forget()
    assert office.run("push", "--refresh").code == 0
    today["id-00019"]["active"] = False
    assert faulty.users == today
    assert [str(seen) for seen in faulty.written()] == ["PATCH /Users/id-00019"]


def test_a_target_of_yesterday_is_brought_up_to_date(office: Office, faulty: FaultyServer) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(21))
    office.push()
    yesterday = deepcopy(faulty.users)
    del yesterday["id-00021"]
    office.hire([person(1, dept="Sales"), *people(21)[1:19], person(21)])
    office.push(later=HOUR)  # 20 is deleted
    today = deepcopy(faulty.users)
    faulty.users = yesterday
    yesterday["id-00018"]["active"] = False
    faulty._given.discard("00021")

    ran = office.run("push", "--refresh")

    assert (ran.code, "SYNC-" in ran.err) == (0, False)
    assert faulty.users == today
    assert office.run("push").code == 0
    assert counts(office.push(refresh=True)) == {}


def test_an_account_that_was_switched_on_again_is_switched_off(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(20))
    office.push()
    office.hire(people(19))
    office.push()
    faulty.users["id-00020"]["active"] = True
    assert counts(office.push()) == {}

    assert office.run("push", "--refresh", "-k", "00020").code == 0

    assert not faulty.users["id-00020"]["active"]


def stopped_by_a_guard(office: Office, faulty: FaultyServer) -> int:
    office.hire(people(12))
    return office.run("push", "--refresh").code


def stopped_by_a_plan_of_yesterday(office: Office, faulty: FaultyServer) -> int:
    office.hire([person(1, dept="Sales"), *people(20)[1:18]])
    office.run("plan", "--out", "a.plan")
    office.hire([person(1, dept="Law"), *people(20)[1:18]])
    return office.run("push", "a.plan", "--refresh").code


def stopped_by_an_outage(office: Office, faulty: FaultyServer) -> int:
    faulty.fail("GET", where=lambda seen: seen.path == "/Users/id-00005", status=401, times=99)
    code = office.run("push", "--refresh").code
    faulty.faults.clear()
    return code


@pytest.mark.parametrize(
    ("stopped", "code"),
    [(stopped_by_a_guard, 3), (stopped_by_a_plan_of_yesterday, 3), (stopped_by_an_outage, 1)],
)
def test_a_refresh_that_is_stopped_leaves_the_links_as_they_were(
    office: Office,
    faulty: FaultyServer,
    stopped: Callable[[Office, FaultyServer], int],
    code: int,
) -> None:
    office.configure(target='leave = { action = "delete" }')
    office.hire(people(20))
    office.push()
    office.hire(people(18))
    office.push(later=HOUR)
    faulty.users["id-00004"]["displayName"] = "Another"
    faulty.users["id-00005"]["displayName"] = "Another"
    before = office.links()
    assert before["00020"].status == "deleted"
    faulty.forget()

    assert stopped(office, faulty) == code

    assert faulty.written() == []
    assert office.links() == before
    assert "interrupted" not in office.run("status").out
    ran = office.run("reconcile", "--exit-code")
    assert (ran.code, ran.out.count("Another")) == (6, 2)

    office.hire(people(18))
    assert office.run("push", "--refresh").code == 0
    assert faulty.users["id-00004"]["displayName"] == "Given4 Family4"


def test_a_refresh_that_is_stopped_leaves_groups_and_members_as_they_were(
    real_office: Office,
) -> None:
    office = real_office
    office.configure(more=GROUPS)
    office.hire([*people(17), person(18, dept="Law")])
    office.push()
    group = one_of(office, "Groups", displayName="IT")
    members = [one for one in group["members"] if one["value"] != _id_of(office, 1)]
    change(office, "Groups", group["id"], members=members)
    office.hire(people(9))
    before = office.links()

    ran = office.run("push", "--refresh")

    assert (ran.code, "nothing was sent" in ran.err) == (3, True)
    assert office.links() == before
    assert office.run("reconcile", "--exit-code").code == 6


def test_members_and_groups_are_read_too(real_office: Office) -> None:
    office = real_office
    office.configure(more=GROUPS)
    office.hire([*people(4), person(5, dept="Law"), person(6, dept="Sales")])
    office.push()
    group = one_of(office, "Groups", displayName="IT")
    members = [one for one in group["members"] if one["value"] != _id_of(office, 1)]
    members.append({"value": _id_of(office, 6)})
    change(office, "Groups", group["id"], members=members)
    delete(office, "Groups", one_of(office, "Groups", displayName="Law")["id"])
    assert counts(office.push()) == {}

    ran = office.run("push", "--refresh")

    assert ran.code == 0
    found = {one["value"] for one in one_of(office, "Groups", displayName="IT")["members"]}
    assert found == {_id_of(office, number) for number in range(1, 5)}
    law = one_of(office, "Groups", displayName="Law")
    assert [one["value"] for one in law["members"]] == [_id_of(office, 5)]


def _id_of(office: Office, number: int) -> str:
    return str(office.links()[f"{number:05}"].remote_id)
