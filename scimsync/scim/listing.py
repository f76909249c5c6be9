"""Read all resources of an endpoint, page by page.

Service providers differ from RFC 7644 section 3.4.2.4 in known ways: they return fewer resources
than `count`, a `totalResults` that is too small or too large, ignore `startIndex`, or repeat the
first or the last page forever. Lists that are paged by cursors (RFC 9865) end only with a page that
names no next page.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from scimsync.scim.attributes import count_in, read, resource_id
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Query, ScimRequest, Sender
from scimsync.scim.pages_ahead import PagesAhead
from scimsync.scim.paging import ListPaging, PageQuery, PagingMethod, query_by_cursor
from scimsync.transport.request_errors import RequestError

MAX_RESTARTS: Final = 3
"""The number of times that a list starts again because its cursor expired."""

MAX_IDLE_PAGES: Final = 20
"""The number of pages in a row without a new resource that may have a next page."""


_OF_A_LIST = frozenset(
    {"totalresults", "itemsperpage", "startindex", "nextcursor", "previouscursor", "resources"}
)
"""The attributes of a list beside `schemas` (RFC 7644 section 3.4.2, RFC 9865), in lower case."""


class ListingError(RequestError):
    """A list that does not end, or a response that is not a list."""


class NotAList(ListingError):
    """A response that is not a list of resources. It may be that of another service."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some resources, and the `totalResults` of their response (None if it has none).

    `next_cursor` names the next page. `is_first`: the list starts with this page, or starts again,
    and the pages before count for nothing. `is_last`: the service provider says that no page
    follows.
    """

    resources: tuple[dict[str, Any], ...]
    total_results: int | None
    next_cursor: str | None = None
    is_first: bool = True
    is_last: bool = False


async def list_resources(
    sender: Sender, path: str, page_query: PageQuery, paging: ListPaging, *, ahead: int = 0
) -> AsyncGenerator[Page]:
    """Yield all resources at `path`, page by page.

    Resources that repeat those of the first or the previous page are dropped. A page is yielded
    before the next is requested, so that the caller can stop early. With `ahead`, as many pages are
    requested at a time, once two pages of an index had one length. All pages together may hold
    fewer resources than `total_results`, because some service providers hide resources. An error
    instead of a page beyond the total is the end. A service provider that answers with a cursor is
    paged by cursors from then on.

    Raise ListingError if pages repeat before all resources arrived, and the errors of `sender`.
    """
    upcoming = PagesAhead(
        lambda start: fetch_page(sender, path, page_query(start, paging.count)), ahead
    )
    if paging.method is PagingMethod.CURSOR:
        pages = _pages_by_cursor(sender, path, page_query, paging.count)
    else:
        pages = _pages_by_index(sender, path, page_query, paging, upcoming)
    try:
        async with aclosing(pages):
            async for page in pages:
                yield page
    finally:
        await upcoming.drop()


def _check_whole(path: str, start: int, taken: int, total: int | None) -> None:
    """Raise ListingError if a page contains nothing new, but resources are still missing."""
    if total is not None and taken < total:
        raise ListingError(
            f"{path}: startIndex={start} brought the same resources again, {taken} of {total} came"
        )


def _is_last(paging: ListPaging, number: int, taken: int, total: int | None) -> bool:
    """Return whether no page follows one of `number` resources, after `taken` came in all."""
    if paging.method is PagingMethod.NONE:
        return True
    # a total of one full page may be the page size; an exceeded total is wrong
    count = paging.count
    return total is not None and taken >= total and (number < count or taken == total > count)


async def _pages_by_index(
    sender: Sender, path: str, page_query: PageQuery, paging: ListPaging, upcoming: PagesAhead
) -> AsyncGenerator[Page]:
    start, taken, length = 1, 0, 0
    total: int | None = None
    news = _News()
    while True:
        try:
            page = await upcoming.page(start)
        except ErrorResponse:
            if total is None or start <= total:
                raise
            return
        number = len(page.resources)
        new = news.of(page)
        taken += len(new)
        total = page.total_results
        if not new:
            if number:
                _check_whole(path, start, taken, total)
            if start == 1:
                yield page
            return
        if number == length and total is not None and page.next_cursor is None:
            upcoming.request(start + number, number, total)
        length = number
        yield replace(page, resources=new, is_first=start == 1)
        if page.next_cursor is not None and paging.method is not PagingMethod.NONE:
            cursor = page.next_cursor
            async for rest in _pages_by_cursor(sender, path, page_query, paging.count, cursor):
                yield rest
            return
        if _is_last(paging, number, taken, total):
            return
        start += number


async def _pages_by_cursor(
    sender: Sender, path: str, page_query: PageQuery, count: int, cursor: str = ""
) -> AsyncGenerator[Page]:
    """Yield the pages from `cursor` on, the first of which is empty."""
    used, news, restarts, idle = {cursor}, _News(), 0, 0
    while True:
        try:
            page = await fetch_page(sender, path, query_by_cursor(page_query, cursor, count))
        except ErrorResponse as error:
            if (error.scim_type or "").lower() != "expiredcursor" or restarts == MAX_RESTARTS:
                raise
            restarts, cursor = restarts + 1, ""
            used, news, idle = {cursor}, _News(), 0
            continue
        new = news.of(page)
        idle = 0 if new else idle + 1
        is_last = page.next_cursor is None
        yield replace(page, resources=new, is_first=not cursor, is_last=is_last)
        if page.next_cursor is None:
            return
        if page.next_cursor in used:
            raise ListingError(f"{path}: the list does not end: it repeats a cursor")
        if idle == MAX_IDLE_PAGES:
            raise ListingError(
                f"{path}: the list does not end: {idle} pages in a row hold nothing new"
            )
        cursor = page.next_cursor
        used.add(cursor)


@dataclass(slots=True)
class _News:
    """The resources of the first and of the previous page, which identify repeated ones."""

    first: set[str] = field(default_factory=set)
    previous: set[str] = field(default_factory=set)

    def of(self, page: Page) -> tuple[dict[str, Any], ...]:
        """Return the resources that the first and the previous page do not have."""
        names = [identity_of(resource) for resource in page.resources]
        seen = self.previous | self.first
        named = zip(page.resources, names, strict=True)
        new = tuple(resource for resource, name in named if name not in seen)
        if names:
            self.first, self.previous = self.first or set(names), set(names)
        return new


async def fetch_page(sender: Sender, path: str, query: Query) -> Page:
    """Return one page of a list.

    Raise NotAList if the response is not a list of resources, and the errors of `sender`.
    """
    return page_in(path, (await sender.send(ScimRequest("GET", path, query=query))).body)


def page_in(path: str, body: Mapping[str, Any] | None) -> Page:
    """Return the page that is the body of a response. Raise NotAList if it is not a list."""
    body = body or {}
    resources = resources_in(body)
    if resources is None or not all(isinstance(item, dict) for item in resources):
        raise NotAList(f"{path}: the response holds no list of resources")
    return Page(tuple(resources), count_in(read(body, "totalResults")), next_cursor(body))


def resources_in(body: Mapping[str, Any]) -> list[Any] | None:
    """Return the resources in the body of a response, or None if it is not a list of resources.

    An empty list may lack `Resources` (RFC 7644 section 3.4.2). Other services count results too,
    so it then has `schemas`, or nothing but the attributes of a list.
    """
    resources = read(body, "Resources")
    if resources is None and (read(body, "schemas") or {*map(str.lower, body)} <= _OF_A_LIST):
        sizes = [count_in(read(body, name)) for name in ("totalResults", "itemsPerPage")]
        if sizes != [None, None] or next_cursor(body) is not None:
            return []
    return resources if isinstance(resources, list) else None


def next_cursor(body: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page as text, or None if there is none."""
    value = read(body, "nextCursor")
    is_one = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) or None if is_one else None


def identity_of(resource: Mapping[str, Any]) -> str:
    """Return what identifies a resource: its id, or its whole content if it has none."""
    return resource_id(resource) or orjson.dumps(resource, option=orjson.OPT_SORT_KEYS).decode()
