"""Lists that are paged by cursors (RFC 9865), and which way a service provider pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from scimsync.model.service_provider import Capabilities
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.listing import (
    MAX_IDLE_PAGES,
    MAX_RESTARTS,
    ListingError,
    Page,
    list_resources,
)
from scimsync.scim.messages import ScimRequest, ScimResponse
from scimsync.scim.paging import ListPaging, PagingMethod, declared_paging

Json = dict[str, Any]
CURSOR = ListPaging(PagingMethod.CURSOR, 2)


class Provider:
    """A service provider that sends `pages`, each named by its number, whatever `count` is."""

    def __init__(self, pages: Sequence[Sequence[int]]) -> None:
        self.pages = pages
        self.queries: list[dict[str, str]] = []
        self.expires: set[str] = set()
        """Cursors that are refused once because they expired."""
        self.change: Callable[[Json], Json] = lambda body: body

    async def send(self, request: ScimRequest) -> ScimResponse:
        assert len(self.queries) < 200, "this list never ends"
        query = dict(request.query)
        self.queries.append(query)
        cursor = query.get("cursor") or "0"
        if cursor in self.expires:
            raise ErrorResponse(400, scim_type="expiredCursor")
        number = int(cursor)
        body: Json = {"itemsPerPage": 2}
        if self.pages[number]:
            body["resources"] = [{"id": one} for one in self.pages[number]]
        if number + 1 < len(self.pages):
            body["nextCursor"] = str(number + 1)
        return ScimResponse(200, self.change(body))


def listed(provider: Provider, paging: ListPaging = CURSOR) -> list[Page]:
    async def scenario() -> list[Page]:
        pages = list_resources(provider, "/Users", DIALECTS["rfc"].page, paging)
        return [page async for page in pages]

    return asyncio.run(scenario())


def ids(pages: Sequence[Page]) -> list[list[int]]:
    return [[resource["id"] for resource in page.resources] for page in pages]


def test_a_list_ends_with_the_page_that_names_no_next_one() -> None:
    provider = Provider([[1, 2], [], [3], [4, 5]])

    pages = listed(provider)

    assert ids(pages) == [[1, 2], [], [3], [4, 5]]
    assert [page.is_first for page in pages] == [True, False, False, False]
    assert [page.is_last for page in pages] == [False, False, False, True]
    assert provider.queries == [{"cursor": cursor, "count": "2"} for cursor in ("", "1", "2", "3")]


def test_a_total_does_not_end_a_list_that_names_a_next_page() -> None:
    provider = Provider([[1, 2], [3]])
    provider.change = lambda body: body | {"totalResults": 2}

    assert ids(listed(provider)) == [[1, 2], [3]]


def test_a_list_starts_again_when_its_cursor_expired() -> None:
    provider = Provider([[1, 2], [3], [4]])
    provider.expires = {"2"}

    async def scenario() -> list[Page]:
        pages = []
        async for page in list_resources(provider, "/Users", DIALECTS["rfc"].page, CURSOR):
            pages.append(page)
            if len(pages) == 3:
                provider.expires.clear()
        return pages

    pages = asyncio.run(scenario())
    assert ids(pages) == [[1, 2], [3], [1, 2], [3], [4]]
    assert [page.is_first for page in pages] == [True, False, True, False, False]


def test_a_list_whose_cursors_keep_expiring_fails() -> None:
    provider = Provider([[1], [2]])
    provider.expires = {"1"}

    with pytest.raises(ErrorResponse, match=r"^400 expiredCursor$"):
        listed(provider)
    assert len(provider.queries) == 2 * (1 + MAX_RESTARTS)


def test_another_refused_cursor_is_an_error() -> None:
    provider = Provider([[1], [2]])

    def refuse(body: Json) -> Json:
        if len(provider.queries) > 1:
            raise ErrorResponse(400, scim_type="invalidCursor")
        return body

    provider.change = refuse
    with pytest.raises(ErrorResponse, match=r"^400 invalidCursor$"):
        listed(provider)


@pytest.mark.parametrize(
    ("next_cursor", "why"),
    [
        (lambda number: "1", "the list does not end: it repeats a cursor"),
        (
            lambda number: str(-number),
            f"the list does not end: {MAX_IDLE_PAGES} pages in a row hold nothing new",
        ),
    ],
)
def test_a_list_that_never_ends_is_an_error(next_cursor: Callable[[int], str], why: str) -> None:
    provider = Provider([[1, 2]])
    provider.pages = [[1, 2]] * 300
    provider.change = lambda body: body | {"nextCursor": next_cursor(len(provider.queries))}

    with pytest.raises(ListingError, match=f"^/Users: {why}$"):
        listed(provider)


@pytest.mark.parametrize("nothing", [None, "", False, []])
def test_an_empty_next_cursor_is_none(nothing: object) -> None:
    provider = Provider([[1, 2]])
    provider.change = lambda body: body | {"nextCursor": nothing}

    assert ids(listed(provider)) == [[1, 2]]


def test_a_cursor_in_the_answer_to_an_index_is_followed() -> None:
    provider = Provider([[1, 2], [], [3]])

    pages = listed(provider, ListPaging(count=2))

    assert ids(pages) == [[1, 2], [], [3]]
    assert [page.is_first for page in pages] == [True, False, False]
    assert provider.queries == [
        {"startIndex": "1", "count": "2"},
        {"cursor": "1", "count": "2"},
        {"cursor": "2", "count": "2"},
    ]


def test_one_page_is_all_there_is_from_a_service_provider_that_does_not_page() -> None:
    provider = Provider([[1, 2], [3]])
    provider.change = lambda body: body | {"totalResults": 25}

    assert ids(listed(provider, ListPaging(PagingMethod.NONE, 2))) == [[1, 2]]
    assert len(provider.queries) == 1


@pytest.mark.parametrize(
    ("declared", "paging"),
    [
        (Capabilities(), ListPaging()),
        (Capabilities(cursor_paging=True), ListPaging(PagingMethod.CURSOR)),
        (Capabilities(cursor_paging=True, index_paging=True), ListPaging()),
        (Capabilities(cursor_paging=True, index_paging=True, default_paging="index"), ListPaging()),
        (Capabilities(index_paging=False), ListPaging()),  # it has no other way to page
        (Capabilities(cursor_paging=True, index_paging=False), ListPaging(PagingMethod.CURSOR)),
        (
            Capabilities(cursor_paging=True, index_paging=True, default_paging="cursor"),
            ListPaging(PagingMethod.CURSOR),
        ),
        (Capabilities(max_results=50), ListPaging(count=50)),
        (Capabilities(max_page_size=20, max_results=50), ListPaging(count=20)),
        (Capabilities(max_page_size=1000, max_results=None), ListPaging()),
    ],
)
def test_the_way_to_page_fits_what_is_declared(declared: Capabilities, paging: ListPaging) -> None:
    assert declared_paging(ListPaging(), declared) == paging


@pytest.mark.parametrize("method", PagingMethod)
def test_a_method_that_is_known_of_the_product_stays(method: PagingMethod) -> None:
    declared = Capabilities(cursor_paging=True, default_paging="cursor", max_page_size=9)

    paging = declared_paging(ListPaging.of_product(method, 100), declared)

    assert (paging.method, paging.count) == (method, 9)


def test_a_product_of_which_no_method_is_known_is_paged_as_it_declares() -> None:
    paging = declared_paging(ListPaging.of_product(None, 50), Capabilities(cursor_paging=True))

    assert (paging.method, paging.count) == (PagingMethod.CURSOR, 50)
