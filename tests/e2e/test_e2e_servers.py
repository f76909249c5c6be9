"""Servers that answer in strange ways, through the command line: exit codes and messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from scimsync.scim.discovery import CONFIG
from tests.execute.story import delete, one_of
from tests.office import Office, people
from tests.servers.faulty import FaultyServer, Seen

ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}
NOBODY = {"totalResults": 0}


def said(office: Office, *arguments: str) -> tuple[int, list[str]]:
    """Exit code and the lines with codes of messages."""
    ran = office.run(*arguments)
    assert "Traceback" not in ran.err
    return ran.code, [line for line in ran.err.splitlines() if "[SYNC-" in line]


def filters(seen: Seen, attribute: str = "") -> bool:
    """Whether a request searches by an attribute."""
    return seen.query.get("filter", "").startswith(attribute) and "filter" in seen.query


@pytest.mark.parametrize("number", [1, 3, 4])
def test_a_wrong_path_of_the_url_is_one_message(
    office: Office, faulty: FaultyServer, number: int
) -> None:
    office.configure(url=faulty.url.replace("/v2", "/v3"))
    office.hire(people(number))

    code, messages = said(office, "push")

    assert (code, messages) == (1, ["wiki: GET /Users: 404: no /v3/Users [SYNC-0403]"])
    assert faulty.written() == []


def test_a_conflict_that_no_filter_explains_is_found_in_the_list(
    office: Office, faulty: FaultyServer
) -> None:
    account = faulty.add(userName="PERSON1@EXAMPLE.COM", name={"familyName": "Family1"})
    faulty.fail("GET", where=filters, status=200, body=NOBODY, times=99)
    office.hire(people(1))

    assert said(office, "push") == (0, [])

    assert office.links()["00001"].remote_id == account["id"]
    assert len(faulty.users) == 1


@pytest.mark.parametrize("status", [400, 500, 501])
def test_a_filter_that_fails_is_replaced_remembered_and_reported(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    """Two people, as one alone may be due to a value."""
    fault = {"status": status, "body": {**ERROR, "detail": "no such filter"}, "times": 99}
    faulty.fail("GET", where=lambda seen: filters(seen, "externalId"), **fault)
    faulty.add(userName="person2@example.com", displayName="Given2 Family2")
    office.hire(people(2))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 2
    faulty.forget()
    office.hire(people(3))
    assert said(office, "push") == (0, [])
    assert not any(filters(seen, "externalId") for seen in faulty.seen)
    ran = office.run("check", "--json")
    (found,) = (one for one in ran.document["findings"] if one["code"] == "SYNC-0425")
    why = f"GET /Users: {status}: no such filter"
    assert found["level"] == "warning"
    assert found["message"] == (
        f"since 2026-03-02, the filter on externalId of users proves nothing: {why}"
    )
    assert found["hint"] == "existing users are found by userName or in the whole list"


def test_joiners_who_cannot_be_searched_for_hold_up_no_leaver(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(5))
    office.push()
    faulty.fail("GET", status=500, body={**ERROR, "detail": "out of order"}, times=99)
    office.hire([*people(4), *people(10)[5:]])

    code, messages = said(office, "push")

    assert (code, messages) == (1, ["wiki: GET /Users: 500: out of order [SYNC-0405]"])
    assert not faulty.users["id-00005"]["active"]
    assert len(faulty.users) == 5
    faulty.faults.clear()
    office.now += timedelta(hours=1)
    assert said(office, "push") == (0, [])
    assert len(faulty.users) == 10


def test_an_account_that_appears_after_the_list_was_read_is_found_after_the_conflict(
    office: Office, faulty: FaultyServer
) -> None:
    """There are no filters, and somebody else makes the account after the plan."""
    faulty.fail("GET", where=filters, status=501, times=99)

    def add_first(seen: Seen) -> bool:
        if not faulty.users:
            faulty.add(userName="person2@example.com", displayName="Given2 Family2")
        return False

    faulty.fail("POST", where=add_first)
    office.hire(people(5))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 5


def test_a_list_that_ignores_paging_is_replaced_by_filters(
    office: Office, faulty: FaultyServer
) -> None:
    for number in range(1, 31):
        faulty.add(userName=f"person{number}@example.com", displayName=f"Given{number}")

    def first_page(seen: Seen) -> bool:
        seen_query: Any = seen.query
        if "filter" not in seen.query:
            seen_query.update(startIndex="1", count="20")
        return False

    faulty.fail("GET", where=first_page)
    office.configure(guard='max_adoptions = "100%"' if _has_max_adoptions() else "")
    office.hire(people(32))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 32
    assert {link.remote_id for link in office.links().values()} == set(faulty.users)


def _has_max_adoptions() -> bool:
    from scimsync.config.models import Guard

    return "max_adoptions" in Guard.model_fields


def test_an_error_beyond_the_last_page_is_the_end_of_the_list(
    office: Office, faulty: FaultyServer
) -> None:
    """100 accounts fill a page, so that the end shows only beyond it."""
    for number in range(100):
        faulty.add(externalId=f"x{number}", userName=f"other{number}@example.com")
    beyond = faulty.fail(
        "GET", where=lambda seen: seen.query.get("startIndex") == "101", status=400, times=9
    )
    office.hire(people(5))

    assert said(office, "push") == (0, [])

    assert (len(faulty.users), beyond.times) == (105, 8)
    assert not any(filters(seen) for seen in faulty.seen)


@pytest.mark.parametrize(
    "headers", [{}, {"Location": "https://wiki.example.com/scim/v2/Users"}, {"Location": "/Users/"}]
)
def test_a_creation_that_names_no_id_is_looked_up(
    office: Office, faulty: FaultyServer, headers: Mapping[str, str]
) -> None:
    faulty.fail("POST", status=201, headers=headers, effect=True, times=9)
    office.hire(people(2))

    assert said(office, "push") == (0, [])

    assert {key: link.remote_id for key, link in office.links().items()} == {
        "00001": "id-00001",
        "00002": "id-00002",
    }


@pytest.mark.parametrize("remote_id", [".", "..", " "])
def test_an_id_that_cannot_be_used_fails_one_person(
    office: Office, faulty: FaultyServer, remote_id: str
) -> None:
    def first(seen: Seen) -> bool:
        return (seen.body or {}).get("externalId") == "00001"

    faulty.fail("POST", where=first, status=201, body={"id": remote_id}, times=9)
    office.hire(people(3))

    ran = office.run("push")

    assert ran.code == 4
    why = "the response to POST names no id, and the account is not found [SYNC-0346]"
    assert f"wiki: create 00001: {why}" in ran.err
    assert {user["userName"] for user in faulty.users.values()} == {
        "person2@example.com",
        "person3@example.com",
    }


@pytest.mark.parametrize("status", [200, 409])
def test_a_conflict_is_one_whatever_its_status(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    """A SCIM error in a 200 counts by the status in its body."""
    account = faulty.add(userName="person1@example.com", displayName="Given1 Family1")
    faulty.fail("GET", status=200, body=NOBODY, times=2)  # it appears after the plan
    faulty.fail("POST", status=status, body={**ERROR, "status": "409", "detail": "exists"})
    office.hire(people(1))

    assert said(office, "push") == (0, [])

    assert office.links()["00001"].remote_id == account["id"]


def test_a_group_that_was_deleted_by_hand_is_made_again_in_the_same_run(
    real_office: Office,
) -> None:
    office = real_office
    table = '[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"'
    office.configure(more=table)
    office.hire(people(5))
    office.push()
    delete(office, "Groups", one_of(office, "Groups", displayName="IT")["id"])
    office.hire(people(6))

    assert said(office, "push") == (
        0,
        [
            "wiki: deleted at the target by others, and planned again in this run: 1 group"
            " [SYNC-0426]"
        ],
    )
    assert len(one_of(office, "Groups", displayName="IT")["members"]) == 6
    assert said(office, "plan", "--exit-code") == (0, [])


@pytest.mark.parametrize("headers", [{"Retry-After": "3"}, {"X-RateLimit-Remaining": "0"}])
def test_a_403_that_asks_for_a_pause_is_a_rate_limit(
    office: Office, faulty: FaultyServer, headers: Mapping[str, str]
) -> None:
    faulty.fail("POST", status=403, headers=headers, times=3)
    office.hire(people(3))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 3


def test_a_list_is_read_in_pages_of_the_size_that_the_target_allows(
    office: Office, faulty: FaultyServer
) -> None:
    for number in range(1, 61):
        faulty.add(externalId=f"{number:05}", userName=f"person{number}@example.com")
    config = {"filter": {"supported": True, "maxResults": 25}}
    faulty.fail("GET", where=lambda seen: int(seen.query.get("count", "1")) > 25, status=400)
    faulty.declared = {CONFIG: config}
    office.configure(guard='max_adoptions = "100%"\nmax_updates = "100%"')
    office.hire(people(60))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 60
    pages = [seen.query["count"] for seen in faulty.seen if seen.path == "/Users" and seen.query]
    assert pages == ["25", "25", "25"]


@pytest.mark.parametrize("page_two", ["empty", "the first again"])
def test_nobody_is_made_twice_after_a_list_that_is_not_whole(
    office: Office, faulty: FaultyServer, page_two: str
) -> None:
    """The total says 12, ten come. Two are found by filter."""
    for number in range(1, 13):
        faulty.add(externalId=f"{number:05}", userName=f"person{number}@example.com")
    shown = list(faulty.users.values())[:10]
    first = {"totalResults": 12, "Resources": shown}
    again = {**first, "Resources": [] if page_two == "empty" else shown}

    def lists(seen: Seen, start: bool) -> bool:
        query = seen.query
        is_list = seen.path == "/Users" and "filter" not in query
        return is_list and (query.get("startIndex") == "1") is start

    faulty.fail("GET", where=lambda seen: lists(seen, True), status=200, body=first, times=9)
    faulty.fail("GET", where=lambda seen: lists(seen, False), status=200, body=again, times=9)
    office.hire(people(14))

    assert said(office, "push") == (0, [])

    assert len(faulty.users) == 14


def test_a_change_that_the_target_holds_already_is_no_failure(
    office: Office, faulty: FaultyServer
) -> None:
    """It answers 400 to a PATCH that changes nothing."""
    office.hire(people(5))
    office.push()
    faulty.users["id-00005"]["active"] = False
    faulty.fail("PATCH", status=400, body={**ERROR, "detail": "no changes"}, times=9)
    office.hire(people(4))

    code, messages = said(office, "push")

    later = (code, messages)
    if code == 4:  # the next push reads it first
        faulty.forget()
        office.now += timedelta(hours=1)
        later = said(office, "push")
        assert faulty.written() == []
    assert later == (0, [])
    assert office.links()["00005"].status == "inactive"


def test_records_that_fail_with_500_hold_up_nobody_else(
    office: Office, faulty: FaultyServer
) -> None:
    def of_the_first(seen: Seen) -> bool:
        return str((seen.body or {}).get("externalId", "")) < "00007"

    faulty.fail("POST", where=of_the_first, status=500, times=999)
    office.configure(target="concurrency = 1")
    office.hire(people(12))

    code, _ = said(office, "push")

    assert code == 4
    assert len(faulty.users) == 6


@pytest.mark.parametrize("status", [404, 500])
def test_a_leaver_whose_account_is_gone_although_the_target_says_500(
    office: Office, faulty: FaultyServer, status: int
) -> None:
    """`status` is the answer to GET for the account."""
    office.hire(people(5))
    office.push()
    del faulty.users["id-00005"]
    gone = {"where": lambda seen: seen.path == "/Users/id-00005", "times": 99}
    faulty.fail("PATCH", status=500, **gone)
    faulty.fail("GET", status=status, **gone)
    office.hire(people(4))

    code, messages = said(office, "push")

    link = office.links()["00005"]
    if status == 404:
        assert (code, messages, link.status) == (0, [], "deleted")
    else:
        assert (code, link.status) == (4, "active")
