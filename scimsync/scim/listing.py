"""Read all resources of an endpoint, page by page (RFC 7644 section 3.4.2.4).

Service providers differ from the RFC in known ways: they return fewer resources than `count`, a
`totalResults` that is too small or too large, ignore `startIndex`, or repeat the first or the last
page forever.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from scimsync.scim.attributes import count_in, read, resource_id
from scimsync.scim.error_response import ErrorResponse
from scimsync.scim.messages import Query, ScimRequest, Sender
from scimsync.transport.request_errors import RequestError


class ListingError(RequestError):
    """A list that does not end, or a response that is not a list."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some resources, and the `totalResults` of their response (None if it has none)."""

    resources: tuple[dict[str, Any], ...]
    total_results: int | None


async def list_resources(
    sender: Sender, path: str, page_query: Callable[[int, int], Query], *, count: int = 100
) -> AsyncIterator[Page]:
    """Yield all resources at `path`, page by page.

    Resources that repeat those of the first or the previous page are dropped. `page_query` returns
    the paging parameters for a start index and `count`, the number of resources in each request
    (see `Dialect.page`). A page is yielded before the next is requested, so that the caller can
    stop early. All pages together may hold fewer resources than `total_results`, because some
    service providers hide resources. An error in place of a page beyond the total is the end.

    Raise ListingError if a page repeats before all resources arrived, and the errors of `sender`.
    """
    start, taken = 1, 0
    total: int | None = None
    first: set[str] = set()
    previous: set[str] = set()
    while True:
        try:
            page = await fetch_page(sender, path, page_query(start, count))
        except ErrorResponse:
            if total is None or start <= total:
                raise
            return
        names = [identity_of(resource) for resource in page.resources]
        seen = previous | first
        named = zip(page.resources, names, strict=True)
        new = [resource for resource, name in named if name not in seen]
        taken += len(new)
        total = page.total_results
        if not new:
            if names and total is not None and taken < total:
                raise ListingError(
                    f"{path}: startIndex={start} brought the same resources again, {taken} of"
                    f" {total} came"
                )
            if start == 1:
                yield page
            return
        yield Page(tuple(new), total)
        # a total of one full page may be the page size; an exceeded total is wrong
        if total is not None and taken >= total and (len(names) < count or taken == total > count):
            return
        first = first or set(names)
        previous = set(names)
        start += len(names)


async def fetch_page(sender: Sender, path: str, query: Query) -> Page:
    """Return one page of a list.

    Raise ListingError if the response is not a list of resources, and the errors of `sender`.
    """
    response = await sender.send(ScimRequest("GET", path, query=query))
    body = response.body or {}
    resources, total = read(body, "Resources"), count_in(read(body, "totalResults"))
    if resources is None and total is not None:
        resources = []  # optional in an empty list (RFC 7644 section 3.4.2)
    if not isinstance(resources, list) or not all(isinstance(item, dict) for item in resources):
        raise ListingError(f"{path}: the response holds no list of resources")
    return Page(tuple(resources), total)


def identity_of(resource: Mapping[str, Any]) -> str:
    """Return what identifies a resource: its id, or its whole content if it has none."""
    return resource_id(resource) or orjson.dumps(resource, option=orjson.OPT_SORT_KEYS).decode()
