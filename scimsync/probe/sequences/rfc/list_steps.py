"""Lists, pages and filters (RFC 7644 section 3.4.2)."""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import lists, lists_nothing, scim_error
from scimsync.probe.judges_of_form import refused
from scimsync.probe.judges_of_lists import (
    another_page_than,
    excludes,
    first_id,
    includes,
    list_in_form,
    page_of,
    total_of_at_least,
)
from scimsync.probe.sequence import USERS, Judge, Query, Send, Step, expect

_TWO: Final = ("user", "other")


def _page(start: str, count: str) -> Query:
    return (("startIndex", start), ("count", count))


def _filter(step: str, condition: str, check: str, *judges: Judge) -> Step:
    return Step(
        step,
        Send("GET", USERS, query=(("filter", condition),)),
        (expect(check, *judges),),
        needs=_TWO,
        feature="filter",
    )


LISTS: Final = (
    Step(
        "Read the first page of users",
        Send("GET", USERS, query=_page("1", "1")),
        (
            expect("list-response", list_in_form),
            expect("list-count", page_of(1)),
            expect("list-total", total_of_at_least(2)),
        ),
        needs=_TWO,
        picked="first",
        picks=first_id,
        feature="index",
    ),
    Step(
        "Read the second page of users",
        Send("GET", USERS, query=_page("2", "1")),
        (expect("list-start-index", another_page_than("first")),),
        needs=("first", *_TWO),
        feature="index",
    ),
    Step(
        "Ask for the number of users",
        Send("GET", USERS, query=_page("1", "0")),
        (expect("list-count-zero", total_of_at_least(2), page_of(0)),),
        needs=_TWO,
        feature="index",
    ),
    _filter(
        "Find a user by userName",
        'userName eq "{user.name}"',
        "filter-user-name",
        lists("user"),
    ),
    _filter(
        "Find a user by userName in upper case",
        'userName eq "{user.upper}"',
        "filter-user-name-case",
        lists("user"),
    ),
    _filter(
        "Find a user by words in upper case",
        'USERNAME EQ "{user.name}"',
        "filter-words-case",
        lists("user"),
    ),
    _filter(
        "Find a user who does not exist",
        'userName eq "scimsync-probe-{run}-nobody@example.com"',
        "filter-nothing",
        lists_nothing,
    ),
    _filter(
        "Find a user by externalId",
        'externalId eq "{user.externalId}"',
        "filter-external-id",
        includes("user"),
        excludes("other"),
    ),
    _filter(
        "Find a user by two attributes",
        'userName eq "{user.name}" and active eq true',
        "filter-and",
        lists("user"),
    ),
    _filter(
        "Find a user with no match for one of two attributes",
        'userName eq "{user.name}" and active eq false',
        "filter-and",
        lists_nothing,
    ),
    _filter(
        "Find a user who has an attribute",
        'userName eq "{user.name}" and displayName pr',
        "filter-present",
        lists("user"),
    ),
    _filter(
        "Find a user who lacks an attribute",
        'userName eq "{user.name}" and nickName pr',
        "filter-present",
        lists_nothing,
    ),
    _filter(
        "Find a user by an e-mail address",
        'emails.value eq "{user.name}"',
        "filter-email",
        includes("user"),
        excludes("other"),
    ),
    Step(
        "Find users by an invalid filter",
        Send("GET", USERS, query=(("filter", "userName eq"),)),
        (expect("filter-invalid", refused, scim_error),),
        feature="filter",
    ),
)
