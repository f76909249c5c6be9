"""Which page of a list comes next, and where it ends."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.sources.http.calls import Call, Paging
from scimsync.sources.http.list_pages import (
    BadPage,
    PageResponse,
    Pages,
    next_link,
    with_query,
)
from scimsync.sources.remote import ListFault

ORIGIN = "https://api.example.com"


def pages(params: Any = None, method: Any = "GET", **paging: Any) -> Pages:
    call = Call(method=method, params=params or {}, paging=Paging.model_validate(paging))
    return Pages(call, ORIGIN, "/v1/people")


def response(body: Any = None, **headers: str) -> PageResponse:
    return PageResponse(200, {name.lower(): value for name, value in headers.items()}, body)


ONE, TWO = {"id": 1}, {"id": 2}
TOKEN: dict[str, Any] = {"kind": "body_token", "in": "query.token", "out": "next"}
OFFSET: dict[str, Any] = {"kind": "offset", "in": "query.o"}
ENDS = "is not the end"


@pytest.mark.parametrize(
    ("paging", "body", "records", "target"),
    [
        # a token: absent or empty by default, as `end` says otherwise
        (TOKEN, {"next": "a b"}, [ONE], "/v1/people?token=a%20b"),
        (TOKEN, {"next": 7}, [ONE], "/v1/people?token=7"),
        (TOKEN, {}, [ONE], None),
        (TOKEN, {"next": None}, [ONE], None),
        (TOKEN, {"next": ""}, [ONE], None),
        (TOKEN, {"next": "a"}, [], "/v1/people?token=a"),
        (TOKEN | {"end": "zero"}, {"next": 0}, [ONE], None),
        (TOKEN | {"end": "zero"}, {"next": 2}, [ONE], "/v1/people?token=2"),
        (TOKEN | {"end": ["absent", "empty_page"]}, {"next": "a"}, [], None),
        # a URL
        (
            {"kind": "body_url", "out": "n"},
            {"n": f"{ORIGIN}/v1/people?c=%2B"},
            [ONE],
            "/v1/people?c=%2B",
        ),
        (
            {"kind": "body_relative_url", "out": "n"},
            {"n": "/v1/people?c=1"},
            [ONE],
            "/v1/people?c=1",
        ),
        ({"kind": "body_relative_url", "out": "n"}, {"n": "?c=1"}, [ONE], "/v1/people?c=1"),
        # counted pages
        ({"kind": "page", "in": "query.p"}, {}, [ONE], "/v1/people?p=2"),
        ({"kind": "page", "in": "query.p", "start": 0}, {}, [ONE], "/v1/people?p=1"),
        ({"kind": "page", "in": "query.p"}, {}, [], None),
        ({"kind": "offset", "in": "query.o"}, {}, [ONE, TWO], "/v1/people?o=2"),
        ({"kind": "offset", "in": "query.o", "start": 1}, {}, [ONE, TWO], "/v1/people?o=3"),
        (
            OFFSET | {"step": "size", "size": {"in": "query.n", "max": 9}},
            {},
            [ONE],
            "/v1/people?n=9&o=9",
        ),
        (
            OFFSET | {"end": "short_page", "size": {"in": "query.n", "max": 2}},
            {},
            [ONE],
            None,
        ),
        ({"kind": "offset", "in": "query.o", "end": "total", "total": "t"}, {"t": 1}, [ONE], None),
        (
            {"kind": "last_id", "in": "query.after", "out": "id"},
            {},
            [ONE, TWO],
            "/v1/people?after=2",
        ),
        ({"kind": "last_id", "in": "query.after", "out": "id"}, {}, [], None),
        ({"kind": "none"}, {"next": "a"}, [ONE], None),
    ],
)
def test_the_next_page(
    paging: dict[str, Any], body: Any, records: list[Any], target: str | None
) -> None:
    one = pages(**paging)
    one.first()
    upcoming = one.after(response(body), records)
    assert (None if upcoming is None else upcoming.target) == target


@pytest.mark.parametrize(
    ("paging", "target"),
    [
        ({"kind": "none"}, "/v1/people?kind=all"),
        (TOKEN, "/v1/people?kind=all"),
        (TOKEN | {"start": "*"}, "/v1/people?kind=all&token=%2A"),
        ({"kind": "page", "in": "query.p"}, "/v1/people?kind=all&p=1"),
        (TOKEN | {"size": {"in": "query.n", "max": 200, "use": 50}}, "/v1/people?kind=all&n=50"),
        (TOKEN | {"size": {"in": "query.n", "max": 20, "use": 50}}, "/v1/people?kind=all&n=20"),
    ],
)
def test_the_first_page(paging: dict[str, Any], target: str) -> None:
    assert pages({"kind": "all"}, **paging).first().target == target


def test_values_go_into_a_body_or_a_header() -> None:
    one = pages(
        method="POST",
        **{"kind": "offset", "in": "body.query.offset"},
        size={"in": "body.query.limit", "max": 2},
    )
    assert one.first().body == {"query": {"limit": 2, "offset": 0}}
    upcoming = one.after(response({}), [ONE, TWO])
    assert upcoming is not None
    assert upcoming.body == {"query": {"limit": 2, "offset": 2}}

    other = pages(**{"kind": "header_token", "out": "After-Cursor", "in": "header.X-Cursor"})
    other.first()
    upcoming = other.after(response({}, **{"After-Cursor": "c"}), [ONE])
    assert upcoming is not None
    assert upcoming.headers == {"X-Cursor": "c"}


def test_a_parameter_can_be_for_the_first_page_only() -> None:
    one = pages({"limit": 5}, **TOKEN, first_only=["limit"])
    assert one.first().target == "/v1/people?limit=5"
    upcoming = one.after(response({"next": "a"}), [ONE])
    assert upcoming is not None
    assert upcoming.target == "/v1/people?token=a"


@pytest.mark.parametrize(
    ("paging", "replies", "message"),
    [
        (TOKEN, [({"next": "a"}, [ONE]), ({"next": "a"}, [TWO])], "repeats the token"),
        (TOKEN, [({"next": "a"}, [ONE]), ({"next": "b"}, [ONE])], "repeats a page"),
        (TOKEN, [({"next": {"x": 1}}, [ONE])], ENDS),
        (TOKEN, [({"next": True}, [ONE])], ENDS),
        (TOKEN | {"end": "absent"}, [({"next": ""}, [ONE])], ENDS),
        (TOKEN | {"end": "zero"}, [({}, [ONE])], ENDS),
        (TOKEN | {"total": "t"}, [({"t": 2}, [ONE])], "1 of 2 records were received"),
        (TOKEN | {"total": "t"}, [({"t": 0}, [ONE])], "1 of 0 records were received"),
        (
            TOKEN | {"total": "t"},
            [({"t": 2, "next": "a"}, [ONE]), ({"t": 3}, [TWO])],
            "its total changed from 2 to 3",
        ),
        ({"kind": "none", "total": "t"}, [({"t": 2}, [ONE])], "1 of 2 records were received"),
        ({"kind": "page", "in": "query.p"}, [({}, [ONE]), ({}, [ONE])], "repeats a page"),
        (
            {"kind": "offset", "in": "query.o", "end": "total", "total": "t"},
            [({"t": 5}, [])],
            ENDS,
        ),
    ],
)
def test_a_list_that_is_not_complete(
    paging: dict[str, Any], replies: list[tuple[Any, list[Any]]], message: str
) -> None:
    one = pages(**paging)
    one.first()
    *before, (body, records) = replies
    for each, found in before:
        assert one.after(response(each), found) is not None
    with pytest.raises(ListFault, match=message):
        one.after(response(body), records)


def test_pages_without_records_have_an_end() -> None:
    one = pages(**TOKEN)
    one.first()
    for number in range(99):
        one.after(response({"next": str(number)}), [])
    with pytest.raises(ListFault, match="100 pages in a row without a record"):
        one.after(response({"next": "100"}), [])


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1/people",
        "https://api.example.com.evil.example/v1/people",
        "https://api.example.com@evil.example/",
        "http://api.example.com/v1/people",
        "https://api.example.com:8443/v1/people",
        "//evil.example/v1/people",
    ],
)
def test_a_link_to_another_origin_is_refused(link: str) -> None:
    one = pages(kind="body_url", out="next")
    one.first()
    with pytest.raises(BadPage, match="another origin"):
        one.after(response({"next": link}), [ONE])


@pytest.mark.parametrize(
    ("paging", "body", "records", "message"),
    [
        (TOKEN | {"total": "t"}, {}, [ONE], "no number at t"),
        (TOKEN | {"total": "t"}, {"t": "many"}, [ONE], "no number at t"),
        ({"kind": "last_id", "in": "query.a", "out": "key"}, {}, [ONE], "has nothing at key"),
    ],
)
def test_a_response_without_what_paging_names(
    paging: dict[str, Any], body: Any, records: list[Any], message: str
) -> None:
    one = pages(**paging)
    one.first()
    with pytest.raises(BadPage, match=message):
        one.after(response(body), records)


@pytest.mark.parametrize(
    ("header", "link"),
    [
        ('<https://a.example/?p=2>; rel="next"', "https://a.example/?p=2"),
        ("<https://a.example/?p=2>; rel=next", "https://a.example/?p=2"),
        (
            '<https://a.example/?a=1,2>; rel="prev", <https://a.example/?b=1,2>; rel="next"',
            "https://a.example/?b=1,2",
        ),
        ('</p?x=1;y>; title="a, b; rel=next"; REL="last next"', "/p?x=1;y"),
        ('<https://a.example/>; rel="prev"', None),
        ("", None),
    ],
)
def test_the_next_link(header: str, link: str | None) -> None:
    assert next_link(header, "next") == link


def test_queries_are_encoded() -> None:
    params = {"$select": "id,name", "a": ["1", "2"], "b": True, "include[]": "x", "q": 'a "b"&c'}
    assert with_query("/p?x=1", params) == (
        "/p?x=1&$select=id%2Cname&a=1&a=2&b=true&include[]=x&q=a%20%22b%22%26c"
    )


@pytest.mark.parametrize(
    ("paging", "link", "body", "target"),
    [
        (TOKEN, "/v1/later?since=7", {"next": "a"}, "/v1/later?since=7&token=a"),
        (TOKEN, "?since=7&token=a&x=1&x=2", {"next": "b"}, "/v1/people?since=7&token=b&x=1&x=2"),
        ({"kind": "page", "in": "query.p"}, "?since=7", {}, "/v1/people?since=7&p=2"),
        ({"kind": "page", "in": "query.p"}, "?since=7&p=0", {}, "/v1/people?since=7&p=1"),
        (OFFSET, "?since=%2B7&o=4", {}, "/v1/people?since=%2B7&o=5"),
        (
            {"kind": "last_id", "in": "query.after", "out": "id"},
            "?since=7",
            {},
            "/v1/people?since=7&after=1",
        ),
        (
            OFFSET | {"size": {"in": "query.limit", "max": 9}},
            "?since=7",
            {},
            "/v1/people?since=7&limit=9&o=1",
        ),
    ],
)
def test_later_pages_of_a_link_keep_its_query(
    paging: dict[str, Any], link: str, body: Any, target: str
) -> None:
    found = pages({"select": "id"}, **paging)
    found.at(link)

    upcoming = found.after(response(body), [ONE])

    assert upcoming is not None
    assert upcoming.target == target


def test_a_link_is_asked_for_in_the_way_of_the_call() -> None:
    found = pages(method="POST", kind="page", **{"in": "body.page"})

    asked = found.at("/v1/later?since=7")
    upcoming = found.after(response({}), [ONE])

    assert (asked.method, asked.target, asked.body) == ("POST", "/v1/later?since=7", {"page": 1})
    assert upcoming is not None
    assert (upcoming.target, upcoming.body) == ("/v1/later?since=7", {"page": 2})
