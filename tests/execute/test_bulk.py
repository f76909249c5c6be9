"""Pushes to a target that takes many operations in one request: what is there in the end, at what
cost, and what the journal says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.office import Office, counts, people, person, resource
from tests.servers.faulty import Bulk, FaultyServer, Seen

SOON = timedelta(minutes=6)
NO_GUARD = 'max_removals = 10000\nmax_updates = "100%"\nmin_records = "0%"\n'


@pytest.fixture
def bulky(office: Office, faulty: FaultyServer) -> FaultyServer:
    """The target of the office, with /Bulk."""
    office.configure(target="bulk = true", guard=NO_GUARD)
    faulty.offer(Bulk())
    return faulty


def holds(faulty: FaultyServer, number: int, **more: str) -> None:
    """Check that all of `number` people have one account each, as they should."""
    held = {
        user["externalId"]: {name: value for name, value in user.items() if name != "id"}
        for user in faulty.users.values()
    }
    wanted = [person(one, **more) for one in range(1, number + 1)]
    assert len(faulty.users) == number
    assert held == {row["id"]: resource(row) for row in wanted}


def bulks(faulty: FaultyServer) -> list[int]:
    """The number of operations in each bulk request."""
    return [len((one.body or {})["Operations"]) for one in faulty.seen if one.path == "/Bulk"]


def test_a_company_is_created_changed_and_removed_with_a_tenth_of_the_requests(
    office: Office, bulky: FaultyServer
) -> None:
    office.configure(guard=NO_GUARD)
    office.hire(people(300))
    created = office.push()
    holds(bulky, 300)
    assert (created.exit_code, counts(created)) == (0, {"create": 300})
    assert created.targets["wiki"].requests == len(bulky.seen) + len(bulky.asked) <= 30
    journal = Counter((one.action, one.status) for one in office.journal())
    assert journal == {("create", "applied"): 300}
    assert all((one.request or "").startswith('[{"method":"POST"') for one in office.journal())

    office.hire([person(number, dept="Law") for number in range(1, 301)])
    changed = office.push()
    holds(bulky, 300, dept="Law")
    assert (changed.exit_code, changed.targets["wiki"].requests <= 30) == (0, True)

    office.hire([person(1, dept="Law")])
    removed = office.push()
    assert counts(removed) == {"deactivate": 299}
    assert sum(user["active"] for user in bulky.users.values()) == 1
    looks = 299  # each account is looked at first: its id may be someone else's now
    assert removed.targets["wiki"].requests - looks <= 30
    assert office.push().targets["wiki"].requests == 0


def test_the_plan_shows_the_requests_that_bulks_carry(office: Office, bulky: FaultyServer) -> None:
    office.hire(people(20))
    planned = [request for one in office.plan() for request in one["requests"]]

    office.push()

    sent = [{"method": one.method, "path": one.path, "body": one.body} for one in bulky.operations]
    assert sorted(sent, key=str) == sorted(planned, key=str)


@pytest.mark.parametrize(
    ("number", "setting", "declared", "used"),
    [
        (49, "", True, False),  # few operations
        (50, "", True, True),
        (50, 'bulk = "auto"', False, False),  # the target declares that it cannot do it
        (50, "bulk = false", True, False),
        (2, "bulk = true", False, True),
    ],
)
def test_bulks_are_sent_as_configured_and_declared(
    office: Office,
    bulky: FaultyServer,
    number: int,
    setting: str,
    declared: bool,
    used: bool,
) -> None:
    bulky.offer(Bulk(declared=declared))
    office.configure(target=setting)
    office.hire(people(number))

    assert office.push().exit_code == 0

    assert bool(bulks(bulky)) is used
    holds(bulky, number)


def test_the_declared_limit_is_kept(office: Office, bulky: FaultyServer) -> None:
    bulky.offer(Bulk(max_operations=7))
    office.hire(people(20))

    assert office.push().exit_code == 0

    assert max(bulks(bulky)) == 7
    holds(bulky, 20)


@pytest.mark.parametrize("effect", [True, False], ids=["carried out", "not carried out"])
def test_lost_responses_create_nobody_twice(
    office: Office, bulky: FaultyServer, effect: bool
) -> None:
    office.hire(people(1))
    office.push()
    bulky.forget()
    bulky.fail("POST", where=lambda seen: seen.path == "/Bulk", effect=effect, hang_up=True)
    office.hire(people(20))

    outcome = office.push()

    assert (outcome.exit_code, counts(outcome)) == (0, {"create": 19})
    holds(bulky, 20)
    lists = [one.query for one in bulky.seen if one.path == "/Users" and one.method == "GET"]
    assert all("filter" not in query for query in lists)
    assert len(lists) == (2 if effect else 3)  # the first for the plan


def test_partial_failures_concern_single_people(office: Office, bulky: FaultyServer) -> None:
    def concerns(*numbers: int) -> Callable[[Seen], bool]:
        return lambda seen: (seen.body or {}).get("externalId") in {f"{one:05}" for one in numbers}

    bulky.fail("POST", where=concerns(1, 2), status=400, times=2)
    bulky.fail("POST", where=concerns(3, 4), status=429, times=2)
    bulky.fail("POST", where=concerns(5), status=500, effect=True)
    bulky.fail("POST", where=concerns(6), hang_up=True)
    bulky.add(userName="person7@example.com", externalId="00007")
    office.hire(people(20))

    first = office.push()

    assert (first.exit_code, first.targets["wiki"].failed) == (4, 2)
    assert counts(first) == {"create": 17, "adopt": 1}
    failed = {one.key for one in office.journal() if one.status == "failed"}
    assert failed == {"00001", "00002"}
    assert office.push(later=SOON).exit_code == 0
    assert len(bulky.users) == 20


def test_results_without_bulk_ids_are_understood(office: Office, bulky: FaultyServer) -> None:
    bulky.offer(Bulk(repeats_ids=False))
    office.hire(people(10))
    office.push()
    bulky.forget()
    office.hire([person(number, dept="Law") for number in range(1, 11)])

    assert office.push().exit_code == 0

    holds(bulky, 10, dept="Law")
    assert bulks(bulky) == [9]  # the first change is sent alone, to see that its shape works


def test_a_smaller_limit_than_declared_is_found(office: Office, bulky: FaultyServer) -> None:
    bulky.fail(
        "POST",
        where=lambda seen: seen.path == "/Bulk" and len((seen.body or {})["Operations"]) > 5,
        status=413,
        times=1000,
    )
    office.hire(people(30))

    assert office.push().exit_code == 0

    holds(bulky, 30)
    assert bulks(bulky) == [10, 5, 5, 5, 5, 5, 5]


def test_a_target_that_refuses_bulks_is_remembered(
    office: Office, bulky: FaultyServer, caplog: pytest.LogCaptureFixture
) -> None:
    fault = bulky.fail("POST", where=lambda seen: seen.path == "/Bulk", status=501, times=1000)
    office.configure(guard=NO_GUARD)
    office.hire(people(50))

    assert office.push().exit_code == 0

    holds(bulky, 50)
    assert len(bulks(bulky)) == 1
    assert "wiki: requests are sent one by one: POST /Bulk: 501 [SYNC-0410]" in caplog.text
    bulky.forget()
    office.hire(people(100))
    assert office.push().exit_code == 0
    assert bulks(bulky) == []
    assert "bulk requests are not used: POST /Bulk: 501" in office.run("check").out

    fault.times = 0
    office.hire(people(150))
    office.push(later=timedelta(days=31))
    assert sum(bulks(bulky)) == 50
