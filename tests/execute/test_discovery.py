"""What a target declares about itself is read when it matters, and used."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from scimsync.scim.discovery import CONFIG, REQUESTS
from tests.office import Office, counts, people, person
from tests.servers.faulty import HTML, FaultyServer, Reply, Seen

DAY = timedelta(days=1)
ENDPOINTS = [CONFIG, "/ResourceTypes", "/Schemas"]


def test_discovery_is_read_once_a_day_and_only_where_something_is_sent(
    office: Office, faulty: FaultyServer
) -> None:
    faulty.declared = {CONFIG: {"patch": {"supported": True}}}

    def asked(number: int, later: timedelta = timedelta()) -> tuple[list[str], int]:
        """Return what is asked, and the number of other requests, once so many people are there."""
        faulty.forget()
        office.hire(people(number))
        assert office.push(later=later).exit_code == 0
        return faulty.asked, len(faulty.seen)

    assert asked(2)[0] == ENDPOINTS
    assert asked(2) == ([], 0)
    assert asked(3)[0] == []
    assert asked(3, later=DAY) == ([], 0)
    assert asked(4, later=timedelta(minutes=1))[0] == ENDPOINTS
    assert asked(5)[0] == []


@pytest.mark.parametrize(
    "reply",
    [Reply(401), Reply(403), Reply(500), Reply(200, HTML), Reply(429), Reply(200, b"[1]")],
    ids=lambda reply: f"{reply.status} {reply.body!r}"[:12],
)
def test_a_target_that_refuses_discovery_works_without(
    office: Office, faulty: FaultyServer, reply: Reply
) -> None:
    faulty.declared = dict.fromkeys(ENDPOINTS, reply)
    office.hire(people(2))
    outcome = office.push()
    assert (outcome.exit_code, counts(outcome)) == (0, {"create": 2})
    assert faulty.asked == ENDPOINTS


def test_no_filter_is_sent_to_a_target_that_has_none(office: Office, faulty: FaultyServer) -> None:
    faulty.declared = {CONFIG: {"filter": {"supported": "false"}}}
    faulty.add(userName="person1@example.com", displayName="Given1 Family1")
    office.hire(people(2))
    outcome = office.push()
    assert counts(outcome) == {"adopt": 1, "create": 1}
    assert [one for one in faulty.seen if "filter" in one.query] == []


def test_pages_are_no_larger_than_declared(office: Office, faulty: FaultyServer) -> None:
    faulty.declared = {CONFIG: {"filter": {"supported": True, "maxResults": "7"}}}
    for number in range(10):
        faulty.add(userName=f"person{number}@example.com")
    office.hire([person(number) for number in range(20, 40)])
    office.push()
    assert [one.query["count"] for one in faulty.seen if one.method == "GET"] == ["7", "7"]


def test_a_plan_reads_and_stores_nothing(office: Office, faulty: FaultyServer) -> None:
    office.hire(people(1))
    office.push()
    faulty.forget()
    office.now += DAY
    office.hire([person(1, given="Other")])
    for _ in range(2):
        assert [one["action"] for one in office.plan()] == ["update"]
    assert len(faulty.asked) == 2 * (REQUESTS + 1)
    faulty.forget()
    assert [one["action"] for one in office.plan(offline=True)] == ["update"]
    assert faulty.asked == []


def test_nothing_is_asked_where_a_guard_stops_the_push(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(20))
    office.push()
    faulty.forget()
    office.hire(people(2))
    assert office.push(later=DAY).exit_code == 3
    assert (faulty.asked, faulty.seen) == ([], [])


@pytest.mark.parametrize("works", [True, False])
def test_filters_are_tried_where_a_target_without_them_shows_a_part_of_its_list(
    office: Office, faulty: FaultyServer, works: bool
) -> None:
    faulty.declared = {CONFIG: {"filter": {"supported": False}}}
    for number in range(1, 13):
        faulty.add(externalId=f"{number:05}", userName=f"person{number}@example.com")
    first = {"totalResults": 12, "Resources": list(faulty.users.values())[:10]}
    beyond = {"totalResults": 12, "Resources": []}
    for body, is_start in ((first, True), (beyond, False)):
        where = partial(asks_for_list, is_start=is_start)
        faulty.fail("GET", where=where, status=200, body=body, times=99)
    if not works:
        nothing = {"totalResults": 0, "Resources": []}
        faulty.fail("GET", where=is_filter, status=200, body=nothing, times=99)
    office.configure(user='externalId = "id"\nuserName = "email | lower"')
    office.hire(people(14))

    outcome = office.push()

    assert counts(outcome) == ({"adopt": 12, "create": 2} if works else {"adopt": 10})
    assert len(faulty.users) == (14 if works else 12)
    assert outcome.exit_code == (0 if works else 4)


def is_filter(seen: Seen) -> bool:
    return "filter" in seen.query


def asks_for_list(seen: Seen, *, is_start: bool) -> bool:
    return (
        seen.path == "/Users"
        and not is_filter(seen)
        and (seen.query.get("startIndex") == "1") is is_start
    )
